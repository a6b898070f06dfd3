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
        (the row itself, duplicates), so do not call `eliminate_zeros`. Within a row entries lie nearest first, as
        scikit-learn wants them, not by column.

    Raises:
        InputError: see `radius_neighbours`.
    """
    from scipy.sparse import csr_matrix

    indptr, columns, distances = radius_neighbours(embeddings, radius)
    n = len(indptr) - 1
    return csr_matrix((distances, columns, indptr), shape=(n, n))


def dbscan(embeddings: NDArray[np.float32], eps: float, min_samples: int = 2) -> Labels:
    """Density-based clusters of faces (Ester et al., KDD 1996), by scikit-learn.

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
    from sklearn.cluster import DBSCAN

    found = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(radius_graph(embeddings, eps))
    return renumber_by_size(found.labels_)


def renumber_by_size(labels: NDArray[np.integer]) -> Labels:
    """The same clusters, numbered 0, 1, … from the largest on, equal sizes by their first row; noise stays -1."""
    clusters, first, members, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    real = clusters != NOISE
    numbers = np.full(len(clusters), NOISE, np.int64)
    numbers[np.lexsort((first, -sizes, ~real))[: real.sum()]] = np.arange(real.sum())
    return np.asarray(numbers[members], dtype=np.int64)
