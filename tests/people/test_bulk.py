"""Decisions about many at once: each is one entry of the history, and is undone as one."""

from collections.abc import Callable, Iterator

import pytest
from people_samples import Collection, a_collection, a_portrait, check, confirmed, not_faces, portrait, state

from facesearch.core.errors import InputError
from facesearch.core.questions import Few
from facesearch.people.browsing import Browser


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Five people of 6 to 2 photos; person p is in cluster p + 1. One photo shows person 4 twice, one a stranger."""
    with a_collection() as collection:
        faces = collection.add_people({person: range(6 - person) for person in range(5)})
        collection.recluster()
        (pair,) = collection.add([a_portrait(portrait(4, 90)), a_portrait(portrait(4, 91), 1)])
        ((stray,),) = collection.add([a_portrait(portrait(77, 0))])
        collection.people.assign(pair, "5")
        collection.faces = {**{person: faces[person] for person in range(4)}, 4: [*faces[4], *pair], 77: [stray]}
        yield collection
        check(collection.index)


@pytest.fixture
def browse(collection: Collection) -> Browser:
    return Browser(collection.index, lambda: None)


def shown(browse: Browser, which: str = "all") -> list[int]:
    return [cluster.id for cluster in browse.people(which, limit=100).items]


MANY: dict[str, Callable[[Collection], object]] = {
    "name": lambda made: made.people.name(["2", "3", "4"], "Anna"),
    "merge": lambda made: made.people.merge(["2", "3", "4"]),
    "ignore": lambda made: made.people.ignore(["2", "3", "4"]),
    "no faces": lambda made: made.people.not_a_face(of=["2", "3", "4"]),
    "some no faces": lambda made: made.people.not_a_face(made.faces[77], of=["2"]),
    "ignore faces": lambda made: made.people.ignore_faces([*made.faces[0][:2], *made.faces[1], *made.faces[77]]),
    "ignore below": lambda made: made.people.ignore_below(4),
}


@pytest.mark.parametrize("what", MANY)
def test_many_at_once_are_one_entry_and_one_undo(collection: Collection, what: str) -> None:
    before, entries = state(collection.index), len(collection.people.history())
    assert MANY[what](collection) is not None
    assert state(collection.index) != before
    assert len(collection.people.history()) == entries + 1
    check(collection.index)
    collection.people.undo()
    assert state(collection.index) == before


def test_several_that_get_a_name_are_one_person(collection: Collection) -> None:
    collection.people.name("3", "Carl")
    collection.people.name(["2", "3", "4"], "Anna")
    anna = collection.people.find("Anna")
    assert anna.id == 3  # as in a merge: who has a name already stays
    assert set(anna.face_ids) == {face for person in (1, 2, 3) for face in collection.faces[person]}


def test_many_are_ignored_and_shown_again(collection: Collection, browse: Browser) -> None:
    collection.people.ignore(["1", "2", "2", "4"])
    assert shown(browse) == [3, 5]
    collection.people.ignore(["1", "2"], ignored=False)
    assert shown(browse, "ignored") == [4]


def test_all_faces_of_some_people_are_no_faces(collection: Collection, browse: Browser) -> None:
    collection.people.not_a_face(collection.faces[77], of=["2", "3"])
    assert not_faces(collection.index) == {*collection.faces[1], *collection.faces[2], *collection.faces[77]}
    assert shown(browse) == [1, 5, 4]


def test_faces_that_are_ignored_leave_their_cluster_as_one_person(collection: Collection, browse: Browser) -> None:
    part, whole, stray = collection.faces[0][:2], collection.faces[1], collection.faces[77]
    collection.people.ignore_faces([*part, *whole, *stray])
    assert {collection.cluster_of(face) for face in collection.faces[0][2:]} == {1}
    (together,) = {collection.cluster_of(face) for face in part}
    assert {collection.cluster_of(face) for face in whole} == {2}
    assert set(shown(browse, "ignored")) == {2, together, collection.cluster_of(stray[0])}
    collection.recluster()
    assert set(shown(browse, "ignored")) == {2, together, collection.cluster_of(stray[0])}


def test_everybody_on_few_photos_is_ignored_after_one_look_at_how_many(collection: Collection, browse: Browser) -> None:
    collection.people.name("4", "Dora")
    # person 4 has four faces, and two of them are of one photo
    assert browse.few(4) == Few(4, unnamed=1, named=1)
    assert browse.few(2) == Few(2, unnamed=0, named=0)
    assert collection.people.ignore_below(2) is None
    collection.people.ignore_below(4)
    assert shown(browse, "ignored") == [5]
    assert browse.few(4) == Few(4, unnamed=0, named=1)
    collection.people.ignore_below(5, named=True)
    assert set(shown(browse, "ignored")) == {3, 4, 5}
    assert collection.faces[2][0] in confirmed(collection.index)


def test_nobody_and_nothing(collection: Collection, browse: Browser) -> None:
    before = state(collection.index)
    for refused in (
        lambda: collection.people.name([], "Anna"),
        lambda: collection.people.ignore([]),
        lambda: collection.people.not_a_face(),
        lambda: collection.people.ignore_faces([]),
        lambda: collection.people.ignore_below(0),
        lambda: browse.few(0),
    ):
        with pytest.raises(InputError):
            refused()
    assert state(collection.index) == before
