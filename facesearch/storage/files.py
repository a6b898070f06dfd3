"""Which files hold a photo, and how large it is."""

from sqlalchemy import Connection, select

from facesearch.storage import schema as db

__all__ = ["of_photo", "size_of", "sizes"]


def sizes(connection: Connection) -> dict[int, tuple[int, int]]:
    """Photo id -> (width, height) in pixels as displayed."""
    query = select(db.photos.c.id, db.photos.c.width, db.photos.c.height)
    return {photo: (width, height) for photo, width, height in connection.execute(query)}


def size_of(connection: Connection, photo_id: int) -> tuple[int, int]:
    """(width, height) of a photo that is there, in pixels as displayed."""
    query = select(db.photos.c.width, db.photos.c.height).where(db.photos.c.id == photo_id)
    width, height = connection.execute(query).one()
    return width, height


def of_photo(connection: Connection, photo_id: int) -> list[tuple[str, str]]:
    """The files that hold a photo, missing ones last: (path, the photo's sha256)."""
    query = select(db.paths.c.path, db.photos.c.sha256).join(db.photos, db.photos.c.id == db.paths.c.photo_id)
    ordered = query.order_by(db.paths.c.missing_since.is_not(None), db.paths.c.path)
    rows = connection.execute(ordered.where(db.paths.c.photo_id == photo_id))
    return [(path, sha256) for path, sha256 in rows]
