"""Who is it, if anybody: answers in libraries of made-up people."""

from collections.abc import Iterator

import pytest
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, portrait

from facesearch.core.results import NOBODY, SAME_PERSON, UNSURE
from facesearch.searching import identify as module
from facesearch.searching.identify import NEAREST, Identified, identify
from facesearch.storage import clusters, constraints

PEOPLE = 12


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Twelve people with six pictures each, not clustered."""
    with a_collection() as collection:
        collection.faces = collection.add_people({person: range(6) for person in range(PEOPLE)})
        yield collection


def search(collection: Collection, person: int, shot: int = 50, blur: float = 0.22) -> Identified:
    probe = portrait(person, shot, blur)
    return identify(collection.index, CALIBRATION.search, probe, collection.index.search(probe, NEAREST))


@pytest.mark.parametrize("clustered", [False, True])
def test_finds_people_and_nobody(collection: Collection, clustered: bool) -> None:
    if clustered:
        collection.recluster()
    for person in range(PEOPLE):
        answer = search(collection, person).answer
        assert answer.decision == SAME_PERSON
        assert answer.face is not None
        assert answer.face.id in collection.faces[person]
        assert answer.probability > 0.9
    strangers = [search(collection, stranger).answer for stranger in range(100, 140)]
    assert SAME_PERSON not in {answer.decision for answer in strangers}
    nobody = [answer for answer in strangers if answer.decision == NOBODY]
    assert len(nobody) >= 36
    assert {answer.face for answer in nobody} == {None}
    assert all(answer.probability > 0.5 for answer in nobody)


@pytest.mark.parametrize("clustered", [False, True])
def test_every_near_face_has_the_odds_of_its_person(collection: Collection, clustered: bool) -> None:
    if clustered:
        collection.recluster()
    found = search(collection, 3)
    threshold = CALIBRATION.search.threshold()
    assert {face for face, odds in found.log_odds.items() if odds >= threshold} == set(collection.faces[3])


def test_counts_what_was_searched(collection: Collection) -> None:
    answer = search(collection, 0).answer
    assert (answer.people_searched, answer.faces_searched) == (72, 72)
    collection.recluster()
    answer = search(collection, 0).answer
    assert (answer.people_searched, answer.faces_searched) == (PEOPLE, 72)
    assert answer.face is not None
    assert answer.face.cluster == collection.cluster_of(collection.faces[0][0])


def test_says_who_it_is(collection: Collection) -> None:
    collection.recluster()
    collection.people.name(str(collection.cluster_of(collection.faces[4][0])), "Anna")
    assert search(collection, 4).answer.to_dict()["person"]["name"] == "Anna"
    assert search(collection, 5).answer.to_dict()["person"] is None


def test_a_face_that_its_cluster_has_missed_does_not_hide_the_name(collection: Collection) -> None:
    """The nearest face is alone, as it came after clustering: the answer is still who it is."""
    collection.recluster()
    collection.people.name(str(collection.cluster_of(collection.faces[4][0])), "Anna")
    (alone,) = collection.add_people({4: [49]})[4]
    probe = portrait(4, 49)
    found = identify(collection.index, CALIBRATION.search, probe, collection.index.search(probe, NEAREST))
    assert next(iter(found.log_odds)) == alone
    assert found.answer.person is not None
    assert found.answer.person.name == "Anna"


def test_what_is_no_face_is_not_searched(collection: Collection) -> None:
    collection.people.not_a_face(collection.faces[2])
    found = search(collection, 2)
    assert found.answer.decision == NOBODY
    assert not set(found.log_odds) & set(collection.faces[2])
    assert found.answer.faces_searched == 66


def test_two_people_who_look_alike_are_not_told_apart(collection: Collection) -> None:
    """The same six pictures once more, as another person's: the answer is unsure, until the user says they are one."""
    collection.recluster()
    anna = collection.cluster_of(collection.faces[0][0])
    collection.people.name(str(anna), "Anna")
    twins = [face for (face,) in collection.add(*([a_portrait(portrait(0, shot))] for shot in range(6)))]
    collection.people.import_name("Berta", twins)
    answer = search(collection, 0).answer
    assert answer.decision == UNSURE
    assert answer.probability == pytest.approx(0.5, abs=0.1)


def test_a_large_cluster_is_sampled_and_still_found(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    more = collection.add_people({7: range(100, 180)})
    collection.recluster()
    whole = search(collection, 7)
    monkeypatch.setattr(module, "MEMBERS", 10)
    part = search(collection, 7)
    assert part.answer.decision == whole.answer.decision == SAME_PERSON
    face = more[7][0]
    near = next(iter(part.log_odds))
    assert part.log_odds[near] == pytest.approx(whole.log_odds[near], abs=1.0)
    assert face in collection.index.embeddings()[0]


def test_faces_that_were_removed_meanwhile(collection: Collection) -> None:
    probe = portrait(6, 50)
    near = collection.index.search(probe, NEAREST)
    collection.remove(*collection.paths)
    found = identify(collection.index, CALIBRATION.search, probe, near)
    assert found.answer.decision == NOBODY


def test_no_face_near(collection: Collection) -> None:
    answer = identify(collection.index, CALIBRATION.search, portrait(0, 1), []).answer
    assert answer.decision == NOBODY
    assert answer.probability > 0.999


def test_cluster_and_face_of_the_same_number_are_different_entities(collection: Collection) -> None:
    """Cluster 1 is somebody's, face 1 is alone: neither takes the other's name."""
    with collection.index.transaction() as connection:
        clusters.add(connection, collection.faces[5], [1] * 6)
    collection.people.name("1", "Eva")
    assert collection.faces[0][0] == 1
    answer = search(collection, 0).answer
    assert answer.face is not None
    assert answer.person is None
    with collection.index.reading() as connection:
        assert not constraints.not_faces(connection)
