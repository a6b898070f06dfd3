"""A photo that is turned and made smaller in parts is the photo that is turned and made smaller as a whole."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from pictures import save
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from facesearch.core.errors import PhotoError
from facesearch.core.settings import ImageConfig
from facesearch.media import PhotoFile, decoding, open_photo, parts
from facesearch.media.formats import TURNS
from facesearch.media.parts import displayed
from facesearch.media.pixels import to_rgb
from facesearch.media.tiff import as_meant

MODES = ["RGB", "RGBA", "LA", "L", "P", "1", "I;16", "I", "F", "CMYK", "LAB"]


def noise(mode: str, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width * height)
    if mode in ("I", "F", "I;16"):
        values = rng.integers(0, 60_000, (height, width))
        return Image.fromarray(values.astype({"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]))
    bands = {"RGB": 3, "RGBA": 4, "LA": 2, "CMYK": 4, "LAB": 3}.get(mode, 1)
    pixels = rng.integers(0, 256, (height, width, bands), np.uint8)
    if mode in ("P", "1"):
        return Image.fromarray(pixels[..., 0]).convert(mode)
    return Image.frombytes(mode, (width, height), pixels.tobytes())


@pytest.mark.parametrize("factor", [1, 2, 3, 7])
@pytest.mark.parametrize("turn", TURNS.values(), ids=map(str, TURNS))
def test_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch, turn, factor: int) -> None:
    image = noise("RGB", 53, 38)
    whole = image if turn.method is None else image.transpose(turn.method)
    expected = np.asarray(whole.reduce(factor) if factor > 1 else whole)
    for pixels in (1, 60, 500, 10_000):
        monkeypatch.setattr(parts, "PART_PIXELS", pixels)
        made = displayed(image, turn, factor)
        np.testing.assert_array_equal(made, expected)
        assert made.flags.c_contiguous
        assert made.flags.writeable


@pytest.mark.parametrize("mode", MODES)
def test_parts_are_the_whole_in_every_mode(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    image = noise(mode, 41, 29)
    monkeypatch.setattr(parts, "PART_PIXELS", 100)
    monkeypatch.setattr("facesearch.media.pixels.VALUES_AT_ONCE", 100)
    np.testing.assert_array_equal(displayed(image, TURNS[1]), np.asarray(to_rgb(image)))


def test_a_palette_with_transparency_lies_on_white_in_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise("P", 41, 29)
    image.info["transparency"] = 3
    monkeypatch.setattr(parts, "PART_PIXELS", 100)
    np.testing.assert_array_equal(displayed(image, TURNS[1]), np.asarray(to_rgb(image)))


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "bmp"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_of_a_large_photo_no_more_is_given_than_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str, orientation: int
) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"photo.{suffix}", noise("RGB", 90, 60), None if suffix == "bmp" else orientation, **options)
    photo = open_photo(path)
    whole = photo.decode(0.3)
    assert whole.scale == 1
    monkeypatch.setattr(decoding, "LARGE_BYTES", 0)
    small = photo.decode(0.3)
    assert small.scale == 1 / 3
    np.testing.assert_array_equal(small.rgb, np.asarray(Image.fromarray(whole.rgb).reduce(3)))
    assert photo.cost(0.3).megapixels == pytest.approx(90 * 60 / 9 / 1e6)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_large_webps_have_the_pixels_that_pillow_gives(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    for options in ({"lossless": True}, {"quality": 80}):
        file = io.BytesIO()
        noise(mode, 64, 48).save(file, "WEBP", **options)
        photo = PhotoFile.parse(file.getvalue())
        expected = photo.decode().rgb
        with monkeypatch.context() as patch:
            patch.setattr("facesearch.media.decoding.Cost.is_large", True)
            np.testing.assert_array_equal(photo.decode().rgb, expected)


def test_a_large_webp_that_is_cut_off_is_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    noise("RGB", 64, 48).save(file, "WEBP", lossless=True)
    photo = PhotoFile.parse(file.getvalue())
    monkeypatch.setattr("facesearch.media.decoding.Cost.is_large", True)
    with pytest.raises(PhotoError, match="damaged"):
        PhotoFile(photo.path, photo.data[:200], photo.size, photo.config).decode()


def test_a_photo_that_needs_more_than_there_is_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("RGB", (10_000, 8_000)).save(file, "PNG", compress_level=1)
    photo = PhotoFile.parse(file.getvalue(), ImageConfig(memory_bytes=300_000_000))
    for ask in (photo.decode, photo.cost):
        with pytest.raises(
            PhotoError, match=r"^80 megapixels of this format need 0\.3 GB of memory, more than 0\.3 GB"
        ):
            ask(0.2)
    monkeypatch.setattr("facesearch.core.memory.free_memory", lambda: 400_000_000)
    with pytest.raises(PhotoError, match=r"need 0\.3 GB of memory, and 0\.4 GB are free$"):
        PhotoFile.parse(file.getvalue()).decode(0.2)
    monkeypatch.setattr("facesearch.core.memory.free_memory", lambda: 10**12)
    assert PhotoFile.parse(file.getvalue()).decode(0.2).rgb.shape == (1600, 2000, 3)


def test_parts_are_made_in_several_threads_at_a_time() -> None:
    image, made = noise("LAB", 300, 200), []
    threads = [threading.Thread(target=lambda: made.append(displayed(image, TURNS[1]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, made[0]) for one in made)
    assert len(made) == 4


def test_numbers_of_a_tiff_that_are_as_meant_are_not_copied() -> None:
    """A copy would be another 0.8 GB of a photo of 200 megapixels."""
    file = io.BytesIO()
    Image.new("F", (20, 20), 0.5).save(file, "TIFF")
    with Image.open(file) as image:
        assert isinstance(image, TiffImageFile)
        image.load()
        assert as_meant(image) is image
