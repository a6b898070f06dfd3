"""Faces that are too many for all their pairs: their nearest are compared, and exact distances decide.

The neighbours of single faces are looked for once, those of clusters among the clusters' means, again and again until
nothing more is joined. What `few` does with all pairs is done here with these.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.candidates import of_one_photo
from facesearch.clustering.constraints import Constraints
from facesearch.clustering.links import each_once, linked, measured
from facesearch.clustering.near import near_of
from facesearch.clustering.rounds import Rounds

__all__ = ["Many"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = NDArray[np.int32]

# Nearest faces or clusters that each is compared with.
NEAREST = 16
# Clusters are looked at again while at least this share of them has been joined.
GOES_ON = 1e-3
# Faces whose strangers are counted exactly, to know how many the lists miss.
COUNTED = 256
# Pairs whose vectors are gathered at a time.
PAIRS = 1 << 12


class Many:
    """n faces and the nearest of each."""

    def __init__(self, vectors: NDArray[np.float32], photos: Ints, device: str = "cpu") -> None:
        """Args: vectors: (n, d) float32, unit norm. photos: (n,). device: as `pick_device` takes it."""
        self._vectors, self._device = vectors, device
        self._near = near_of(vectors, device)
        self._photo_pairs = of_one_photo(photos)
        self._pairs: dict[int, tuple[Columns, Columns]] = {}

    def cores(self, eps: float, min_samples: int) -> Ints:
        """(n,) int64 labels: DBSCAN's core faces linked within eps as far as they are near each other; others alone."""
        a, b = self._nearest(max(NEAREST, min_samples))
        near = _distances2(self._vectors, a, b) <= eps * eps
        return linked(a[near], b[near], len(self._vectors), min_samples)

    def strangers(self, radius: float, labels: Ints) -> Floats:
        """(n,) how many faces of other clusters there are within a radius of each, what the lists miss made up for."""
        counted = np.zeros(len(labels))
        for a, b in self._near.within(radius, labels):
            near = _distances2(self._vectors, a, b) <= radius * radius
            np.add.at(counted, a[near], 1)
        if self._near.exact:
            return counted
        some = np.linspace(0, len(labels) - 1, min(COUNTED, len(labels))).astype(np.int64)
        found, there = counted[some].sum(), _strangers_of(some, self._vectors, radius, labels)
        return np.asarray(counted * (there / found if found else 1.0))

    def joined(
        self,
        start: Ints,
        shift: Floats,
        cut2: Callable[[Floats], Floats],
        loosest2: float,
        together: float,
        constraints: Constraints,
    ) -> Ints:
        """As `Few.joined`, in rounds."""
        rounds = Rounds(start, self._vectors, shift, self._photo_pairs, cut2, loosest2, together, constraints)
        a, b = self._nearest(NEAREST)
        rounds.meet(start[a], start[b])
        rounds.join()
        while True:
            places, means = rounds.means()
            a, b = _pairs(near_of(means, self._device).nearest(NEAREST))
            rounds.meet(places[a], places[b])
            if rounds.join() <= GOES_ON * len(places):
                return rounds.labels()

    def _nearest(self, k: int) -> tuple[Columns, Columns]:
        if k not in self._pairs:
            self._pairs[k] = _pairs(self._near.nearest(k))
        return self._pairs[k]


def _pairs(nearest: Columns) -> tuple[Columns, Columns]:
    """Pairs a < b of rows of which one is among the nearest of the other, each once. Args: nearest: (n, k)."""
    n = len(nearest)
    rows = np.arange(n)[:, None]
    keys = np.minimum(nearest, rows)
    keys *= n
    keys += np.maximum(nearest, rows)
    keys = each_once(keys[nearest >= 0])
    return (keys // n).astype(np.int32), (keys % n).astype(np.int32)


def _distances2(vectors: NDArray[np.float32], a: Columns, b: Columns) -> NDArray[np.float32]:
    """(m,) float32 squared distances of pairs of rows, from their differences."""

    def squared(a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.float32]:
        difference = vectors.take(a, axis=0)
        difference -= vectors.take(b, axis=0)
        return np.asarray(np.einsum("nd,nd->n", difference, difference))

    return measured(squared, a, b, np.float32, PAIRS)


def _strangers_of(rows: Ints, vectors: NDArray[np.float32], radius: float, labels: Ints) -> int:
    """How many faces of other clusters there are within a radius of some rows, each of them counted."""
    found = 0
    for start in range(0, len(rows), 16):
        part = rows[start : start + 16]
        near = 2 - 2 * vectors[part] @ vectors.T <= radius * radius
        found += int((near & (labels[part, None] != labels)).sum())
    return found
