"""Whoever is forgotten is nowhere in what the library tells, and nothing brings them back.

That no byte of them is left in any file: tests/storage/test_forgotten_bytes.py.
"""

from collections.abc import Iterator

import pytest
from index_samples import a_photo, face_ids, put
from people_samples import (
    FORGETTABLE,
    FORGOTTEN,
    Album,
    a_portrait,
    an_album,
    check,
    decide_and_forget,
    four_with_one_named,
    groups,
    portrait,
    state,
)


@pytest.fixture
def album() -> Iterator[Album]:
    with an_album() as album:
        four_with_one_named(album)
        yield album
        check(album.index)


def group(album: Album, person: int) -> str:
    return str(album.group_of(album.faces[person][1]))


def test_all_faces_go_and_those_of_others_stay(album):
    assert album.people.forget(FORGOTTEN) == 7
    assert face_ids(album.index) == sorted(groups(album.index))
    assert set(face_ids(album.index)) == set(album.faces[1] + album.faces[2] + album.faces[3])


def test_faces_that_were_only_thought_to_be_theirs_go_too(album):
    ((late,),) = album.add([a_portrait(portrait(0, 50))], place=True)
    assert late in album.people.find(FORGOTTEN).face_ids
    assert album.people.forget(FORGOTTEN) == 8
    assert late not in face_ids(album.index)


def test_a_cluster_without_a_name_can_be_forgotten(album):
    assert album.people.forget(group(album, 1)) == 7
    assert not set(album.faces[1]) & set(face_ids(album.index))
    assert album.people.find(FORGOTTEN).face_ids == tuple(album.faces[0])


@pytest.mark.parametrize("decide", FORGETTABLE)
def test_the_history_of_others_does_not_tell_of_them_and_undo_does_not_bring_them_back(album, decide):
    names = decide_and_forget(album, decide)
    left = face_ids(album.index)
    assert [one.summary for one in album.people.history() if any(name in one.summary for name in names)] == []
    while album.people.undo():
        check(album.index)
        assert face_ids(album.index) == left
        assert [cluster.title for cluster in album.people.with_faces() if cluster.title in names] == []
    assert [row for row in state(album.index)["people"] if row["name"]] == []


def test_what_was_decided_about_others_can_still_be_undone(album):
    made = album.people.name(group(album, 1), "Bela")
    album.people.forget(FORGOTTEN)
    assert album.people.find("Bela").face_ids == tuple(album.faces[1])
    assert album.people.history() == [made]
    album.people.undo()
    assert album.people.with_faces()[0].person is None


def test_indexing_again_does_not_bring_them_back(album):
    album.people.forget(FORGOTTEN)
    run = album.index.start_run("index")
    known = [a_photo(path, path) for path in album.paths]
    assert put(album.index, run, *known) == [None] * len(known)
    assert not set(album.faces[0]) & set(face_ids(album.index))
    ids = album.add([a_portrait(portrait(0, 91))])
    assert min(ids[0]) > max(face for faces in album.faces.values() for face in faces)


def test_a_namesake_stays(album):
    album.people.name(group(album, 1), FORGOTTEN)
    album.people.forget(group(album, 0))
    assert album.people.find(FORGOTTEN).face_ids == tuple(album.faces[1])


def test_everybody(album):
    album.people.name(group(album, 1), "Bela")
    assert album.index.clear() == 28
    assert [rows for rows in state(album.index).values() if rows] == []
    counts = album.index.counts()
    assert (counts.photos, counts.files, counts.faces, counts.people, counts.groups) == (0, 0, 0, 0, 0)
    assert album.index.roots() == []
    assert album.people.history() == []
    assert album.people.undo() is None
    ids = album.add([a_portrait(portrait(0, 0))], [a_portrait(portrait(0, 1))])
    album.recluster()
    assert min(face for (face,) in ids) > 28
    assert set(groups(album.index).values()) == {5}
