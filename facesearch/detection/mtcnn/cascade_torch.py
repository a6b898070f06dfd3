"""MTCNN's networks in PyTorch: on other devices than the CPU, and the oracle of those on the CPU."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facesearch.core.torch_device import TorchDevice
from facesearch.detection.mtcnn.weights import weights_file

__all__ = ["DeviceCascade"]

Floats = npt.NDArray[np.float32]
# Crops or tiles that a network sees at once; bounds memory on photos of crowds.
MAX_CROPS, MAX_TILES = 1024, 64


class DeviceCascade:
    """A Cascade (facesearch.detection.mtcnn.cascade) on a device of PyTorch's."""

    def __init__(self, device: str) -> None:
        self._device = TorchDevice(device)
        self._pnet, self._rnet, self._onet = (self._module(name) for name in ("PNet", "RNet", "ONet"))

    @torch.inference_mode()
    def pnet(self, tiles: Floats) -> Floats:
        return np.concatenate([self._pnet_maps(self._pixels(some)) for some in _chunks(tiles, MAX_TILES)])

    @torch.inference_mode()
    def rnet(self, crops: Floats) -> tuple[Floats, Floats]:
        regression, probability = self._in_chunks(self._rnet, crops, (4, 2))
        return regression, probability[:, 1]

    @torch.inference_mode()
    def onet(self, crops: Floats) -> tuple[Floats, Floats, Floats]:
        regression, points, probability = self._in_chunks(self._onet, crops, (4, 10, 2))
        return regression, points, probability[:, 1]

    def _pnet_maps(self, x: Tensor) -> Floats:
        net = self._pnet
        x = net.pool1(net.prelu1(net.conv1(x)))
        x = net.prelu3(net.conv3(net.prelu2(net.conv2(x))))
        classes = net.conv4_1(x)
        return self._device.download(torch.cat([classes[:, 1:] - classes[:, :1], net.conv4_2(x)], dim=1))()

    def _in_chunks(self, net: Any, crops: Floats, widths: tuple[int, ...]) -> list[Floats]:
        """The net on any number of crops, none included; widths are the columns of its outputs."""
        if not len(crops):
            return [np.zeros((0, width), np.float32) for width in widths]
        parts = [torch.cat(net(self._pixels(some)), dim=1) for some in _chunks(crops, MAX_CROPS)]
        return np.split(self._device.download(torch.cat(parts))(), np.cumsum(widths)[:-1], axis=1)

    def _pixels(self, values: Floats) -> Tensor:
        """(n, h, w, 3) from 0 to 255 -> (n, 3, h, w) as the networks were trained on."""
        return self._device.upload(values).permute(0, 3, 1, 2).sub(127.5).div_(128)

    def _module(self, name: str) -> Any:
        from facenet_pytorch.models import mtcnn

        net = getattr(mtcnn, name)(pretrained=False)
        # weights_only: the files are tensors, and nothing else is ever unpickled.
        net.load_state_dict(torch.load(weights_file(name.lower()), map_location="cpu", weights_only=True))
        return net.eval().to(self._device.device, memory_format=torch.channels_last)


def _chunks(values: Floats, size: int) -> list[Floats]:
    return [values[start : start + size] for start in range(0, len(values), size)]
