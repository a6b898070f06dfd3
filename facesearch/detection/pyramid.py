"""An image at many scales, and crops from it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.detection.candidates import Candidates

__all__ = ["Pyramid", "crops", "halved", "scales"]

Floats = NDArray[np.float32]
PNET_WINDOW = 12
# What lies outside an image: mid-grey, which the networks see as 0.
OUTSIDE = 127.5
# Several photos are looked at by several threads; OpenCV's own would only get in their way.
cv2.setNumThreads(1)


class Pyramid:
    """An image and its halves, quarters, ..., each averaged from the one before.

    Every smaller version is made from the nearest larger octave: area-averaged throughout, and cheaper than from the
    original each time. They are floats: rounded to bytes, they would move landmarks, and embeddings with them.

    octaves: (h, w, 3) float32 from 0 to 255 at scales 1, 1/2, 1/4, ...; one may lack the last odd row or column of
        the one before.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.octaves = [image.astype(np.float32, order="C")]
        while min(self.octaves[-1].shape[:2]) >= 2 * PNET_WINDOW:
            self.octaves.append(halved(self.octaves[-1]))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image."""
        height, width = self.octaves[0].shape[:2]
        return height, width

    def resized(self, scale: float) -> tuple[Floats, tuple[float, float]]:
        """The image at a scale of at most 1, from the smallest octave that is at least as large.

        Returns:
            The image, (h, w, 3), and the scale in x and in y that it has: sides are whole numbers of pixels, and
            near P-Net's 12 that makes a difference of percents.
        """
        height, width = self.size
        level = min(int(math.log2(1 / scale) + 1e-9), len(self.octaves) - 1)
        octave = self.octaves[level]
        if scale * 2**level == 1:
            return octave, (scale, scale)
        size = (round(width * scale), round(height * scale))
        octave_height, octave_width = octave.shape[:2]
        # from an octave that is less than twice as large, bilinear skips nothing to speak of, in a quarter of the time
        resized = cv2.resize(octave, size, interpolation=cv2.INTER_LINEAR)
        # an octave may lack the last odd row or column of the one before
        return resized, (size[0] / (octave_width * 2**level), size[1] / (octave_height * 2**level))


def halved(pixels: NDArray[Any]) -> NDArray[Any]:
    """The mean of every 2 x 2 pixels, of the same kind; a last odd row or column is left out."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    if not height or not width:
        return np.empty((height, width, *pixels.shape[2:]), pixels.dtype)
    return cv2.resize(pixels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)


def scales(shape: Sequence[int], min_face_px: float, factor: float) -> Iterator[float]:
    """Scales at which a window of P-Net is a face of min_face_px, and larger ones up to the whole image."""
    scale = PNET_WINDOW / max(min_face_px, PNET_WINDOW)
    while min(shape) * scale >= PNET_WINDOW - 1e-6:  # 12 / side * side may fall short of 12 by its rounding
        yield scale
        scale *= factor


def crops(candidates: Candidates, pyramids: Sequence[Pyramid], side: int) -> Floats:
    """Every candidate's square as (n, side, side, 3), area-averaged; what lies outside the image is mid-grey."""
    out = np.empty((len(candidates), side, side, 3), np.float32)
    last = np.array([len(pyramid.octaves) - 1 for pyramid in pyramids])
    widths = (candidates.boxes[:, 2] - candidates.boxes[:, 0]).astype(np.float64)
    level = np.minimum(np.log2(np.maximum(widths / side, 1)).astype(int), last[candidates.image])
    # At this octave a side of the box has 1 to 2 pixels a sample: two samples a side see them all.
    scale = 0.5**level
    step = widths * scale / (2 * side)
    first = candidates.boxes[:, :2] * scale[:, None] + (step[:, None] - 1) / 2  # where the first sample's centre lies
    sampled = np.empty((2 * side, 2 * side, 3), np.float32)
    for row, (image, octave, d, (x, y)) in enumerate(
        zip(candidates.image.tolist(), level.tolist(), step.tolist(), first.tolist(), strict=True)
    ):
        pixels = pyramids[image].octaves[octave]
        # OpenCV 4 takes no more than 32,767 pixels a side, which a panorama may have: it gets what the samples touch
        top, bottom = _touched(y, d * (2 * side - 1), pixels.shape[0])
        left, right = _touched(x, d * (2 * side - 1), pixels.shape[1])
        cv2.warpAffine(
            pixels[top:bottom, left:right],
            np.array(((d, 0, x - left), (0, d, y - top))),
            (2 * side, 2 * side),
            dst=sampled,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(OUTSIDE,) * 3,
        )
        cv2.resize(sampled, (side, side), dst=out[row], interpolation=cv2.INTER_AREA)
    return out


def _touched(first: float, length: float, side: int) -> tuple[int, int]:
    """From where to where an image is looked at along a side, with the filter's margin; at least one pixel of it."""
    start = min(max(math.floor(first) - 2, 0), side - 1)
    return start, min(max(math.ceil(first + length) + 3, start + 1), side)
