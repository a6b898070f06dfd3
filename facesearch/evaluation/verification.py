"""Verification (1:1): are these two faces the same person?

Metrics take distances (n,) of pairs and `same` (n,), whether a pair shows one person. A pair is accepted where its
distance is at most the threshold. NaN stands for a pair in which a face was not found, and is an error whatever the
threshold: a same pair is never accepted, a pair of different people always.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.core.errors import InputError
from facesearch.evaluation.datasets import EmbedPhotos, Pairs, pair_distances

__all__ = [
    "FoldAccuracy",
    "VerificationReport",
    "equal_error_rate",
    "kfold_accuracy",
    "report_of",
    "roc",
    "roc_auc",
    "tar_at_far",
    "verification_report",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy and threshold of each fold, in the order of the fold numbers."""

    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def std(self) -> float:
        """Sample standard deviation over folds; the LFW report's standard error is this over sqrt(folds)."""
        return float(np.std(self.accuracies, ddof=1))


def kfold_accuracy(distances: ArrayLike, same: ArrayLike, folds: ArrayLike) -> FoldAccuracy:
    """Accuracy on each fold at the threshold that is best on all others.

    The protocol of Huang et al., Labeled Faces in the Wild, 2007, section III. A threshold
    lies halfway between two neighbouring distances; of equally good ones the smallest is taken.

    Args:
        distances: (n,), NaN where a face is missing.
        same: (n,) bool.
        folds: (n,) fold number of each pair.

    Raises:
        InputError: lengths differ, a kind of pair is missing, or there are fewer than two folds.
    """
    values, truth = _checked_pairs(distances, same)
    members = np.asarray(folds)
    if members.shape != values.shape or len(np.unique(members)) < 2:
        raise InputError(f"each of {len(values)} pairs needs a fold, and there must be two folds at least")
    accuracies, thresholds = [], []
    for fold in np.unique(members):
        held_out = members == fold
        threshold = _best_threshold(values[~held_out], truth[~held_out])
        thresholds.append(threshold)
        accuracies.append(float(np.mean((values[held_out] <= threshold) == truth[held_out])))
    return FoldAccuracy(tuple(accuracies), tuple(thresholds))


def _best_threshold(values: Floats, truth: Bools) -> float:
    """The finite threshold with most right answers, halfway to the next distance; the smallest of equals."""
    order = np.argsort(values, kind="stable")
    ordered, same = values[order], truth[order]
    right: NDArray[np.int64] = np.cumsum(same) - np.cumsum(~same)  # gained by accepting everything up to here
    candidates = np.flatnonzero(np.isfinite(ordered) & np.append(ordered[1:] > ordered[:-1], True))
    if len(candidates) == 0:
        return 0.0
    below = np.sum(ordered == -np.inf)
    best = int(candidates[np.argmax(right[candidates])])
    if right[best] <= (right[below - 1] if below else 0):
        return float(np.nextafter(ordered[below], -np.inf))  # accepting none is better
    following = ordered[best + 1] if best + 1 < len(ordered) and np.isfinite(ordered[best + 1]) else ordered[best]
    return float((ordered[best] + following) / 2)


def roc(distances: ArrayLike, same: ArrayLike) -> tuple[Floats, Floats]:
    """False-accept and true-accept rates, both (m,), at every distinct threshold, strictest (accept none) first.

    Raises:
        InputError: lengths differ, or a kind of pair is missing.
    """
    far, frr = _error_rates(*_checked_pairs(distances, same))
    return far, 1 - frr


def roc_auc(distances: ArrayLike, same: ArrayLike) -> float:
    """Area under the ROC curve: how often a same pair is nearer than a different pair, ties counting one half."""
    from sklearn.metrics import roc_auc_score

    values, truth = _checked_pairs(distances, same)
    _, ranks = np.unique(values, return_inverse=True)  # the metric knows only the order, and takes no infinity
    return float(roc_auc_score(truth, -ranks))


