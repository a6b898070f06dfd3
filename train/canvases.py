"""Crops with a margin, each cut from its image once: what variations of whole batches are made from.

A canvas is the crop that the product makes, and so much around it as moving, turning and scaling may bring in. Those
of the first images of a set are kept in memory as bytes, up to a limit; those of the others are cut each time.
"""

import math

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import Preprocessing
from train.config import AugmentConfig
from train.dataset import FaceSet, about_centre, crop_of, read_pixels

__all__ = ["Canvases", "margin_for"]

# Standard deviations of all movements at once that stay within the margin; beyond it a crop is black.
COVERED = 3.0
LARGEST_SIDE = 1024  # of a crop, see Preprocessing


def margin_for(augment: AugmentConfig, preprocessing: Preprocessing) -> int:
    """Pixels around a crop; at most half of its longer side."""
    if not (augment.shift or augment.scale or augment.turn):
        return 0
    half, side = max(preprocessing.size) / 2, min(preprocessing.size)
    turn = min(math.radians(COVERED * augment.turn), math.pi / 4)
    turned = half * (math.cos(turn) + math.sin(turn)) * math.exp(COVERED * augment.scale)
    needed = turned + COVERED * augment.shift * side - half
    most = min(round(half), (LARGEST_SIDE - max(preprocessing.size)) // 2)
    return min(math.ceil(needed) + 2, most)  # the cubic filter reaches two pixels farther


class Canvases:
    """The canvases of n images; threads may share it."""

    def __init__(self, faces: FaceSet, preprocessing: Preprocessing, margin: int, kept_bytes: int) -> None:
        """Args: margin: as `margin_for` says. kept_bytes: of memory at most; it is taken as images are seen."""
        self._faces, self._preprocessing, self._margin = faces, preprocessing, margin
        height, width = preprocessing.size
        self.shape = (height + 2 * margin, width + 2 * margin, 3)
        kept = min(len(faces), kept_bytes // math.prod(self.shape))
        self._kept, self._is_there = np.empty((kept, *self.shape), np.uint8), np.zeros(kept, bool)

    def fill(self, row: int, canvas: NDArray[np.uint8]) -> None:
        """Write an image's canvas into an array of `shape`. Raises TrainingError where the image cannot be read."""
        if row >= len(self._kept):
            canvas[:] = self._cut(row)
            return
        if not self._is_there[row]:  # two threads may both cut it, to the same bytes
            self._kept[row] = self._cut(row)
            self._is_there[row] = True
        canvas[:] = self._kept[row]

    def _cut(self, row: int) -> NDArray[np.uint8]:
        image = self._faces.images[row]
        unmoved = about_centre(self._preprocessing, 1.0)
        return crop_of(read_pixels(image), image.landmarks, self._preprocessing, unmoved, self._margin)
