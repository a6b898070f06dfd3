"""Whoever is forgotten is nowhere in what the library tells, and nothing brings them back.

That no byte of them is left in any file: tests/storage/test_forgotten_bytes.py.
"""

from collections.abc import Iterator

import pytest
from index_samples import a_photo, face_ids, put
from people_samples import (
    FORGETTABLE,
    FORGOTTEN,
    Collection,
    a_collection,
    a_portrait,
    check,
    clustered,
    decide_and_forget,
    four_with_one_named,
    portrait,
    state,
)


@pytest.fixture
def collection() -> Iterator[Collection]:
    with a_collection() as collection:
        four_with_one_named(collection)
        yield collection
        check(collection.index)


def number_of(collection: Collection, person: int) -> str:
    return str(collection.cluster_of(collection.faces[person][1]))


def test_all_faces_go_and_those_of_others_stay(collection):
    assert collection.people.forget(FORGOTTEN) == 7
    assert face_ids(collection.index) == sorted(clustered(collection.index))
    assert set(face_ids(collection.index)) == set(collection.faces[1] + collection.faces[2] + collection.faces[3])


def test_faces_that_were_only_thought_to_be_theirs_go_too(collection):
    ((late,),) = collection.add([a_portrait(portrait(0, 50))], place=True)
    assert late in collection.people.find(FORGOTTEN).face_ids
    assert collection.people.forget(FORGOTTEN) == 8
    assert late not in face_ids(collection.index)


def test_a_cluster_without_a_name_can_be_forgotten(collection):
    assert collection.people.forget(number_of(collection, 1)) == 7
    assert not set(collection.faces[1]) & set(face_ids(collection.index))
    assert collection.people.find(FORGOTTEN).face_ids == tuple(collection.faces[0])


@pytest.mark.parametrize("decide", FORGETTABLE)
def test_the_history_of_others_does_not_tell_of_them_and_undo_does_not_bring_them_back(collection, decide):
    names = decide_and_forget(collection, decide)
    left = face_ids(collection.index)
    assert [one.summary for one in collection.people.history() if any(name in one.summary for name in names)] == []
    while collection.people.undo():
        check(collection.index)
        assert face_ids(collection.index) == left
        assert [cluster.title for cluster in collection.people.with_faces() if cluster.title in names] == []
    assert [row for row in state(collection.index)["people"] if row["name"]] == []


def test_what_was_decided_about_others_can_still_be_undone(collection):
    made = collection.people.name(number_of(collection, 1), "Bela")
    collection.people.forget(FORGOTTEN)
    assert collection.people.find("Bela").face_ids == tuple(collection.faces[1])
    assert collection.people.history() == [made]
    collection.people.undo()
    assert collection.people.with_faces()[0].person is None


def test_indexing_again_does_not_bring_them_back(collection):
    collection.people.forget(FORGOTTEN)
    run = collection.index.start_run("index")
    known = [a_photo(path, path) for path in collection.paths]
    assert put(collection.index, run, *known) == [None] * len(known)
    assert not set(collection.faces[0]) & set(face_ids(collection.index))
    ids = collection.add([a_portrait(portrait(0, 91))])
    assert min(ids[0]) > max(face for faces in collection.faces.values() for face in faces)


def test_a_namesake_stays(collection):
    collection.people.name(number_of(collection, 1), FORGOTTEN)
    collection.people.forget(number_of(collection, 0))
    assert collection.people.find(FORGOTTEN).face_ids == tuple(collection.faces[1])


def test_everybody(collection):
    collection.people.name(number_of(collection, 1), "Bela")
    assert collection.index.clear() == 28
    assert [rows for rows in state(collection.index).values() if rows] == []
    counts = collection.index.counts()
    assert (counts.photos, counts.files, counts.faces, counts.people, counts.groups) == (0, 0, 0, 0, 0)
    assert collection.index.roots() == []
    assert collection.people.history() == []
    assert collection.people.undo() is None
    ids = collection.add([a_portrait(portrait(0, 0))], [a_portrait(portrait(0, 1))])
    collection.recluster()
    assert min(face for (face,) in ids) > 28
    assert set(clustered(collection.index).values()) == {5}


def test_a_name_goes_with_the_last_photo(collection):
    other = str(collection.cluster_of(collection.faces[1][1]))
    collection.people.name(other, "Bela")
    collection.people.keep_apart(FORGOTTEN, "Bela")
    collection.remove(*collection.paths[:6], collection.paths[24])  # all photos of FORGOTTEN, one of Bela
    check(collection.index)
    assert [row["name"] for row in state(collection.index)["people"]] == ["Bela"]
    assert [one.summary for one in collection.people.history()] == [f"cluster {other} is Bela"]
    assert collection.people.forget(FORGOTTEN) == 0


def test_a_name_goes_with_the_last_face_and_comes_back_with_it(collection):
    before = state(collection.index)
    collection.people.not_a_face(collection.faces[0])
    check(collection.index)
    assert state(collection.index)["people"] == []
    collection.people.undo()
    assert state(collection.index) == before


def test_what_undoes_nothing_leaves_the_history(collection):
    first = collection.cluster_of(collection.faces[1][1])
    collection.people.split(str(first), [collection.faces[1][:1]])
    collection.remove(collection.paths[6])  # the photo that was split off
    check(collection.index)
    assert [one.kind for one in collection.people.history()] == ["split", "name"]
    while collection.people.undo():
        check(collection.index)
    assert state(collection.index)["people"] == []
    assert collection.people.undo() is None


def test_nobody_of_that_name_is_nothing_to_forget(collection):
    before = state(collection.index)
    assert [collection.people.forget(who) for who in ("Nobody", "999", "9" * 30)] == [0, 0, 0]
    assert collection.people.to_forget("Nobody") is None
    assert collection.people.to_forget(FORGOTTEN) == 7
    assert state(collection.index) == before
