"""MTCNN's three networks with the weights inside facenet-pytorch's wheel, on the CPU or another device."""

import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from facesearch.errors import WeightsError

__all__ = ["OUTSIDE", "PNET_COLUMNS", "PNET_ROWS", "Cascade", "load_cascade"]

Floats = npt.NDArray[np.float32]
# Windows that P-Net looks at in one go: large enough to pay for the call, small enough to stay in a core's cache.
PNET_ROWS, PNET_COLUMNS = 32, 128
RNET_BATCH, ONET_BATCH = 16, 8
# What the fourth plane of P-Net's tiles holds where there is no picture: less than any value of its first layer.
OUTSIDE = -1e9
# Crops that a network on another device sees at once; bounds memory on photos of crowds.
MAX_CROPS = 1024


class Cascade(Protocol):
    """The networks, whatever they run on."""

    def pnet(self, tiles: Floats) -> Floats:
        """(n, 4, 2 * PNET_ROWS + 10, 2 * PNET_COLUMNS + 10) -> (n, 5, PNET_ROWS, PNET_COLUMNS).

        Log-odds of a face in the 12-pixel window at every second pixel, and its regression. The fourth plane is 0 in a
        picture and OUTSIDE around it, so that at an odd last row or column the pooling sees what there is, alone.
        """
        ...

    def rnet(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, 24, 24) -> (n, 4) regressions, (n,) scores, on the CPU."""
        ...

    def onet(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 3, 48, 48) -> (n, 4) regressions, (n, 10) points (five x, then five y), (n,) scores, on the CPU."""
        ...


def load_cascade(device: torch.device) -> Cascade:
    """Raises WeightsError where facenet-pytorch is not installed."""
    return CpuCascade() if device.type == "cpu" else DeviceCascade(device)


class CpuCascade:
    """Through OpenVINO."""

    def __init__(self) -> None:
        from facesearch.networks import openvino_graphs as graphs
        from facesearch.networks.openvino_cpu import CompiledNetwork

        weights = [{k: v.numpy() for k, v in _state(name).items()} for name in ("pnet", "rnet", "onet")]
        tile = (2 * PNET_ROWS + 10, 2 * PNET_COLUMNS + 10)
        self._pnet = CompiledNetwork(graphs.pnet_graph(weights[0], *tile))
        self._rnet = CompiledNetwork(graphs.rnet_graph(weights[1], RNET_BATCH))
        self._onet = CompiledNetwork(graphs.onet_graph(weights[2], ONET_BATCH))

    def pnet(self, tiles: Floats) -> Floats:
        return self._pnet(tiles)[0]

    def rnet(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        regression, probability = map(torch.from_numpy, self._rnet(crops.numpy()))
        return regression, probability[:, 1]

    def onet(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        regression, points, probability = map(torch.from_numpy, self._onet(crops.numpy()))
        return regression, points, probability[:, 1]


class DeviceCascade:
    """Through PyTorch; also the oracle of the one on the CPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pnet, self._rnet, self._onet = (_module(name, device) for name in ("PNet", "RNet", "ONet"))

    def pnet(self, tiles: Floats) -> Floats:
        net = self._pnet
        x = torch.from_numpy(np.array(tiles)).to(self._device)
        x = net.pool1(net.prelu1(net.conv1(x[:, :3])) + x[:, 3:, 2:, 2:])
        x = net.prelu3(net.conv3(net.prelu2(net.conv2(x))))
        classes = net.conv4_1(x)
        maps: Floats = torch.cat([classes[:, 1:] - classes[:, :1], net.conv4_2(x)], dim=1).cpu().numpy()
        return maps

    def rnet(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        regression, probability = _in_chunks(self._rnet, crops, (4, 2))
        return regression, probability[:, 1]

    def onet(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        regression, points, probability = _in_chunks(self._onet, crops, (4, 10, 2))
        return regression, points, probability[:, 1]


def _in_chunks(net: Any, crops: Tensor, widths: tuple[int, ...]) -> list[Tensor]:
    """The net on any number of crops, none included; widths are the columns of its outputs."""
    if not len(crops):
        return [torch.zeros((0, width)) for width in widths]
    parts = [net(chunk) for chunk in crops.split(MAX_CROPS)]
    return [torch.cat(part).float().cpu() for part in zip(*parts, strict=True)]


def _module(name: str, device: torch.device) -> Any:
    from facenet_pytorch.models import mtcnn

    net = getattr(mtcnn, name)(pretrained=False)
    net.load_state_dict(_state(name.lower()))
    return net.eval().to(device, memory_format=torch.channels_last)


def _state(name: str) -> dict[str, Tensor]:
    # Found, not imported: importing facenet_pytorch imports torchvision and requests, which takes a second.
    found = importlib.util.find_spec("facenet_pytorch")
    if found is None or not found.submodule_search_locations:
        raise WeightsError("MTCNN's weights are missing: pip install 'facenet-pytorch>=2.5.3,<2.6'")
    path = Path(found.submodule_search_locations[0]) / "data" / f"{name}.pt"
    # weights_only: the files are tensors, and nothing else is ever unpickled.
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
