"""MTCNN's three networks with the weights inside facenet-pytorch's wheel, on the CPU or another device."""

from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["PNET_COLUMNS", "PNET_ROWS", "Cascade", "load_cascade"]

Floats = npt.NDArray[np.float32]
# Windows that P-Net looks at in one go: large enough to pay for the call, small enough to stay in a core's cache.
PNET_ROWS, PNET_COLUMNS = 32, 256
RNET_BATCH, ONET_BATCH = 64, 8


class Cascade(Protocol):
    """The networks, whatever they run on. Pixels are RGB from 0 to 255."""

    def pnet(self, tiles: Floats) -> Floats:
        """(n, 2 * PNET_ROWS + 10, 2 * PNET_COLUMNS + 10, 3) -> (n, 5, PNET_ROWS, PNET_COLUMNS).

        Log-odds of a face in the 12-pixel window at every second pixel, and its regression.
        """
        ...

    def rnet(self, crops: Floats) -> tuple[Floats, Floats]:
        """(n, 24, 24, 3) -> (n, 4) regressions, (n,) scores."""
        ...

    def onet(self, crops: Floats) -> tuple[Floats, Floats, Floats]:
        """(n, 48, 48, 3) -> (n, 4) regressions, (n, 10) points (five x, then five y), (n,) scores."""
        ...


@cache
def load_cascade(device: str) -> Cascade:
    """The same for all detectors of a process. Raises WeightsError, see `weights_file`."""
    if device == "cpu":
        return CpuCascade()
    from facesearch.detection.mtcnn.cascade_torch import DeviceCascade

    return DeviceCascade(device)


class CpuCascade:
    """Through OpenVINO."""

    def __init__(self) -> None:
        from facesearch.core.openvino_cpu import CompiledNetwork
        from facesearch.detection.mtcnn import graphs
        from facesearch.detection.mtcnn.torch_file import read_torch_file
        from facesearch.detection.mtcnn.weights import weights_file

        pnet, rnet, onet = (read_torch_file(weights_file(name)) for name in ("pnet", "rnet", "onet"))
        tile = (2 * PNET_ROWS + 10, 2 * PNET_COLUMNS + 10)
        self._pnet = CompiledNetwork(graphs.pnet_graph(pnet, *tile), f"pnet/{tile}")
        self._rnet = CompiledNetwork(graphs.rnet_graph(rnet, RNET_BATCH), "rnet/")
        self._onet = CompiledNetwork(graphs.onet_graph(onet, ONET_BATCH), "onet/")

    def pnet(self, tiles: Floats) -> Floats:
        return self._pnet(tiles)[0]

    def rnet(self, crops: Floats) -> tuple[Floats, Floats]:
        regression, probability = self._rnet(crops)
        return regression, probability[:, 1]

    def onet(self, crops: Floats) -> tuple[Floats, Floats, Floats]:
        regression, points, probability = self._onet(crops)
        return regression, points, probability[:, 1]
