"""Of whoever is forgotten no byte is left in any file of the library."""

import json
import random
from collections.abc import Callable, Iterator

import pytest
from people_samples import (
    FORGETTABLE,
    FORGOTTEN,
    Album,
    a_portrait,
    an_album,
    decide_and_forget,
    four_with_one_named,
    portrait,
)

from facesearch.storage import Store
from facesearch.storage.database import FILE_NAME
from facesearch.storage.thumbnails import FILE_NAME as PICTURES
from facesearch.storage.thumbnails import Picture, face_keys, photo_keys

Finder = Callable[[Store, bytes], list[str]]


@pytest.fixture
def album(check_database: Callable[[Store], None]) -> Iterator[Album]:
    with an_album() as album:
        four_with_one_named(album)
        yield album
        check_database(album.index)


def embeddings(album: Album, faces: list[int]) -> list[bytes]:
    return [album.index.embedding(face).astype("<f4").tobytes() for face in faces]


def spelled(name: str) -> list[bytes]:
    """A name as SQLite and as JSON write it."""
    return [name.encode(), json.dumps(name)[1:-1].encode()]


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


def ends(pictures: list[bytes]) -> list[bytes]:
    return [part for picture in pictures for part in (picture[:64], picture[-64:])]


def test_neither_embeddings_nor_the_name_are_in_any_file(album: Album, bytes_in: Finder) -> None:
    theirs, others = embeddings(album, album.faces[0]), embeddings(album, album.faces[1])
    _ = album.index.vectors
    assert all(FILE_NAME in " ".join(bytes_in(album.index, one)) for one in theirs)
    assert bytes_in(album.index, FORGOTTEN.encode())
    assert album.people.forget(FORGOTTEN) == 7
    for wanted in [*theirs, *spelled(FORGOTTEN)]:
        assert bytes_in(album.index, wanted) == []
    for wanted in others:
        assert len(bytes_in(album.index, wanted)) == 2  # the database and the vectors


def test_nor_are_pictures_of_them(album: Album, bytes_in: Finder) -> None:
    pictures = with_pictures(album)
    theirs = {part for face in album.faces[0] for part in ends(pictures[face])}
    others = {picture[-64:] for face in album.faces[1][:6] for picture in pictures[face]}
    assert all(PICTURES in " ".join(bytes_in(album.index, part)) for part in theirs | others)
    album.people.forget(FORGOTTEN)
    assert [part for part in theirs if bytes_in(album.index, part)] == []
    assert {tuple(bytes_in(album.index, part)) for part in others} == {(PICTURES,)}


def test_nor_of_photos_that_are_removed(album: Album, bytes_in: Finder) -> None:
    pictures = with_pictures(album)
    together = [faces[-1] for faces in album.faces.values()]
    album.remove(album.paths[-1])
    gone = {part for face in together for part in ends(pictures[face])}
    assert [part for part in gone if bytes_in(album.index, part)] == []


def test_faces_that_were_only_thought_to_be_theirs_go_too(album: Album, bytes_in: Finder) -> None:
    ((late,),) = album.add([a_portrait(portrait(0, 50))], place=True)
    (wanted,) = embeddings(album, [late])
    album.people.forget(FORGOTTEN)
    assert bytes_in(album.index, wanted) == []


def test_a_cluster_without_a_name_can_be_forgotten(album: Album, bytes_in: Finder) -> None:
    theirs = embeddings(album, album.faces[1])
    album.people.forget(str(album.group_of(album.faces[1][1])))
    assert [bytes_in(album.index, wanted) for wanted in theirs] == [[]] * 7


@pytest.mark.parametrize("decision", FORGETTABLE)
def test_the_history_of_others_does_not_hold_them(album: Album, bytes_in: Finder, decision: str) -> None:
    theirs = embeddings(album, album.faces[0])
    names = decide_and_forget(album, decision)
    for wanted in [*theirs, *(form for name in names for form in spelled(name))]:
        assert bytes_in(album.index, wanted) == []


def test_nobody_is_left_when_everything_is_cleared(album: Album, bytes_in: Finder) -> None:
    album.people.name(str(album.group_of(album.faces[1][1])), "Bela")
    every = embeddings(album, [face for faces in album.faces.values() for face in faces])
    pictures = [part for some in with_pictures(album).values() for part in ends(some)]
    album.index.clear()
    for wanted in [*every, *spelled(FORGOTTEN), *pictures, b"Bela", b"/photos/"]:
        assert bytes_in(album.index, wanted) == []
    with album.index.reading() as connection:
        for table in ("faces", "photos", "paths", "people", "confirmed", "clustered", "undo_log", "runs", "roots"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
