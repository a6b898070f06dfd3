"""Whoever is forgotten is in no file of the library, and nothing brings them back."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from index_samples import a_photo, put
from people_samples import Album, a_portrait, an_album, check, groups, portrait, rows

from facesearch.storage import Store
from facesearch.storage.thumbnails import Picture, face_keys, photo_keys

NAME = "Fräulein Ærøskøbing 王"


@pytest.fixture
def album() -> Iterator[Album]:
    """Anna, who has that name, and others, who have none; six photos each, and one of all of them."""
    with an_album() as album:
        faces = album.add_people({person: range(6) for person in range(4)})
        (together,) = album.add([a_portrait(portrait(person, 90), person) for person in range(4)])
        album.recluster()
        album.faces = {person: [*faces[person], together[person]] for person in range(4)}
        album.people.name(group(album, 0), NAME)
        yield album
        check(album.index)


def group(album: Album, person: int) -> str:
    return str(album.group_of(album.faces[person][1]))


def embeddings(album: Album, faces: list[int]) -> list[bytes]:
    return [album.index.embedding(face).astype("<f4").tobytes() for face in faces]


def found_in(index: Store, wanted: bytes) -> list[str]:
    return [
        path.name for path in sorted(Path(index.folder).rglob("*")) if path.is_file() and wanted in path.read_bytes()
    ]


def with_pictures(album: Album) -> dict[int, list[bytes]]:
    """Have small pictures kept of all faces and all their photos. Returns each face's, those of its photo included."""
    records = album.index.faces([face for faces in album.faces.values() for face in faces])
    with album.index.reading() as connection:
        faces = face_keys(connection, [record.id for record in records])
        photos = photo_keys(connection, [record.photo_id for record in records])
    jpegs = {Picture("face", face, size, key): jpeg(face, size) for face, key in faces.items() for size in (96, 192)}
    jpegs |= {Picture("photo", photo, 480, key): jpeg(photo, 480) for photo, key in photos.items()}
    album.index.pictures.put(jpegs, album.index.reading)
    assert all(album.index.pictures.get(picture) == content for picture, content in jpegs.items())
    return {record.id: [jpeg(record.id, 96), jpeg(record.id, 192), jpeg(record.photo_id, 480)] for record in records}


def jpeg(number: int, size: int) -> bytes:
    """What stands for a picture: as long as one, and like no other."""
    return random.Random(f"{number} {size}").randbytes(30 * size)


def spelled(name: str) -> list[bytes]:
    """A name as SQLite and as JSON write it."""
    return [name.encode(), json.dumps(name)[1:-1].encode()]


def test_neither_embeddings_nor_the_name_are_in_any_file(album):
    theirs, others = embeddings(album, album.faces[0]), embeddings(album, album.faces[1])
    _ = album.index.vectors
    assert all("library.sqlite3" in " ".join(found_in(album.index, one)) for one in theirs)
    assert found_in(album.index, NAME.encode())
    assert album.people.forget(NAME) == 7
    for wanted in [*theirs, *spelled(NAME)]:
        assert found_in(album.index, wanted) == []
    for wanted in others:
        assert len(found_in(album.index, wanted)) == 2  # the database and the vectors
    assert set(groups(album.index)) == set(album.faces[1] + album.faces[2] + album.faces[3])


def test_nor_are_pictures_of_them(album):
    pictures = with_pictures(album)
    theirs = {part for face in album.faces[0] for picture in pictures[face] for part in (picture[:64], picture[-64:])}
    others = {picture[-64:] for face in album.faces[1][:6] for picture in pictures[face]}
    assert all("pictures.sqlite3" in " ".join(found_in(album.index, part)) for part in theirs | others)
    album.people.forget(NAME)
    assert [part for part in theirs if found_in(album.index, part)] == []
    assert {tuple(found_in(album.index, part)) for part in others} == {("pictures.sqlite3",)}


def test_nor_of_photos_that_are_removed(album):
    pictures = with_pictures(album)
    together = [faces[-1] for faces in album.faces.values()]
    album.remove(album.paths[-1])
    gone = {part for face in together for picture in pictures[face] for part in (picture[:64], picture[-64:])}
    assert [part for part in gone if found_in(album.index, part)] == []


def test_faces_that_were_only_thought_to_be_theirs_go_too(album):
    ((late,),) = album.add([a_portrait(portrait(0, 50))], place=True)
    assert late in album.people.find(NAME).face_ids
    (wanted,) = embeddings(album, [late])
    assert album.people.forget(NAME) == 8
    assert found_in(album.index, wanted) == []


