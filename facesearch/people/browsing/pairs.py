"""Pairs of clusters that may be one person, to be answered one after the other.

Finding them looks at every face, so the list is made once and then gone through: an answer takes its pair out, and
everything that is shown of a pair is read when it is shown. It is made again when faces have come or gone, when all
clusters were made anew, and when it is through and decisions have been made since, which may have brought up others.
"""

import threading
from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.core.distance import rms_l2
from facesearch.core.results import Pair
from facesearch.core.types import Cluster, Page
from facesearch.people.browsing.clusters import clusters_of
from facesearch.people.suggestions import suggest
from facesearch.storage import Connection, Store, cluster_pages, constraints
from facesearch.storage.cursors import Key, key_of, page_of
from facesearch.storage.embeddings import embeddings_of_cluster

__all__ = ["PairList"]

# Pairs that are found at a time, and the most faces of either cluster that are shown of one.
PAIRS, FACES_SHOWN = 500, 12
# Pairs that are compared with the decisions at a time.
LOOKED_AT = 32


class PairList:
    """The pairs of one library; threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._made_at: tuple[str, int] | None = None
        self._pairs: list[Key] = []

    def page(self, calibration: Calibration, cursor: str | None, limit: int) -> Page[Pair]:
        """The next pairs that are still open, nearest first. Raises InputError for a wrong cursor."""
        after = key_of(cursor, 3)
        with self._lock:
            self._make(calibration, again=False)
            rows = self._open(after, limit + 1)
            if not rows and self._open(None, 1) == [] and self._make(calibration, again=True):
                rows = self._open(after, limit + 1)

        def described(some: Sequence[Key]) -> list[Pair]:
            with self._store.reading() as connection:
                pairs = [_pair(connection, self._store.spec.dim, calibration, int(a), int(b)) for _, a, b in some]
            return [pair for pair in pairs if pair is not None]

        return page_of(rows, limit, lambda row: row, described)

    def _make(self, calibration: Calibration, *, again: bool) -> bool:
        """Find the pairs if need be; again: also where only decisions have been made since."""
        with self._store.reading() as connection:
            now = cluster_pages.revision(connection)
        if self._made_at is not None and (now == self._made_at if again else now[0] == self._made_at[0]):
            return False
        self._pairs = [(far, a.id, b.id) for a, b, far in suggest(self._store, calibration, PAIRS)]
        self._made_at = now
        return True

    def _open(self, after: Key | None, count: int) -> list[Key]:
        """So many of the pairs behind a key that no decision has settled."""
        waiting = [pair for pair in self._pairs if after is None or pair > after]
        found: list[Key] = []
        with self._store.reading() as connection:
            apart = constraints.cannot_link(connection)
            while waiting and len(found) < count:
                some, waiting = waiting[:LOOKED_AT], waiting[LOOKED_AT:]
                ids = sorted({int(cluster) for _, *both in some for cluster in both})
                clusters = {cluster.id: cluster for cluster in cluster_pages.by_ids(connection, ids)}
                found += [pair for pair in some if _is_open(pair, clusters, apart)]
        return found[:count]


def _is_open(pair: Key, clusters: Mapping[int, Cluster], apart: Set[frozenset[int | None]]) -> bool:
    """Args: apart: pairs of persons that the user has told apart."""
    found = [clusters[int(cluster)] for cluster in pair[1:] if int(cluster) in clusters]
    persons = frozenset(cluster.person.id if cluster.person else None for cluster in found)
    return len(found) == 2 and not any(cluster.ignored for cluster in found) and persons not in apart


def _pair(connection: Connection, dim: int, calibration: Calibration, a: int, b: int) -> Pair | None:
    """What is shown of two clusters; None where one has just gone."""
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
        a_faces=_typical(a_ids, a_vectors @ a_mean),
        b_faces=_typical(b_ids, b_vectors @ b_mean),
    )


def _typical(ids: NDArray[np.int64], likeness: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(ids[np.argsort(-likeness, kind="stable")[:FACES_SHOWN]].tolist())
