"""L2 and squared L2 between embeddings: the only definition of a distance.

Between unit vectors the L2 distance lies in [0, 2]. FAISS's squared distances never leave the module that calls it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.core.errors import InputError

__all__ = ["l2", "l2_matrix", "rms_l2", "squared_l2", "squared_l2_matrix"]

Floats = NDArray[np.float64]

# Below this share of the vectors' squared norms a squared distance is taken from the differences of the vectors.
CANCELLED = 1e-4
# Of these, so many pairs are gathered at a time.
NEAR_PAIRS = 1 << 12


def squared_l2(a: ArrayLike, b: ArrayLike) -> Floats:
    """Squared L2 distance of each row of `a` to the same row of `b`.

    Args:
        a: (n, d) vectors; one vector (d,) gives a scalar.
        b: vectors of the same shape.

    Returns:
        (n,) float64, from the vectors' differences in float64: exactly 0 for equal rows, symmetric in a and b.

    Raises:
        InputError: the shapes differ.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape or first.ndim == 0:
        raise InputError(f"paired vectors need the same shape, not {first.shape} and {second.shape}")
    difference = first - second
    return np.asarray(np.einsum("...d,...d->...", difference, difference), dtype=np.float64)


def l2(a: ArrayLike, b: ArrayLike) -> Floats:
    """L2 distance of each row of `a` to the same row of `b`; see `squared_l2`."""
    return np.asarray(np.sqrt(squared_l2(a, b)))


def squared_l2_matrix(a: ArrayLike, b: ArrayLike) -> Floats:
    """Squared L2 distances of every row of `a` to every row of `b`.

    |a|² + |b|² - 2ab is one matrix product, but it loses the digits of small distances: in float32 anything below
    about 1e-3 is noise. So the product is done in float64, and entries small enough to have lost digits there (near
    duplicates: few) are computed again from the differences. Equal rows are exactly 0 apart.

    Args:
        a: (n, d) vectors.
        b: (m, d) vectors.

    Returns:
        (n, m) float64. The caller sees to it that n·m fits into memory.

    Raises:
        InputError: not two matrices with the same d.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise InputError(f"distances need (n, d) and (m, d) vectors, not {first.shape} and {second.shape}")
    first_norms = np.einsum("nd,nd->n", first, first)
    second_norms = np.einsum("md,md->m", second, second)
    squared = np.asarray(-2.0 * (first @ second.T) + first_norms[:, None] + second_norms)
    scale = first_norms.max(initial=0.0) + second_norms.max(initial=0.0)
    rows, columns = np.nonzero(squared <= CANCELLED * scale)
    for start in range(0, len(rows), NEAR_PAIRS):
        r, c = rows[start : start + NEAR_PAIRS], columns[start : start + NEAR_PAIRS]
        squared[r, c] = squared_l2(first[r], second[c])
    return squared


def l2_matrix(a: ArrayLike, b: ArrayLike) -> Floats:
    """L2 distances of every row of `a` to every row of `b`: (n, m) float64; see `squared_l2_matrix`."""
    squared = squared_l2_matrix(a, b)
    return np.sqrt(squared, out=squared)


def rms_l2(a_mean: ArrayLike, b_mean: ArrayLike) -> float:
    """Root mean square L2 distance of all pairs of two sets of unit vectors, from the means (d,) of both.

    The mean squared distance of unit vectors is 2 - 2 times the product of their means.
    """
    return float(np.sqrt(max(2 - 2 * float(np.dot(a_mean, b_mean)), 0.0)))
