"""All faces at once, column by column, for what looks at the whole library."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, SelectBase, func, select, true

from facesearch.index import schema as db

__all__ = ["FaceTable", "read_table"]

# Rows that are read at a time.
ROWS = 10_000
COLUMNS = (
    *(db.faces.c.id, db.faces.c.photo_id, db.faces.c.x1, db.faces.c.y1, db.faces.c.x2, db.faces.c.y2),
    *(db.faces.c.landmarks, db.faces.c.score, db.faces.c.sharpness, db.faces.c.embedding),
)


@dataclass(frozen=True)
class FaceTable:
    """n faces in the order of their ids.

    ids, photo_ids: (n,) int64.
    boxes: (n, 4) float64 x1, y1, x2, y2 and landmarks: (n, 5, 2) float32, in pixels of the photo as displayed.
    scores, sharpness: (n,) float64.
    embeddings: (n, d) float32, unit L2 norm.
    """

    ids: NDArray[np.int64]
    photo_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


def read_table(connection: Connection, dim: int, only: SelectBase | None = None) -> FaceTable:
    """Args: dim: of the library's embeddings. only: the ids of the faces wanted, as a query; None for all."""
    wanted = true() if only is None else db.faces.c.id.in_(only)
    n = int(connection.execute(select(func.count()).select_from(db.faces).where(wanted)).scalar_one())
    table = FaceTable(
        ids=np.empty(n, np.int64),
        photo_ids=np.empty(n, np.int64),
        boxes=np.empty((n, 4)),
        landmarks=np.empty((n, 5, 2), np.float32),
        scores=np.empty(n),
        sharpness=np.empty(n),
        embeddings=np.empty((n, dim), np.float32),
    )
    start = 0
    query = select(*COLUMNS).where(wanted).order_by(db.faces.c.id)
    for rows in connection.execution_options(yield_per=ROWS).execute(query).partitions():
        part = slice(start, start + len(rows))
        ids, photos, x1, y1, x2, y2, landmarks, scores, sharpness, embeddings = zip(*rows, strict=True)
        table.ids[part], table.photo_ids[part] = ids, photos
        table.boxes[part] = np.array([x1, y1, x2, y2]).T
        table.landmarks[part] = np.frombuffer(b"".join(landmarks), "<f4").reshape(-1, 5, 2)
        table.scores[part], table.sharpness[part] = scores, sharpness
        table.embeddings[part] = np.frombuffer(b"".join(embeddings), "<f4").reshape(-1, dim)
        start += len(rows)
    return table
