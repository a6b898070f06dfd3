"""An embedding network that OpenVINO runs on the CPU, as a Network."""

from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch.core.openvino_cpu import CompiledNetwork
from facesearch.core.settings import ModelSpec

__all__ = ["OpenVinoNetwork"]

Floats = npt.NDArray[np.float32]


class OpenVinoNetwork:
    """The graph of one model; threads may share it."""

    def __init__(self, graph: Any, spec: ModelSpec, kept_as: str = "") -> None:
        self.spec = spec
        self._network = CompiledNetwork(graph, kept_as)

    def __call__(self, batch: Floats) -> Floats:
        """(n, 3, height, width) float32 -> (n, dim) float32, not of unit norm."""
        return self._network(batch)[0]