def test_a_group_without_a_name_can_be_forgotten(album):
    theirs = embeddings(album, album.faces[1])
    assert album.people.forget(group(album, 1)) == 7
    assert [found_in(album.index, wanted) for wanted in theirs] == [[]] * 7
    assert album.people.find(NAME).face_ids == tuple(album.faces[0])


def forget_with_a_history(album: Album, decide: str) -> None:
    """Something is decided about the one with the name and somebody else, then the one with the name is forgotten."""
    people, other = album.people, group(album, 1)
    if decide == "merged into them":
        people.name(other, "Bela")
        people.merge([NAME, "Bela"])
    elif decide == "they were merged":
        people.name(other, "Bela")
        people.merge(["Bela", NAME])
        people.name("Bela", NAME)
    elif decide == "kept apart":
        people.keep_apart(NAME, other)
    elif decide == "rejected":
        people.reject(album.faces[1][0], NAME)
    elif decide == "split":
        album.add([a_portrait(portrait(0, 50))], place=True)
        people.split(NAME, [[max(people.find(NAME).face_ids)]])
    elif decide == "renamed":
        people.name(NAME, "Anna")
        people.keep_apart("Anna", other)
        people.name("Anna", NAME)
    people.forget(NAME)


KINDS = ["merged into them", "they were merged", "kept apart", "rejected", "split", "renamed"]


@pytest.mark.parametrize("decide", KINDS)
def test_the_history_of_others_does_not_tell_of_them_and_undo_does_not_bring_them_back(album, decide):
    theirs = embeddings(album, album.faces[0])
    forget_with_a_history(album, decide)
    names = [NAME, *(["Bela"] if "merged" in decide else []), *(["Anna"] if decide == "renamed" else [])]
    for wanted in [*theirs, *(form for name in names for form in spelled(name))]:
        assert found_in(album.index, wanted) == []
    left = {row[0] for row in rows(album.index, "SELECT id FROM faces")}
    while album.people.undo():
        check(album.index)
        assert {row[0] for row in rows(album.index, "SELECT id FROM faces")} == left
        assert [cluster.title for cluster in album.people.with_faces() if cluster.title in names] == []
    assert rows(album.index, "SELECT name FROM people WHERE name IS NOT NULL") == []


def test_what_was_decided_about_others_can_still_be_undone(album):
    album.people.name(group(album, 1), "Bela")
    album.people.forget(NAME)
    assert album.people.find("Bela").face_ids == tuple(album.faces[1])
    assert [decision.summary for decision in album.people.history()] == [f"cluster {group(album, 1)} is Bela"]
    album.people.undo()
    assert album.people.with_faces()[0].person is None


def test_indexing_again_does_not_bring_them_back(album):
    album.people.forget(NAME)
    run = album.index.start_run("index")
    known = [a_photo(path, path) for path in album.paths]
    assert put(album.index, run, *known) == [None] * len(known)
    assert not set(album.faces[0]) & {row[0] for row in rows(album.index, "SELECT id FROM faces")}
    ids = album.add([a_portrait(portrait(0, 91))])
    assert min(ids[0]) > max(face for faces in album.faces.values() for face in faces)


def test_a_namesake_stays(album):
    album.people.name(group(album, 1), NAME)
    album.people.forget(group(album, 0))
    assert album.people.find(NAME).face_ids == tuple(album.faces[1])


def test_everybody(album):
    album.people.name(group(album, 1), "Bela")
    every = embeddings(album, [face for faces in album.faces.values() for face in faces])
    pictures = [
        part for some in with_pictures(album).values() for picture in some for part in (picture[:64], picture[-64:])
    ]
    assert album.index.clear() == 28
    for wanted in [*every, *spelled(NAME), *pictures, b"Bela", b"/photos/"]:
        assert found_in(album.index, wanted) == []
    for table in ("faces", "photos", "paths", "people", "confirmed", "clustered", "undo_log", "runs", "roots"):
        assert rows(album.index, f"SELECT count(*) FROM {table}") == [(0,)]
    assert album.people.undo() is None
    ids = album.add([a_portrait(portrait(0, 0))], [a_portrait(portrait(0, 1))])
    album.recluster()
    assert min(face for (face,) in ids) > 28
    assert set(groups(album.index).values()) == {5}
