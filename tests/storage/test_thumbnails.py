"""The file of small pictures: what is in it, what leaves it, and what becomes of a damaged one."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from picture_samples import PictureLibrary, colour_of, colours, files_with
from pictures import GREEN, RED

from facesearch.core.errors import LibraryError
from facesearch.media import decoding
from facesearch.people.thumbnails import Thumbnails
from facesearch.storage import thumbnails

BLUE = (0, 0, 255)


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[PictureLibrary]:
    pictures = PictureLibrary(tmp_path)
    yield pictures
    pictures.store.close()


def kept(pictures: PictureLibrary) -> list[tuple[str, int, int]]:
    with sqlite3.connect(pictures.store.folder / thumbnails.FILE_NAME) as connection:
        return connection.execute("SELECT kind, id, size_px FROM pictures ORDER BY 1, 2, 3").fetchall()


def test_an_edited_photo_gets_new_pictures_and_the_old_ones_go(pictures: PictureLibrary) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    before = Thumbnails(pictures.store).face_tile(face)
    (after,) = pictures.add("a.jpg", colours(GREEN), 1)
    assert after == face  # the face lives on
    made = Thumbnails(pictures.store)
    tile = made.face_tile(face)
    assert colour_of(tile.jpeg) == GREEN
    assert tile.key != before.key
    assert files_with(pictures.store.folder, before.jpeg) == []


def test_faces_that_were_found_in_other_places_get_new_tiles(pictures: PictureLibrary) -> None:
    rgb = colours(RED, GREEN)
    (face,) = pictures.add("a.jpg", rgb, 1)
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == RED
    with pictures.store.transaction() as connection:
        connection.exec_driver_sql("UPDATE faces SET x1 = x1 + 120, x2 = x2 + 120")
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == GREEN


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + b"\1" * 5000])
def test_a_damaged_file_is_made_anew(pictures: PictureLibrary, damage: bytes) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    (pictures.store.folder / thumbnails.FILE_NAME).write_bytes(damage)
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == RED
    assert kept(pictures) == [("face", face, 96), ("face", face, 192)]


def test_a_file_of_another_format_is_made_anew(pictures: PictureLibrary) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    with sqlite3.connect(pictures.store.folder / thumbnails.FILE_NAME) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("PRAGMA user_version = 99")
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == RED
    assert len(kept(pictures)) == 2


def test_a_library_that_cannot_be_written_shows_pictures_all_the_same(
    pictures: PictureLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)

    def refuse(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(thumbnails, "_opened", refuse)
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == RED


def test_previews_make_room_before_the_disk_is_full(pictures: PictureLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [pictures.add(f"{n}.jpg", colours((n, 0, 255)), 1)[0] for n in range(6)]
    monkeypatch.setattr(thumbnails, "LIMIT_BYTES", 20_000)
    monkeypatch.setattr(thumbnails, "DELETED_AT_ONCE", 1)
    made = Thumbnails(pictures.store)
    for face in faces:
        made.photo_preview(pictures.photo_of(face))
    assert 0 < len(kept(pictures)) < len(faces)
    assert colour_of(made.face_tile(faces[0]).jpeg) == BLUE
    assert ("face", faces[0], 96) in kept(pictures)


def test_removed_photos_take_their_pictures_with_them(pictures: PictureLibrary) -> None:
    (gone,) = pictures.add("gone.jpg", colours(RED), 1)
    (stays,) = pictures.add("stays.jpg", colours(GREEN), 1)
    made = Thumbnails(pictures.store)
    theirs = [made.face_tile(gone), made.face_tile(gone, 192), made.photo_preview(1)]
    other = made.face_tile(stays)
    pictures.store.forget_paths([str(pictures.photos / "gone.jpg")])
    for picture in theirs:
        assert files_with(pictures.store.folder, picture.jpeg) == []
    assert files_with(pictures.store.folder, other.jpeg[-40:]) == [thumbnails.FILE_NAME]
    assert kept(pictures) == [("face", stays, 96), ("face", stays, 192)]


def test_a_removed_photo_without_faces_takes_its_preview_with_it(pictures: PictureLibrary) -> None:
    pictures.add("gone.jpg", colours(), 0)
    preview = Thumbnails(pictures.store).photo_preview(1)
    pictures.store.forget_paths([str(pictures.photos / "gone.jpg")])
    assert kept(pictures) == []
    assert files_with(pictures.store.folder, preview.jpeg[-40:]) == []


def test_what_a_killed_process_has_left_is_deleted_when_pictures_are_next_used(
    pictures: PictureLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone,) = pictures.add("gone.jpg", colours(RED), 1)
    tile = Thumbnails(pictures.store).face_tile(gone)
    monkeypatch.setattr(pictures.store, "_overwrite", lambda **_: None)  # killed before the pictures were swept
    with pictures.store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM paths")
        connection.exec_driver_sql("DELETE FROM photos")
    assert kept(pictures) != []
    Thumbnails(pictures.store)
    assert kept(pictures) == []
    assert files_with(pictures.store.folder, tile.jpeg) == []


def test_a_face_that_is_forgotten_while_its_tile_is_made_leaves_none(
    pictures: PictureLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    made = Thumbnails(pictures.store)
    whole = decoding.PhotoFile.decode

    def decode(photo: decoding.PhotoFile, min_scale: float = 1.0) -> decoding.DecodedPhoto:
        pictures.store.forget_paths([photo.path])
        return whole(photo, min_scale)

    monkeypatch.setattr(decoding.PhotoFile, "decode", decode)
    made.face_tile(face)
    assert kept(pictures) == []


def test_forgetting_says_so_where_the_pictures_cannot_be_deleted(
    pictures: PictureLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    Thumbnails(pictures.store).face_tile(face)
    pictures.store.pictures.close()

    def refuse(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(thumbnails, "_opened", refuse)
    with pytest.raises(LibraryError, match=r"pictures\.sqlite3.*delete that file"):
        pictures.store.clear()
