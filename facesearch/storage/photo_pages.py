"""Photos as lists show them: by date, one with everything on it, and who is on photos with whom."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from facesearch.core.types import Page, Photo
from facesearch.storage import cluster_pages, face_pages, photos
from facesearch.storage import schema as db
from facesearch.storage.cursors import page_of_ids
from facesearch.storage.dates import as_datetime

__all__ = ["neighbours", "one", "page", "together"]


def page(connection: Connection, clusters: Sequence[int], cursor: str | None, limit: int, *, only: bool) -> Page[Photo]:
    """Photos that show all of some clusters, the newest first.

    Args:
        only: leave out photos that show other people, or a face in no cluster; what the user has marked as no face
            does not count.

    Raises InputError for a wrong cursor.
    """
    date, photo = db.photos.c.taken_at, db.photos.c.id
    query = select(date, photo)
    for cluster in dict.fromkeys(clusters):
        query = query.where(photo.in_(_photos_with(cluster)))
    if only:
        query = query.where(photo.not_in(_photos_with_others(clusters)))
    return page_of_ids(connection, query, (True, True), cursor, limit, lambda ids: _by_ids(connection, ids))


def one(connection: Connection, photo: int) -> Photo | None:
    """A photo with its files and faces; None where there is no such photo."""
    found = _by_ids(connection, [photo])
    if not found:
        return None
    ids = connection.execute(select(db.faces.c.id).where(db.faces.c.photo_id == photo)).scalars().all()
    faces = sorted(face_pages.by_ids(connection, ids), key=lambda face: (face.box[0], face.id))
    paths = tuple(path for path, _ in photos.files_of(connection, photo))
    return replace(found[0], paths=paths, faces=tuple(faces))


def neighbours(connection: Connection, photo: int) -> tuple[int | None, int | None]:
    """The photos before and after one that is there, as `page` lists them: the newer and the older one."""
    date, number = db.photos.c.taken_at, db.photos.c.id
    here = connection.execute(select(date).where(number == photo)).scalar_one()
    newer = select(number).where(date >= here, or_(date > here, number > photo)).order_by(date, number)
    older = select(number).where(date <= here, or_(date < here, number < photo)).order_by(date.desc(), number.desc())
    return connection.execute(newer.limit(1)).scalar(), connection.execute(older.limit(1)).scalar()


def together(connection: Connection, cluster: int, limit: int) -> list[tuple[int, int]]:
    """Who is on photos with a cluster: (their cluster, on how many photos), most first; without ignored people."""
    other, placed = db.faces.alias(), db.clustered.alias()
    photos = func.count(other.c.photo_id.distinct()).label("photos")
    query = (
        select(placed.c.cluster_id, photos)
        .select_from(other)
        .join(placed, placed.c.face_id == other.c.id)
        .where(other.c.photo_id.in_(_photos_with(cluster)), placed.c.cluster_id != cluster)
        .where(placed.c.cluster_id.not_in(cluster_pages.ignored()))
        .group_by(placed.c.cluster_id)
        .order_by(photos.desc(), placed.c.cluster_id)
    )
    return [(row.cluster_id, row.photos) for row in connection.execute(query.limit(limit))]


def _photos_with(cluster: int) -> Select[tuple[int]]:
    query = select(db.faces.c.photo_id).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    return query.where(db.clustered.c.cluster_id == cluster)


def _photos_with_others(clusters: Sequence[int]) -> Select[tuple[int]]:
    """Photos that show a face that is not in one of some clusters."""
    query = select(db.faces.c.photo_id).join(db.clustered, db.clustered.c.face_id == db.faces.c.id, isouter=True)
    elsewhere = or_(db.clustered.c.cluster_id.is_(None), db.clustered.c.cluster_id.not_in(list(clusters)))
    return query.where(elsewhere, db.faces.c.id.not_in(select(db.not_faces.c.face_id)))


def _by_ids(connection: Connection, photos: Sequence[int]) -> list[Photo]:
    """Those of some photos that are there, in their order; without their files and faces."""
    hidden = select(db.not_faces.c.face_id)
    counted = select(db.faces.c.photo_id, func.count()).where(db.faces.c.id.not_in(hidden))
    counted = counted.where(db.faces.c.photo_id.in_(photos)).group_by(db.faces.c.photo_id)
    faces = dict(map(tuple, connection.execute(counted)))
    there = select(db.paths.c.photo_id).where(db.paths.c.photo_id.in_(photos), db.paths.c.missing_since.is_(None))
    present = set(connection.execute(there).scalars())
    rows = {row.id: row for row in connection.execute(select(db.photos).where(db.photos.c.id.in_(photos)))}
    return [_photo(rows[photo], faces.get(photo, 0), photo not in present) for photo in photos if photo in rows]


def _photo(row: Any, face_count: int, missing: bool) -> Photo:
    return Photo(
        id=row.id,
        size=(row.width, row.height),
        taken=as_datetime(row.taken_at, row.taken_offset_s),
        from_file=row.dated_by != "exif",
        face_count=face_count,
        missing=missing,
    )
