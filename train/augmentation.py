"""Variations of a crop: where it is cut, mirror, light, blur, JPEG, low resolution.

Everything that is drawn follows from the seed of the one image in the one step, so that a run gives the same crops
whatever the number of its processes, and wherever it was interrupted.
"""

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from facesearch.core.settings import Preprocessing
from train.config import AugmentConfig
from train.dataset import about_centre, crop_of

__all__ = ["Augmentation"]

Pixels = NDArray[np.uint8]

LIGHT = 0.3
LOW_SIDES_PX = (28, 110)
BLUR_PX = (0.3, 2.0)
JPEG_QUALITY = (25, 90)
# Sides to which the blur and the low resolution refer; a crop of another size is treated alike in proportion.
REFERENCE_SIDE_PX = 150
_RESAMPLINGS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


class Augmentation:
    """Cuts a crop and varies it, in the order in which a camera, a website and a thumbnail would."""

    def __init__(self, config: AugmentConfig, preprocessing: Preprocessing) -> None:
        self.config = config
        self.preprocessing = preprocessing

    def __call__(
        self, pixels: Pixels, landmarks: Sequence[Sequence[float]] | None, seed: int | Sequence[int]
    ) -> Pixels:
        """One varied crop.

        Args:
            pixels: (h, w, 3) uint8.
            landmarks: five (x, y) in pixels, or None; see `train.dataset.crop_of`.
            seed: everything that is drawn follows from it.

        Returns:
            (height, width, 3) uint8.
        """
        generator = np.random.default_rng(seed)
        crop = Image.fromarray(self._cut(pixels, landmarks, generator))
        for probability, variation in (
            (self.config.mirror, _mirrored),
            (self.config.light, _lit),
            (self.config.grey, _grey),
            (self.config.low_resolution, _low_resolution),
            (self.config.blur, _blurred),
            (self.config.jpeg, _compressed),
        ):
            if generator.random() < probability:
                crop = variation(crop, generator)
        return np.asarray(crop)

    def _cut(
        self, pixels: Pixels, landmarks: Sequence[Sequence[float]] | None, generator: np.random.Generator
    ) -> Pixels:
        size, turn, right, down = generator.normal(size=4)
        side = min(self.preprocessing.size) * self.config.shift
        moved = about_centre(
            self.preprocessing,
            math.exp(size * self.config.scale),
            math.radians(turn * self.config.turn),
            (right * side, down * side),
        )
        return crop_of(pixels, landmarks, self.preprocessing, moved)


def _mirrored(crop: Image.Image, _: np.random.Generator) -> Image.Image:
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _lit(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        crop = kind(crop).enhance(generator.uniform(1 - LIGHT, 1 + LIGHT))
    return crop


def _grey(crop: Image.Image, _: np.random.Generator) -> Image.Image:
    return crop.convert("L").convert("RGB")


def _low_resolution(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    share = generator.uniform(*LOW_SIDES_PX) / REFERENCE_SIDE_PX
    small = (max(round(crop.width * share), 4), max(round(crop.height * share), 4))
    kind = _RESAMPLINGS[generator.integers(len(_RESAMPLINGS))]
    return crop.resize(small, kind).resize(crop.size, Image.Resampling.BICUBIC)


def _blurred(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    return crop.filter(ImageFilter.GaussianBlur(generator.uniform(*BLUR_PX) * crop.width / REFERENCE_SIDE_PX))


def _compressed(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    crop.save(file, "JPEG", quality=int(generator.integers(*JPEG_QUALITY)))
    return Image.open(file).convert("RGB")
