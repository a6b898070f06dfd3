"""Photos by date, one photo with everything on it, and who is on photos with whom."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from facesearch.core.errors import InputError
from facesearch.core.views import Page, PhotoCard, PhotoView, Together
from facesearch.people.browsing.clusters import cards_of
from facesearch.people.browsing.cursors import key_of, page_of
from facesearch.people.browsing.faces import views_of
from facesearch.storage import schema as db
from facesearch.storage.dates import as_datetime

__all__ = ["one_photo", "photos_page", "together"]


def photos_page(
    connection: Connection, groups: Sequence[int], cursor: str | None, limit: int, *, only: bool
) -> Page[PhotoCard]:
    """Photos that show all of some groups, the newest first.

    Args:
        only: leave out photos that show anybody else, or a face in no group; what is said to be no face does not count.

    Raises InputError for a wrong cursor.
    """
    date, photo = db.photos.c.taken_at, db.photos.c.id
    query = select(photo, date)
    for group in dict.fromkeys(groups):
        query = query.where(photo.in_(_photos_with(group)))
    if only:
        query = query.where(photo.not_in(_photos_with_others(groups)))
    if (key := key_of(cursor, 2)) is not None:
        query = query.where(date <= key[0], or_(date < key[0], photo < key[1]))
    rows = connection.execute(query.order_by(date.desc(), photo.desc()).limit(limit + 1)).all()
    return page_of(
        rows, limit, lambda row: (row.taken_at, row.id), lambda some: _cards(connection, [row.id for row in some])
    )


def one_photo(connection: Connection, photo: int) -> PhotoView:
    """Raises InputError where there is no such photo."""
    cards = _cards(connection, [photo]) if 0 < photo < 2**63 else []
    if not cards:
        raise InputError(f"there is no photo {photo} in the library")
    ids = connection.execute(select(db.faces.c.id).where(db.faces.c.photo_id == photo)).scalars().all()
    paths = select(db.paths.c.path).where(db.paths.c.photo_id == photo)
    ordered = paths.order_by(db.paths.c.missing_since.is_not(None), db.paths.c.path)
    faces = sorted(views_of(connection, ids), key=lambda face: (face.box[0], face.id))
    return PhotoView(
        card=cards[0],
        paths=tuple(connection.execute(ordered).scalars()),
        faces=tuple(faces),
        newer=_neighbour(connection, photo, newer=True),
        older=_neighbour(connection, photo, newer=False),
    )


def together(connection: Connection, group: int, limit: int) -> list[Together]:
    """Who is on photos with somebody, those on most photos first; ignored people and the group itself left out."""
    other, placed = db.faces.alias(), db.clustered.alias()
    photos = func.count(other.c.photo_id.distinct()).label("photos")
    query = (
        select(placed.c.cluster_id, photos)
        .select_from(other)
        .join(placed, placed.c.face_id == other.c.id)
        .where(other.c.photo_id.in_(_photos_with(group)), placed.c.cluster_id != group)
        .group_by(placed.c.cluster_id)
        .order_by(photos.desc(), placed.c.cluster_id)
    )
    counts = {row.cluster_id: row.photos for row in connection.execute(query.limit(2 * limit))}
    cards = [card for card in cards_of(connection, list(counts)) if not card.ignored]
    return [Together(card, counts[card.group]) for card in cards[:limit]]


def _photos_with(group: int) -> Select[tuple[int]]:
    query = select(db.faces.c.photo_id).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    return query.where(db.clustered.c.cluster_id == group)


def _photos_with_others(groups: Sequence[int]) -> Select[tuple[int]]:
    """Photos that show a face that is not in one of some groups."""
    query = select(db.faces.c.photo_id).join(db.clustered, db.clustered.c.face_id == db.faces.c.id, isouter=True)
    elsewhere = or_(db.clustered.c.cluster_id.is_(None), db.clustered.c.cluster_id.not_in(list(groups)))
    return query.where(elsewhere, db.faces.c.id.not_in(select(db.not_faces.c.face_id)))


def _cards(connection: Connection, photos: Sequence[int]) -> list[PhotoCard]:
    """Those of some photos that are there, in their order."""
    hidden = select(db.not_faces.c.face_id)
    counted = select(db.faces.c.photo_id, func.count()).where(db.faces.c.id.not_in(hidden))
    counted = counted.where(db.faces.c.photo_id.in_(photos)).group_by(db.faces.c.photo_id)
    faces = dict(map(tuple, connection.execute(counted)))
    there = select(db.paths.c.photo_id).where(db.paths.c.photo_id.in_(photos), db.paths.c.missing_since.is_(None))
    present = set(connection.execute(there).scalars())
    rows: dict[int, Any] = {
        row.id: row for row in connection.execute(select(db.photos).where(db.photos.c.id.in_(photos)))
    }
    return [
        PhotoCard(
            id=photo,
            size=(rows[photo].width, rows[photo].height),
            taken=as_datetime(rows[photo].taken_at, rows[photo].taken_offset_s),
            from_file=rows[photo].dated_by != "exif",
            faces=faces.get(photo, 0),
            missing=photo not in present,
        )
        for photo in photos
        if photo in rows
    ]


def _neighbour(connection: Connection, photo: int, *, newer: bool) -> int | None:
    """The photo before or after one, as `photos_page` lists them."""
    date, number = db.photos.c.taken_at, db.photos.c.id
    here = connection.execute(select(date).where(number == photo)).scalar_one()
    if newer:
        beyond = and_(date >= here, or_(date > here, number > photo))
        query = select(number).where(beyond).order_by(date, number)
    else:
        beyond = and_(date <= here, or_(date < here, number < photo))
        query = select(number).where(beyond).order_by(date.desc(), number.desc())
    return connection.execute(query.limit(1)).scalar()
