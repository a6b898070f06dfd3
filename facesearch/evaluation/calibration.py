"""Measuring what a model's distances mean: false-accept rates and probabilities from labelled pairs."""

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.calibration import Calibration, MadeFrom, ProbabilityCurve, ramps
from facesearch.core.distance import l2, l2_matrix
from facesearch.core.errors import InputError
from facesearch.core.settings import ModelSpec

__all__ = ["DistanceHistogram", "fit_calibration", "split_pairs"]

Floats = NDArray[np.float64]

# The FAR curve's table: five points a decade, from 1 to 1e-6.
FAR_TABLE = tuple(float(f"{10 ** (-step / 5):.6g}") for step in range(31))
# A rate is called measured where at least this many accepted pairs support it (relative error about a third).
MIN_ACCEPTED = 10
# The false-accept rate of the threshold that is used where none is asked for.
USUAL_FAR = 1e-3
# Fewer pairs than these cannot carry a curve: FAR 1e-2 would not be measured.
MIN_DIFFERENT, MIN_SAME = 1_000, 100
# Distances of one block of `split_pairs`: 8 bytes each, and as much again for its masks.
BLOCK_PAIRS = 1 << 23
# Price of a change of slope by 1 (log-odds per stretch between knots) in the probability fit's cross-entropy.
BEND_PRICE = 1e-4


@dataclass(frozen=True)
class DistanceHistogram:
    """Counts of distances, for more pairs than one wants to keep.

    counts: (bins,) numbers of pairs with edges[i] <= distance < edges[i + 1].
    edges: (bins + 1,) increasing distances.
    """

    counts: NDArray[np.int64]
    edges: Floats

    def __post_init__(self) -> None:
        if self.counts.ndim != 1 or self.edges.shape != (len(self.counts) + 1,):
            raise InputError(f"{self.counts.shape} counts need one edge more, not {self.edges.shape}")
        if not (np.all(np.isfinite(self.edges)) and np.all(np.diff(self.edges) > 0) and np.all(self.counts >= 0)):
            raise InputError("a histogram needs increasing edges and counts that are not negative")


