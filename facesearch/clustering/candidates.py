"""The pairs of faces that a clustering looks at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.neighbours import radius_neighbours

__all__ = ["Pairs", "of_one_photo", "pairs_within"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """m pairs of rows a < b, each once; distance: (m,) float64; together: (m,) whether they are of one photo."""

    a: Ints
    b: Ints
    distance: NDArray[np.float64]
    together: NDArray[np.bool_]

    def take(self, wanted: NDArray[np.bool_]) -> "Pairs":
        return Pairs(self.a[wanted], self.b[wanted], self.distance[wanted], self.together[wanted])


def pairs_within(vectors: NDArray[np.float32], photos: Ints, radius: float) -> Pairs:
    """All pairs within a radius; those of one photo also beyond it, at an infinite distance.

    Args:
        vectors: (n, d) float32.
        photos: (n,) the photo that a face is of.
    """
    indptr, neighbours, distances = radius_neighbours(vectors, radius)
    every = np.repeat(np.arange(len(vectors), dtype=np.int32), np.diff(indptr))
    once = every < neighbours
    rows, columns, distances = every[once].astype(np.int64), neighbours[once].astype(np.int64), distances[once]
    together = photos[rows] == photos[columns]
    far_rows, far_columns = of_one_photo(photos)
    known = rows[together] * len(vectors) + columns[together]
    new = ~np.isin(far_rows * len(vectors) + far_columns, known)
    return Pairs(
        np.concatenate([rows, far_rows[new]]),
        np.concatenate([columns, far_columns[new]]),
        np.concatenate([distances, np.full(int(new.sum()), np.inf)]),
        np.concatenate([together, np.ones(int(new.sum()), np.bool_)]),
    )


def of_one_photo(photos: Ints) -> tuple[Ints, Ints]:
    """All pairs of rows of one photo."""
    _, inverse, faces = np.unique(photos, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(faces[inverse] > 1)
    order = shared[np.argsort(photos[shared], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(photos[order])) + 1)
    pairs = [(part[i], part[j]) for part in parts for i, j in [np.triu_indices(len(part), 1)]]
    if not len(order):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first, second = np.concatenate([i for i, _ in pairs]), np.concatenate([j for _, j in pairs])
    return np.minimum(first, second), np.maximum(first, second)
