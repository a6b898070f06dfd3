"""Faces on their photos: those of a group by date or by doubt, those in none, and those that are none."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, or_, select

from facesearch.core.distance import l2_matrix
from facesearch.core.errors import InputError
from facesearch.core.views import FaceView, Page
from facesearch.people.browsing.clusters import named_person, owners
from facesearch.people.browsing.cursors import Key, key_of, page_of
from facesearch.storage import schema as db
from facesearch.storage.dates import as_datetime

__all__ = [
    "Order",
    "checked_order",
    "doubts",
    "faces_by_date",
    "faces_by_doubt",
    "hidden_faces",
    "loose_faces",
    "views_of",
]

Order = Literal["newest", "oldest", "doubt"]

CHUNK = 500


def faces_by_date(
    connection: Connection, group: int, cursor: str | None, limit: int, *, newest: bool
) -> Page[FaceView]:
    """The faces of a group; of one date in the order of their ids. Raises InputError for a wrong cursor."""
    date, face = db.photos.c.taken_at, db.faces.c.id
    query = select(face, date).join(db.clustered, db.clustered.c.face_id == face)
    query = query.join(db.photos, db.photos.c.id == db.faces.c.photo_id).where(db.clustered.c.cluster_id == group)
    if (key := key_of(cursor, 2)) is not None:
        later = date < key[0] if newest else date > key[0]
        query = query.where(or_(later, and_(date == key[0], face > key[1])))
    ordered = query.order_by(date.desc() if newest else date, face).limit(limit + 1)
    rows = connection.execute(ordered).all()
    return page_of(
        rows, limit, lambda row: (row.taken_at, row.id), lambda some: views_of(connection, [row.id for row in some])
    )


def faces_by_doubt(connection: Connection, group: int, cursor: str | None, limit: int) -> Page[FaceView]:
    """The faces of a group, those furthest from its mean direction first. Raises InputError for a wrong cursor."""
    key = key_of(cursor, 2)
    ids, distances = doubts(connection, group)
    keys: list[Key] = sorted(zip((-distances).tolist(), ids.tolist(), strict=True))
    rows = [row for row in keys if key is None or row > key][: limit + 1]
    return page_of(
        rows,
        limit,
        lambda row: row,
        lambda some: views_of(connection, [int(face) for _, face in some], [-far for far, _ in some]),
    )


def doubts(connection: Connection, group: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For the faces of a group their ids, ascending, and L2 distances to the group's mean direction."""
    query = select(db.faces.c.id, db.faces.c.embedding).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    rows = connection.execute(query.where(db.clustered.c.cluster_id == group).order_by(db.faces.c.id)).all()
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0)
    ids, blobs = zip(*rows, strict=True)
    vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(rows), -1)
    mean = vectors.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    if length < 1e-9:  # no direction is their mean: all are equally far
        return np.array(ids, np.int64), np.full(len(ids), np.sqrt(2))
    # rounded, so that the last bits, which depend on how many rows are summed at a time, do not change the order
    return np.array(ids, np.int64), np.round(l2_matrix((mean / length)[None], vectors)[0], 6)


def loose_faces(connection: Connection, cursor: str | None, limit: int) -> Page[FaceView]:
    """Faces in no group that are not said to be none, the latest found first. Raises InputError for a wrong cursor."""
    face = db.faces.c.id
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    query = select(face).where(face.not_in(placed), face.not_in(hidden)).order_by(face.desc())
    if (key := key_of(cursor, 1)) is not None:
        query = query.where(face < key[0])
    rows = connection.execute(query.limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.id,), lambda some: views_of(connection, [row.id for row in some]))


def hidden_faces(connection: Connection, cursor: str | None, limit: int) -> Page[FaceView]:
    """What is said to be no face, the latest found first. Raises InputError for a wrong cursor."""
    face = db.not_faces.c.face_id
    query = select(face.label("id")).order_by(face.desc())
    if (key := key_of(cursor, 1)) is not None:
        query = query.where(face < key[0])
    rows = connection.execute(query.limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: (row.id,), lambda some: views_of(connection, [row.id for row in some]))


def views_of(connection: Connection, faces: Sequence[int], distances: Sequence[float] = ()) -> list[FaceView]:
    """Those of some faces that are there, in their order. Args: distances: to their group's mean, where known."""
    rows: dict[int, Any] = {}
    for start in range(0, len(faces), CHUNK):
        chunk = list(faces[start : start + CHUNK])
        rows |= {row.id: row for row in connection.execute(_described().where(db.faces.c.id.in_(chunk)))}
    who = owners(connection, sorted({row.cluster_id for row in rows.values() if row.cluster_id is not None}))
    far = dict(zip(faces, distances, strict=True)) if distances else {}
    return [_view(rows[face], who, far.get(face)) for face in faces if face in rows]


def _described() -> Any:
    face, photo = db.faces.c, db.photos.c
    columns = (
        *(face.id, face.photo_id, face.x1, face.y1, face.x2, face.y2, face.score),
        *(photo.width, photo.height, photo.taken_at, photo.taken_offset_s),
        db.clustered.c.cluster_id,
        db.confirmed.c.person_id.is_not(None).label("confirmed"),
        db.not_faces.c.face_id.is_not(None).label("hidden"),
    )
    query = select(*columns).join(db.photos, photo.id == face.photo_id)
    for table in (db.clustered, db.confirmed, db.not_faces):
        query = query.join(table, table.c.face_id == face.id, isouter=True)
    return query


def _view(row: Any, who: dict[int, Any], distance: float | None) -> FaceView:
    return FaceView(
        id=row.id,
        photo=row.photo_id,
        photo_size=(row.width, row.height),
        box=(row.x1, row.y1, row.x2, row.y2),
        score=row.score,
        group=row.cluster_id,
        person=named_person(who.get(row.cluster_id)),
        confirmed=bool(row.confirmed),
        not_a_face=bool(row.hidden),
        taken=as_datetime(row.taken_at, row.taken_offset_s),
        distance=distance,
    )


def checked_order(order: str) -> None:
    if order not in ("newest", "oldest", "doubt"):
        raise InputError(f"faces are listed as newest, oldest or doubt, not {order!r}")
