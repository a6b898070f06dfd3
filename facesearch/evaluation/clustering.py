"""Clustering against the truth: which faces were put together, and which belong together?

Everything is computed from the contingency table of people and clusters, never from an n by n matrix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.core.errors import InputError

__all__ = ["ClusteringReport", "Scores", "bcubed_scores", "clustering_report", "pairwise_scores"]

Counts = NDArray[np.int64]

NOISE = -1


@dataclass(frozen=True)
class Scores:
    """precision: of what was put together, how much belongs together; recall: of what belongs together, how much was
    put together; f: their harmonic mean, 0 where both are 0."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def pairwise_scores(labels_true: ArrayLike, labels_pred: ArrayLike) -> Scores:
    """Precision and recall over all pairs of faces; large clusters weigh with their square.

    Args:
        labels_true: (n,) the person of each face, numbers or names.
        labels_pred: (n,) the cluster of each face; noise, -1, is a cluster of its own for every face.

    Returns:
        Scores; where no pair is put together precision is 1, where no pair belongs together recall is 1.

    Raises:
        InputError: lengths differ or there is no face.
    """
    together, _, _, people, clusters = _contingency(labels_true, labels_pred)
    right, predicted, true = (float(np.sum(sizes * (sizes - 1)) / 2) for sizes in (together, clusters, people))
    return Scores(right / predicted if predicted else 1.0, right / true if true else 1.0)


def bcubed_scores(labels_true: ArrayLike, labels_pred: ArrayLike) -> Scores:
    """BCubed precision and recall (Bagga and Baldwin, COLING-ACL 1998): every face weighs the same.

    A face's precision is the share of its cluster that is its person, itself included, its recall the share of its
    person that is in its cluster; both are averaged over faces. Arguments and errors are those of `pairwise_scores`.
    """
    together, person, cluster, people, clusters = _contingency(labels_true, labels_pred)
    squared = together.astype(np.float64) ** 2
    faces = together.sum()
    return Scores(float(np.sum(squared / clusters[cluster]) / faces), float(np.sum(squared / people[person]) / faces))


def _contingency(labels_true: ArrayLike, labels_pred: ArrayLike) -> tuple[Counts, Counts, Counts, Counts, Counts]:
    """The contingency table's filled cells (count, person, cluster), and the sizes of people and of clusters."""
    truth, predicted = np.asarray(labels_true), np.asarray(labels_pred)
    if truth.ndim != 1 or truth.shape != predicted.shape or len(truth) == 0:
        raise InputError(f"true and predicted labels must be two lists of one length, {truth.shape}, {predicted.shape}")
    _, person, people = np.unique(truth, return_inverse=True, return_counts=True)
    single = np.where(predicted == NOISE, np.arange(len(truth)), len(truth))  # noise: told apart by its row
    _, cluster, clusters = np.unique(np.stack([predicted, single]), axis=1, return_inverse=True, return_counts=True)
    cells, together = np.unique(person * len(clusters) + cluster, return_counts=True)
    return together, cells // len(clusters), cells % len(clusters), people, clusters


@dataclass(frozen=True)
class ClusteringReport:
    """A clustering against the truth; a face that is noise counts as a cluster of one."""

    faces: int
    people: int
    groups: int
    noise: int
    pairwise: Scores
    bcubed: Scores


def clustering_report(labels_true: ArrayLike, labels_pred: ArrayLike) -> ClusteringReport:
    """All figures of a clustering; give photos without a face the label -1, so that they count as missed.

    Arguments and errors are those of `pairwise_scores`.
    """
    predicted = np.asarray(labels_pred)
    return ClusteringReport(
        faces=len(predicted),
        people=len(np.unique(np.asarray(labels_true))),
        groups=len(np.unique(predicted[predicted != NOISE])),
        noise=int(np.sum(predicted == NOISE)),
        pairwise=pairwise_scores(labels_true, labels_pred),
        bcubed=bcubed_scores(labels_true, labels_pred),
    )
