"""Pairs of clusters that may be one person: too far apart to be joined unasked, near enough to ask."""

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.clustering import Cuts
from facesearch.clustering.neighbours import nearest_neighbours
from facesearch.core.distance import rms_l2
from facesearch.core.types import Cluster
from facesearch.storage import Connection, Store, clusters, constraints
from facesearch.storage.embeddings import cluster_sums
from facesearch.storage.faces import count_of

__all__ = ["suggest"]

# Clusters whose means are nearest are compared; so many each.
NEAR_CLUSTERS = 12
# Two clusters may be one person up to the distance at this false-accept rate, or to the cut of large clusters.
LOOSEST_FAR = 1e-2


def suggest(store: Store, calibration: Calibration, limit: int) -> list[tuple[Cluster, Cluster, float]]:
    """Pairs of clusters with their root mean square distance, nearest first.

    Left out are ignored people, clusters of one face that is nobody's, and pairs that the user has told apart.
    """
    with store.reading() as connection:
        candidates = [c for c in clusters.summaries(connection) if not c.ignored and (c.size > 1 or c.person)]
        apart = constraints.cannot_link(connection)
        if len(candidates) < 2:
            return []
        means = _means(connection, store, candidates)
        cuts = Cuts.of(count_of(connection), calibration)
    furthest = max(calibration.threshold(LOOSEST_FAR), cuts.large)
    found: dict[tuple[int, int], float] = {}
    near = nearest_neighbours(means, means, NEAR_CLUSTERS + 1)[0]
    for row, others in enumerate(near.tolist()):
        for other in others:
            if other == row or frozenset((_person(candidates[row]), _person(candidates[other]))) in apart:
                continue
            distance = rms_l2(means[row], means[other])
            if distance <= furthest:
                found[min(row, other), max(row, other)] = distance
    ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
    return [(candidates[a], candidates[b], distance) for (a, b), distance in ordered[:limit]]


def _means(connection: Connection, store: Store, wanted: list[Cluster]) -> NDArray[np.float32]:
    """(n, d) float32: the mean embedding of each of n clusters."""
    numbers, sums, sizes = cluster_sums(connection, store.spec.dim)
    rows = np.searchsorted(numbers, [cluster.id for cluster in wanted])
    return (sums[rows] / sizes[rows, None]).astype(np.float32)


def _person(cluster: Cluster) -> int | None:
    return cluster.person.id if cluster.person else None
