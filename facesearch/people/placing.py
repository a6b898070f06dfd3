"""Which person's cluster a face that came since belongs to, decided as a search is (1:N, open set)."""

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Identification, answer_log_odds
from facesearch.clustering import NOISE, Constraints, Faces
from facesearch.clustering.constraints import NOBODY

__all__ = ["identified"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Distances that are looked at at a time.
BLOCK = 1 << 22


def identified(
    identification: Identification,
    faces: Faces,
    labels: Ints,
    rows: Ints,
    constraints: Constraints,
    searched: int,
) -> Ints:
    """The cluster of each of some faces, as certain as a search must be to name somebody; -1 for all others.

    Args:
        labels: (n,) the clusters of people, -1 for faces in none; different ones are different people.
        rows: (r,) the faces to place; their own labels do not count.
        searched: how many people and faces that are alone the library holds.
    """
    found = np.full(len(rows), NOISE, np.int64)
    members = np.flatnonzero(labels != NOISE)
    members = members[~np.isin(members, rows)]
    members = members[np.argsort(labels[members], kind="stable")]
    if not len(members) or not len(rows):
        return found
    clusters, starts, sizes = np.unique(labels[members], return_index=True, return_counts=True)
    vectors, slope = faces.embeddings[members], np.float32(identification.evidence.one[1])
    of_member = np.repeat(np.arange(len(clusters)), sizes)
    column = dict(zip(constraints.person[members].tolist(), of_member.tolist(), strict=True))
    threshold = identification.threshold()
    step = max(1, BLOCK // len(members))
    for first in range(0, len(rows), step):
        part = rows[first : first + step]
        # float32 is right to 1e-6 here, at distances where 1e-3 decides nothing, and takes a third of the time
        squared = np.maximum(2 - 2 * faces.embeddings[part] @ vectors.T, 0.0, dtype=np.float32)
        least = np.minimum.reduceat(squared, starts, axis=1)
        worths = np.exp(-slope * (squared - np.repeat(least, sizes, axis=1)))
        soft = least - np.log(np.add.reduceat(worths, starts, axis=1) / sizes) / slope
        ratios = identification.evidence.of_soft(soft, sizes)
        for at, row in enumerate(part.tolist()):
            refused = [column[p] for p in constraints.rejected.get(row, ()) if p != NOBODY and p in column]
            ratios[at, refused] = -np.inf
        log_odds, _ = answer_log_odds(ratios, None, searched)
        best = log_odds.argmax(axis=1)
        certain = log_odds[np.arange(len(part)), best] >= threshold
        found[first : first + step] = np.where(certain, clusters[best], NOISE)
    return found