def equal_error_rate(distances: ArrayLike, same: ArrayLike) -> float:
    """The rate at which false accepts and false rejects are equally frequent, on straight lines between thresholds."""
    values, truth = _checked_pairs(distances, same)
    far, frr = _error_rates(values, truth)
    after = int(np.argmax(far >= frr))
    if after == 0:
        return float(far[0])
    step = (frr[after - 1] - far[after - 1]) / (frr[after - 1] - far[after - 1] + far[after] - frr[after])
    return float(far[after - 1] + step * (far[after] - far[after - 1]))


def _error_rates(values: Floats, truth: Bools) -> tuple[Floats, Floats]:
    """False-accept and false-reject rates at every distinct threshold, strictest (accept none) first."""
    thresholds = np.unique(values)
    same, different = np.sort(values[truth]), np.sort(values[~truth])
    far = np.searchsorted(different, thresholds, side="right") / len(different)
    frr = 1 - np.searchsorted(same, thresholds, side="right") / len(same)
    if thresholds[0] > -np.inf:
        far, frr = np.concatenate([[0.0], far]), np.concatenate([[1.0], frr])
    return far, frr


def tar_at_far(distances: ArrayLike, same: ArrayLike, far: float) -> float:
    """True-accept rate at the largest threshold whose false-accept rate is at most `far`.

    Nothing is interpolated: with m different pairs, floor(far·m) of them may be accepted.

    Raises:
        InputError: far is not in [0, 1], lengths differ, or a kind of pair is missing.
    """
    values, truth = _checked_pairs(distances, same)
    if not 0 <= far <= 1:
        raise InputError(f"a false-accept rate lies in [0, 1], not {far}")
    different = np.sort(values[~truth])
    allowed = int(np.floor(far * len(different) + 1e-9))
    limit = different[allowed] if allowed < len(different) else np.inf
    return float(np.mean(values[truth] < limit))


@dataclass(frozen=True)
class VerificationReport:
    """Verification on pairs; tar_at_far: false-accept rate -> true-accept rate. Missing faces count as errors."""

    accuracy_mean: float
    accuracy_std: float
    auc: float
    eer: float
    tar_at_far: dict[float, float]
    images: int
    images_without_face: int
    pairs: int
    pairs_with_missing_face: int


def verification_report(embed: EmbedPhotos, pairs: Pairs) -> VerificationReport:
    """All figures of a verification run.

    Args:
        embed: takes photos and gives for each, in order, its main face's (d,) unit embedding, or None.
        pairs: with at least two folds.

    Raises:
        InputError: see `embed_photos` and `kfold_accuracy`.
    """
    return report_of(*pair_distances(embed, pairs), pairs)


def report_of(distances: Floats, without_face: int, pairs: Pairs) -> VerificationReport:
    """All figures of distances that are already known.

    Args:
        distances: (n,) of the pairs, NaN where a face is missing.
        without_face: photos in which none was found.

    Raises:
        InputError: see `kfold_accuracy`.
    """
    accuracy = kfold_accuracy(distances, pairs.same, pairs.folds)
    return VerificationReport(
        accuracy_mean=accuracy.mean,
        accuracy_std=accuracy.std,
        auc=roc_auc(distances, pairs.same),
        eer=equal_error_rate(distances, pairs.same),
        tar_at_far={far: tar_at_far(distances, pairs.same, far) for far in (1e-3, 1e-2)},
        images=len(pairs.photos),
        images_without_face=without_face,
        pairs=len(distances),
        pairs_with_missing_face=int(np.isnan(distances).sum()),
    )


def _checked_pairs(distances: ArrayLike, same: ArrayLike) -> tuple[Floats, Bools]:
    """Distances, with the worst possible one where it is NaN, and the flags."""
    values, truth = np.asarray(distances, dtype=np.float64), np.asarray(same)
    if values.ndim != 1 or values.shape != truth.shape:
        raise InputError(f"distances and flags must be two lists of one length, not {values.shape}, {truth.shape}")
    truth = truth.astype(np.bool_)
    if truth.all() or not truth.any():
        raise InputError(f"pairs of both kinds are needed; {int(truth.sum())} of {len(truth)} are the same person")
    return np.where(np.isnan(values), np.where(truth, np.inf, -np.inf), values), truth
