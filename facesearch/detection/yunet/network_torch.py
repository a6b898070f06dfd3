"""YuNet in PyTorch: on other devices than the CPU, and the oracle of the one on the CPU."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as nn

from facesearch.core.torch_device import TorchDevice
from facesearch.detection.yunet.weights import Layer, Weights, load_weights

__all__ = ["DeviceNetwork"]

# Pixels of canvases that are on the device at a time; the network takes some 150 bytes for each.
AT_ONCE = 8_000_000

Pair = tuple[Layer, Layer]


class DeviceNetwork:
    """A Network (facesearch.detection.yunet.network) on a device of PyTorch's."""

    def __init__(self, device: str) -> None:
        self._device = TorchDevice(device)
        weights: Weights = load_weights()
        self._stem = self._layer(weights.stem)
        self._trunk = [self._pair(pair) for pair in weights.trunk]
        self._heads = [self._pair(pair) for pair in weights.heads]

    @torch.inference_mode()
    def __call__(self, canvases: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        height, width = canvases[0].shape[:2]
        step = max(AT_ONCE // (height * width), 1)
        # all are begun before the first one is waited for
        begun = [self._begun(canvases[first : first + step]) for first in range(0, len(canvases), step)]
        return np.concatenate([wait() for wait in begun])

    def _begun(self, canvases: Sequence[npt.NDArray[np.uint8]]) -> Callable[[], npt.NDArray[np.float32]]:
        pixels = self._device.upload_stacked(canvases).permute(0, 3, 1, 2).float()
        pairs = iter(self._trunk)
        y = nn.conv2d(pixels, *self._stem, stride=2, padding=1).relu()
        y = nn.max_pool2d(_block(y, next(pairs)), 2)
        levels: list[Tensor] = []
        for blocks, is_level in ((4, False), (2, True), (2, True), (2, True)):
            for _ in range(blocks):
                y = _block(y, next(pairs))
            if is_level:
                levels.append(y)
            if len(levels) < 3:
                y = nn.max_pool2d(y, 2)
        seen = [_block(levels.pop(), next(pairs))]
        while levels:
            seen.append(_block(levels.pop() + nn.interpolate(seen[-1], scale_factor=2.0), next(pairs)))
        heads = [_two(y, pair).flatten(2) for y, pair in zip(reversed(seen), self._heads, strict=True)]
        return self._device.download(torch.cat(heads, dim=2))

    def _pair(self, pair: Pair) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        return self._layer(pair[0]), self._layer(pair[1])

    def _layer(self, layer: Layer) -> tuple[Tensor, Tensor]:
        filters, biases = (self._device.upload(values) for values in layer)
        return filters, biases


def _two(x: Tensor, pair: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """Across channels, then within each."""
    across, (filters, biases) = pair
    return nn.conv2d(nn.conv2d(x, *across), filters, biases, padding=1, groups=len(filters))


def _block(x: Tensor, pair: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    return _two(x, pair).relu()
