"""Photos as lists show them: by date, one with everything on it, and who is on photos with whom."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, or_, select

from facesearch.core.types import Box, Page, Photo
from facesearch.storage import cluster_pages, face_pages, photos
from facesearch.storage import schema as db
from facesearch.storage.cursors import page_of_ids
from facesearch.storage.dates import as_datetime
from facesearch.storage.photo_filters import Wanted, photos_with, where

__all__ = ["ids", "neighbours", "one", "page", "together", "years"]


def page(connection: Connection, wanted: Wanted, cursor: str | None, limit: int) -> Page[Photo]:
    """Photos that are wanted, the newest first. Raises InputError for a wrong cursor."""
    date, photo = db.photos.c.taken_at, db.photos.c.id
    query = where(select(date, photo), wanted)
    return page_of_ids(connection, query, (True, True), cursor, limit, lambda some: _by_ids(connection, some))


def ids(connection: Connection, wanted: Wanted) -> list[int]:
    """The ids of all photos that are wanted, ascending."""
    return list(connection.execute(where(select(db.photos.c.id), wanted).order_by(db.photos.c.id)).scalars())


def years(connection: Connection, wanted: Wanted) -> list[tuple[int, int]]:
    """(year, how many photos are wanted of it), the newest first."""
    year = func.strftime("%Y", db.photos.c.taken_at, "unixepoch").label("year")
    query = where(select(year, func.count()), wanted).group_by(year).order_by(year.desc())
    return [(int(one), count) for one, count in connection.execute(query)]


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
        .where(other.c.photo_id.in_(photos_with([cluster])), placed.c.cluster_id != cluster)
        .where(placed.c.cluster_id.not_in(cluster_pages.ignored()))
        .group_by(placed.c.cluster_id)
        .order_by(photos.desc(), placed.c.cluster_id)
    )
    return [(row.cluster_id, row.photos) for row in connection.execute(query.limit(limit))]


def _by_ids(connection: Connection, photos: Sequence[int]) -> list[Photo]:
    """Those of some photos that are there, in their order; without their files and faces."""
    hidden = select(db.not_faces.c.face_id)
    face = db.faces.c
    extent = (func.min(face.x1), func.min(face.y1), func.max(face.x2), func.max(face.y2))
    counted = select(face.photo_id, func.count(), *extent).where(face.id.not_in(hidden))
    counted = counted.where(face.photo_id.in_(photos)).group_by(face.photo_id)
    faces: dict[int, tuple[int, Box | None]] = {
        photo: (count, (x1, y1, x2, y2)) for photo, count, x1, y1, x2, y2 in connection.execute(counted)
    }
    there = select(db.paths.c.photo_id).where(db.paths.c.photo_id.in_(photos), db.paths.c.missing_since.is_(None))
    present = set(connection.execute(there).scalars())
    rows = {row.id: row for row in connection.execute(select(db.photos).where(db.photos.c.id.in_(photos)))}
    return [
        _photo(rows[photo], *faces.get(photo, (0, None)), missing=photo not in present)
        for photo in photos
        if photo in rows
    ]


def _photo(row: Any, face_count: int, heads: Box | None, *, missing: bool) -> Photo:
    return Photo(
        id=row.id,
        size=(row.width, row.height),
        taken=as_datetime(row.taken_at, row.taken_offset_s),
        from_file=row.dated_by != "exif",
        face_count=face_count,
        missing=missing,
        heads=heads,
    )
