"""What others would use to cluster the same embeddings, at their best: with the cut that the answer recommends."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.density import NOISE, dbscan
from facesearch.evaluation.clustering import ClusteringReport, clustering_report

__all__ = ["baseline_reports"]

Labels = NDArray[np.int64]

# Cuts tried, as L2 distances between unit vectors.
CUTS = tuple(float(round(cut, 2)) for cut in np.arange(0.2, 1.21, 0.02))


def baseline_reports(
    embeddings: NDArray[np.float32], labels_true: NDArray[np.str_], scored: NDArray[np.bool_]
) -> dict[str, ClusteringReport]:
    """scikit-learn's DBSCAN and average linkage, each at its best cut for either figure; HDBSCAN, which has no cut.

    Args:
        embeddings: (n, d) float32, unit L2 norm; all of them take part, but for rows of NaN, faces that were not found,
            which are in no cluster. Average linkage needs 4 n² bytes.
        labels_true: (n,) people.
        scored: (n,) the faces that count.
    """

    found = ~np.isnan(embeddings).any(axis=1)
    embeddings = embeddings[found]

    def report(labels: Labels) -> ClusteringReport:
        of_all = np.full(len(labels_true), NOISE, np.int64)
        of_all[found] = labels
        return clustering_report(labels_true[scored], of_all[scored])

    return {
        **_best("dbscan", [report(labels) for labels in _dbscans(embeddings)]),
        "hdbscan": report(_hdbscan(embeddings)),
        **_best("average_linkage", [report(labels) for labels in _average_linkages(embeddings)]),
    }


def _best(method: str, reports: list[ClusteringReport]) -> dict[str, ClusteringReport]:
    return {
        f"{method}_best_pairwise": max(reports, key=lambda report: report.pairwise.f),
        f"{method}_best_bcubed": max(reports, key=lambda report: report.bcubed.f),
    }


def _dbscans(embeddings: NDArray[np.float32]) -> Iterable[Labels]:
    """At growing eps, until nearly all faces are one cluster."""
    for eps in CUTS:
        labels = dbscan(embeddings, eps, 2)
        yield labels
        if np.bincount(labels[labels >= 0]).max(initial=0) > 0.8 * len(labels):
            return


def _hdbscan(embeddings: NDArray[np.float32]) -> Labels:
    from sklearn.cluster import HDBSCAN

    return np.asarray(HDBSCAN(min_cluster_size=2, copy=True).fit_predict(embeddings.astype(np.float64)), np.int64)


def _average_linkages(embeddings: NDArray[np.float32]) -> Iterable[Labels]:
    from scipy.cluster.hierarchy import fcluster, linkage

    tree = linkage(embeddings, "average")
    for cut in CUTS:
        yield np.asarray(fcluster(tree, cut, "distance"), np.int64)
