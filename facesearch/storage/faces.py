"""Faces by their ids, by photo, by run. Lists of them are in `face_pages`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from facesearch.core.quality import earlier_qualities, earlier_quality
from facesearch.core.types import Face
from facesearch.storage import schema as db
from facesearch.storage.photos import one_file_of_each
from facesearch.storage.queries import chunks, is_id
from facesearch.storage.runs import placed_run
from facesearch.storage.values import landmarks_of

__all__ = [
    *("COLUMNS", "by_ids", "by_photos", "count_of", "exists", "highest_id", "qualities"),
    *("unclustered", "unplaced", "unplaced_query"),
]

# What a detector and the crop tell of a face: all but its embedding.
COLUMNS = (
    *(db.faces.c.id, db.faces.c.photo_id, db.faces.c.x1, db.faces.c.y1, db.faces.c.x2, db.faces.c.y2),
    *(db.faces.c.landmarks, db.faces.c.score, db.faces.c.sharpness),
    *(db.faces.c.quality, db.faces.c.defect, db.faces.c.drawn),
)


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Face]:
    """The faces with these ids, in their order and without embeddings; ids that are not there are left out."""
    found: dict[int, Face] = {}
    for some in chunks(ids):
        rows = connection.execute(select(*COLUMNS).where(db.faces.c.id.in_(some))).all()
        paths = one_file_of_each(connection, {row.photo_id for row in rows})
        found |= {row.id: _as_face(row, paths.get(row.photo_id, "")) for row in rows}
    return [found[int(i)] for i in ids if int(i) in found]


def by_photos(connection: Connection, photo_ids: Sequence[int]) -> dict[int, list[Face]]:
    """For each of some photos its faces; an empty list for one without."""
    ids: list[int] = []
    for some in chunks(photo_ids):
        ids += connection.execute(select(db.faces.c.id).where(db.faces.c.photo_id.in_(some))).scalars()
    found: dict[int, list[Face]] = {photo: [] for photo in photo_ids}
    for face in by_ids(connection, sorted(ids)):
        found[face.photo_id].append(face)
    return found


def _as_face(row: Any, path: str) -> Face:
    """Args: row: of COLUMNS."""
    number, photo, x1, y1, x2, y2, landmarks, score, sharpness, known, named, drawn = row
    box, points = (x1, y1, x2, y2), landmarks_of([number], [landmarks])[0]
    quality, defect = (known, named or "") if known is not None else earlier_quality(box, points, score, sharpness)
    face = Face(box, points, score, sharpness, quality=quality, defect=defect, id=number, photo_id=photo, path=path)
    return replace(face, drawn=True) if drawn else face


def qualities(connection: Connection, ids: Iterable[int]) -> dict[int, float]:
    """How good each of some faces is, see `facesearch.core.quality`."""
    found: dict[int, float] = {}
    for some in chunks(ids):
        wanted = db.faces.c.id.in_(some)
        kept = select(db.faces.c.id, db.faces.c.quality).where(wanted, db.faces.c.quality.is_not(None))
        found |= dict(map(tuple, connection.execute(kept)))
        if rows := connection.execute(select(*COLUMNS).where(wanted, db.faces.c.quality.is_(None))).all():
            numbers, _, *corners, landmarks, scores, sharpness, _, _, _ = zip(*rows, strict=True)
            measured = (np.array(scores, np.float64), np.array(sharpness, np.float64))
            judged = earlier_qualities(np.array(corners, np.float64).T, landmarks_of(numbers, landmarks), *measured)
            found |= dict(zip(numbers, judged.tolist(), strict=True))
    return found


def exists(connection: Connection, face: int) -> bool:
    return is_id(face) and connection.execute(select(db.faces.c.id).where(db.faces.c.id == face)).first() is not None


def highest_id(connection: Connection) -> int:
    """0 where there is no face."""
    return int(connection.execute(select(func.max(db.faces.c.id))).scalar() or 0)


def count_of(connection: Connection) -> int:
    """How many faces clustering looks at: all but what is no face."""
    hidden = select(db.not_faces.c.face_id)
    return int(connection.execute(select(func.count()).where(db.faces.c.id.not_in(hidden))).scalar_one())


def unclustered(connection: Connection) -> list[int]:
    """The faces that are in no cluster, but for what is marked as no face."""
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    query = select(db.faces.c.id).where(db.faces.c.id.not_in(placed), db.faces.c.id.not_in(hidden))
    return list(connection.execute(query.order_by(db.faces.c.id)).scalars())


def unplaced(connection: Connection) -> set[int]:
    """Faces on photos of runs whose faces were not placed yet: not those in a cluster, nor what is no face."""
    return set(connection.execute(unplaced_query()).scalars())


def unplaced_query() -> Select[Any]:
    """As `unplaced`, as a query for other modules of storage."""
    query = select(db.faces.c.id).join(db.photos, db.photos.c.id == db.faces.c.photo_id)
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    return query.where(db.photos.c.run_id > placed_run(), db.faces.c.id.not_in(placed), db.faces.c.id.not_in(hidden))
