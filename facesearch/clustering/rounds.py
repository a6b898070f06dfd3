"""Joining clusters as `agglomeration` does, for so many of them that they cannot be taken one pair at a time.

There the best pair of clusters is joined, then the best of those that are left. Here all pairs are joined at once whose
cost is below a level and which are the best for one of the two; the level rises to the cut in small steps, so that sure
joins still come before doubtful ones. The cost is the same; sums of unit vectors are kept in float32, which is worth
about 1e-6 of a squared distance.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.constraints import NOBODY, Constraints
from facesearch.clustering.links import each_once, measured, summed

__all__ = ["Rounds"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Steps in which the level rises from the lowest cost to the cut.
LEVELS = 16
# Pairs of clusters whose sums are gathered at a time.
COST_PAIRS = 1 << 12
# Pairs that are no more are taken out when they are so large a share.
SPARE = 0.25


class Rounds:
    """Clusters, each at the place of one that it was made of; the pairs that may be joined, and their costs."""

    def __init__(
        self,
        start: Ints,
        vectors: NDArray[np.float32],
        shift: Floats,
        photo_pairs: tuple[Ints, Ints],
        cut2: Callable[[Floats], Floats],
        loosest2: float,
        together: float,
        constraints: Constraints,
    ) -> None:
        """Args: as `agglomerate`; photo_pairs: pairs of rows of one photo; loosest2: the largest value of cut2."""
        count = int(start.max(initial=-1)) + 1
        self._cut2, self._loosest2, self._together, self._start = cut2, loosest2, together, start
        self._sums = summed(vectors, start, count)
        self._sizes = np.bincount(start, minlength=count).astype(np.float64)
        self._shifts = np.bincount(start, shift, minlength=count).astype(np.float64)
        self._taken_by = np.arange(count)
        self._photo_pairs = start[photo_pairs[0]], start[photo_pairs[1]]
        who, self._refused = constraints.by_cluster(start, count)
        self._who = np.array(who, np.int64)
        self._told = (self._who != NOBODY) | np.array([bool(people) for people in self._refused], np.bool_)
        self._a, self._b, self._costs = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0)

    def labels(self) -> Ints:
        """(n,) int64 from 0 on."""
        return np.asarray(np.unique(self._taken_by[self._start], return_inverse=True)[1], dtype=np.int64)

    def means(self) -> tuple[Ints, NDArray[np.float32]]:
        """The clusters' places, and (g, d) float32 the means of their vectors."""
        places = np.flatnonzero(self._taken_by == np.arange(len(self._taken_by)))
        return places, np.asarray(self._sums[places] / self._sizes[places, None], dtype=np.float32)

    def meet(self, a: Ints, b: Ints) -> None:
        """Let only these pairs of places be joined, as far as the loosest cut could allow it."""
        self._a, self._b, self._costs = self._priced(a, b)

    def join(self) -> int:
        """Join what is below its cut, until nothing is; the number of clusters that became part of others."""
        joined, lowest = 0, float(self._costs.min(initial=0.0))
        for step in range(1, LEVELS + 1):
            level = lowest * (1 - step / LEVELS)
            while some := self._join_up_to(level):
                joined += some
        return joined

    def _join_up_to(self, level: float) -> int:
        x, y = self._matched(*self._best(level))
        if not len(x):
            return 0
        self._add(x, y)
        for cluster, into in zip(x[self._told[x]].tolist(), y[self._told[x]].tolist(), strict=True):
            self._who[into] = max(self._who[into], self._who[cluster])
            self._refused[into] |= self._refused[cluster]
            self._told[into] = True
        self._moved(x, y)
        return len(x)

    def _best(self, level: float) -> tuple[Ints, Ints]:
        """Each cluster with a cost up to a level, and the one with which it is lowest: the lowest costs first."""
        below = np.flatnonzero(self._costs <= level)
        a, b, costs = self._a[below], self._b[below], self._costs[below]
        best = np.full(len(self._sizes), np.inf)
        np.minimum.at(best, a, costs)
        np.minimum.at(best, b, costs)
        ahead, back = costs == best[a], costs == best[b]
        x, y = np.concatenate([a[ahead], b[back]]), np.concatenate([b[ahead], a[back]])
        order = np.lexsort((y, x, np.concatenate([costs[ahead], costs[back]])))
        return x[order].astype(np.int64), y[order].astype(np.int64)

    def _matched(self, x: Ints, y: Ints) -> tuple[Ints, Ints]:
        """Of joins in order those that can be made at once, x into y.

        A cluster takes in one other, or more as long as they do not outnumber it: its mean stays about the same.
        A cluster with a constraint meets only one other such cluster, as their pair was looked at.
        """
        gone: set[int] = set()
        taken: dict[int, float] = {}
        spoken: set[int] = set()
        joins: list[tuple[int, int]] = []
        columns = (x, y, self._sizes[x], self._sizes[y], self._told[x], self._told[y])
        for i, j, size, room, told, other_told in zip(*(column.tolist() for column in columns), strict=True):
            full = j in taken and (taken[j] + size > room or (told and (other_told or j in spoken)))
            if full or i in gone or j in gone or i in taken:
                continue
            gone.add(i)
            taken[j] = taken.get(j, 0.0) + size
            if told:
                spoken.add(j)
            joins.append((i, j))
        pairs = np.array(joins, np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def _add(self, x: Ints, y: Ints) -> None:
        """Give clusters at y what those at x have."""
        order = np.argsort(y, kind="stable")
        places, first = np.unique(y[order], return_index=True)
        for values in (self._sums, self._sizes, self._shifts):
            values[places] += np.add.reduceat(values[x[order]], first)

    def _moved(self, x: Ints, y: Ints) -> None:
        """Clusters at x are now part of those at y."""
        count = len(self._sizes)
        into, changed = np.arange(count), np.zeros(count, np.bool_)
        into[x], changed[x], changed[y] = y, True, True
        self._taken_by = into[self._taken_by]
        self._photo_pairs = into[self._photo_pairs[0]], into[self._photo_pairs[1]]
        old = np.flatnonzero(changed[self._a] | changed[self._b])
        a, b, costs = self._priced(into[self._a[old]], into[self._b[old]])
        used, spare = old[: len(a)], old[len(a) :]  # pairs have become one, or the same cluster: never more than before
        self._a[used], self._b[used], self._costs[used] = a, b, costs
        self._a[spare], self._b[spare], self._costs[spare] = 0, 0, np.inf
        if np.isinf(self._costs).mean() > SPARE:
            left = np.isfinite(self._costs)
            self._a, self._b, self._costs = self._a[left], self._b[left], self._costs[left]

    def _priced(self, a: Ints, b: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
        """Each pair of places once, with its cost; without those that no cut could allow."""
        count = len(self._sizes)
        keys = np.minimum(a, b)  # step by step in place: of a million faces there are ten million pairs
        keys *= count
        keys += np.maximum(a, b)
        keys = each_once(keys[a != b])
        a, b = keys // count, keys % count
        costs = measured(self._mean2, a, b, np.float64, COST_PAIRS)
        costs += self._against(keys)
        possible = (costs <= self._loosest2) & self._allowed(a, b)
        a, b, costs = a[possible], b[possible], costs[possible]
        return a.astype(np.int32), b.astype(np.int32), costs - self._cut2(self._sizes[a] * self._sizes[b])

    def _mean2(self, a: Ints, b: Ints) -> Floats:
        """Mean squared distance between the faces of two clusters, less what their faces add to what is allowed."""
        products = np.einsum("nd,nd->n", self._sums.take(a, axis=0), self._sums.take(b, axis=0)).astype(np.float64)
        mean = 2 - 2 * products / (self._sizes[a] * self._sizes[b])
        return np.asarray(mean - self._shifts[a] / self._sizes[a] - self._shifts[b] / self._sizes[b])

    def _against(self, keys: Ints) -> Floats:
        """Squared distance added to pairs of clusters that are on photos together."""
        a, b = self._photo_pairs
        if not len(a) or not len(keys):
            return np.zeros(len(keys))
        count = len(self._sizes)
        known, shared = np.unique(np.minimum(a, b) * count + np.maximum(a, b), return_counts=True)
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        times = np.where(known[place] == keys, shared[place], 0)
        smaller = np.minimum(self._sizes[keys // count], self._sizes[keys % count])
        return np.asarray(self._together * np.minimum(times / smaller, 1.0))

    def _allowed(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        """Whether the constraints let two clusters be one."""
        allowed = np.ones(len(a), np.bool_)
        for i in np.flatnonzero(self._told[a] & self._told[b]).tolist():
            x, y = self._who[a[i]], self._who[b[i]]
            strangers = NOBODY not in (x, y) and x != y
            allowed[i] = not (strangers or x in self._refused[b[i]] or y in self._refused[a[i]])
        return allowed