def split_pairs(
    embeddings: NDArray[np.float32], labels: ArrayLike, *, same_per_person: int = 100, bins: int = 20_000, seed: int = 0
) -> tuple[Floats, DistanceHistogram]:
    """Every pair of a labelled set, as `fit_calibration` takes them.

    Args:
        embeddings: (n, d) float32, unit L2 norm, without NaN.
        labels: (n,) people.
        same_per_person: of a person with more pairs so many are drawn: of LFW's pairs of the same person, more than
            half are one man's.
        bins: of the histogram over [0, 2].
        seed: of the drawing.

    Returns:
        Distances of same pairs (s,) float64, and the histogram of all pairs of different people, computed in blocks.
    """
    people = np.unique(np.asarray(labels), return_inverse=True)[1]
    edges, counts = np.linspace(0, 2, bins + 1), np.zeros(bins, np.int64)
    block = max(1, BLOCK_PAIRS // max(1, len(embeddings)))
    for start in range(0, len(embeddings), block):
        distances = l2_matrix(embeddings[start : start + block], embeddings[start:])
        rows, columns = np.arange(len(distances))[:, None], np.arange(len(embeddings) - start)
        wanted = (columns > rows) & (people[start : start + block, None] != people[None, start:])
        counts += np.bincount((distances[wanted] * (bins / 2)).astype(np.int64).clip(max=bins - 1), minlength=bins)
    generator = np.random.default_rng(seed)
    same = [np.zeros(0)]
    for person in range(people.max(initial=-1) + 1):
        rows = np.flatnonzero(people == person)
        first, second = np.triu_indices(len(rows), 1)
        drawn = generator.permutation(len(first))[:same_per_person]
        same.append(l2(embeddings[rows[first[drawn]]], embeddings[rows[second[drawn]]]))
    return np.concatenate(same), DistanceHistogram(counts, edges)


def fit_calibration(
    spec: ModelSpec,
    same: ArrayLike | DistanceHistogram,
    different: ArrayLike | DistanceHistogram,
    *,
    dataset: str,
    how: str,
    date: str | None = None,
) -> Calibration:
    """Measure what a model's distances mean.

    Args:
        spec: the model that made the embeddings.
        same: (n,) distances of pairs of the same person, or their histogram.
        different: (m,) distances of pairs of different people, or their histogram.
        dataset, how: what the pairs are and how they were chosen, in words.
        date: ISO 8601; today by default.

    Raises:
        InputError: too few pairs, a distance that is not in [0, 2] (leave out pairs whose face was not found), or
            strangers so near to each other that no threshold has the rate at which everything here works.
    """
    same_points, different_points = _points(same, "same", MIN_SAME), _points(different, "different", MIN_DIFFERENT)
    same_pairs, different_pairs = int(same_points[1].sum()), int(different_points[1].sum())
    measured_far = MIN_ACCEPTED / different_pairs
    far_curve = _far_curve(*_accepted(different), measured_far)
    if far_curve[-1][0] > USUAL_FAR:
        raise InputError(
            f"even at distance 0 more than {USUAL_FAR:g} of the strangers would be accepted: on these photos"
            f" {spec.name} does not tell people apart"
        )
    return Calibration(
        model=spec.name,
        fingerprint=spec.fingerprint,
        far_curve=far_curve,
        measured_far=measured_far,
        probability_curve=_fit_probability(same_points, different_points),
        made_from=MadeFrom(dataset, same_pairs, different_pairs, date or datetime.date.today().isoformat(), how),
    )


def _points(distances: ArrayLike | DistanceHistogram, kind: str, at_least: int) -> tuple[Floats, Floats]:
    """Distances (a histogram's bin centres), increasing, and the number of pairs at each."""
    if isinstance(distances, DistanceHistogram):
        values, counts = (distances.edges[:-1] + distances.edges[1:]) / 2, distances.counts.astype(np.float64)
    else:
        values = np.sort(np.asarray(distances, dtype=np.float64).ravel())
        counts = np.ones(len(values))
    if counts.sum() < at_least:
        raise InputError(f"a calibration needs at least {at_least:,} {kind}-person pairs, not {int(counts.sum()):,}")
    used = values[counts > 0]
    if not np.all((used >= 0) & (used <= 2)):
        raise InputError(f"{kind}-person distances must lie in [0, 2]; leave out pairs whose face was not found")
    return used, counts[counts > 0]


def _accepted(different: ArrayLike | DistanceHistogram) -> tuple[Floats, Floats]:
    """Thresholds and the rates accepted at them, both strictly increasing."""
    if isinstance(different, DistanceHistogram):
        thresholds, accepted = different.edges[1:], np.cumsum(different.counts)
        accepted, first = np.unique(accepted, return_index=True)  # an empty bin adds no point
        thresholds = thresholds[first]
    else:
        thresholds, counts = np.unique(np.asarray(different, dtype=np.float64), return_counts=True)
        accepted = np.cumsum(counts)
    some = accepted > 0
    return np.minimum(thresholds[some], 2.0), accepted[some] / accepted[-1]


def _far_curve(thresholds: Floats, rates: Floats, measured_far: float) -> tuple[tuple[float, float], ...]:
    """The table of FAR_TABLE; below `measured_far` log-linear with the mean slope of the two decades above it."""
    table = np.asarray(FAR_TABLE)
    distances = np.interp(np.log(table), np.log(rates), thresholds)
    counted = table >= measured_far
    last = int(np.flatnonzero(counted)[-1])
    steps = slice(max(last - 10, 0), last)
    depth = np.log(table[steps] / table[last])
    slope = float(depth @ (distances[steps] - distances[last]) / (depth @ depth))  # through the last point measured
    distances[~counted] = distances[last] + slope * np.log(table[~counted] / table[last])
    distances = np.floor(distances * 1e6) / 1e6  # six digits that never accept more
    kept = np.flatnonzero((distances > 0) & (np.diff(distances, prepend=np.inf) < 0))
    return tuple((float(table[i]), float(distances[i])) for i in kept)


def _fit_probability(same: tuple[Floats, Floats], different: tuple[Floats, Floats]) -> ProbabilityCurve:
    """Regularised logistic fit, both classes weighing one half.

    Platt's targets, (n + 1) / (n + 2) and 1 / (m + 2), keep the log-odds within what n and m pairs can show, so that
    perfectly separated classes have a finite answer (Lin, Lin, Weng: A note on Platt's probabilistic outputs, 2007).
    """
    from scipy.optimize import minimize

    low, high = _quantile(*same, 0.5), _quantile(*different, 0.5)
    if not low < high:
        raise InputError(f"same-person pairs are {low:.3f} apart, different ones {high:.3f} (medians): wrong labels?")
    (same_at, n), (different_at, m) = _coarser(*same), _coarser(*different)
    knots = tuple(float(knot) for knot in np.linspace(low, high, 6).round(6))
    spacing = (high - low) / 5
    width = float(spacing / 3)
    features = -ramps(np.concatenate([same_at, different_at]), knots, width) / spacing
    weights = np.concatenate([n / n.sum(), m / m.sum()]) / 2
    targets = np.repeat([(n.sum() + 1) / (n.sum() + 2), 1 / (m.sum() + 2)], [len(n), len(m)])
    start = np.array([(low + high) / spacing, *np.full(len(knots) + 1, 2.0)])
    bounds = [(None, None), *[(0.02, None)] * (len(knots) + 1)]
    fit = minimize(_loss, start, (features, weights, targets), "L-BFGS-B", True, bounds=bounds)
    offset, *drops = (float(value) for value in fit.x)
    return ProbabilityCurve(round(offset, 6), tuple(round(drop / spacing, 6) for drop in drops), knots, width)


def _loss(parameters: Floats, features: Floats, weights: Floats, targets: Floats) -> tuple[float, Floats]:
    """Cross-entropy and its gradient, with a small price on changes of slope (per stretch between knots)."""
    log_odds = parameters[0] + features @ parameters[1:]
    bends = np.diff(parameters[1:])
    loss = weights @ (np.logaddexp(0.0, log_odds) - targets * log_odds) + BEND_PRICE * bends @ bends
    error = weights * (np.exp(-np.logaddexp(0.0, -log_odds)) - targets)
    gradient = np.concatenate([[error.sum()], error @ features])
    gradient[2:] += 2 * BEND_PRICE * bends
    gradient[1:-1] -= 2 * BEND_PRICE * bends
    return float(loss), gradient


def _coarser(values: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """The same distances to the nearest thousandth, so that the fit's time does not depend on the number of pairs."""
    thousandths: Floats = np.bincount(np.rint(values * 1000).astype(np.int64), weights=counts).astype(np.float64)
    used = np.flatnonzero(thousandths)
    return used / 1000, thousandths[used]


def _quantile(values: Floats, counts: Floats, share: float) -> float:
    return float(values[np.searchsorted(np.cumsum(counts), share * counts.sum())])
