"""Variations of a crop: where it is cut, mirror, light, occlusion, darkness with noise, low resolution, blur, JPEG.

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
# Of darkness: the share of the light that is left, and the noise's standard deviation at full light, of 0 to 255.
DARK_SHARE, DARK_NOISE = (0.08, 0.5), (2.0, 12.0)
# Sides of what covers a face, as shares of the crop's.
COVER_SHARE = (0.2, 0.5)
BLUR_PX = (0.3, 2.0)
JPEG_QUALITY = (25, 90)
# Sides to which the blur and the low resolution refer; a crop of another size is treated alike in proportion.
REFERENCE_SIDE_PX = 150
LOW_RESAMPLINGS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


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
        # what came later draws from streams of its own: the recipes from before go on as they did
        cover, dark = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,))) for key in (1, 2))
        crop = Image.fromarray(self._cut(pixels, landmarks, generator))
        for probability, variation, draws in (
            (self.config.mirror, _mirrored, generator),
            (self.config.light, _lit, generator),
            (self.config.grey, _grey, generator),
            (self.config.occlusion, _covered, cover),
            (self.config.dark, _darkened, dark),
            (self.config.low_resolution, self._low_resolution, generator),
            (self.config.blur, _blurred, generator),
            (self.config.jpeg, _compressed, generator),
        ):
            if draws.random() < probability:
                crop = variation(crop, draws)
        return np.asarray(crop)

    def _low_resolution(self, crop: Image.Image, generator: np.random.Generator) -> Image.Image:
        """Small, and enlarged again."""
        low, high = self.config.low_sides
        share = generator.uniform(low, high) / REFERENCE_SIDE_PX
        small = (max(round(crop.width * share), 4), max(round(crop.height * share), 4))
        kind = LOW_RESAMPLINGS[generator.integers(len(LOW_RESAMPLINGS))]
        return crop.resize(small, kind).resize(crop.size, Image.Resampling.BICUBIC)

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


def _covered(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    """A rectangle of one colour with a little noise, as a hand or a mask in front of the face."""
    pixels = np.array(crop)
    height, width = (max(round(side * generator.uniform(*COVER_SHARE)), 1) for side in pixels.shape[:2])
    top, left = (
        int(generator.integers(whole - part + 1)) for whole, part in zip(crop.size[::-1], (height, width), strict=True)
    )
    colour = generator.integers(0, 256, 3) + generator.normal(0, 8, (height, width, 3))
    pixels[top : top + height, left : left + width] = colour.clip(0, 255)
    return Image.fromarray(pixels)


def _darkened(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Little light, and a sensor's noise, which grows with the root of the light."""
    share, noise = generator.uniform(*DARK_SHARE), generator.uniform(*DARK_NOISE)
    pixels = np.asarray(crop, np.float32) * share
    noisy = pixels + generator.normal(0, noise, pixels.shape) * np.sqrt((pixels + 8) / 255)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _blurred(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    return crop.filter(ImageFilter.GaussianBlur(generator.uniform(*BLUR_PX) * crop.width / REFERENCE_SIDE_PX))


def _compressed(crop: Image.Image, generator: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    crop.save(file, "JPEG", quality=int(generator.integers(*JPEG_QUALITY)))
    return Image.open(file).convert("RGB")
