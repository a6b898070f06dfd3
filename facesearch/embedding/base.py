"""What every embedding network offers, and how one is described to people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from facesearch.core.settings import ModelSpec

__all__ = ["Embedded", "ModelInfo", "Network", "PixelNetwork"]

# (n, dim) float32 of unit norm, and the (n,) float32 norms that the network's vectors had before.
Embedded = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


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


@runtime_checkable
class PixelNetwork(Network, Protocol):
    """A Network that also takes crops as they are: it normalises, mirrors and averages by itself, on its device."""

    def begin(self, crops: Sequence[npt.NDArray[np.uint8]]) -> Callable[[], Embedded]:
        """Begin to embed a batch; the next one can be given to the device meanwhile.

        Args:
            crops: n of (height, width, 3) uint8 RGB, of the size that `spec.preprocessing` says; n is at least 1.

        Returns:
            A function that waits for what was begun.
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
