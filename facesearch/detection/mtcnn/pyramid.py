"""An image at many scales, and crops from it."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.detection.halving import halved
from facesearch.detection.mtcnn.candidates import Candidates

__all__ = ["Pyramid", "crops", "scales"]

Floats = NDArray[np.float32]
PNET_WINDOW = 12
# What lies outside an image: mid-grey, which the networks see as 0.
OUTSIDE = 127.5
# OpenCV 4 takes images of less than 32,768 pixels a side, and a panorama may have more: it gets them in parts.
PART = 16_384
CROPS_AT_ONCE = 64  # 3 MB of samples at R-Net's size, 12 MB at O-Net's
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
        resized: Floats = cv2.resize(octave, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        # an octave may lack the last odd row or column of the one before
        return resized, (size[0] / (octave_width * 2**level), size[1] / (octave_height * 2**level))


def scales(shape: Sequence[int], min_face_px: float, factor: float) -> Iterator[float]:
    """Scales at which a window of P-Net is a face of min_face_px, and larger ones up to the whole image."""
    scale = PNET_WINDOW / max(min_face_px, PNET_WINDOW)
    while min(shape) * scale >= PNET_WINDOW - 1e-6:  # 12 / side * side may fall short of 12 by its rounding
        yield scale
        scale *= factor


def crops(candidates: Candidates, pyramids: Sequence[Pyramid], side: int) -> Floats:
    """Every candidate's square as (n, side, side, 3), area-averaged; what lies outside the image is mid-grey."""
    out = np.empty((len(candidates), side, side, 3), np.float32)
    last = np.array([len(pyramid.octaves) - 1 for pyramid in pyramids], int)
    widths = (candidates.boxes[:, 2] - candidates.boxes[:, 0]).astype(np.float64)
    level = np.minimum(np.log2(np.maximum(widths / side, 1)).astype(int), last[candidates.image])
    # At this octave a side of the box has 1 to 2 pixels a sample: two samples a side see them all.
    scale = 0.5**level
    step = widths * scale / (2 * side)
    first = candidates.boxes[:, :2] * scale[:, None] + (step[:, None] - 1) / 2  # where the first sample's centre lies
    samples = first[:, :, None] + step[:, None, None] * np.arange(2 * side)
    # All crops from the same part of the same octave in one go: a call for each would mostly be Python.
    parts = np.column_stack([candidates.image, level, (first // PART).astype(int)])
    order = np.lexsort(parts.T)
    bounds = np.flatnonzero(np.diff(parts[order], axis=0, prepend=-1, append=-1).any(axis=1))
    for start, end in pairwise(bounds.tolist()):
        image, octave = parts[order[start], :2]
        for some in range(start, end, CROPS_AT_ONCE):
            rows = order[some : min(some + CROPS_AT_ONCE, end)]
            out[rows] = _sampled(pyramids[image].octaves[octave], samples[rows], side)
    return out


def _sampled(pixels: Floats, samples: NDArray[np.float64], side: int) -> Floats:
    """Squares of which every pixel is the mean of four samples.

    Args:
        samples: (n, 2, 2 * side), the samples' x, then their y.
    """
    count = len(samples)
    left, top = (max(math.floor(samples[:, axis].min()) - 1, 0) for axis in (0, 1))
    right, bottom = (max(math.ceil(samples[:, axis].max()) + 2, 0) for axis in (0, 1))
    shape = (count, 2 * side, 2 * side)
    x = np.broadcast_to((samples[:, 0, None, :] - left).astype(np.float32), shape).reshape(count, -1)
    y = np.broadcast_to((samples[:, 1, :, None] - top).astype(np.float32), shape).reshape(count, -1)
    seen = pixels[top:bottom, left:right]
    if not seen.size:
        return np.full((count, side, side, 3), OUTSIDE, np.float32)
    taken = cv2.remap(seen, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(OUTSIDE,) * 3)
    return halved(taken.reshape(-1, 2 * side, 3)).reshape(count, side, side, 3)
