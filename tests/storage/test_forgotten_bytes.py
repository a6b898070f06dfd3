"""Of whoever is forgotten no byte is left in any file of the library."""

import json
import random
from collections.abc import Callable, Iterator

import pytest
from people_samples import (
    FORGETTABLE,
    FORGOTTEN,
    Collection,
    a_collection,
    a_portrait,
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
def collection(check_database: Callable[[Store], None]) -> Iterator[Collection]:
    with a_collection() as collection:
        four_with_one_named(collection)
        yield collection
        check_database(collection.index)


def embeddings(collection: Collection, faces: list[int]) -> list[bytes]:
    return [collection.index.embedding(face).astype("<f4").tobytes() for face in faces]


def spelled(name: str) -> list[bytes]:
    """A name as SQLite and as JSON write it."""
    return [name.encode(), json.dumps(name)[1:-1].encode()]


def with_pictures(collection: Collection) -> dict[int, list[bytes]]:
    """Have small pictures kept of all faces and all their photos. Returns each face's, those of its photo included."""
    records = collection.index.faces([face for faces in collection.faces.values() for face in faces])
    with collection.index.reading() as connection:
        faces = face_keys(connection, [record.id for record in records])
        photos = photo_keys(connection, [record.photo_id for record in records])
    jpegs = {Picture("face", face, size, key): jpeg(face, size) for face, key in faces.items() for size in (96, 192)}
    jpegs |= {Picture("photo", photo, 480, key): jpeg(photo, 480) for photo, key in photos.items()}
    collection.index.pictures.put(jpegs, collection.index.reading)
    assert all(collection.index.pictures.get(picture) == content for picture, content in jpegs.items())
    return {record.id: [jpeg(record.id, 96), jpeg(record.id, 192), jpeg(record.photo_id, 480)] for record in records}


def jpeg(number: int, size: int) -> bytes:
    """What stands for a picture: as long as one, and like no other."""
    return random.Random(f"{number} {size}").randbytes(30 * size)


def ends(pictures: list[bytes]) -> list[bytes]:
    return [part for picture in pictures for part in (picture[:64], picture[-64:])]


def test_neither_embeddings_nor_the_name_are_in_any_file(collection: Collection, bytes_in: Finder) -> None:
    theirs, others = embeddings(collection, collection.faces[0]), embeddings(collection, collection.faces[1])
    _ = collection.index.vectors
    assert all(FILE_NAME in " ".join(bytes_in(collection.index, one)) for one in theirs)
    assert bytes_in(collection.index, FORGOTTEN.encode())
    assert collection.people.forget(FORGOTTEN) == 7
    for wanted in [*theirs, *spelled(FORGOTTEN)]:
        assert bytes_in(collection.index, wanted) == []
    for wanted in others:
        assert len(bytes_in(collection.index, wanted)) == 2  # the database and the vectors


def test_nor_are_pictures_of_them(collection: Collection, bytes_in: Finder) -> None:
    pictures = with_pictures(collection)
    theirs = {part for face in collection.faces[0] for part in ends(pictures[face])}
    others = {picture[-64:] for face in collection.faces[1][:6] for picture in pictures[face]}
    assert all(PICTURES in " ".join(bytes_in(collection.index, part)) for part in theirs | others)
    collection.people.forget(FORGOTTEN)
    assert [part for part in theirs if bytes_in(collection.index, part)] == []
    assert {tuple(bytes_in(collection.index, part)) for part in others} == {(PICTURES,)}


def test_nor_of_photos_that_are_removed(collection: Collection, bytes_in: Finder) -> None:
    pictures = with_pictures(collection)
    together = [faces[-1] for faces in collection.faces.values()]
    collection.remove(collection.paths[-1])
    gone = {part for face in together for part in ends(pictures[face])}
    assert [part for part in gone if bytes_in(collection.index, part)] == []


def test_faces_that_were_only_thought_to_be_theirs_go_too(collection: Collection, bytes_in: Finder) -> None:
    ((late,),) = collection.add([a_portrait(portrait(0, 50))], place=True)
    (wanted,) = embeddings(collection, [late])
    collection.people.forget(FORGOTTEN)
    assert bytes_in(collection.index, wanted) == []


def test_a_cluster_without_a_name_can_be_forgotten(collection: Collection, bytes_in: Finder) -> None:
    theirs = embeddings(collection, collection.faces[1])
    collection.people.forget(str(collection.cluster_of(collection.faces[1][1])))
    assert [bytes_in(collection.index, wanted) for wanted in theirs] == [[]] * 7


@pytest.mark.parametrize("decision", FORGETTABLE)
def test_the_history_of_others_does_not_hold_them(collection: Collection, bytes_in: Finder, decision: str) -> None:
    theirs = embeddings(collection, collection.faces[0])
    names = decide_and_forget(collection, decision)
    for wanted in [*theirs, *(form for name in names for form in spelled(name))]:
        assert bytes_in(collection.index, wanted) == []


def test_nobody_is_left_when_everything_is_cleared(collection: Collection, bytes_in: Finder) -> None:
    collection.people.name(str(collection.cluster_of(collection.faces[1][1])), "Bela")
    every = embeddings(collection, [face for faces in collection.faces.values() for face in faces])
    pictures = [part for some in with_pictures(collection).values() for part in ends(some)]
    collection.index.clear()
    for wanted in [*every, *spelled(FORGOTTEN), *pictures, b"Bela", b"/photos/"]:
        assert bytes_in(collection.index, wanted) == []
    with collection.index.reading() as connection:
        for table in ("faces", "photos", "paths", "people", "confirmed", "clustered", "undo_log", "runs", "roots"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
