"""Whose the faces in no cluster may be: too unlike to be placed unasked, like enough to ask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Evidence, Identification, answer_log_odds
from facesearch.clustering.neighbours import nearest_neighbours
from facesearch.core.quality import TOO_POOR
from facesearch.core.types import Cluster
from facesearch.storage import Connection, clusters, constraints
from facesearch.storage.counts import searched
from facesearch.storage.embeddings import cluster_sums, embeddings_of
from facesearch.storage.face_table import read_unclustered

__all__ = ["Likely", "likely"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# For each face the clusters whose means are nearest are looked at, so many; of all faces those that are nearest to one.
NEAR_CLUSTERS, FACES = 8, 2_000
# Probabilities below it are not asked about. On 1,242 photos of 60 people 5 of the 17 questions above it had a yes.
LEAST = 0.002


@dataclass(frozen=True)
class Likely:
    """A face in no cluster, and a cluster that it may belong to; log_odds: as of a search."""

    face: int
    cluster: Cluster
    log_odds: float


def likely(connection: Connection, dim: int, identification: Identification) -> list[Likely]:
    """Which faces may be whose, the likeliest first.

    Left out are ignored people, whose likeness counts all the same; faces that show too little; what was rejected.
    """
    table = read_unclustered(connection, dim)
    good = np.flatnonzero(table.quality > TOO_POOR)
    known = {one.id: one for one in clusters.summaries(connection)}
    if not len(good) or not known:
        return []
    rows, near = _near(connection, table.embeddings[good], dim)
    faces, probes = table.ids[good][rows], table.embeddings[good][rows]
    ratios = _ratios(connection, identification.evidence, probes, near)
    _refuse(connection, ratios, faces, near, known)
    log_odds, _ = answer_log_odds(ratios, None, searched(connection)[0])
    enough = np.isfinite(ratios) & (identification.probability(log_odds) >= LEAST)
    found = [
        Likely(int(faces[row]), known[int(near[row, column])], float(log_odds[row, column]))
        for row, column in np.argwhere(enough).tolist()
    ]
    return sorted((one for one in found if not one.cluster.ignored), key=lambda one: (-one.log_odds, one.face))


def _near(connection: Connection, probes: NDArray[np.float32], dim: int) -> tuple[Ints, Ints]:
    """Those of some faces that are nearest to a cluster's mean, as rows (m,), and the clusters near each (m, c)."""
    numbers, sums, sizes = cluster_sums(connection, dim)
    near, distances = nearest_neighbours((sums / sizes[:, None]).astype(np.float32), probes, NEAR_CLUSTERS)
    rows = np.sort(np.argsort(distances[:, 0], kind="stable")[:FACES])
    return rows, numbers[near[rows]]


def _ratios(connection: Connection, evidence: Evidence, probes: NDArray[np.float32], near: Ints) -> Floats:
    """(m, c) log-likelihood ratios of faces, and the clusters near each."""
    faces, numbers = clusters.columns(connection, np.unique(near).tolist())
    order = np.lexsort((faces, numbers))
    numbers, vectors = numbers[order], embeddings_of(connection, faces[order].tolist(), probes.shape[1])[1]
    ratios = np.empty(near.shape)
    for cluster in np.unique(near).tolist():
        members = vectors[slice(*np.searchsorted(numbers, [cluster, cluster + 1]))]
        rows, columns = np.nonzero(near == cluster)
        squared = np.maximum(2 - 2 * probes[rows] @ members.T, 0.0)
        ratios[rows, columns] = evidence.log_ratio(squared)
    return ratios


def _refuse(connection: Connection, ratios: Floats, faces: Ints, near: Ints, known: dict[int, Cluster]) -> None:
    """What the user has rejected is out of the question, in place."""
    rejected = set(zip(*(column.tolist() for column in constraints.rejected(connection)), strict=True))
    if not rejected:
        return
    for row, face in enumerate(faces.tolist()):
        for column, cluster in enumerate(near[row].tolist()):
            person = known[cluster].person
            if person and (face, person.id) in rejected:
                ratios[row, column] = -np.inf
