"""Joining clusters on average evidence, best first, within what the user has decided.

The mean squared distance between the faces of two clusters of unit vectors is 2 - 2 · mean_a · mean_b, so a cluster is
its sum of vectors. Only clusters that have a candidate pair of faces are ever compared; a mean below the cut needs at
least one pair below it, so with candidates up to the largest cut nothing is missed.
"""

import heapq
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.candidates import Pairs
from facesearch.clustering.constraints import NOBODY, Constraints

__all__ = ["agglomerate"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Offer = tuple[float, int, int]  # cost, and the numbers of two clusters

# Pairs of clusters whose sums are gathered at a time, and offers that are made into tuples at a time.
COST_PAIRS, OFFERS = 1 << 14, 1 << 12


def agglomerate(
    start: Ints,
    vectors: Floats,
    shift: Floats,
    candidates: Pairs,
    cut2: Callable[[Floats], Floats],
    together: float,
    constraints: Constraints,
) -> Ints:
    """Join clusters while the mean squared distance of two of them, less its shifts, is below their cut.

    Ties go to the clusters made first, and those follow the order of the rows.

    Args:
        start: (n,) int64 labels from 0 on, the clusters to begin with; they agree with the constraints.
        vectors: (n, d) float64, unit norm.
        shift: (n,) what each face adds to what is allowed, in squared distance.
        candidates: pairs of faces; clusters without one are never joined.
        cut2: squared cut for products of two clusters' sizes.
        together: squared distance added where every face of the smaller cluster is in a photo with one of the larger.

    Returns:
        (n,) int64 labels from 0 on.
    """
    forest = _Forest(start, vectors, shift, cut2, together, constraints)
    forest.meet(candidates)
    forest.grow()
    return forest.labels()


class _Forest:
    """Clusters: each has a number, in the order in which they are made, and a place, that of one of its first clusters.

    What clusters may be joined with is kept as places, of which some may have been taken over by another cluster since;
    so joining two clusters changes nothing for the others.
    """

    def __init__(
        self,
        start: Ints,
        vectors: Floats,
        shift: Floats,
        cut2: Callable[[Floats], Floats],
        together: float,
        constraints: Constraints,
    ) -> None:
        count = int(start.max(initial=-1)) + 1
        self._cut2, self._together, self._start = cut2, together, start
        # by place
        self._sums = np.zeros((count, vectors.shape[1]))
        np.add.at(self._sums, start, vectors)
        self._sizes = np.bincount(start, minlength=count).astype(np.float64)
        self._shifts = np.bincount(start, shift, minlength=count).astype(np.float64)
        self._number = np.arange(count)
        self._taken_by = np.arange(count)
        self._places = [[place] for place in range(count)]
        self._near: list[tuple[Ints, Floats]] = []
        self._who, self._refused = constraints.by_cluster(start, count)
        # by number
        self._place: list[int] = list(range(count))
        self._alive = [True] * count
        self._heap: list[tuple[float, int, int, Iterator[Offer]]] = []

    def meet(self, candidates: Pairs) -> None:
        """Let clusters know of each other where their faces are candidates."""
        count = len(self._places)
        a, b, shared = _group_pairs(self._start[candidates.a], self._start[candidates.b], candidates.together, count)
        self._near = _both_ways(a, b, shared, count)
        self._offer(a, b, shared)

    def grow(self) -> None:
        """Join the best two clusters until none are left below their cut."""
        while self._heap:
            _, x, y, offers = heapq.heappop(self._heap)
            if self._alive[x] and self._alive[y]:
                self._join(x, y)
            self._push(offers)

    def labels(self) -> Ints:
        """(n,) int64, numbered in the order in which the clusters were made."""
        return np.asarray(np.unique(self._number[self._taken_by[self._start]], return_inverse=True)[1], dtype=np.int64)

    def _allowed(self, x: int, y: int) -> bool:
        a, b = self._place[x], self._place[y]
        strangers = NOBODY not in (self._who[a], self._who[b]) and self._who[a] != self._who[b]
        return not (strangers or self._who[a] in self._refused[b] or self._who[b] in self._refused[a])

    def _join(self, x: int, y: int) -> None:
        """Make one cluster of two, in the place of the one that has taken more places."""
        kept, left = self._place[x], self._place[y]
        if len(self._places[kept]) < len(self._places[left]):
            kept, left = left, kept
        for values in (self._sums, self._sizes, self._shifts):
            values[kept] += values[left]
        self._who[kept] = max(self._who[kept], self._who[left])
        self._refused[kept] |= self._refused[left]
        self._taken_by[self._places[left]] = kept
        self._places[kept] += self._places[left]
        self._places[left] = []
        self._alive[x] = self._alive[y] = False
        self._number[kept] = len(self._place)
        self._place.append(kept)
        self._alive.append(True)
        near, shared = self._near[kept] = self._neighbours(kept, left)
        self._near[left] = (near[:0], shared[:0])
        self._offer(near, np.full(len(near), kept), shared)

    def _neighbours(self, kept: int, left: int) -> tuple[Ints, Floats]:
        """Where those are now that two clusters could be joined with, and their pairs of faces that share a photo."""
        (some, some_shared), (more, more_shared) = self._near[kept], self._near[left]
        places = self._taken_by[np.concatenate([some, more])]
        shared = np.concatenate([some_shared, more_shared])
        others = places != kept
        near, inverse = np.unique(places[others], return_inverse=True)
        return near, np.bincount(inverse, shared[others], minlength=len(near)).astype(np.float64)

    # -- offers: the joins of a cluster, best first, of which only the first is on the heap ----------------------------

    def _offer(self, a: Ints, b: Ints, shared: Floats) -> None:
        """Put joins on the heap, as far as they are below their cut."""
        costs = np.concatenate(
            [np.zeros(0)]
            + [
                self._cost(a[i : i + COST_PAIRS], b[i : i + COST_PAIRS], shared[i : i + COST_PAIRS])
                for i in range(0, len(a), COST_PAIRS)
            ]
        )
        below = np.flatnonzero(costs <= 0)
        costs, x, y = costs[below], self._number[a[below]], self._number[b[below]]
        order = np.lexsort((y, x, costs))
        self._push(self._still_open(costs[order], x[order], y[order]))

    def _push(self, offers: Iterator[Offer]) -> None:
        best = next(offers, None)
        if best is not None:
            heapq.heappush(self._heap, (*best, offers))

    def _still_open(self, costs: Floats, x: Ints, y: Ints) -> Iterator[Offer]:
        for i in range(0, len(costs), OFFERS):
            part = slice(i, i + OFFERS)
            for offer in zip(costs[part].tolist(), x[part].tolist(), y[part].tolist(), strict=True):
                if self._alive[offer[1]] and self._alive[offer[2]] and self._allowed(offer[1], offer[2]):
                    yield offer

    def _cost(self, a: Ints, b: Ints, shared: Floats) -> Floats:
        product = self._sizes[a] * self._sizes[b]
        mean = 2 - 2 * np.einsum("nd,nd->n", self._sums[a], self._sums[b]) / product
        against = self._together * np.minimum(shared / np.minimum(self._sizes[a], self._sizes[b]), 1.0)
        shifts = self._shifts[a] / self._sizes[a] + self._shifts[b] / self._sizes[b]
        return np.asarray(mean - shifts + against - self._cut2(product))


def _both_ways(a: Ints, b: Ints, shared: Floats, count: int) -> list[tuple[Ints, Floats]]:
    """For each cluster its neighbours, and what it shares with each."""
    ends, others, both = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([shared, shared])
    order = np.argsort(ends, kind="stable")
    cuts = np.cumsum(np.bincount(ends, minlength=count)).tolist()
    others, both = others[order], both[order]
    return [(others[i:j], both[i:j]) for i, j in zip([0, *cuts], cuts, strict=False)]


def _group_pairs(a: Ints, b: Ints, together: NDArray[np.bool_], count: int) -> tuple[Ints, Ints, Floats]:
    """Each pair of different clusters once, with the number of its pairs of faces that share a photo."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    differ = low < high
    keys, inverse = np.unique((low * count + high)[differ], return_inverse=True)
    shared = np.bincount(inverse, together[differ], minlength=len(keys))
    return np.asarray(keys // count), np.asarray(keys % count), np.asarray(shared, np.float64)
