"""Small pictures of faces and photos: the right ones, never a stale one, and none of what is gone."""

import io
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from picture_samples import Shelf, colour_of, colours
from pictures import GREEN, RED, corners, quarters, stored_for
from PIL import ExifTags, Image

from facesearch.core.errors import InputError, LibraryError
from facesearch.media import decoding
from facesearch.people.thumbnails import PREVIEW_SIZES, TILE_SIZES, Thumbnails, square, square_scale
from facesearch.storage import thumbnails as pictures

BLUE = (0, 0, 255)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.index.close()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The photos that were decoded, each time."""
    seen: list[str] = []
    whole = decoding.PhotoFile.decode

    def decode(photo: decoding.PhotoFile, min_scale: float = 1.0) -> decoding.DecodedPhoto:
        seen.append(Path(photo.path).name)
        return whole(photo, min_scale)

    monkeypatch.setattr(decoding.PhotoFile, "decode", decode)
    return seen


def kept(shelf: Shelf) -> list[tuple[str, int, int]]:
    with sqlite3.connect(shelf.index.folder / pictures.FILE_NAME) as connection:
        return connection.execute("SELECT kind, id, size_px FROM pictures ORDER BY 1, 2, 3").fetchall()


def files_with(shelf: Shelf, wanted: bytes) -> list[str]:
    return [path.name for path in sorted(shelf.index.folder.iterdir()) if wanted in path.read_bytes()]


@pytest.mark.parametrize("size", TILE_SIZES)
def test_a_tile_is_the_square_around_its_face(shelf: Shelf, size: int) -> None:
    faces = shelf.add("a.jpg", colours(RED, GREEN, BLUE), 3)
    tiles = [Thumbnails(shelf.index).face_tile(face, size) for face in faces]
    assert [colour_of(tile.jpeg) for tile in tiles] == [RED, GREEN, BLUE]
    assert Image.open(io.BytesIO(tiles[0].jpeg)).size == (size, size)
    assert len({tile.key for tile in tiles}) == 3


def test_a_photo_is_decoded_once_for_all_its_faces_in_both_sizes(shelf: Shelf, decoded: list[str]) -> None:
    faces = shelf.add("a.jpg", colours(RED, GREEN, BLUE), 3)
    for size in TILE_SIZES:
        for face in faces:
            Thumbnails(shelf.index).face_tile(face, size)
    assert decoded == ["a.jpg"]


def test_many_threads_get_the_right_pictures_of_one_decode_a_photo(shelf: Shelf, decoded: list[str]) -> None:
    owners = {}
    for number, colour in enumerate((RED, GREEN, BLUE) * 4):
        for face in shelf.add(f"{number}.jpg", colours(colour, colour, size=(400 + number, 200)), 2):
            owners[face] = colour
    thumbnails = Thumbnails(shelf.index)
    asked = list(owners) * 6
    with ThreadPoolExecutor(16) as pool:
        tiles = list(pool.map(thumbnails.face_tile, asked))
    assert [colour_of(tile.jpeg) for tile in tiles] == [owners[face] for face in asked]
    assert sorted(decoded) == sorted(f"{number}.jpg" for number in range(12))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_preview_is_the_right_way_up(shelf: Shelf, orientation: int) -> None:
    path = shelf.photos / "turned.jpg"
    displayed, exif = quarters(960, 640), Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(stored_for(displayed, orientation)).save(path, quality=95, exif=exif.tobytes())
    (face,) = shelf.put(path, [0], displayed.shape)
    small, large = (Thumbnails(shelf.index).photo_preview(shelf.photo_of(face), size) for size in PREVIEW_SIZES)
    assert Image.open(io.BytesIO(small.jpeg)).size == (480, 320)
    assert Image.open(io.BytesIO(large.jpeg)).size == (960, 640)  # never enlarged
    for picture in (small, large):
        assert corners(np.array(Image.open(io.BytesIO(picture.jpeg)))) == corners(displayed)


def test_the_square_stays_inside_the_photo() -> None:
    rgb = np.full((100, 300, 3), 200, np.uint8)
    photo = decoding.DecodedPhoto(rgb, 0.5)
    for box in ((0.0, 0.0, 80.0, 80.0), (-50.0, -50.0, 10.0, 10.0), (560.0, 150.0, 620.0, 210.0)):
        assert np.array(square(photo, box, 96)).min() == 200  # no black edge
    tall = decoding.DecodedPhoto(np.full((400, 20, 3), 200, np.uint8), 1.0)
    assert square(tall, (0.0, 100.0, 20.0, 130.0), 96).size == (96, 96)
    assert square_scale((0.0, 0.0, 40.0, 40.0), 96) == 1.0
    assert square_scale((0.0, 0.0, 400.0, 300.0), 96) == pytest.approx(96 / 680)


# --- never a stale one


def test_an_edited_photo_gets_new_pictures_and_the_old_ones_go(shelf: Shelf) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    before = Thumbnails(shelf.index).face_tile(face)
    (after,) = shelf.add("a.jpg", colours(GREEN), 1)
    assert after == face  # the face lives on
    thumbnails = Thumbnails(shelf.index)
    tile = thumbnails.face_tile(face)
    assert colour_of(tile.jpeg) == GREEN
    assert tile.key != before.key
    assert files_with(shelf, before.jpeg) == []


def test_a_file_that_has_changed_since_it_was_indexed_is_not_shown(shelf: Shelf) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    Image.fromarray(colours(GREEN)).save(shelf.photos / "a.jpg")
    tile = Thumbnails(shelf.index).face_tile(face)
    assert tile.jpeg is None
    assert "changed since it was indexed" in tile.reason
    assert kept(shelf) == []


def test_a_file_that_was_only_touched_is(shelf: Shelf) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    os.utime(shelf.photos / "a.jpg", (1, 1))
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == RED


def test_faces_that_were_found_in_other_places_get_new_tiles(shelf: Shelf) -> None:
    rgb = colours(RED, GREEN)
    (face,) = shelf.add("a.jpg", rgb, 1)
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == RED
    with shelf.index.transaction() as connection:
        connection.exec_driver_sql("UPDATE faces SET x1 = x1 + 120, x2 = x2 + 120")
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == GREEN


def test_another_file_with_the_same_content_does(shelf: Shelf, tmp_path: Path) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    copy = shelf.photos / "b.jpg"
    copy.write_bytes((shelf.photos / "a.jpg").read_bytes())
    shelf.put(copy, [], colours().shape)
    (shelf.photos / "a.jpg").unlink()
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == RED


# --- what cannot be shown


def test_a_missing_or_damaged_photo_has_a_reason(shelf: Shelf) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    (shelf.photos / "a.jpg").unlink()
    thumbnails = Thumbnails(shelf.index)
    assert thumbnails.face_tile(face).reason == "the file is not there"
    assert thumbnails.photo_preview(shelf.photo_of(face)).jpeg is None
    broken = shelf.photos / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (face,) = shelf.put(broken, [0], (200, 400))
    assert thumbnails.face_tile(face).jpeg is None
    assert thumbnails.face_tile(face).reason


@pytest.mark.parametrize("number", [0, -1, 99, 2**63, 10**30])
def test_what_is_not_there_is_said(shelf: Shelf, number: int) -> None:
    thumbnails = Thumbnails(shelf.index)
    with pytest.raises(InputError, match="there is no face"):
        thumbnails.face_tile(number)
    with pytest.raises(InputError, match="there is no photo"):
        thumbnails.photo_preview(number)


def test_other_sizes_are_refused(shelf: Shelf) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    with pytest.raises(InputError, match="96 and 192 pixels, not 100000"):
        Thumbnails(shelf.index).face_tile(face, 100_000)
    with pytest.raises(InputError, match="480 and 1600 pixels, not 0"):
        Thumbnails(shelf.index).photo_preview(1, 0)


# --- the file


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + b"\1" * 5000])
def test_a_damaged_file_is_made_anew(shelf: Shelf, damage: bytes) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    (shelf.index.folder / pictures.FILE_NAME).write_bytes(damage)
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == RED
    assert kept(shelf) == [("face", face, 96), ("face", face, 192)]


def test_a_file_of_another_format_is_made_anew(shelf: Shelf) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    with sqlite3.connect(shelf.index.folder / pictures.FILE_NAME) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.execute("PRAGMA user_version = 99")
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == RED
    assert len(kept(shelf)) == 2


def test_a_library_that_cannot_be_written_shows_pictures_all_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)

    def refuse(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(pictures, "_opened", refuse)
    assert colour_of(Thumbnails(shelf.index).face_tile(face).jpeg) == RED


def test_previews_make_room_before_the_disk_is_full(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [shelf.add(f"{n}.jpg", colours((n, 0, 255)), 1)[0] for n in range(6)]
    monkeypatch.setattr(pictures, "LIMIT_BYTES", 20_000)
    monkeypatch.setattr(pictures, "ROOM", 1)
    thumbnails = Thumbnails(shelf.index)
    for face in faces:
        thumbnails.photo_preview(shelf.photo_of(face))
    assert 0 < len(kept(shelf)) < len(faces)
    assert colour_of(thumbnails.face_tile(faces[0]).jpeg) == BLUE
    assert ("face", faces[0], 96) in kept(shelf)


# --- what is gone


def test_removed_photos_take_their_pictures_with_them(shelf: Shelf) -> None:
    (gone,) = shelf.add("gone.jpg", colours(RED), 1)
    (stays,) = shelf.add("stays.jpg", colours(GREEN), 1)
    thumbnails = Thumbnails(shelf.index)
    theirs = [thumbnails.face_tile(gone), thumbnails.face_tile(gone, 192), thumbnails.photo_preview(1)]
    other = thumbnails.face_tile(stays)
    shelf.index.forget_paths([str(shelf.photos / "gone.jpg")])
    for picture in theirs:
        assert files_with(shelf, picture.jpeg) == []
    assert files_with(shelf, other.jpeg[-40:]) == [pictures.FILE_NAME]
    assert kept(shelf) == [("face", stays, 96), ("face", stays, 192)]


def test_a_photo_without_faces_too(shelf: Shelf) -> None:
    shelf.add("gone.jpg", colours(), 0)
    preview = Thumbnails(shelf.index).photo_preview(1)
    shelf.index.forget_paths([str(shelf.photos / "gone.jpg")])
    assert kept(shelf) == []
    assert files_with(shelf, preview.jpeg[-40:]) == []


def test_what_a_process_that_was_killed_has_left_goes_with_the_next_look(shelf: Shelf) -> None:
    (gone,) = shelf.add("gone.jpg", colours(RED), 1)
    tile = Thumbnails(shelf.index).face_tile(gone)
    with shelf.index.transaction() as connection:  # removed, and killed before the pictures were swept
        connection.exec_driver_sql("DELETE FROM paths")
        connection.exec_driver_sql("DELETE FROM photos")
    assert kept(shelf) != []
    Thumbnails(shelf.index)
    assert kept(shelf) == []
    assert files_with(shelf, tile.jpeg) == []


def test_a_face_that_is_forgotten_while_its_tile_is_made_leaves_none(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    thumbnails = Thumbnails(shelf.index)
    whole = decoding.PhotoFile.decode

    def decode(photo: decoding.PhotoFile, min_scale: float = 1.0) -> decoding.DecodedPhoto:
        shelf.index.forget_paths([photo.path])
        return whole(photo, min_scale)

    monkeypatch.setattr(decoding.PhotoFile, "decode", decode)
    thumbnails.face_tile(face)
    assert kept(shelf) == []


def test_forgetting_says_so_where_the_pictures_cannot_be_deleted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    (face,) = shelf.add("a.jpg", colours(RED), 1)
    Thumbnails(shelf.index).face_tile(face)
    shelf.index.pictures.close()

    def refuse(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(pictures, "_opened", refuse)
    with pytest.raises(LibraryError, match=r"pictures\.sqlite3.*delete that file"):
        shelf.index.clear()
