"""Is a gain more than chance? Resampling the people on whom it was measured.

Pairs are not independent, people nearly are: so people are drawn again, with replacement, and a pair counts as often as
both of its people were drawn (the bootstrap of Efron 1979, by person as in the two-way resampling of face evaluations).
"""

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import InputError
from train.validation import FAR, PairDistances

__all__ = ["LEVEL", "gain_interval", "weighted_tar"]

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
    return (weighted_auc if figure == "auc" else weighted_tar)(same, weights, order)


def weighted_auc(same: NDArray[np.bool_], weights: Floats, order: NDArray[np.int64]) -> float:
    """AUC of n pairs. Args: weights: (n,) how often each counts. order: (n,) sorts them, nearest first."""
    one, accepted = _in_order(same, weights, order)  # of the strangers, those farther than a same pair
    return float(one @ (accepted[-1] - accepted) / max(one.sum() * accepted[-1], 1e-12))


def weighted_tar(same: NDArray[np.bool_], weights: Floats, order: NDArray[np.int64]) -> float:
    """TAR at FAR 1e-3; arguments as of `weighted_auc`."""
    one, accepted = _in_order(same, weights, order)
    within = accepted <= FAR * accepted[-1]
    return float(one[within].sum() / max(one.sum(), 1e-12))


def _in_order(same: NDArray[np.bool_], weights: Floats, order: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """How often each pair counts as one of one person, and how many strangers are accepted up to it."""
    return np.where(same, weights, 0.0)[order], np.cumsum(np.where(same, 0.0, weights)[order])
