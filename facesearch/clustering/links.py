"""Pairs of faces as keys and what is measured of them, DBSCAN's core faces, and the sums of clusters."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.executor import ThreadExecutor

__all__ = ["each_once", "linked", "measured", "summed"]

Ints = NDArray[np.int64]
Real = TypeVar("Real", np.float32, np.float64)


def each_once(keys: Ints) -> Ints:
    """The distinct keys, ascending. They are sorted in place, which takes a third of `np.unique`'s time and memory."""
    keys.sort()
    first = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return np.asarray(keys[first])


def measured(
    measure: Callable[[Any, Any], NDArray[Real]],
    a: NDArray[np.integer],
    b: NDArray[np.integer],
    dtype: type[Real],
    each: int,
) -> NDArray[Real]:
    """(m,) what a function gives for pairs, so many pairs at a time, on all cores.

    Values do not depend on how many cores there are. NumPy lets go of Python's lock meanwhile.
    """
    values = np.empty(len(a), dtype)

    def write(start: int) -> None:
        part = slice(start, start + each)
        values[part] = measure(a[part], b[part])

    if len(a) <= each:
        write(0)
        return values
    for _ in ThreadExecutor().map(write, range(0, len(a), each)):
        pass
    return values


def linked(a: NDArray[np.integer], b: NDArray[np.integer], n: int, min_samples: int) -> Ints:
    """(n,) int64 labels: rows that are core are linked along the pairs, each given once; every other row is alone."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    core = np.bincount(np.concatenate([a, b]), minlength=n) + 1 >= min_samples
    link = core[a] & core[b]
    graph = coo_matrix((np.ones(int(link.sum()), np.int8), (a[link], b[link])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def summed(
    vectors: NDArray[np.float32], labels: Ints, count: int, dtype: type[np.floating] = np.float32
) -> NDArray[np.floating]:
    """(count, d) of a dtype: the sums of the rows with each label, as np.add.at makes them, in a tenth of the time."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(labels), dtype)
    return np.asarray(csr_matrix((ones, (labels, np.arange(len(labels)))), shape=(count, len(labels))) @ vectors)
