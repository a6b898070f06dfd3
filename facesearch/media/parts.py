"""A decoded image -> the pixels of the photo as displayed, a part at a time: Pillow makes several copies of a whole."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.media.formats import Turn
from facesearch.media.pixels import PLAIN, Whole, to_rgb, value_range
from facesearch.media.webp import DecodedWebp

__all__ = ["displayed"]

# Of the image as stored; photos of phones are one part or a few.
PART_PIXELS = 1 << 22


def displayed(image: Image.Image | DecodedWebp, turn: Turn, factor: int = 1) -> NDArray[np.uint8]:
    """The pixels of a loaded image, turned, and each the mean of a square of them.

    Args:
        factor: side of the squares, counted from the top left corner as displayed.

    Returns (h, w, 3), contiguous and writable; sides are rounded up.
    """
    whole = _whole(image)
    width, height = image.size[::-1] if turn.swaps_axes else image.size
    pixels = np.empty((-(-height // factor), -(-width // factor), 3), np.uint8)
    for box in _boxes(width, height, factor):
        part = to_rgb(_cut(image, _stored(box, image.size, turn)), whole)
        part = part if turn.method is None else part.transpose(turn.method)
        left, top, right, bottom = (-(-side // factor) for side in box)
        pixels[top:bottom, left:right] = np.asarray(part if factor == 1 else part.reduce(factor))
    return pixels


def _whole(image: Image.Image | DecodedWebp) -> Whole:
    if isinstance(image, Image.Image) and (not image.has_transparency_data or image.mode[0] in "IF"):
        return Whole(value_range(image))
    seen: set[tuple[object, ...]] = set()
    for box in _boxes(*image.size, 1):
        part = _cut(image, box)
        part = (part.convert("LA") if part.mode == "La" else part).convert("RGBA")
        if part.getchannel("A").getextrema() != (0, 0):
            return PLAIN
        seen |= set(zip(*(channel.getextrema() for channel in part.convert("RGB").split()), strict=True))
    return Whole(opaque=len(seen) > 1)  # of one colour are the darkest and the lightest


def _boxes(width: int, height: int, factor: int) -> Iterator[tuple[int, int, int, int]]:
    """Parts of the picture as displayed: (left, top, right, bottom). They begin at multiples of the factor."""
    across = min(width, max(PART_PIXELS // factor, 1) * factor)
    down = max(PART_PIXELS // across // factor, 1) * factor
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield left, top, min(left + across, width), min(top + down, height)


def _stored(box: tuple[int, int, int, int], size: tuple[int, int], turn: Turn) -> tuple[int, int, int, int]:
    """A part of the picture as displayed -> the same of the image as stored, of (width, height)."""
    left, top, right, bottom = (box[1], box[0], box[3], box[2]) if turn.swaps_axes else box
    if turn.mirrors_x:
        left, right = size[0] - right, size[0] - left
    if turn.mirrors_y:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


def _cut(image: Image.Image | DecodedWebp, box: tuple[int, int, int, int]) -> Image.Image:
    return image if isinstance(image, Image.Image) and box == (0, 0, *image.size) else image.crop(box)
