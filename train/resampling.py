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
    order = {id(pairs): np.argsort(pairs.distances, kind="stable") for pairs in (before, after)}
    gains = []
    for _ in range(DRAWS):
        times = np.bincount(generator.integers(people, size=people), minlength=people).astype(np.float64)
        weights = np.where(before.same, times[first], times[first] * times[second])
        figures = [_weighted(pairs.same, weights, order[id(pairs)], figure) for pairs in (before, after)]
        gains.append(figures[1] - figures[0])
    low, high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _weighted(same: NDArray[np.bool_], weights: Floats, order: NDArray[np.int64], figure: str) -> float:
    """AUC or TAR of pairs that count `weights` times; order sorts them by distance, nearest first."""
    one = np.where(same, weights, 0.0)[order]
    two = np.where(same, 0.0, weights)[order]
    accepted = np.cumsum(two)
    if figure == "auc":  # of the strangers, those farther than a same pair
        return float(one @ (accepted[-1] - accepted) / max(one.sum() * accepted[-1], 1e-12))
    within = accepted <= FAR * accepted[-1]
    return float(one[within].sum() / max(one.sum(), 1e-12))
