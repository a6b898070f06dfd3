"""Faces of a cluster by how doubtful it is that they belong to it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facesearch.core.distance import l2_matrix
from facesearch.core.types import Face, Page
from facesearch.storage import Connection, face_pages
from facesearch.storage.cursors import Key, page_of, place_of
from facesearch.storage.embeddings import embeddings_of_cluster

__all__ = ["faces_by_doubt"]


def faces_by_doubt(connection: Connection, dim: int, cluster: int, cursor: str | None, limit: int) -> Page[Face]:
    """The faces of a cluster with their distances to its mean direction, the furthest first.

    Raises InputError for a wrong cursor.
    """
    place = place_of(cursor, 2)
    ids, embeddings = embeddings_of_cluster(connection, cluster, dim)
    keys: list[Key] = sorted(zip((-_from_mean(embeddings)).tolist(), ids.tolist(), strict=True), reverse=place.before)
    rows = [key for key in keys if place.has(key)][: limit + 1]

    def described(some: list[Key]) -> list[Face]:
        distances = {int(face): -minus for minus, face in some}
        return [replace(face, distance=distances[face.id]) for face in face_pages.by_ids(connection, list(distances))]

    return page_of(rows, limit, place, lambda row: row, lambda some: described(list(some)))


def _from_mean(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) L2 distances of embeddings (n, d) to the direction of their mean."""
    if not len(embeddings):
        return np.zeros(0)
    mean = embeddings.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    if length < 1e-9:  # no direction is their mean: all are equally far
        return np.full(len(embeddings), np.sqrt(2))
    # rounded, so that the last bits, which depend on how many rows are summed at a time, do not change the order
    distances: NDArray[np.float64] = np.round(l2_matrix((mean / length)[None], embeddings)[0], 6)
    return distances
