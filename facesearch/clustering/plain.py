"""DBSCAN at the eps that the user gives, within what the user has decided."""

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.constraints import NOBODY, Constraints
from facesearch.clustering.density import NOISE, dbscan
from facesearch.clustering.neighbours import radius_neighbours

__all__ = ["dbscan_within"]

Ints = NDArray[np.int64]


def dbscan_within(embeddings: NDArray[np.float32], eps: float, min_samples: int, constraints: Constraints) -> Ints:
    """DBSCAN's clusters where they agree with the constraints; others are grown anew from their single faces.

    Args and Raises: see `dbscan`.

    Returns:
        (n,) int64 labels, noise is -1. A confirmed face is never noise.
    """
    found = dbscan(embeddings, eps, min_samples)
    if not (constraints.person != NOBODY).any():  # without confirmed faces no constraint can be broken
        return found
    clusters = np.where(found == NOISE, found.max(initial=-1) + 1 + np.arange(len(found)), found)
    labels = constraints.enforce(clusters)
    broken = np.isin(clusters, list(constraints.broken(clusters)))
    if broken.any():
        labels = _grown(labels, broken, embeddings, eps, min_samples, constraints)
    cluster_by_itself = (found != NOISE) & (np.bincount(clusters)[clusters] == 1) | (min_samples == 1)
    alone = np.bincount(labels)[labels] == 1
    return np.where(alone & ~cluster_by_itself & (constraints.person == NOBODY), NOISE, labels)


def _grown(
    labels: Ints,
    broken: NDArray[np.bool_],
    embeddings: NDArray[np.float32],
    eps: float,
    min_samples: int,
    constraints: Constraints,
) -> Ints:
    """Faces of broken clusters linked again, nearest first, as far as it agrees with the constraints.

    So the faces between two people that DBSCAN has run together go to the one that they are nearer to. Confirmed faces
    count as core faces; border faces come last, and each goes to one core face.
    """
    indptr, columns, distances = radius_neighbours(embeddings, eps)
    core = (np.diff(indptr) >= min_samples) | (constraints.person != NOBODY)
    b = columns.astype(np.int64)
    a = np.repeat(np.arange(len(labels)), np.diff(indptr))
    inner, border = core[a] & (a < b), ~core[a]
    useful = broken[a] & broken[b] & core[b] & (inner | border)
    a, b, distances, border = a[useful], b[useful], distances[useful], border[useful]
    order = np.lexsort((b, a, distances, border))
    return constraints.linked(labels, a[order], b[order], border[order])
