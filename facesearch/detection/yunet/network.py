"""YuNet on canvases of a few sizes, on the CPU or another device."""

import threading
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from facesearch.core.errors import ModelError
from facesearch.detection.yunet.weights import WEIGHTS_SHA256, load_weights

if TYPE_CHECKING:
    from facesearch.core.openvino_cpu import CompiledNetwork

__all__ = ["Network", "load_network"]


class Network(Protocol):
    """The network, whatever it runs on."""

    def __call__(self, canvases: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Args: canvases: n of (h, w, 3) RGB, of one size, sides multiples of 32; n is at least 1.

        Returns:
            (n, 16, positions), see `facesearch.detection.yunet.decoding`.
        """
        ...


@cache
def load_network(device: str, int8: bool = False) -> Network:
    """The same for all detectors of a process.

    Raises:
        WeightsError: see `load_weights`.
        ModelError: in int8 on another device than the CPU.
    """
    if device == "cpu":
        return CpuNetwork(int8)
    if int8:
        raise ModelError(f"yunet-int8 runs on the CPU only, not on {device}: use --device cpu, or the detector yunet")
    from facesearch.detection.yunet.network_torch import DeviceNetwork

    return DeviceNetwork(device)


class CpuNetwork:
    """Through OpenVINO, compiled for each size of canvas when it is first needed."""

    def __init__(self, int8: bool = False) -> None:
        self._int8 = int8
        self._weights = load_weights()
        self._compiled: dict[tuple[int, ...], CompiledNetwork] = {}
        self._compiling = threading.Lock()

    def __call__(self, canvases: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        network = self._of(canvases[0].shape[:2])
        return np.concatenate([network(canvas[None])[0] for canvas in canvases])

    def _of(self, size: tuple[int, ...]) -> "CompiledNetwork":
        if size not in self._compiled:
            with self._compiling:
                if size not in self._compiled:
                    self._compiled[size] = self._made(*size)
        return self._compiled[size]

    def _made(self, height: int, width: int) -> "CompiledNetwork":
        from facesearch.core.openvino_cpu import CompiledNetwork
        from facesearch.detection.yunet.graph import yunet_graph
        from facesearch.detection.yunet.int8 import RANGES_SHA256, int8_graph

        make = int8_graph if self._int8 else yunet_graph
        kind, made_from = ("yunet-int8", RANGES_SHA256) if self._int8 else ("yunet", "")
        kept_as = f"{kind}-{height}x{width}/{WEIGHTS_SHA256}{made_from}"
        return CompiledNetwork(lambda: make(self._weights, height, width), kept_as)
