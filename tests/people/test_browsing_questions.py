"""Whose is this face, and which of two is it: named people first, each once, nothing of what is settled."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, check, portrait, state

from facesearch.core.errors import InputError
from facesearch.people.browsing import Browser


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Five people of 8 to 4 photos; person p is in cluster p + 1. Person 2 is Carl. One more face of each, in none."""
    with a_collection() as collection:
        faces = collection.add_people({person: range(8 - person) for person in range(5)})
        collection.recluster()
        collection.people.name("3", "Carl")
        loose = collection.add_people({person: [50] for person in range(5)})
        collection.faces = {person: [*faces[person], *loose[person]] for person in range(5)}
        yield collection
        check(collection.index)


@pytest.fixture
def browse(collection: Collection) -> Browser:
    return Browser(collection.index, lambda: CALIBRATION)


def asked(browse: Browser, limit: int = 1) -> list[tuple[int, list[int]]]:
    """Of all questions the cluster and the faces, by skipping each."""
    found, cursor = [], None
    while True:
        page = browse.questions(cursor=cursor, limit=limit)
        found += [(one.cluster.id, [face.id for face in one.faces]) for one in page.items]
        if page.next is None:
            return found
        cursor = page.next


def loose(collection: Collection, person: int) -> int:
    return collection.faces[person][-1]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_named_people_come_first_and_everybody_comes_once(collection: Collection, browse: Browser, limit: int) -> None:
    found = asked(browse, limit)
    assert found[0] == (3, [loose(collection, 2)])
    assert sorted(found) == [(person + 1, [loose(collection, person)]) for person in range(5)]


def test_a_question_shows_what_it_takes_to_answer(collection: Collection, browse: Browser) -> None:
    (question,) = browse.questions().items
    assert question.cluster.title == "Carl"
    assert set(question.examples) == set(collection.faces[2][:-1])
    assert question.probability is not None
    assert 0 < question.probability <= 1
    assert question.faces[0].photo_size != (0, 0)


def test_an_answer_takes_its_question_out_and_undo_brings_it_back(collection: Collection, browse: Browser) -> None:
    before = asked(browse)
    for decide in (collection.people.assign, collection.people.reject):
        decide(loose(collection, 2), "3")
        assert asked(browse) == before[1:]
        collection.people.undo()
        assert asked(browse) == before


def test_a_no_is_asked_of_nobody_else_who_is_unlike(collection: Collection, browse: Browser) -> None:
    for cluster, (face,) in asked(browse):
        collection.people.reject(face, str(cluster))
    assert asked(browse) == []


def test_what_came_meanwhile_is_asked_and_a_new_name_goes_first(collection: Collection, browse: Browser) -> None:
    asked(browse)
    collection.people.name("5", "Eva")
    assert [cluster for cluster, _ in asked(browse)][:2] in ([3, 5], [5, 3])
    ((face,),) = collection.add([a_portrait(portrait(4, 70))])
    assert (5, [face]) in asked(browse)


def test_ignored_people_and_faces_that_show_too_little_are_not_asked_about(
    collection: Collection, browse: Browser
) -> None:
    collection.people.ignore("1")
    collection.add([replace(a_portrait(portrait(1, 80)), quality=0.2)])
    assert [cluster for cluster, _ in asked(browse)] == [3, *sorted((2, 4, 5), key=[c for c, _ in asked(browse)].index)]


def test_whoever_is_on_the_photo_already_is_asked_about_with_that_face(collection: Collection, browse: Browser) -> None:
    ((there, other),) = collection.add([a_portrait(portrait(2, 90)), a_portrait(portrait(2, 91), 1)])
    collection.people.assign(there, "Carl")
    assert (3, [there, other]) in asked(browse)
    collection.people.choose("Carl", [other], [there])
    assert (3, [there, other]) not in asked(browse)
    assert collection.cluster_of(other) == 3
    assert collection.cluster_of(there) is None


@pytest.mark.parametrize("right", ["first", "second", "both", "neither"])
def test_a_person_who_is_twice_on_a_photo_is_asked_about_first(
    collection: Collection, browse: Browser, right: str
) -> None:
    ((one, two),) = collection.add([a_portrait(portrait(2, 90)), a_portrait(portrait(2, 91), 1)])
    collection.people.assign([one, two], "Carl")
    (question,) = browse.questions().items
    assert [face.id for face in question.faces] == [one, two]
    assert question.probability is None
    assert not {one, two} & set(question.examples)
    before = state(collection.index)
    chosen = {"first": [one], "second": [two], "both": [one, two], "neither": []}[right]
    others = [face for face in (one, two) if face not in chosen]
    decision = collection.people.choose("Carl", chosen, others)
    assert decision is not None
    assert [collection.cluster_of(face) for face in (one, two)] == [3 if f in chosen else None for f in (one, two)]
    assert all(set(faces) != {one, two} for _, faces in asked(browse))
    collection.recluster()
    assert all(collection.cluster_of(face) == 3 for face in chosen)
    assert all(collection.cluster_of(face) != 3 for face in others)
    collection.people.undo()
    if right != "neither":
        assert {k: v for k, v in state(collection.index).items() if k != "clustered"} == {
            k: v for k, v in before.items() if k != "clustered"
        }


def test_what_cannot_be_chosen(collection: Collection) -> None:
    before = state(collection.index)
    for right, wrong, value in (
        ([], [], "no face was chosen"),
        ([collection.faces[0][0]], [], f"face {collection.faces[0][0]} "),
        ([collection.faces[2][0]], [collection.faces[2][0]], f"face {collection.faces[2][0]} "),
        ([], collection.faces[2][:-1], "all faces of Carl"),
        ([999], [], "999"),
    ):
        with pytest.raises(InputError, match=value):
            collection.people.choose("Carl", right, wrong)
    assert state(collection.index) == before


def test_without_a_calibration_there_is_no_asking(collection: Collection) -> None:
    with pytest.raises(InputError, match="facesearch calibrate"):
        Browser(collection.index, lambda: None).questions()
    with pytest.raises(InputError, match="no place in a list"):
        Browser(collection.index, lambda: CALIBRATION).questions(cursor="x")
