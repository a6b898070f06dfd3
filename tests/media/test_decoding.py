"""Decoding: orientation, reduced JPEGs, modes, formats."""

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import (
    BLUE,
    EXIF_SIDES,
    GREEN,
    RED,
    WHITE,
    corners,
    quarters,
    save,
    skip_unless_supported,
    smooth,
    stored_for,
)
from PIL import ExifTags, Image

from facesearch.core.errors import PhotoError
from facesearch.media import open_photo
from facesearch.media.pixels import to_rgb

# --- Orientation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "heic"])
@pytest.mark.parametrize("orientation", EXIF_SIDES)
def test_every_orientation_in_every_format_is_displayed_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    skip_unless_supported(suffix)
    path = tmp_path / f"photo.{suffix}"
    # AVIF and HEIC are turned by the container's own boxes, irot and imir, which savers write instead of EXIF.
    save(path, stored_for(quarters(), orientation), orientation)

    photo = open_photo(path)
    decoded = photo.decode()

    assert photo.size == (96, 64)
    assert decoded.rgb.shape == (64, 96, 3)
    assert corners(decoded.rgb) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("size", [(640, 480), (643, 480), (640, 485), (643, 485)])
@pytest.mark.parametrize("orientation", EXIF_SIDES)
@pytest.mark.parametrize("min_scale", [0.5, 0.25, 0.125])
def test_points_of_a_reduced_jpeg_map_exactly(
    tmp_path: Path, orientation: int, size: tuple[int, int], min_scale: float
) -> None:
    displayed = smooth(*size)
    photo = open_photo(save(tmp_path / "photo.jpg", stored_for(displayed, orientation), orientation))

    decoded = photo.decode(min_scale)

    step = round(1 / decoded.scale)
    height, width = decoded.rgb.shape[:2]
    assert photo.size == size
    assert (width, height) == (-(-size[0] // step), -(-size[1] // step))
    rows, columns = size[1] // step, size[0] // step  # whole blocks only
    blocks = displayed[: rows * step, : columns * step].reshape(rows, step, columns, step, 3).mean(axis=(1, 3))
    difference = np.abs(decoded.rgb[:rows, :columns] - blocks)
    assert difference.mean() < 1.0  # a shift by one pixel of the photo gives 1.3 to 1.6
    if size == (640, 480) or orientation in (1, 5):
        assert decoded.scale == min_scale


def test_an_orientation_that_mirrors_an_indivisible_side_is_decoded_larger(tmp_path: Path) -> None:
    upright = save(tmp_path / "upright.jpg", smooth(644, 482), 1)
    upside_down = save(tmp_path / "upside-down.jpg", smooth(644, 482), 3)

    assert open_photo(upright).decode(0.1).scale == 1 / 8
    assert open_photo(upside_down).decode(0.1).scale == 1 / 2


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(tmp_path: Path, orientation: int) -> None:
    photo = open_photo(save(tmp_path / "photo.jpg", quarters(), orientation))

    assert corners(photo.decode().rgb) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_broken_exif_does_not_cost_the_photo(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.jpg", quarters(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xffgarbage")

    assert corners(open_photo(path).decode().rgb) == [RED, GREEN, BLUE, WHITE]


def test_png_exif_behind_the_pixels_counts(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png", stored_for(quarters(), 6))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    whole = path.read_bytes()
    path.write_bytes(whole[:-12] + chunk + whole[-12:])  # before IEND

    photo = open_photo(path)

    assert photo.size == (96, 64)
    assert corners(photo.decode().rgb) == [RED, GREEN, BLUE, WHITE]


# --- Scale ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("min_scale", "scale"),
    [
        (1.0, 1),
        (0.51, 1),
        (0.5, 1 / 2),
        (0.26, 1 / 2),
        (0.25, 1 / 4),
        (0.126, 1 / 4),
        (0.125, 1 / 8),
        (0.0, 1 / 8),
        (7, 1),
    ],
)
def test_jpeg_is_decoded_at_the_smallest_scale_that_suffices(tmp_path: Path, min_scale: float, scale: float) -> None:
    photo = open_photo(save(tmp_path / "photo.jpg", quarters(160, 80)))

    decoded = photo.decode(min_scale)

    assert decoded.scale == scale
    assert decoded.rgb.shape == (80 * scale, 160 * scale, 3)
    assert corners(decoded.rgb) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (1, 50), (9, 8)])
