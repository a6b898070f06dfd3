"""Faces into clusters: DBSCAN over a sparse graph of neighbours, never an n by n matrix."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.neighbours import radius_neighbours
from facesearch.core.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["NOISE", "dbscan", "radius_graph", "renumber_by_size"]

Labels = NDArray[np.int64]

NOISE = -1


def radius_graph(embeddings: NDArray[np.float32], radius: float) -> "csr_matrix":
    """Distances between all rows that are at most `radius` apart.

    Args:
        embeddings: (n, d) float32.
        radius: L2 distance, included.

    Returns:
        (n, n) CSR matrix of float64 distances, symmetric. A stored entry is a neighbour even where its distance is 0
        (the row itself, duplicates), so do not call `eliminate_zeros`. Within a row entries lie nearest first, not
        by column.

    Raises:
        InputError: see `radius_neighbours`.
    """
    from scipy.sparse import csr_matrix

    indptr, columns, distances = radius_neighbours(embeddings, radius)
    n = len(indptr) - 1
    return csr_matrix((distances, columns, indptr), shape=(n, n))


def dbscan(embeddings: NDArray[np.float32], eps: float, min_samples: int = 2) -> Labels:
    """Density-based clusters of faces (Ester et al., KDD 1996), the same as scikit-learn's.

    A face with at least `min_samples` faces within `eps`, itself and the boundary included, is a core face; core
    faces within `eps` of each other share a cluster, and other faces join a core face's cluster. With min_samples 2 the
    clusters are the connected components of two faces and more, and do not depend on the order of the rows; with more,
    a border face between two clusters goes to the one that is found first.

    Args:
        embeddings: (n, d) float32, unit L2 norm; n may be 0.
        eps: L2 distance, positive.
        min_samples: at least 1.

    Returns:
        (n,) int64 labels: 0 is the largest cluster, then by size, equal sizes by their first row; noise is -1.

    Raises:
        InputError: eps or min_samples out of range, or embeddings that `radius_neighbours` refuses.
    """
    if not 0 < eps < np.inf:
        raise InputError(f"eps is a positive distance, not {eps}")
    if min_samples < 1:
        raise InputError(f"min_samples must be at least 1, not {min_samples}")
    if len(embeddings) == 0:
        return np.zeros(0, np.int64)
    indptr, neighbours, _ = radius_neighbours(embeddings, eps)
    return renumber_by_size(_density_labels(indptr, neighbours, min_samples))


def _density_labels(indptr: NDArray[np.integer], neighbours: NDArray[np.integer], min_samples: int) -> Labels:
    """Clusters by their first core face, from neighbours as a CSR matrix has them; noise is -1."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count, degree = len(indptr) - 1, np.diff(indptr)
    core = degree >= min_samples
    seen = np.repeat(core, degree) & core[neighbours]
    row = np.repeat(np.arange(count, dtype=neighbours.dtype), degree)
    links = coo_matrix((np.ones(seen.sum(), bool), (row[seen], neighbours[seen])), shape=(count, count))
    component = connected_components(links, directed=False)[1]
    _, first, number = np.unique(component[core], return_index=True, return_inverse=True)
    labels = np.full(count, NOISE, np.int64)
    labels[core] = np.argsort(np.argsort(first))[number]
    # a border face goes to the cluster that is found first: the least number among its core faces
    at_border = np.repeat(~core, degree) & core[neighbours]
    nearest = np.full(count, len(first), np.int64)
    np.minimum.at(nearest, row[at_border], labels[neighbours[at_border]])
    border = nearest < len(first)
    labels[border] = nearest[border]
    return labels


def renumber_by_size(labels: NDArray[np.integer]) -> Labels:
    """The same clusters, numbered 0, 1, … from the largest on, equal sizes by their first row; noise stays -1."""
    clusters, first, members, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    real = clusters != NOISE
    numbers = np.full(len(clusters), NOISE, np.int64)
    numbers[np.lexsort((first, -sizes, ~real))[: real.sum()]] = np.arange(real.sum())
    return np.asarray(numbers[members], dtype=np.int64)
