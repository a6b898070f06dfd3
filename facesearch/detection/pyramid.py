"""An image at many scales, and crops from it."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from facesearch.detection.candidates import Candidates
from facesearch.networks.operators import roi_align

__all__ = ["Pyramid", "crops", "scales"]

PNET_WINDOW = 12


class Pyramid:
    """An image and its halves, quarters, ..., each averaged from the one before, scaled as MTCNN expects.

    Every smaller version is made from the nearest larger octave: area-averaged throughout, and cheaper than from the
    original each time. They are floats: rounded to bytes, they would move landmarks, and embeddings with them.

    octaves: (1, 3, h, w) float32 from -1 to 1 at scales 1, 1/2, 1/4, ...; one may lack the last odd row or column of
        the one before.
    """

    def __init__(self, image: NDArray[np.uint8], device: torch.device) -> None:
        planes = torch.from_numpy(np.array(image.transpose(2, 0, 1), order="C")).to(device)
        pixels = planes[None].float().sub_(127.5).div_(128)
        self.octaves = [pixels]
        while min(self.octaves[-1].shape[-2:]) >= 2 * PNET_WINDOW:
            self.octaves.append(_halved(self.octaves[-1]))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image."""
        height, width = self.octaves[0].shape[-2:]
        return height, width

    def resized(self, scale: float) -> tuple[Tensor, tuple[float, float]]:
        """The image at a scale of at most 1, from the smallest octave that is at least as large.

        Returns:
            The image, (1, 3, h, w), and the scale in x and in y that it has: sides are whole numbers of pixels, and
            near P-Net's 12 that makes a difference of percents.
        """
        height, width = self.size
        level = min(int(math.log2(1 / scale) + 1e-9), len(self.octaves) - 1)
        octave = self.octaves[level]
        octave_height, octave_width = octave.shape[-2:]
        if scale * 2**level == 1:
            return octave, (scale, scale)
        size = (round(height * scale), round(width * scale))
        pixels = functional.interpolate(octave, size=size, mode="bilinear", antialias=True, align_corners=False)
        # an octave may lack the last odd row or column of the one before
        return pixels, (size[1] / (octave_width * 2**level), size[0] / (octave_height * 2**level))


def _halved(pixels: Tensor) -> Tensor:
    """The mean of every 2 x 2 pixels, as avg_pool2d gives it; on CPUs that takes ten times as long."""
    height, width = (side - side % 2 for side in pixels.shape[-2:])
    rows = pixels[..., :height:2, :width] + pixels[..., 1:height:2, :width]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)


def scales(shape: Sequence[int], min_face_px: float, factor: float) -> Iterator[float]:
    """Scales at which a window of P-Net is a face of min_face_px, and larger ones up to the whole image."""
    scale = PNET_WINDOW / max(min_face_px, PNET_WINDOW)
    while min(shape) * scale >= PNET_WINDOW - 1e-6:  # 12 / side * side may fall short of 12 by its rounding
        yield scale
        scale *= factor


def crops(candidates: Candidates, pyramids: Sequence[Pyramid], side: int, device: torch.device) -> Tensor:
    """Every candidate's square as (n, 3, side, side), area-averaged; what lies outside the image is mid-grey."""
    out = torch.empty((len(candidates), 3, side, side), device=device)
    widths = candidates.boxes[:, 2] - candidates.boxes[:, 0]
    wanted = torch.log2((widths / side).clamp(min=1)).floor().long()
    last = torch.tensor([len(pyramid.octaves) - 1 for pyramid in pyramids], dtype=torch.long)
    level = torch.minimum(wanted, last[candidates.image])
    for image, octave in torch.unique(torch.stack([candidates.image, level], dim=1), dim=0).tolist():
        rows = torch.nonzero((candidates.image == image) & (level == octave))[:, 0]
        pixels, boxes = pyramids[image].octaves[octave], candidates.boxes[rows].to(device)
        # at this octave a side of the box has 1 to 2 pixels a sample: two samples a side see them all
        out[rows.to(device)] = roi_align(pixels, [boxes], (side, side), 0.5**octave, 2, aligned=True)
    return out
