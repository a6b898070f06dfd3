"""YuNet on canvases of a few sizes, on the CPU or another device."""

import threading
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facesearch.detection.yunet.weights import WEIGHTS_SHA256, load_weights

__all__ = ["Network", "load_network"]


class Network(Protocol):
    """The network, whatever it runs on."""

    def __call__(self, canvas: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """(h, w, 3) RGB, sides multiples of 32 -> (16, positions), see `facesearch.detection.yunet.decoding`."""
        ...


@cache
def load_network(device: str) -> Network:
    """The same for all detectors of a process. Raises WeightsError, see `load_weights`."""
    if device == "cpu":
        return CpuNetwork()
    from facesearch.detection.yunet.network_torch import DeviceNetwork

    return DeviceNetwork(device)


class CpuNetwork:
    """Through OpenVINO, compiled for each size of canvas when it is first needed."""

    def __init__(self) -> None:
        from facesearch.core.openvino_cpu import CompiledNetwork

        self._weights = load_weights()
        self._compiled: dict[tuple[int, ...], CompiledNetwork] = {}
        self._compiling = threading.Lock()

    def __call__(self, canvas: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        from facesearch.core.openvino_cpu import CompiledNetwork
        from facesearch.detection.yunet.graph import yunet_graph

        size = height, width = canvas.shape[:2]
        if size not in self._compiled:
            with self._compiling:
                if size not in self._compiled:
                    kept_as = f"yunet-{height}x{width}/{WEIGHTS_SHA256}"
                    self._compiled[size] = CompiledNetwork(lambda: yunet_graph(self._weights, *size), kept_as)
        maps: npt.NDArray[np.float32] = self._compiled[size](canvas[None])[0][0]
        return maps
