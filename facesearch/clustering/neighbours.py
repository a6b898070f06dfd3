"""Exact neighbours among embeddings held in memory, searched with FAISS.

FAISS computes squared distances in float32 as |a|² + |b|² - 2ab, which loses the digits of small distances and lets a
neighbour exactly at the radius fall on either side. So FAISS only proposes candidates, over a radius widened by its
own error bound, and every distance that is returned is computed again in float64.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.links import measured
from facesearch.core.distance import l2, squared_l2
from facesearch.core.errors import InputError, TooManyPairsError
from facesearch.core.forks import hold_native_threads

__all__ = ["computes", "nearest_neighbours", "radius_neighbours"]

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Columns = NDArray[np.int32]

# Most candidates that one block of queries can have, were everything within the radius: about 50 bytes each.
BLOCK_PAIRS = 1 << 24
# Pairs whose vectors are gathered at a time for their exact distance.
EXACT_PAIRS = 1 << 12
FLOAT32_EPS = 2.0**-23
# Candidates asked for beyond k, so that float32 cannot push a true neighbour out among near ties.
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
SPARE_CANDIDATES = 16


def radius_neighbours(
    embeddings: NDArray[np.float32], radius: float, *, max_pairs: int = 100_000_000
) -> tuple[Ids, Columns, Floats]:
    """All neighbours of every row within a radius, the boundary and the row itself included.

    Args:
        embeddings: (n, d) float32; unit norm is not required.
        radius: L2 distance, at least 0.
        max_pairs: more neighbours than this in total are refused instead of filling the memory.

    Returns:
        indptr (n + 1,) int64, columns (indptr[-1],) int32 and distances (indptr[-1],) float64, as in a CSR matrix:
        row i's neighbours are columns[indptr[i]:indptr[i + 1]], nearest first, equal distances by row number.
        The relation is exactly symmetric. Neighbours at distance 0 (duplicates) are listed like all others.

    Raises:
        InputError: embeddings that are not a finite matrix, or a negative radius; TooManyPairsError.
    """
    vectors = _checked(embeddings)
    if not 0 <= radius < np.inf:
        raise InputError(f"a radius is a distance of at least 0, not {radius}")
    lengths, columns, distances = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0)]
    found = 0
    for block_lengths, block_columns, block_distances in _radius_blocks(vectors, radius):
        found += len(block_columns)
        if found > max_pairs:
            raise TooManyPairsError(
                f"within {radius:g} there are more than {max_pairs:,} pairs of neighbours "
                f"among {len(vectors):,} faces; choose a smaller distance, or give no --eps: that has no limit"
            )
        lengths.append(block_lengths)
        columns.append(block_columns)
        distances.append(block_distances)
    return np.cumsum(np.concatenate(lengths)), np.concatenate(columns), np.concatenate(distances)


def computes(device: str) -> bool:
    """Whether neighbours are looked for on a device and not with FAISS. Args: device: as `pick_device` gives it."""
    return device.startswith("cuda")  # mps has no float64, in which distances are


def nearest_neighbours(
    embeddings: NDArray[np.float32], queries: NDArray[np.float32], k: int, *, device: str = "cpu"
) -> tuple[Ids, Floats]:
    """The k rows of `embeddings` nearest to each query.

    Args:
        embeddings: (n, d) float32; unit norm is not required.
        queries: (q, d) float32.
        k: at least 1.
        device: as `pick_device` gives it; "cuda" needs PyTorch, and finds the same.

    Returns:
        ids (q, min(k, n)) int64 row numbers and distances (q, min(k, n)) float64, nearest first, equal distances by
        row number. Of more than a few rows that tie with the k-th within float32's error, any may be returned.

    Raises:
        InputError: not finite matrices with the same d, or k below 1.
    """
    vectors = _checked(embeddings)
    wanted = vectors if queries is embeddings else _checked(queries)
    if k < 1 or vectors.shape[1] != wanted.shape[1]:
        raise InputError(f"k must be at least 1 and the dimensions equal: {k}, {vectors.shape}, {wanted.shape}")
    if not len(vectors) or not len(wanted):
        return np.zeros((len(wanted), min(k, len(vectors))), np.int64), np.zeros((len(wanted), min(k, len(vectors))))
    if computes(device):
        from facesearch.core.torch_neighbours import TorchNeighbours

        return TorchNeighbours(device, vectors, None if wanted is vectors else wanted).nearest(k)
    hold_native_threads()
    import faiss

    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    _, candidates = index.search(wanted, min(k + SPARE_CANDIDATES, len(vectors)))
    rows = np.repeat(np.arange(len(wanted)), candidates.shape[1])
    distances = _exact(wanted, vectors, rows, candidates.ravel()).reshape(candidates.shape)
    order = np.lexsort((candidates, distances), axis=1)[:, :k]
    return np.take_along_axis(candidates, order, 1), np.take_along_axis(distances, order, 1)


def _radius_blocks(vectors: NDArray[np.float32], radius: float) -> Iterator[tuple[Ids, Columns, Floats]]:
    """Block by block: the rows' numbers of neighbours, and the neighbours with their exact distances."""
    import faiss

    if not len(vectors):
        return
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    block = max(1, BLOCK_PAIRS // len(vectors))
    widened = min(radius * radius + _float32_error(vectors), LARGEST_FLOAT32)
    for start in range(0, len(vectors), block):
        queries = vectors[start : start + block]
        lims, _, columns = index.range_search(queries, widened)
        rows = np.repeat(np.arange(len(queries)), (lims[1:] - lims[:-1]).astype(np.int64))
        distances = _exact(queries, vectors, rows, columns)
        inside = distances <= radius
        rows, columns, distances = rows[inside], columns[inside], distances[inside]
        order = np.lexsort((columns, distances, rows))
        yield np.bincount(rows, minlength=len(queries)), columns[order].astype(np.int32), distances[order]


def _float32_error(vectors: NDArray[np.float32]) -> float:
    """Bound on the error of FAISS's squared distances: those of three inner products of d terms and their sum.

    Higham, Accuracy and Stability of Numerical Algorithms, section 3.1, with the largest norm for both vectors.
    """
    largest = float(np.max(squared_l2(vectors, np.zeros_like(vectors))))
    dim: int = vectors.shape[1]
    return (dim + 4) * FLOAT32_EPS * 4 * largest


def _exact(queries: NDArray[np.float32], vectors: NDArray[np.float32], rows: Ids, columns: Ids) -> Floats:
    """L2 distance of queries[rows[i]] to vectors[columns[i]] in float64, some pairs at a time."""
    return measured(lambda a, b: l2(queries[a], vectors[b]), rows, columns, np.float64, EXACT_PAIRS)


def _checked(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    vectors = np.ascontiguousarray(embeddings, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise InputError(f"embeddings are an (n, d) matrix, not of shape {vectors.shape}")
    if not np.all(np.isfinite(vectors)):
        raise InputError(f"{int(np.sum(~np.isfinite(vectors).all(axis=1)))} embeddings hold NaN or infinity")
    return vectors
