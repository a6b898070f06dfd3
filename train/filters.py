"""Blur, low resolution and JPEG of whole batches, on any device: what Pillow makes of one image at a time.

Blurring and resizing work along columns and rows alike, so that each is a product with one matrix from either side.
"""

import io
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

__all__ = ["along_both", "blur_matrices", "jpeg", "resizing_matrix"]


def along_both(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each image's columns times a matrix, and its rows times another.

    Args:
        pixels: (n, c, h, w). rows: (n, h, h). columns: (n, w, w).
    """
    return rows[:, None] @ pixels @ columns[:, None].transpose(-1, -2)


def blur_matrices(side: int, sigmas: Tensor, largest: float) -> Tensor:
    """Gaussian blur of a line of pixels, whose outermost ones go on beyond its ends.

    Args:
        sigmas: (n,) float32, in pixels. largest: that a sigma can be; the filter ends at three of it.

    Returns:
        (n, side, side) float32.
    """
    reach = int(np.ceil(3 * largest))
    offsets = torch.arange(-reach, reach + 1, device=sigmas.device)
    weights = torch.exp(-(offsets**2) / (2 * sigmas[:, None] ** 2))
    weights = weights / weights.sum(dim=1, keepdim=True)
    places = torch.arange(side, device=sigmas.device)
    taken = (places[:, None] + offsets).clamp(0, side - 1)[..., None] == places  # (side, offsets, side)
    # a product, not a sum by index, whose order differs from run to run on GPUs
    return torch.einsum("no,iok->nik", weights, taken.float())


@cache
def resizing_matrix(side: int, small: int, down: Image.Resampling) -> NDArray[np.float32]:
    """A line of pixels made small, and enlarged again by the bicubic filter: (side, side) float32, as Pillow does."""
    unit = Image.fromarray(np.eye(side, dtype=np.float32))
    shrunk = unit.resize((side, small), down)
    return np.asarray(shrunk.resize((side, side), Image.Resampling.BICUBIC))


def jpeg(pixels: Tensor, qualities: Tensor) -> Tensor:
    """What JPEG at these qualities leaves of images: ISO 10918-1 with colours at half the resolution, as libjpeg does.

    Coding without loss is left out.

    Args:
        pixels: (n, 3, h, w) float32 RGB, 0..255. qualities: (n,) integers, 1..100.

    Returns:
        (n, 3, h, w) float32, whole numbers.
    """
    height, width = pixels.shape[2:]
    padded = functional.pad(pixels.round(), (0, -width % 16, 0, -height % 16), mode="replicate")
    luma, chroma = _to_ycbcr(padded)
    tables = torch.from_numpy(_tables()).to(pixels.device)
    scale = torch.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)[:, None, None]
    fine, coarse = (((table * scale + 50) // 100).clamp(1, 255).float() for table in tables)
    luma = _quantised(luma, fine)
    chroma = _quantised(functional.avg_pool2d(chroma, 2), coarse)
    chroma = functional.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False)
    return _to_rgb(luma, chroma)[:, :, :height, :width]


@cache
def _tables() -> NDArray[np.int64]:
    """The two tables of annex K at quality 50, where they are what the standard prints: (2, 8, 8)."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", quality=50)
    found = Image.open(file).quantization  # type: ignore[attr-defined]
    return np.array([found[0], found[1]], np.int64).reshape(2, 8, 8)


@cache
def _cosines() -> NDArray[np.float32]:
    """The DCT of eight values as an orthonormal matrix."""
    frequency, place = np.mgrid[:8, :8]
    rows = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


def _quantised(planes: Tensor, tables: Tensor) -> Tensor:
    """Planes (n, c, h, w) through the DCT of 8 x 8 pixels, rounded as tables (n, 8, 8) say, and back."""
    n, c, height, width = planes.shape
    transform = torch.from_numpy(_cosines()).to(planes.device)
    blocks = planes.reshape(n, c, height // 8, 8, width // 8, 8).transpose(3, 4) - 128
    steps = tables[:, None, None, None]
    rounded = (transform @ blocks @ transform.T / steps).round() * steps
    back = (transform.T @ rounded @ transform).transpose(3, 4).reshape(planes.shape)
    return (back + 128).round().clamp(0, 255)


def _to_ycbcr(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """JFIF 1.02: luma (n, 1, h, w), and the two of colour (n, 2, h, w)."""
    red, green, blue = pixels.unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = torch.stack([(blue - luma) * 0.564334 + 128, (red - luma) * 0.713267 + 128], dim=1)
    return luma[:, None].round(), chroma.round()


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    blue, red = (chroma - 128).unbind(dim=1)
    y = luma[:, 0]
    colours = [y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue]
    return torch.stack(colours, dim=1).round().clamp(0, 255)