def test_tiny_jpegs_are_never_reduced_to_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    decoded = open_photo(save(tmp_path / "photo.jpg", smooth(*size))).decode(0.01)

    step = round(1 / decoded.scale)
    assert decoded.rgb.shape == (-(-size[1] // step), -(-size[0] // step), 3)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "bmp", "gif"])
def test_other_formats_are_decoded_whole(tmp_path: Path, suffix: str) -> None:
    decoded = open_photo(save(tmp_path / f"photo.{suffix}", quarters())).decode(0.1)

    assert decoded.scale == 1
    assert decoded.rgb.shape == (64, 96, 3)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_jpegs_are_reduced_too(tmp_path: Path, mode: str) -> None:
    path = save(tmp_path / "photo.jpg", Image.new(mode, (64, 48)))

    assert open_photo(path).decode(0.25).rgb.shape == (12, 16, 3)


# --- Modes ------------------------------------------------------------------------------------------------------------


def single_colour(path: Path) -> tuple[int, ...]:
    decoded = open_photo(path).decode()
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.c_contiguous
    assert decoded.rgb.flags.writeable
    assert len(np.unique(decoded.rgb.reshape(-1, 3), axis=0)) == 1
    return tuple(int(v) for v in decoded.rgb[0, 0])


@pytest.mark.parametrize(
    ("mode", "suffix", "value", "rgb"),
    [
        ("1", "png", 1, (255, 255, 255)),
        ("L", "png", 77, (77, 77, 77)),
        ("L", "jpg", 77, (77, 77, 77)),
        ("LA", "png", (77, 255), (77, 77, 77)),
        ("LA", "png", (0, 0), (255, 255, 255)),  # nothing there: the white behind it
        ("RGB", "png", (10, 20, 30), (10, 20, 30)),
        ("RGBA", "png", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", "png", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", "png", (0, 0, 0, 51), (204, 204, 204)),  # a fifth of black
        ("RGBA", "webp", (0, 0, 0, 0), (255, 255, 255)),
        ("RGBA", "tif", (10, 20, 30, 255), (10, 20, 30)),
        ("CMYK", "tif", (255, 0, 0, 0), (0, 255, 255)),
        ("CMYK", "jpg", (255, 0, 0, 0), (0, 255, 255)),  # Adobe's inverted CMYK
        ("CMYK", "jpg", (0, 0, 0, 255), (0, 0, 0)),
        ("LAB", "tif", (255, 128, 128), (255, 255, 255)),
        ("I;16", "png", 65535, (255, 255, 255)),
        ("I;16", "png", 257 * 77, (77, 77, 77)),
        ("I;16", "tif", 257 * 77, (77, 77, 77)),
        ("F", "tif", 0.5, (0, 0, 0)),  # nothing differs, so nothing tells what is white
    ],
)
def test_modes(tmp_path: Path, mode: str, suffix: str, value: object, rgb: tuple[int, int, int]) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.new(mode, (16, 16), value).save(path, **({"lossless": True} if suffix == "webp" else {}))

    assert np.allclose(single_colour(path), rgb, atol=2)


def test_ycck_jpeg(tmp_path: Path) -> None:
    """Adobe's other CMYK: transform flag 2 says that what is stored is, inverted, C M Y as a YCbCr triple, and K.

    No ink but cyan, inverted: C 0, M 255, Y 255, K 255. The JPEG standard takes 255 minus these for R, G, B: red, whose
    Y, Cb, Cr are 76, 85, 255. Pillow stores CMYK inverted and with flag 0, so give it 255 minus that, and set the flag.
    """
    stored = Image.new("CMYK", (16, 16), (255 - 76, 255 - 85, 255 - 255, 255 - 255))
    path = save(tmp_path / "photo.jpg", stored, quality=100, subsampling=0)
    data = bytearray(path.read_bytes())
    flag = data.index(b"Adobe") + 11
    assert data[flag] == 0
    data[flag] = 2
    path.write_bytes(data)

    assert np.allclose(single_colour(path), (0, 255, 255), atol=4)


def test_palette_with_transparency_is_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.paste(1, (8, 0, 16, 16))
    path = tmp_path / "photo.png"
    image.save(path, transparency=0)

    rgb = open_photo(path).decode().rgb

    assert tuple(rgb[0, 0]) == WHITE
    assert tuple(rgb[0, 15]) == (10, 20, 30)


@pytest.mark.parametrize(
    ("mode", "value", "rgb"),
    [
        ("HSV", (85, 255, 255), (0, 255, 0)),
        ("YCbCr", (76, 85, 255), (254, 0, 0)),
        ("PA", (0, 255), (10, 20, 30)),
        ("PA", (0, 0), WHITE),
        ("RGBa", (0, 0, 0, 51), (204, 204, 204)),  # colours already multiplied by alpha
        ("RGBX", (10, 20, 30, 0), (10, 20, 30)),
        ("I;16B", 257 * 77, (77, 77, 77)),
    ],
)
def test_modes_that_are_rare_in_files(mode: str, value: object, rgb: tuple[int, int, int]) -> None:
    image = Image.new(mode, (4, 4), value)
    if mode == "PA":
        image.putpalette([10, 20, 30])

    converted = to_rgb(image)

    assert converted.mode == "RGB"
    assert np.allclose(np.asarray(converted), rgb, atol=1)


def test_colour_key_transparency_of_an_rgb_png_is_laid_over_white(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png", Image.new("RGB", (8, 8), (1, 2, 3)), transparency=(1, 2, 3))

    assert single_colour(path) == WHITE


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_deep_values_are_stretched_over_their_range(tmp_path: Path, dtype: type) -> None:
    values = np.array([[-1000, 0], [500, 1000]], dtype=dtype)
    path = save(tmp_path / "photo.tif", Image.fromarray(values))

    assert open_photo(path).decode().rgb[:, :, 0].tolist() == [[0, 128], [191, 255]]


def test_floats_that_are_no_numbers_are_black_and_do_not_spread(tmp_path: Path) -> None:
    values = np.array([[0.0, 1.0], [np.nan, np.inf]], dtype=np.float32)
    path = save(tmp_path / "photo.tif", Image.fromarray(values))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grey = open_photo(path).decode().rgb[:, :, 1]

    assert grey[0].tolist() == [0, 255]
    assert grey[1, 0] == 0


def test_16_bit_gradient_keeps_its_order(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    path = save(tmp_path / "photo.png", Image.fromarray(values))

    assert np.array_equal(open_photo(path).decode().rgb[:, :, 0].ravel(), np.arange(256))


# --- Formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "gif", "avif", "heic"])
def test_formats_are_told_by_their_content(tmp_path: Path, suffix: str) -> None:
    skip_unless_supported(suffix)
    path = save(tmp_path / f"photo.{suffix}", quarters()).rename(tmp_path / "photo.bin")

    photo = open_photo(path)

    assert photo.size == (96, 64)
    assert corners(photo.decode().rgb) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_only_the_first_frame_is_read(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(quarters()), Image.new("RGB", (96, 64)), Image.new("RGB", (96, 64), "red")]
    path = save(tmp_path / f"photo.{suffix}", frames[0], save_all=True, append_images=frames[1:])

    assert corners(open_photo(path).decode().rgb) == [RED, GREEN, BLUE, WHITE]


def test_mpo_of_a_stereo_camera_is_a_jpeg(tmp_path: Path) -> None:
    path = save(
        tmp_path / "photo.mpo", Image.fromarray(quarters()), save_all=True, append_images=[Image.new("RGB", (96, 64))]
    )

    decoded = open_photo(path).decode(0.5)

    assert decoded.scale == 0.5
    assert corners(decoded.rgb) == [RED, GREEN, BLUE, WHITE]


def test_formats_that_no_camera_writes_are_not_tried(tmp_path: Path) -> None:
    """EPS would start Ghostscript."""
    path = tmp_path / "photo.jpg"
    image = io.BytesIO()
    Image.fromarray(quarters()).save(image, "EPS")
    path.write_bytes(image.getvalue())

    with pytest.raises(PhotoError, match=r"^not an image, or of a format that is not supported$"):
        open_photo(path)


def test_heic_without_pillow_heif_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "photo.heic", quarters())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(PhotoError, match="pillow-heif"):
        open_photo(path)
