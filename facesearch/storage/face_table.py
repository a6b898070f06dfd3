"""All faces at once, column by column, for what looks at the whole library."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, SelectBase, select, true, union

from facesearch.core.quality import earlier_qualities
from facesearch.storage import faces
from facesearch.storage import schema as db
from facesearch.storage.clusters import known_faces
from facesearch.storage.values import landmarks_of, unit_vectors

__all__ = ["FaceTable", "read_all", "read_new_and_known", "read_of_cluster", "read_unclustered"]

# Rows that are read at a time.
ROWS = 10_000
COLUMNS = (*faces.COLUMNS, db.faces.c.embedding)


@dataclass(frozen=True)
class FaceTable:
    """n faces in the order of their ids.

    ids, photo_ids: (n,) int64.
    boxes: (n, 4) float64 x1, y1, x2, y2 and landmarks: (n, 5, 2) float32, in pixels of the photo as displayed.
    scores, sharpness: (n,) float64.
    quality: (n,) float64 in [0, 1], see `facesearch.core.quality`.
    embeddings: (n, d) float32, unit L2 norm.
    """

    ids: NDArray[np.int64]
    photo_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    quality: NDArray[np.float64]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


def read_all(connection: Connection, dim: int) -> FaceTable:
    """All faces of the library. Args: dim: of the library's embeddings."""
    return _read(connection, dim)


def read_of_cluster(connection: Connection, dim: int, cluster: int) -> FaceTable:
    """The faces of one cluster."""
    return _read(connection, dim, select(db.clustered.c.face_id).where(db.clustered.c.cluster_id == cluster))


def read_new_and_known(connection: Connection, dim: int) -> FaceTable:
    """The faces that are still to be placed, and those in the clusters that are a person's."""
    return _read(connection, dim, union(faces.unplaced_query(), known_faces()))


def read_unclustered(connection: Connection, dim: int) -> FaceTable:
    """The faces in no cluster, but for what is marked as no face."""
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    face = db.faces.c.id
    return _read(connection, dim, select(face).where(face.not_in(placed), face.not_in(hidden)))


def _read(connection: Connection, dim: int, only: SelectBase | None = None) -> FaceTable:
    """Args: dim: of the library's embeddings. only: the ids of the faces wanted, as a query; None for all."""
    wanted = true() if only is None else db.faces.c.id.in_(only)
    query = select(*COLUMNS).where(wanted).order_by(db.faces.c.id).execution_options(yield_per=ROWS)
    parts = [_part([], dim)]  # not counted first: to find out who is wanted can take as long as to read them
    for rows in connection.execute(query).partitions():
        parts.append(_part(rows, dim))
    columns = zip(*parts, strict=True)
    return FaceTable(*(np.concatenate(column) for column in columns))


def _part(rows: Sequence[Any], dim: int) -> tuple[NDArray[Any], ...]:
    """Some rows, in the order of FaceTable's columns."""
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    ids, photos, x1, y1, x2, y2, landmarks, scores, sharpness, quality, _, _, embeddings = columns
    boxes = np.array([x1, y1, x2, y2], np.float64).T
    points = landmarks_of(ids, landmarks)
    score, sharp, known = (np.array(column, np.float64) for column in (scores, sharpness, quality))  # None is NaN
    return (
        np.array(ids, np.int64),
        np.array(photos, np.int64),
        boxes,
        points,
        score,
        sharp,
        np.where(np.isnan(known), earlier_qualities(boxes, points, score, sharp), known),
        unit_vectors(ids, embeddings, dim),
    )
