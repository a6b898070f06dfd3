"""What there is to ask about: faces in no cluster, and people who are on a photo more than once."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from facesearch.storage import cluster_pages
from facesearch.storage import schema as db
from facesearch.storage.queries import chunks

__all__ = ["faces_on", "in_no_cluster", "twice"]


def in_no_cluster(connection: Connection, faces: Iterable[int]) -> set[int]:
    """Those of some faces that are there, in no cluster, and not marked as no face."""
    found = set[int]()
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    for some in chunks(faces):
        query = select(db.faces.c.id).where(db.faces.c.id.in_(some))
        found.update(
            connection.execute(query.where(db.faces.c.id.not_in(placed), db.faces.c.id.not_in(hidden))).scalars()
        )
    return found


def twice(connection: Connection, clusters: Iterable[int] | None = None) -> set[tuple[int, int]]:
    """(cluster, photo) where a cluster has several faces on a photo, and the user has not said that it is right.

    Without ignored people. Args: clusters: those that are meant; None for all.
    """
    cluster, photo = db.clustered.c.cluster_id, db.faces.c.photo_id
    joined = db.clustered.join(db.faces, db.faces.c.id == db.clustered.c.face_id)
    joined = joined.join(db.repeated, db.repeated.c.face_id == db.faces.c.id, isouter=True)
    query = select(cluster, photo).select_from(joined).where(cluster.not_in(cluster_pages.ignored()))
    query = query.group_by(cluster, photo).having(func.count() > 1, func.count(db.repeated.c.face_id) < func.count())
    queries = [query] if clusters is None else [query.where(cluster.in_(some)) for some in chunks(clusters)]
    return {(row.cluster_id, row.photo_id) for query in queries for row in connection.execute(query)}


def faces_on(connection: Connection, cluster: int, photo: int) -> list[int]:
    """The faces of a cluster on a photo."""
    query = select(db.faces.c.id).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    query = query.where(db.clustered.c.cluster_id == cluster, db.faces.c.photo_id == photo)
    return list(connection.execute(query.order_by(db.faces.c.id)).scalars())
