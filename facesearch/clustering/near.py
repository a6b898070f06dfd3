"""The pairs that a large clustering looks at: those that lists propose on the CPU, and all that are near on a GPU.

Both only propose; distances that decide are measured on the vectors. A GPU misses no neighbour and lists miss some, so
clusters of more than 20,000 good faces can differ in a few faces.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.near_lists import NearLists, without_itself
from facesearch.clustering.neighbours import computes, nearest_neighbours
from facesearch.core.device import pick_device

__all__ = ["Near", "near_of"]

Ints = NDArray[np.int64]
Columns = NDArray[np.int32]


class Near(Protocol):
    """What is near each of n vectors."""

    @property
    def exact(self) -> bool:
        """Whether nothing is missed."""
        ...

    def nearest(self, k: int) -> Columns:
        """(n, k) int32: the rows nearest to each, nearest first and not itself; -1 where fewer were found."""
        ...

    def within(self, radius: float, labels: Ints) -> Iterator[tuple[Columns, Columns]]:
        """Block by block pairs of rows of different labels that can be at most an L2 distance apart, from both sides.

        Args: labels: (n,) int64.
        """
        ...


def near_of(vectors: NDArray[np.float32], device: str) -> Near:
    """Args: vectors: (n, d) float32, finite, n at least 1. device, Raises: as of `pick_device`."""
    on = pick_device(device)
    return _OnDevice(vectors, on) if computes(on) else NearLists(vectors)


class _OnDevice:
    """All pairs, looked at on a GPU."""

    exact = True

    def __init__(self, vectors: NDArray[np.float32], device: str) -> None:
        self._vectors, self._device = vectors, device

    def nearest(self, k: int) -> Columns:
        found = np.full((len(self._vectors), k + 1), -1, np.int32)
        ids = nearest_neighbours(self._vectors, self._vectors, k + 1, device=self._device)[0]
        found[:, : ids.shape[1]] = ids
        return without_itself(found, 0)

    def within(self, radius: float, labels: Ints) -> Iterator[tuple[Columns, Columns]]:
        from facesearch.core.torch_neighbours import TorchNeighbours

        return TorchNeighbours(self._device, self._vectors).within(radius, labels)
