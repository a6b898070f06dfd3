"""Crops -> what a network takes, on PyTorch's device, so that a quarter of the bytes travel there."""

import torch
from torch import Tensor

from facesearch.core.settings import Preprocessing

__all__ = ["Standardiser"]


class Standardiser:
    """The preprocessing of a network on the device; the same numbers as NetworkEmbedder's."""

    def __init__(self, preprocessing: Preprocessing, device: torch.device, layout: torch.memory_format) -> None:
        self._mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(preprocessing.std, device=device).view(1, 3, 1, 1)
        self._flip = preprocessing.channels == "bgr"
        self._device, self._layout = device, layout

    def __call__(self, crops: Tensor) -> Tensor:
        """Args: crops (n, h, w, 3) uint8 RGB, anywhere. Returns (n, 3, h, w) float32 on the device."""
        pixels = crops.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
        if self._flip:
            pixels = pixels.flip(1)
        return ((pixels.float() - self._mean) / self._std).contiguous(memory_format=self._layout)
