"""Faces as lists show them: those of a cluster, those in none, and those that are none; a page at a time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, select

from facesearch.core.types import Face, Page, Person
from facesearch.storage import schema as db
from facesearch.storage.cursors import behind, page_of_ids
from facesearch.storage.dates import as_datetime, in_year
from facesearch.storage.persons import of_clusters
from facesearch.storage.queries import chunks

__all__ = ["by_date", "by_ids", "from_year", "in_no_cluster", "not_faces"]

# Behind every id that there can be.
LAST_ID = 2**62 - 1


def by_date(connection: Connection, cluster: int, cursor: str | None, limit: int, *, newest: bool) -> Page[Face]:
    """The faces of a cluster; of one date in the order of their ids. Raises InputError for a wrong cursor."""
    date, face = db.photos.c.taken_at, db.faces.c.id
    query = select(date, face).join(db.clustered, db.clustered.c.face_id == face)
    query = query.join(db.photos, db.photos.c.id == db.faces.c.photo_id).where(db.clustered.c.cluster_id == cluster)
    return page_of_ids(connection, query, (newest, False), cursor, limit, lambda ids: by_ids(connection, ids))


def from_year(connection: Connection, cluster: int, year: int, limit: int, *, newest: bool) -> Page[Face]:
    """The page of `by_date` that begins with a year; it goes before it where there is something."""
    first, end = in_year(year)
    page = by_date(connection, cluster, behind((end, LAST_ID) if newest else (first, 0)), limit, newest=newest)
    before = page.previous and by_date(connection, cluster, page.previous, 1, newest=newest).items
    return page if before else replace(page, previous=None)


def in_no_cluster(connection: Connection, cursor: str | None, limit: int) -> Page[Face]:
    """Faces in no cluster that are not marked as no face, the latest found first.

    Raises InputError for a wrong cursor.
    """
    face = db.faces.c.id
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    query = select(face).where(face.not_in(placed), face.not_in(hidden))
    return page_of_ids(connection, query, (True,), cursor, limit, lambda ids: by_ids(connection, ids))


def not_faces(connection: Connection, cursor: str | None, limit: int) -> Page[Face]:
    """What the user has marked as no face, the latest found first. Raises InputError for a wrong cursor."""
    query = select(db.not_faces.c.face_id)
    return page_of_ids(connection, query, (True,), cursor, limit, lambda ids: by_ids(connection, ids))


def by_ids(connection: Connection, faces: Sequence[int]) -> list[Face]:
    """Those of some faces that are there, in their order; with their photo, cluster and person."""
    rows: dict[int, Any] = {}
    for chunk in chunks(faces):
        rows |= {row.id: row for row in connection.execute(_described().where(db.faces.c.id.in_(chunk)))}
    person_of = of_clusters(connection, {row.cluster_id for row in rows.values() if row.cluster_id is not None})
    return [_face(rows[face], person_of.get(rows[face].cluster_id)) for face in faces if face in rows]


def _described() -> Select[Any]:
    face, photo = db.faces.c, db.photos.c
    columns = (
        *(face.id, face.photo_id, face.x1, face.y1, face.x2, face.y2, face.score, face.drawn),
        *(photo.width, photo.height, photo.taken_at, photo.taken_offset_s, photo.dated_by),
        db.clustered.c.cluster_id,
        db.confirmed.c.person_id.is_not(None).label("confirmed"),
        db.not_faces.c.face_id.is_not(None).label("hidden"),
    )
    query = select(*columns).join(db.photos, photo.id == face.photo_id)
    for table in (db.clustered, db.confirmed, db.not_faces):
        query = query.join(table, table.c.face_id == face.id, isouter=True)
    return query


def _face(row: Any, person: Person | None) -> Face:
    return Face(
        box=(row.x1, row.y1, row.x2, row.y2),
        score=row.score,
        id=row.id,
        photo_id=row.photo_id,
        photo_size=(row.width, row.height),
        taken=as_datetime(row.taken_at, row.taken_offset_s),
        from_file=row.dated_by != "exif",
        cluster=row.cluster_id,
        person=person,
        confirmed=bool(row.confirmed),
        not_a_face=bool(row.hidden),
        drawn=row.drawn,
    )
