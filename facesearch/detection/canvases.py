"""Pictures of any size on canvases of a few: no network has to be made for a picture's size.

A picture is looked at as a whole where a canvas can hold it, in tiles that overlap where none can, and again much
smaller where faces may be too large for the canvas or the tile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.detection.halving import halved

__all__ = ["Canvas", "Picture", "canvases", "square"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
# Sides of canvases, (height, width) and the other way round: few, since each is a network that has to be loaded, and
# photos of cameras fit theirs, whose smallest faces are 1/75 of the shorter side.
SIZES = sorted(
    {
        size
        for short, *longer in (
            (96, 128),
            (128, 128),
            (224, 288),
            (288, 288),
            (320, 416),
            (416, 416),
            (448, 576),
            (576, 576),
            (640, 832),
            (832, 832, 1120, 1248, 1472),
        )
        for long in longer
        for size in ((short, long), (long, short))
    },
    key=lambda size: size[0] * size[1],
)
TILE, TILES_OVERLAP = 832, 192
# On larger canvases the largest faces are beyond what YuNet knows: they are looked for at this scale, too.
LARGE_CANVAS, SMALLER = 640, 1 / 4.5
# Several photos are looked at by several threads; OpenCV's own would only get in their way.
cv2.setNumThreads(1)


@dataclass(frozen=True)
class Canvas:
    """Pixels for the network, and where they are in the picture.

    to_picture: (2, 3) float32; a point (x, y) of the canvas is the point to_picture @ (x, y, 1) of the picture.
    """

    pixels: Pixels
    to_picture: Floats

    def mirrored(self) -> "Canvas":
        """The mirror image, which shows the same part of the picture."""
        axes, offset = self.to_picture[:, :2], self.to_picture[:, 2]
        width = self.pixels.shape[1]
        to_picture = np.column_stack([-axes[:, 0], axes[:, 1], offset + width * axes[:, 0]])
        return Canvas(np.asarray(cv2.flip(self.pixels, 1), np.uint8), to_picture.astype(np.float32))


class Picture:
    """An image at scales of 1, 1/2, 1/4, ..., each made when it is first needed."""

    def __init__(self, image: Pixels) -> None:
        self._octaves = [np.ascontiguousarray(image)]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        height, width = self._octaves[0].shape[:2]
        return height, width

    def octave(self, scale: float) -> tuple[Pixels, int]:
        """The smallest octave that is at least as large as the image at this scale; its pixels are 2**n wide: n."""
        level = 0
        while scale <= 0.5 ** (level + 1) and min(self._octaves[level].shape[:2]) >= 2:
            level += 1
            if level == len(self._octaves):
                self._octaves.append(halved(self._octaves[-1]))
        return self._octaves[level], level


def canvases(picture: Picture, scale: float) -> Iterator[Canvas]:
    """The whole picture, at this scale at least but for pictures that are as small as they are."""
    height, width = (side * scale for side in picture.size)
    fitting = [size for size in SIZES if size[0] >= height and size[1] >= width]
    if not fitting:
        yield from _tiles(picture, scale)
    else:
        largest = min(fitting[0][0] / picture.size[0], fitting[0][1] / picture.size[1])
        yield _filled(_resized(picture, min(largest, 1.0)), fitting[0])
    if not fitting or max(fitting[0]) > LARGE_CANVAS:
        yield from canvases(picture, scale * SMALLER)


def square(picture: Picture, box: Floats, side: float, size: int, turned: float = 0.0) -> Canvas:
    """The square of this side around a box's centre, as a canvas of size * size pixels; what lies outside is black.

    Args:
        turned: degrees that the square is turned clockwise in the picture: a head that leans so stands upright in it.
    """
    pixels, level = picture.octave(size / side)
    step, angle = side / size, np.radians(turned)
    rotation = step * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corner = (box[:2].astype(float) + box[2:]) / 2 - rotation @ (size / 2, size / 2)
    corners = (rotation @ [[0, size, 0, size], [0, 0, size, size]] + corner[:, None]) / 2**level
    low = np.clip(np.floor(corners.min(axis=1)).astype(int) - 1, 0, None)
    high = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 1, 0, None)
    seen = pixels[low[1] : high[1], low[0] : high[0]]
    cut = np.zeros((size, size, 3), np.uint8)
    if seen.size:
        # OpenCV counts from the centres of the first pixels, on both sides
        first = (rotation @ (0.5, 0.5) + corner) / 2**level - low - 0.5
        affine = np.column_stack([rotation / 2**level, first])
        cut = np.asarray(cv2.warpAffine(seen, affine, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    return Canvas(cut, np.column_stack([rotation, corner]).astype(np.float32))


def _tiles(picture: Picture, scale: float) -> Iterator[Canvas]:
    resized = _resized(picture, scale)
    height, width = resized.pixels.shape[:2]
    for top, left in product(_starts(height), _starts(width)):
        tile = resized.pixels[top : top + TILE, left : left + TILE]
        to_picture = resized.to_picture.copy()
        to_picture[:, 2] = to_picture[:, :2] @ (left, top)
        yield _filled(Canvas(tile, to_picture), (TILE, TILE))


def _starts(side: int) -> range:
    return range(0, max(side - TILES_OVERLAP, 1), TILE - TILES_OVERLAP)


def _resized(picture: Picture, scale: float) -> Canvas:
    """The whole picture at a scale of at most 1."""
    height, width = picture.size
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    pixels, _ = picture.octave(scale)
    if size != pixels.shape[1::-1]:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return Canvas(pixels, np.array([[width / size[0], 0, 0], [0, height / size[1], 0]], np.float32))


def _filled(part: Canvas, size: tuple[int, int]) -> Canvas:
    """The same at the top left of a canvas of this size that is black."""
    height, width = part.pixels.shape[:2]
    if (height, width) == size:
        return part
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[:height, :width] = part.pixels
    return Canvas(pixels, part.to_picture)
