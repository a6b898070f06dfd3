"""What every embedding network offers, and how one is described to people."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facesearch.core.settings import ModelSpec

__all__ = ["ModelInfo", "Network"]


class Network(Protocol):
    """Turns normalised crops into embeddings."""

    @property
    def spec(self) -> ModelSpec: ...

    def __call__(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed a batch.

        Args:
            batch: (n, 3, height, width) float32, already (value - mean) / std, in the network's own channel order.
                n may be 0.

        Returns:
            (n, dim) float32, not yet of unit norm.
        """
        ...


@dataclass(frozen=True)
class ModelInfo:
    """One row of `facesearch models`.

    ready: the weights are on this machine.
    where: the file with the weights, or where it belongs; None where the package that carries it is not installed.
    note: how to get it, or empty.
    """

    name: str
    dim: int
    licence: str
    source: str
    ready: bool
    where: Path | None
    note: str
