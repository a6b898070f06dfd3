"""Small pictures of faces and photos: the right ones, never a stale one, and none of what is gone."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from picture_samples import PictureLibrary, colour_of, colours
from pictures import GREEN, RED, corners, quarters, stored_for
from PIL import ExifTags, Image

from facesearch.core.errors import InputError
from facesearch.media import decoding
from facesearch.people.thumbnails import PREVIEW_SIZES, TILE_SIZES, Thumbnails, square, square_scale

BLUE = (0, 0, 255)


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[PictureLibrary]:
    pictures = PictureLibrary(tmp_path)
    yield pictures
    pictures.store.close()


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


@pytest.mark.parametrize("size", TILE_SIZES)
def test_a_tile_is_the_square_around_its_face(pictures: PictureLibrary, size: int) -> None:
    faces = pictures.add("a.jpg", colours(RED, GREEN, BLUE), 3)
    tiles = [Thumbnails(pictures.store).face_tile(face, size) for face in faces]
    assert [colour_of(tile.jpeg) for tile in tiles] == [RED, GREEN, BLUE]
    assert Image.open(io.BytesIO(tiles[0].jpeg)).size == (size, size)
    assert len({tile.key for tile in tiles}) == 3


def test_a_photo_is_decoded_once_for_all_its_faces_in_both_sizes(pictures: PictureLibrary, decoded: list[str]) -> None:
    faces = pictures.add("a.jpg", colours(RED, GREEN, BLUE), 3)
    for size in TILE_SIZES:
        for face in faces:
            Thumbnails(pictures.store).face_tile(face, size)
    assert decoded == ["a.jpg"]


def test_many_threads_get_the_right_pictures_of_one_decode_a_photo(
    pictures: PictureLibrary, decoded: list[str]
) -> None:
    owners = {}
    for number, colour in enumerate((RED, GREEN, BLUE) * 4):
        for face in pictures.add(f"{number}.jpg", colours(colour, colour, size=(400 + number, 200)), 2):
            owners[face] = colour
    thumbnails = Thumbnails(pictures.store)
    asked = list(owners) * 6
    with ThreadPoolExecutor(16) as pool:
        tiles = list(pool.map(thumbnails.face_tile, asked))
    assert [colour_of(tile.jpeg) for tile in tiles] == [owners[face] for face in asked]
    assert sorted(decoded) == sorted(f"{number}.jpg" for number in range(12))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_preview_is_the_right_way_up(pictures: PictureLibrary, orientation: int) -> None:
    path = pictures.photos / "turned.jpg"
    displayed, exif = quarters(960, 640), Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(stored_for(displayed, orientation)).save(path, quality=95, exif=exif.tobytes())
    (face,) = pictures.put(path, [0], displayed.shape)
    small, large = (Thumbnails(pictures.store).photo_preview(pictures.photo_of(face), size) for size in PREVIEW_SIZES)
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


def test_a_file_that_has_changed_since_it_was_indexed_is_not_shown(pictures: PictureLibrary) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    Image.fromarray(colours(GREEN)).save(pictures.photos / "a.jpg")
    tile = Thumbnails(pictures.store).face_tile(face)
    assert tile.jpeg is None
    assert "changed since it was indexed" in tile.reason


def test_a_file_that_was_only_touched_is(pictures: PictureLibrary) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    os.utime(pictures.photos / "a.jpg", (1, 1))
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == RED


def test_another_file_with_the_same_content_does(pictures: PictureLibrary, tmp_path: Path) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    copy = pictures.photos / "b.jpg"
    copy.write_bytes((pictures.photos / "a.jpg").read_bytes())
    pictures.put(copy, [], colours().shape)
    (pictures.photos / "a.jpg").unlink()
    assert colour_of(Thumbnails(pictures.store).face_tile(face).jpeg) == RED


# --- what cannot be shown


def test_a_missing_or_damaged_photo_has_a_reason(pictures: PictureLibrary) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    (pictures.photos / "a.jpg").unlink()
    thumbnails = Thumbnails(pictures.store)
    assert thumbnails.face_tile(face).reason == "no longer there"
    assert thumbnails.photo_preview(pictures.photo_of(face)).jpeg is None
    broken = pictures.photos / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (face,) = pictures.put(broken, [0], (200, 400))
    assert thumbnails.face_tile(face).jpeg is None
    assert thumbnails.face_tile(face).reason


@pytest.mark.parametrize("number", [0, -1, 99, 2**63, 10**30])
def test_what_is_not_there_is_said(pictures: PictureLibrary, number: int) -> None:
    thumbnails = Thumbnails(pictures.store)
    with pytest.raises(InputError):
        thumbnails.face_tile(number)
    with pytest.raises(InputError):
        thumbnails.photo_preview(number)


def test_other_sizes_are_refused(pictures: PictureLibrary) -> None:
    (face,) = pictures.add("a.jpg", colours(RED), 1)
    with pytest.raises(InputError, match="96 and 192 pixels, not 100000"):
        Thumbnails(pictures.store).face_tile(face, 100_000)
    with pytest.raises(InputError, match="480 and 1600 pixels, not 0"):
        Thumbnails(pictures.store).photo_preview(1, 0)
