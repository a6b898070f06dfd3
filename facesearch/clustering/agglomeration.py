"""Joining groups on average evidence, best first, within what the user has decided.

The mean squared distance between the faces of two groups of unit vectors is 2 - 2 · mean_a · mean_b, so a group is
its sum of vectors. Only groups that have a candidate pair of faces are ever compared; a mean below the cut needs at
least one pair below it, so with candidates up to the largest cut nothing is missed.
"""

import heapq
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.candidates import Pairs
from facesearch.clustering.said import NOBODY, Said

__all__ = ["agglomerate"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def agglomerate(
    start: Ints,
    vectors: Floats,
    shift: Floats,
    candidates: Pairs,
    cut2: Callable[[Floats], Floats],
    together: float,
    said: Said,
) -> Ints:
    """Join groups while the mean squared distance of two of them, less its shifts, is below their cut.

    Ties go to the groups made first, and those follow the order of the rows.

    Args:
        start: (n,) int64 labels from 0 on, the groups to begin with; they agree with what was said.
        vectors: (n, d) float64, unit norm.
        shift: (n,) what each face adds to what is allowed, in squared distance.
        candidates: pairs of faces; groups without one are never joined.
        cut2: squared cut for products of two groups' sizes.
        together: squared distance added where every face of the smaller group is in a photo with one of the larger.

    Returns:
        (n,) int64 labels from 0 on.
    """
    forest = _Forest(start, vectors, shift, cut2, together, said)
    forest.meet(candidates)
    forest.grow()
    return forest.labels(start)


class _Forest:
    """Groups, numbered as they are made: the first ones, then one for every join."""

    def __init__(
        self,
        start: Ints,
        vectors: Floats,
        shift: Floats,
        cut2: Callable[[Floats], Floats],
        together: float,
        said: Said,
    ) -> None:
        count = int(start.max(initial=-1)) + 1
        self._cut2, self._together, self._start = cut2, together, start
        self._sums = np.zeros((2 * count, vectors.shape[1]))
        np.add.at(self._sums, start, vectors)
        self._sizes, self._shifts = np.zeros(2 * count), np.zeros(2 * count)
        self._sizes[:count] = np.bincount(start, minlength=count)
        self._shifts[:count] = np.bincount(start, shift, minlength=count)
        self._parent = np.arange(2 * count)
        self._alive = [True] * count
        # for each group those that it may be joined with, and how many pairs of their faces share a photo
        self._near: list[dict[int, float]] = [{} for _ in range(count)]
        self._heap: list[tuple[float, int, int]] = []
        self._who = [NOBODY] * count
        self._refused: list[frozenset[int]] = [frozenset()] * count
        for row in np.flatnonzero(said.person != NOBODY).tolist():
            self._who[start[row]] = int(said.person[row])
        for row, people in said.refused.items():
            self._refused[start[row]] |= people

    def meet(self, candidates: Pairs) -> None:
        """Let groups know of each other where their faces are candidates."""
        a, b, shared = _group_pairs(
            self._start[candidates.a], self._start[candidates.b], candidates.together, len(self._near)
        )
        for x, y, s in zip(a.tolist(), b.tolist(), shared.tolist(), strict=True):
            self._near[x][y] = self._near[y][x] = s
        costs = self._cost(a, b, shared)
        wanted = zip(costs.tolist(), a.tolist(), b.tolist(), strict=True)
        self._heap = [(cost, x, y) for cost, x, y in wanted if cost <= 0 and self._allowed(x, y)]
        heapq.heapify(self._heap)

    def grow(self) -> None:
        """Join the best two groups until none are left below their cut."""
        while self._heap:
            _, x, y = heapq.heappop(self._heap)
            if self._alive[x] and self._alive[y]:
                self._offer(self._join(x, y))

    def labels(self, start: Ints) -> Ints:
        for x in range(len(self._near) - 1, -1, -1):
            self._parent[x] = self._parent[self._parent[x]]
        return np.asarray(np.unique(self._parent[start], return_inverse=True)[1], dtype=np.int64)

    def _allowed(self, x: int, y: int) -> bool:
        who_x, who_y = self._who[x], self._who[y]
        strangers = who_x != NOBODY and who_y != NOBODY and who_x != who_y
        return not (strangers or who_x in self._refused[y] or who_y in self._refused[x])

    def _join(self, x: int, y: int) -> int:
        z = len(self._near)
        self._alive[x] = self._alive[y] = False
        self._alive.append(True)
        self._parent[x] = self._parent[y] = z
        for values in (self._sums, self._sizes, self._shifts):
            values[z] = values[x] + values[y]
        self._who.append(max(self._who[x], self._who[y]))
        self._refused.append(self._refused[x] | self._refused[y])
        self._near.append(_merged(self._near, x, y, z))
        return z

    def _offer(self, z: int) -> None:
        """Put a new group's joins on the heap."""
        near = self._near[z]
        if not near:
            return
        others = np.fromiter(near, np.int64, len(near))
        shared = np.fromiter(near.values(), np.float64, len(near))
        costs = self._cost(np.full(len(others), z), others, shared)
        for cost, other in zip(costs.tolist(), others.tolist(), strict=True):
            if cost <= 0 and self._allowed(z, other):
                heapq.heappush(self._heap, (cost, other, z))

    def _cost(self, a: Ints, b: Ints, shared: Floats) -> Floats:
        product = self._sizes[a] * self._sizes[b]
        mean = 2 - 2 * np.einsum("nd,nd->n", self._sums[a], self._sums[b]) / product
        against = self._together * np.minimum(shared / np.minimum(self._sizes[a], self._sizes[b]), 1.0)
        shifts = self._shifts[a] / self._sizes[a] + self._shifts[b] / self._sizes[b]
        return np.asarray(mean - shifts + against - self._cut2(product))


def _merged(near: list[dict[int, float]], x: int, y: int, z: int) -> dict[int, float]:
    """The neighbours of z, which x and y have become; those know z from now on, and no longer x and y."""
    (merged, more) = (near[x], near[y]) if len(near[x]) >= len(near[y]) else (near[y], near[x])
    for other, shared in more.items():
        merged[other] = merged.get(other, 0.0) + shared
    merged.pop(x, None)
    merged.pop(y, None)
    near[x], near[y] = {}, {}
    for other, shared in merged.items():
        near[other].pop(x, None)
        near[other].pop(y, None)
        near[other][z] = shared
    return merged


def _group_pairs(a: Ints, b: Ints, together: NDArray[np.bool_], count: int) -> tuple[Ints, Ints, Floats]:
    """Each pair of different groups once, with the number of its pairs of faces that share a photo."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    differ = low < high
    keys, inverse = np.unique((low * count + high)[differ], return_inverse=True)
    shared = np.bincount(inverse, together[differ], minlength=len(keys))
    return np.asarray(keys // count), np.asarray(keys % count), np.asarray(shared, np.float64)
