"""Faces in the database."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, case, func, or_, select

from facesearch.core.types import Face
from facesearch.storage import schema as db
from facesearch.storage.queries import chunks

__all__ = ["by_ids", "by_photos", "exists", "highest_id", "photos_showing", "unplaced", "unplaced_query"]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Face]:
    """The faces with these ids, in their order and without embeddings; ids that are not there are left out."""
    found: dict[int, Face] = {}
    for some in chunks(ids):
        rows = connection.execute(select(db.faces).where(db.faces.c.id.in_(some))).all()
        paths = _present_paths(connection, {row.photo_id for row in rows})
        found |= {row.id: _face(row, paths.get(row.photo_id, "")) for row in rows}
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


def _face(row: Any, path: str) -> Face:
    landmarks = np.frombuffer(row.landmarks, "<f4").reshape(5, 2)
    box = (row.x1, row.y1, row.x2, row.y2)
    return Face(box, landmarks, row.score, row.sharpness, id=row.id, photo_id=row.photo_id, path=path)


def _present_paths(connection: Connection, photo_ids: Iterable[int]) -> dict[int, str]:
    """For each photo one of its files, not a missing one where there is a choice."""
    query = select(db.paths.c.photo_id, db.paths.c.path).where(db.paths.c.photo_id.in_(list(photo_ids)))
    # the last one wins: present files come after missing ones, and the order is the same every time
    ordered = query.order_by(db.paths.c.missing_since.is_(None), db.paths.c.path.desc())
    return {row.photo_id: row.path for row in connection.execute(ordered)}


def exists(connection: Connection, face: int) -> bool:
    possible = 0 < face < 2**63  # SQLite knows no larger numbers
    return possible and connection.execute(select(db.faces.c.id).where(db.faces.c.id == face)).first() is not None


def highest_id(connection: Connection) -> int:
    """0 where there is no face."""
    return int(connection.execute(select(func.max(db.faces.c.id))).scalar() or 0)


def unplaced(connection: Connection, run_id: int) -> set[int]:
    """Faces on photos that a run has looked at: not those in a cluster already, nor what is no face."""
    return set(connection.execute(unplaced_query(run_id)).scalars())


def unplaced_query(run_id: int) -> Select[Any]:
    """As `unplaced`, as a query for other modules of storage."""
    query = select(db.faces.c.id).join(db.photos, db.photos.c.id == db.faces.c.photo_id)
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    return query.where(db.photos.c.run_id == run_id, db.faces.c.id.not_in(placed), db.faces.c.id.not_in(hidden))


def photos_showing(
    connection: Connection, clusters: Sequence[int], *, only: bool = False, count: int | None = None
) -> list[int]:
    """The ids of the photos that show all of some clusters, ascending.

    Args:
        clusters: none for photos of anybody.
        only: leave out photos that show anybody else, or a face in no cluster; what is no face does not count.
        count: only photos with so many faces.
    """
    photo, cluster = db.faces.c.photo_id, db.clustered.c.cluster_id
    wanted = list(dict.fromkeys(clusters))
    query = select(photo).join(db.clustered, db.clustered.c.face_id == db.faces.c.id, isouter=True)
    query = query.where(db.faces.c.id.not_in(select(db.not_faces.c.face_id)))
    if wanted:
        theirs = select(photo).join(db.clustered, db.clustered.c.face_id == db.faces.c.id).where(cluster == wanted[0])
        query = query.where(photo.in_(theirs))
    other: Any = or_(cluster.is_(None), cluster.not_in(wanted))
    query = query.group_by(photo).having(func.count(case((cluster.in_(wanted), cluster)).distinct()) == len(wanted))
    if only:
        query = query.having(func.sum(case((other, 1), else_=0)) == 0)
    if count is not None:
        query = query.having(func.count() == count)
    return list(connection.execute(query.order_by(photo)).scalars())
