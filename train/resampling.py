"""Is a gain more than chance? Resampling the people on whom it was measured.

Pairs are not independent, people nearly are: so people are drawn again, with replacement, and a pair counts as often as
both of its people were drawn (the bootstrap of Efron 1979, by person as in the two-way resampling of face evaluations).
"""

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import InputError
from train.validation import FAR, PairDistances

__all__ = ["gain_interval"]

Floats = NDArray[np.float64]
DRAWS, LEVEL = 300, 0.95
NEAR = 8


def gain_interval(before: PairDistances, after: PairDistances, figure: str, seed: int = 0) -> tuple[float, float]:
    """Where the gain in a figure lies in 95 of 100 resamples of the people.

    Args:
        before, after: distances of the same pairs in the same order, with their people.
        figure: "auc", or "tar" for true accepts at FAR 1e-3.

    Raises:
        InputError: the pairs differ, or do not say whose they are.
    """
    if before.people is None or not np.array_equal(before.same, after.same):
        raise InputError("a gain is measured on the same pairs before and after, with their people")
    first, second = before.people.T
    generator = np.random.default_rng(seed)
    people = int(before.people.max()) + 1
    measures = [_Measure(pairs, figure) for pairs in (before, after)]
    gains = []
    for _ in range(DRAWS):
        times = np.bincount(generator.integers(people, size=people), minlength=people).astype(np.float64)
        weights = np.where(before.same, times[first], times[first] * times[second])
        figures = [measure(weights) for measure in measures]
        gains.append(figures[1] - figures[0])
    low, high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


class _Measure:
    """AUC or TAR of pairs as often as each counts."""

    def __init__(self, pairs: PairDistances, figure: str) -> None:
        self._same, self._figure = pairs.same, figure
        self._order = np.argsort(pairs.distances, kind="stable")
        # TAR depends on the nearest pairs only, and there are millions: some times as many as it takes unweighted.
        strangers = np.cumsum(~pairs.same[self._order])
        self._near = self._order[: int(np.searchsorted(strangers, NEAR * FAR * strangers[-1])) + 1]

    def __call__(self, weights: Floats) -> float:
        """Args: weights (n,), whole numbers."""
        if self._figure == "auc":  # of the strangers, those farther than a same pair
            one, two = self._weights(weights, self._order)
            accepted = np.cumsum(two)
            return float(one @ (accepted[-1] - accepted) / max(one.sum() * accepted[-1], 1e-12))
        of_same = weights[self._same].sum()
        allowed = FAR * (weights.sum() - of_same)
        one, two = self._weights(weights, self._near)
        if two.sum() <= allowed:
            one, two = self._weights(weights, self._order)
        return float(one[np.cumsum(two) <= allowed].sum() / max(of_same, 1e-12))

    def _weights(self, weights: Floats, order: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Of same pairs and of strangers, nearest first; 0 at the others' places."""
        same, sorted_weights = self._same[order], weights[order]
        return np.where(same, sorted_weights, 0.0), np.where(same, 0.0, sorted_weights)
