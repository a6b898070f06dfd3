"""Pictures that tell which way up they are, and how to save them with an EXIF orientation."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from PIL import ExifTags, Image, features

Rgb = npt.NDArray[np.uint8]

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

# Exif 2.32, Orientation: which side of the picture the 0th row, and the 0th column, of the stored pixels are.
EXIF_SIDES = {
    1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
    5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom"),
}  # fmt: skip


def quarters(width: int = 96, height: int = 64) -> Rgb:
    """Red, green / blue, white."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = RED
    rgb[: height // 2, width // 2 :] = GREEN
    rgb[height // 2 :, : width // 2] = BLUE
    rgb[height // 2 :, width // 2 :] = WHITE
    return rgb


def smooth(width: int, height: int) -> Rgb:
    """Gradients without sharp edges, different in x and y, so that scaled pictures can be compared closely."""
    y, x = np.mgrid[:height, :width].astype(float)
    waves = [np.sin(x / 60 + 0.7), np.cos(y / 45), np.sin((x + 2 * y) / 90)]
    return (np.stack(waves, axis=-1) * 100 + 128).astype(np.uint8)


def stored_for(displayed: Rgb, orientation: int) -> Rgb:
    """The pixels to be stored so that they are seen as displayed: by EXIF's definition, not by the code under test."""
    row_side, column_side = EXIF_SIDES[orientation]
    stored = displayed.swapaxes(0, 1) if row_side in ("left", "right") else displayed
    if row_side in ("right", "bottom"):
        stored = stored[::-1]
    if column_side in ("right", "bottom"):
        stored = stored[:, ::-1]
    return stored


def save(path: Path, picture: Rgb | Image.Image, orientation: int | None = None, **options: object) -> Path:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    if orientation is not None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        options["exif"] = exif.tobytes()
    if path.suffix == ".heic":
        pillow_heif.register_heif_opener()  # for saving; the code under test does without
        options = {"quality": 100} | options
    elif path.suffix in (".jpg", ".webp"):
        options = {"quality": 95} | options
    image.save(path, **options)
    return path


def corners(rgb: Rgb) -> list[tuple[int, ...]]:
    """The four corners' colours, each channel rounded to 0 or 255."""
    h, w = rgb.shape[:2]
    points = [(h // 4, w // 4), (h // 4, w * 3 // 4), (h * 3 // 4, w // 4), (h * 3 // 4, w * 3 // 4)]
    return [tuple((rgb[p].astype(int) > 127) * 255) for p in points]


def skip_unless_supported(suffix: str) -> None:
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
