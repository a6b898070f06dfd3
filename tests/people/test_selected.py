"""What is said of several faces at once: one decision, taken back as one."""

from collections.abc import Callable, Iterator

import pytest
from people_samples import (
    Collection,
    a_collection,
    cannot_link,
    check,
    clustered,
    confirmed,
    not_faces,
    rejected,
    state,
)

from facesearch.core.errors import InputError


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Four people of seven photos and fewer, clustered; person p is in cluster p + 1."""
    with a_collection() as collection:
        faces = collection.add_people({person: range(7 - person) for person in range(4)})
        collection.recluster()
        collection.faces = [faces[person] for person in range(4)]
        yield collection
        check(collection.index)


def members(collection: Collection, reference: str) -> list[int]:
    return list(collection.people.find(reference).face_ids)


DECISIONS: list[Callable[[Collection], object]] = [
    lambda collection: collection.people.reject(collection.faces[0][:3], "1"),
    lambda collection: collection.people.reject([*collection.faces[0][:3], *collection.faces[1]], "1"),
    lambda collection: collection.people.assign(collection.faces[0][:3], "Anna"),
    lambda collection: collection.people.assign(collection.faces[0][:3], "Bela"),
    lambda collection: collection.people.assign(
        [*collection.faces[0][:3], *collection.faces[1], collection.faces[3][0]], "3"
    ),
    lambda collection: collection.people.not_a_face([*collection.faces[0], *collection.faces[1][:2]]),
    lambda collection: collection.people.split("1", [collection.faces[0][:3]]),
]


@pytest.mark.parametrize("decide", DECISIONS)
def test_each_is_one_decision_and_undo_brings_everything_back(collection, decide):
    collection.people.name("2", "Bela")
    before = state(collection.index)
    decide(collection)
    check(collection.index)
    assert state(collection.index) != before
    assert [decision.kind for decision in collection.people.history()][1:] == ["name"]
    made = collection.people.history()[0]
    assert collection.people.undo(made.id) == made
    assert state(collection.index) == before


def test_faces_become_somebody_new_by_a_name_that_nobody_has(collection):
    decision = collection.people.assign([*collection.faces[0][:2], collection.faces[1][0]], "  Carl  ")
    assert decision.kind == "assign"
    assert members(collection, "Carl") == sorted([*collection.faces[0][:2], collection.faces[1][0]])
    assert members(collection, "1") == collection.faces[0][2:]
    assert len(cannot_link(collection.index)) == 2  # Carl is neither of those whom he was taken for
    before = clustered(collection.index)
    collection.recluster()
    assert clustered(collection.index) == before


def test_faces_become_somebody_who_is_known_by_name_or_number(collection):
    collection.people.name("2", "Bela")
    collection.people.assign([collection.faces[0][0]], "bela")
    assert members(collection, "Bela") == sorted([collection.faces[0][0], *collection.faces[1]])
    collection.people.assign(collection.faces[0][1:3], "3")
    assert members(collection, "3") == sorted([*collection.faces[0][1:3], *collection.faces[2]])
    assert len(clustered(collection.index)) == 7 + 6 + 5 + 4


def test_all_faces_of_somebody_are_somebody_else(collection):
    collection.people.name("1", "Anna")
    collection.people.reject([collection.faces[2][0]], "Anna")
    collection.people.keep_apart("Anna", "4")
    collection.people.assign(collection.faces[0], "Bela")
    assert members(collection, "Bela") == collection.faces[0]
    with pytest.raises(InputError):
        collection.people.find("Anna")
    assert rejected(collection.index) == cannot_link(collection.index) == set()
    collection.people.undo()
    assert members(collection, "Anna") == collection.faces[0]
    assert len(cannot_link(collection.index)) == 1


def test_the_users_last_word_about_a_face_counts(collection):
    collection.people.name("1", "Anna")
    face = collection.faces[1][0]
    collection.people.reject(face, "Anna")
    collection.people.not_a_face(face)
    collection.people.assign([face], "Anna")
    assert face in members(collection, "Anna")
    assert rejected(collection.index) == not_faces(collection.index) == set()


def test_saying_what_is_so_already_is_no_decision(collection):
    collection.people.name("1", "Anna")
    assert collection.people.assign(collection.faces[0], "Anna") is None
    assert collection.people.is_a_face(collection.faces[0]) is None
    assert len(collection.people.history()) == 1


def test_a_cluster_whose_faces_are_said_to_be_its_own_is_confirmed(collection):
    collection.people.assign([collection.faces[0][0]], "1")
    assert set(confirmed(collection.index)) == set(collection.faces[0])


def test_what_is_a_face_after_all_is_clustered_again(collection):
    collection.people.not_a_face(collection.faces[0][:2])
    assert members(collection, "1") == collection.faces[0][2:]
    collection.people.is_a_face(collection.faces[0][:2])
    collection.recluster()
    assert members(collection, "1") == collection.faces[0]


def test_a_name_stays_with_the_faces_that_are_left(collection):
    collection.people.name("1", "Anna")
    (late,) = collection.add_people({0: [50]}, place=True)[0]
    collection.people.not_a_face(collection.faces[0])  # all that were confirmed
    assert members(collection, "Anna") == [late]


@pytest.mark.parametrize(
    ("decide", "value"),
    [
        (lambda collection: collection.people.assign([], "Anna"), None),
        (lambda collection: collection.people.assign([99], "Anna"), "99"),
        (lambda collection: collection.people.assign([1, -3], "Anna"), "-3"),
        (lambda collection: collection.people.assign([1], "99"), "99"),
        (lambda collection: collection.people.assign([1], "  "), None),
        (lambda collection: collection.people.assign([1], "x" * 201), "201"),
        (lambda collection: collection.people.assign([1], "Twin"), "cluster:3, cluster:4"),
        (lambda collection: collection.people.reject(collection.faces[0], "1"), "`facesearch not-a-face`"),
        (lambda collection: collection.people.reject([], "1"), None),
        (lambda collection: collection.people.not_a_face([]), None),
        (lambda collection: collection.people.is_a_face([10**30]), "no face"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(collection, decide, value):
    collection.people.name("3", "Twin")
    collection.people.name("4", "Twin")
    before = state(collection.index)
    with pytest.raises(InputError, match=value):
        decide(collection)
    assert state(collection.index) == before
    assert len(collection.people.history()) == 2


def test_only_the_decision_that_is_meant_is_undone(collection):
    first, second = collection.people.name("1", "Anna"), collection.people.name("2", "Bela")
    with pytest.raises(InputError, match=r"cluster 2 is Bela.*`facesearch history`"):
        collection.people.undo(first.id)
    assert collection.people.history(limit=1) == [second]
    assert collection.people.undo(second.id) == second
    assert collection.people.undo(first.id) == first
    with pytest.raises(InputError):
        collection.people.undo(first.id)


def test_which_cluster_a_face_is_in(collection):
    assert collection.people.cluster_of(collection.faces[1][0]) == 2
    collection.people.not_a_face(collection.faces[1][0])
    assert collection.people.cluster_of(collection.faces[1][0]) is None
    with pytest.raises(InputError):
        collection.people.cluster_of(99)
