"""Faces in the database, by other things than their id."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, case, func, or_, select

from facesearch.storage import schema as db

__all__ = ["exists", "highest_id", "photos_showing", "unplaced", "unplaced_query"]


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
