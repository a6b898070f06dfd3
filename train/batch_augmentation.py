"""The variations of train/augmentation.py for a whole batch at once, on any device, of the same distributions.

What is drawn follows from the seed and the step for the whole batch, and each process takes its share of it: so a run
gives the same crops whatever the number of its processes, and wherever it was interrupted. It is drawn on the CPU, but
for noise, which is the device's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facesearch.core.settings import Preprocessing
from facesearch.core.torch_device import TorchDevice
from train.augmentation import (
    BLUR_PX,
    COVER_SHARE,
    DARK_NOISE,
    DARK_SHARE,
    JPEG_QUALITY,
    LIGHT,
    LOW_RESAMPLINGS,
    REFERENCE_SIDE_PX,
)
from train.config import AugmentConfig
from train.filters import along_both, blur_matrices, jpeg, resizing_matrix

__all__ = ["BatchAugmentation", "cut", "low_resolution"]

# Keys of what is drawn: a new variation gets a new one, and the others go on as they did.
_PLACE, _MIRROR, _LIGHT, _GREY, _OCCLUSION, _DARK, _LOW, _BLUR, _JPEG = range(9)


@dataclass(frozen=True)
class _Draws:
    """Of one variation: which images of the share are varied, and the generator for their amounts.

    n: images of the whole batch; amounts are drawn for all of them.
    """

    generator: np.random.Generator
    n: int
    share: slice
    rows: NDArray[np.int64]
    place: TorchDevice

    def mine(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of values for the whole batch, (n, ...), those of the rows."""
        return values[self.share][self.rows]

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """(rows, *shape) float32 on the device."""
        return self.place.upload(self.mine(self.generator.uniform(low, high, (self.n, *shape))).astype(np.float32))

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """(rows, *shape) int64 on the device, below high."""
        return self.place.upload(self.mine(self.generator.integers(low, high, (self.n, *shape))))

    def noise(self, image: torch.Size) -> Tensor:
        """Standard normal, (rows, *image)."""
        source = torch.Generator(self.place.device).manual_seed(int(self.generator.integers(1 << 62)))
        whole = torch.randn((self.n, *image), generator=source, device=self.place.device)
        return whole[self.share][self.place.upload(self.rows)]


Variation = Callable[[Tensor, _Draws], Tensor]


class BatchAugmentation:
    """Varies canvases (see train/canvases.py) into crops."""

    def __init__(self, config: AugmentConfig, preprocessing: Preprocessing, device: torch.device, seed: int) -> None:
        self._config, self._size, self._seed = config, preprocessing.size, seed
        self._place = TorchDevice(str(device))
        self._moves = bool(config.shift or config.scale or config.turn)
        self._variations: tuple[tuple[int, float, Variation], ...] = (
            (_MIRROR, 0.0 if self._moves else config.mirror, lambda pixels, _: pixels.flip(3)),
            (_LIGHT, config.light, _lit),
            (_GREY, config.grey, lambda pixels, _: _grey(pixels).expand_as(pixels)),
            (_OCCLUSION, config.occlusion, _covered),
            (_DARK, config.dark, _darkened),
            (_LOW, config.low_resolution, self._low_resolution),
            (_BLUR, config.blur, _blurred),
            (_JPEG, config.jpeg, _compressed),
        )

    def __call__(self, canvases: Tensor, step: int, n: int, share: slice) -> Tensor:
        """This process's crops of a step.

        Args:
            canvases: (n / processes, h + 2 * margin, w + 2 * margin, 3) uint8, anywhere.
            n: images of the whole batch.
            share: of the whole batch, which these are.

        Returns:
            (n / processes, h, w, 3) uint8, on the device.
        """
        pixels = canvases.to(self._place.device, non_blocking=True).permute(0, 3, 1, 2).float()
        if self._moves:
            pixels = cut(pixels.contiguous(), self._moved(step, n, share), self._size)
        for key, probability, variation in self._variations:
            if probability:
                generator = self._generator(key, step)
                rows = np.flatnonzero((generator.random(n) < probability)[share])
                pixels = _some(pixels, variation, _Draws(generator, n, share, rows, self._place))
        return pixels.round_().to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def _generator(self, key: int, step: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((self._seed, step), spawn_key=(key,)))

    def _moved(self, step: int, n: int, share: slice) -> Tensor:
        """As `cut` takes it; mirror images are drawn as without any movement."""
        config, drawn = self._config, self._generator(_PLACE, step).normal(size=(n, 4))[share]
        scale, angle = np.exp(drawn[:, 0] * config.scale), np.radians(drawn[:, 1] * config.turn)
        places = drawn[:, 2:] * min(self._size) * config.shift
        mirrored = np.where(self._generator(_MIRROR, step).random(n) < config.mirror, -1, 1)[share]
        moved = np.stack([scale, angle, *places.T, mirrored], axis=1)
        return self._place.upload(moved.astype(np.float32))

    def _low_resolution(self, pixels: Tensor, draws: _Draws) -> Tensor:
        low, high = self._config.low_sides
        shares = draws.mine(draws.generator.uniform(low, high, draws.n)) / REFERENCE_SIDE_PX
        kinds = draws.mine(draws.generator.integers(len(LOW_RESAMPLINGS), size=draws.n))
        height, width = pixels.shape[2:]
        rows, columns = (self._place.upload(low_resolution(side, shares, kinds)) for side in (height, width))
        return along_both(pixels, rows, columns).clamp(0, 255)


