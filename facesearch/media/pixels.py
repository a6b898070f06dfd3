"""Any of Pillow's modes -> 8-bit RGB."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["PLAIN", "Whole", "to_rgb", "value_range"]

# Rows of an image that are looked at together hold so many values.
VALUES_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Whole:
    """What a part of an image does not tell.

    values: see `value_range`; None where the part is all.
    opaque: nothing would be seen of it: its alpha is of a program that knows no transparency.
    """

    values: tuple[float, float] | None = None
    opaque: bool = False


PLAIN = Whole()


def to_rgb(image: Image.Image, whole: Whole = PLAIN) -> Image.Image:
    """The decoded image in mode RGB, transparent parts over white; a picture of which nothing would be seen is opaque.

    16 bits are scaled by their depth; 32-bit integers and floats by the range of their values, since nothing says what
    is black and what is white in them. Colour profiles are not applied: embedders are trained on values as stored.

    Args:
        whole: of which this is a part.
    """
    if image.mode.startswith("I;16"):
        depth = np.asarray(image).astype(np.float32)
        depth[depth == image.info.get("transparency", -1)] = 65535.0  # a PNG's colour key, over white
        return _grey(depth, 0.0, 65535.0)
    if image.mode in ("I", "F"):
        black, white = whole.values or value_range(image) or (0.0, 0.0)
        return _grey(np.asarray(image).astype(np.float64), black, white)
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.mode == "La":  # Pillow converts it to nothing else
        image = image.convert("LA")
    if image.has_transparency_data and not whole.opaque:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        return paper.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def value_range(image: Image.Image) -> tuple[float, float] | None:
    """The least and the greatest finite value of a 32-bit image, (inf, -inf) without any; None of other modes."""
    if image.mode not in ("I", "F"):
        return None
    low, high = np.inf, -np.inf
    rows = max(1, VALUES_AT_ONCE // image.width)
    for top in range(0, image.height, rows):
        part = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        finite = part[np.isfinite(part)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return low, high


def _grey(values: npt.NDArray[np.floating], black: float, white: float) -> Image.Image:
    """values (h, w) from black to white -> RGB; not-a-number is black, and so is everything where nothing differs."""
    if not black < white:
        return Image.new("RGB", values.shape[::-1])
    scaled = (np.nan_to_num(values, nan=black, posinf=white, neginf=black) - black) * (255.0 / (white - black))
    return Image.fromarray((scaled + 0.5).astype(np.uint8)).convert("RGB")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # here, not above: hardly any photo needs it

    converted = ImageCms.applyTransform(image, _from_lab())
    assert converted is not None  # None only where it works in place
    return converted


@cache
def _from_lab() -> Any:
    from PIL import ImageCms

    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
