"""Faces of which all pairs that are near enough are looked at: exact, up to some ten thousand of them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.agglomeration import agglomerate
from facesearch.clustering.candidates import pairs_within
from facesearch.clustering.constraints import Constraints
from facesearch.clustering.links import linked

__all__ = ["Few"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Few:
    """n faces and all pairs of them within a radius."""

    def __init__(self, vectors: NDArray[np.float32], photos: Ints, radius: float) -> None:
        """Args: vectors: (n, d) float32, unit norm. photos: (n,). radius: no distance beyond it will be asked for."""
        self._vectors = vectors
        self._pairs = pairs_within(vectors, photos, radius)

    def cores(self, eps: float, min_samples: int) -> Ints:
        """(n,) int64 labels: DBSCAN's core faces linked within eps; every other face alone."""
        near = self._pairs.distance <= eps
        return linked(self._pairs.a[near], self._pairs.b[near], len(self._vectors), min_samples)

    def strangers(self, radius: float, labels: Ints) -> Floats:
        """(n,) how many faces of other clusters there are within a radius of each."""
        a, b = self._pairs.a, self._pairs.b
        strange = (self._pairs.distance <= radius) & (labels[a] != labels[b])
        counted = np.bincount(np.concatenate([a[strange], b[strange]]), minlength=len(labels))
        return np.asarray(counted, dtype=np.float64)

    def joined(
        self,
        start: Ints,
        shift: Floats,
        cut2: Callable[[Floats], Floats],
        loosest2: float,
        together: float,
        constraints: Constraints,
    ) -> Ints:
        """See `agglomerate`. loosest2: the largest value of cut2."""
        shifted = self._pairs.distance**2 - shift[self._pairs.a] - shift[self._pairs.b]
        useful = self._pairs.take((shifted <= loosest2) | self._pairs.together)
        return agglomerate(start, self._vectors.astype(np.float64), shift, useful, cut2, together, constraints)