def _some(pixels: Tensor, variation: Variation, draws: _Draws) -> Tensor:
    """Vary the rows that were drawn, in place; the others stay as they are."""
    if len(draws.rows) == 0:
        return pixels
    where = draws.place.upload(draws.rows)
    return pixels.index_copy_(0, where, variation(pixels[where], draws))


def cut(canvases: Tensor, moved: Tensor, size: tuple[int, int]) -> Tensor:
    """Crops of the middles of canvases, moved within their frames as `train.dataset.about_centre` does.

    Args:
        canvases: (n, c, h + 2 * margin, w + 2 * margin) float32.
        moved: (n, 5) float32: scale, angle in radians, x, y in pixels, and 1, or -1 for the mirror image of all this.
        size: (h, w).

    Returns:
        (n, c, h, w) float32; what lies beyond a canvas is 0.
    """
    down, along = (
        torch.arange(side, dtype=torch.float32, device=canvases.device) + 0.5 - side / 2 for side in size
    )  # pixels from the centre
    scale, angle, x, y, mirror = moved[:, :, None, None].unbind(dim=1)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    # a crop's pixel p shows the canvas's R⁻¹(p - place) / scale; grids count in half sides
    across, below = mirror * along - x, down[:, None] - y
    places = (cosine * across + sine * below, cosine * below - sine * across)
    sides = (canvases.shape[3], canvases.shape[2])
    grid = torch.stack([place * (2 / side) for place, side in zip(places, sides, strict=True)], dim=3)
    found = functional.grid_sample(canvases, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return found.round_().clamp_(0, 255)


def low_resolution(side: int, shares: NDArray[np.float64], kinds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Lines of pixels made small, and enlarged again: (n, side, side) matrices.

    Args:
        shares: (n,) of the side that are left. kinds: (n,) places in LOW_RESAMPLINGS.
    """
    sides = (max(round(side * share), 4) for share in shares.tolist())
    found = [resizing_matrix(side, small, LOW_RESAMPLINGS[k]) for small, k in zip(sides, kinds.tolist(), strict=True)]
    return np.stack(found)


def _grey(pixels: Tensor) -> Tensor:
    """(n, 1, h, w): ITU-R 601-2 luma, as Pillow's."""
    weights = pixels.new_tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)
    return (pixels * weights).sum(dim=1, keepdim=True).round()


def _lit(pixels: Tensor, draws: _Draws) -> Tensor:
    """Brightness, contrast and colour, as Pillow's ImageEnhance, which cuts fractions off after each."""
    brightness, contrast, colour = draws.uniform(1 - LIGHT, 1 + LIGHT, 3)[:, :, None, None, None].unbind(dim=1)
    pixels = _bytes(pixels * brightness)
    mean = _grey(pixels).mean(dim=(2, 3), keepdim=True).round()
    pixels = _bytes(torch.lerp(mean, pixels, contrast))
    return _bytes(torch.lerp(_grey(pixels), pixels, colour))


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.clamp(0, 255).floor()


def _covered(pixels: Tensor, draws: _Draws) -> Tensor:
    size = pixels.new_tensor(pixels.shape[2:])
    parts = (size * draws.uniform(*COVER_SHARE, 2)).round().clamp(min=1)  # (n, 2): height and width
    first = (draws.uniform(0, 1, 2) * (size - parts + 1)).floor()
    down, along = (
        (place >= first[:, axis, None]) & (place < (first + parts)[:, axis, None])
        for axis, place in enumerate(torch.arange(side, device=pixels.device) for side in pixels.shape[2:])
    )
    cover = _bytes(draws.integers(0, 256, 3)[:, :, None, None] + 8 * draws.noise(pixels.shape[1:]))
    return torch.where((down[:, :, None] & along[:, None])[:, None], cover, pixels)


def _darkened(pixels: Tensor, draws: _Draws) -> Tensor:
    share, noise = (draws.uniform(*limits, 1, 1, 1) for limits in (DARK_SHARE, DARK_NOISE))
    dark = pixels * share
    return _bytes(dark + noise * draws.noise(pixels.shape[1:]) * ((dark + 8) / 255).sqrt())


def _blurred(pixels: Tensor, draws: _Draws) -> Tensor:
    height, width = pixels.shape[2:]
    unit = width / REFERENCE_SIDE_PX
    sigmas = draws.uniform(*BLUR_PX) * unit
    rows, columns = (blur_matrices(side, sigmas, BLUR_PX[1] * unit) for side in (height, width))
    return along_both(pixels, rows, columns).clamp_(0, 255)


def _compressed(pixels: Tensor, draws: _Draws) -> Tensor:
    return jpeg(pixels, draws.integers(*JPEG_QUALITY))
