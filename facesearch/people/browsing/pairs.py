"""Pairs of clusters that may be one person, to be answered one after the other."""

from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.core.distance import rms_l2
from facesearch.core.results import Pair
from facesearch.core.types import Cluster
from facesearch.people.browsing.clusters import clusters_of
from facesearch.people.browsing.waiting import Waiting
from facesearch.people.suggestions import suggest
from facesearch.storage import Connection, cluster_pages, constraints
from facesearch.storage.cursors import Key
from facesearch.storage.embeddings import embeddings_of_cluster

__all__ = ["PairList", "typical"]

# Pairs that are found at a time, and the most faces of either cluster that are shown of one.
PAIRS, FACES_SHOWN = 500, 12


class PairList(Waiting[Pair]):
    """The pairs of one library, nearest first. A key is the distance and the two clusters."""

    numbers = 3

    def _find(self, calibration: Calibration) -> list[Key]:
        return [(far, a.id, b.id) for a, b, far in suggest(self._store, calibration, PAIRS)]

    def _still_open(self, connection: Connection, keys: Sequence[Key]) -> list[Key]:
        apart = constraints.cannot_link(connection)
        ids = sorted({int(cluster) for _, *both in keys for cluster in both})
        clusters = {cluster.id: cluster for cluster in cluster_pages.by_ids(connection, ids)}
        return [pair for pair in keys if _is_open(pair, clusters, apart)]

    def _described(self, connection: Connection, calibration: Calibration, key: Key) -> Pair | None:
        a, b = map(int, key[1:])
        return _pair(connection, self._store.spec.dim, calibration, a, b)


def _is_open(pair: Key, clusters: Mapping[int, Cluster], apart: Set[frozenset[int | None]]) -> bool:
    """Args: apart: pairs of persons that the user has told apart."""
    found = [clusters[int(cluster)] for cluster in pair[1:] if int(cluster) in clusters]
    persons = frozenset(cluster.person.id if cluster.person else None for cluster in found)
    return len(found) == 2 and not any(cluster.ignored for cluster in found) and persons not in apart


def _pair(connection: Connection, dim: int, calibration: Calibration, a: int, b: int) -> Pair | None:
    found = clusters_of(connection, [a, b])
    if len(found) < 2:
        return None
    a_ids, a_vectors = embeddings_of_cluster(connection, a, dim)
    b_ids, b_vectors = embeddings_of_cluster(connection, b, dim)
    a_mean, b_mean = a_vectors.mean(axis=0, dtype=np.float64), b_vectors.mean(axis=0, dtype=np.float64)
    distance = rms_l2(a_mean, b_mean)
    return Pair(
        a=found[0],
        b=found[1],
        distance=distance,
        probability=float(calibration.probability(distance)),
        a_faces=typical(a_ids, a_vectors),
        b_faces=typical(b_ids, b_vectors),
    )


def typical(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> tuple[int, ...]:
    """The faces of a cluster that are most like all of them, so many as are shown."""
    likeness = vectors @ vectors.mean(axis=0, dtype=np.float64)
    return tuple(ids[np.argsort(-likeness, kind="stable")[:FACES_SHOWN]].tolist())
