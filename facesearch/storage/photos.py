"""Photos and the files that hold them, as they are read; `catalog` writes them, `photo_pages` lists them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from facesearch.core.types import FileFacts
from facesearch.storage import schema as db
from facesearch.storage.queries import chunks

__all__ = [
    "KnownPath",
    "at_path",
    "by_content",
    "by_contents",
    "files_of",
    "files_of_each",
    "known_paths",
    "offline",
    "one_file_of_each",
    "size_of",
    "sizes",
    "unsettled",
]


@dataclass(frozen=True)
class KnownPath:
    """A file that the library knows.

    missing: the last run that looked for it did not find it. offline: and its disk may not be mounted.
    missing_since: the start of the first run that did not find it.
    added_at: when it was first seen with this photo, 0 if long ago.
    folder_id, device: of its folder when it was last seen; "" where nobody has asked yet.
    ctime_ns, inode: as of `FileFacts`; None where nobody has asked yet.
    """

    photo_id: int
    size_bytes: int
    mtime_ns: int
    missing: bool
    offline: bool = False
    missing_since: float = math.inf
    added_at: float = 0.0
    folder_id: int | None = None
    device: str = ""
    ctime_ns: int | None = None
    inode: int | None = None

    def looks_like(self, file: FileFacts, *, by_inode: bool = True) -> bool:
        """Whether a file that is at this path now may be taken for the one that was read."""
        facts = [(self.size_bytes, file.size_bytes), (self.mtime_ns, file.mtime_ns), (self.ctime_ns, file.ctime_ns)]
        facts += [(self.inode, file.inode)] if by_inode else []
        return all(before == now for before, now in facts if before is not None and now is not None)


def known_paths(connection: Connection) -> dict[str, KnownPath]:
    """Every file that the library knows."""
    columns = (
        *(db.paths.c.path, db.paths.c.photo_id, db.paths.c.size_bytes, db.paths.c.mtime_ns, db.paths.c.missing_since),
        *(db.paths.c.offline, db.paths.c.added_at, db.paths.c.folder_id, db.folders.c.device),
        *(db.paths.c.ctime_ns, db.paths.c.inode),
    )
    query = select(*columns).join(db.folders, db.folders.c.id == db.paths.c.folder_id, isouter=True)
    return {
        path: KnownPath(
            *(photo, size, mtime, since is not None, offline, math.inf if since is None else since),
            *(added_at or 0.0, folder, device or "", *state),
        )
        for path, photo, size, mtime, since, offline, added_at, folder, device, *state in connection.execute(query)
    }


def by_contents(connection: Connection, sha256s: Sequence[str]) -> dict[str, int]:
    """Of some contents, by SHA-256, those that are known, and their photos."""
    query = select(db.photos.c.sha256, db.photos.c.id).where(db.photos.c.sha256.in_(list(sha256s)))
    return {row.sha256: row.id for row in connection.execute(query)}


def by_content(connection: Connection, sha256: str) -> int | None:
    """The photo with a content; None where it is not known."""
    return connection.execute(_BY_CONTENT, {"sha256": sha256}).scalar()


_BY_CONTENT = select(db.photos.c.id).where(db.photos.c.sha256 == bindparam("sha256"))


def at_path(connection: Connection, path: str) -> int | None:
    """The photo that a file holds, as far as the library knows."""
    return connection.execute(select(db.paths.c.photo_id).where(db.paths.c.path == path)).scalar()


def files_of(connection: Connection, photo_id: int) -> list[tuple[str, str]]:
    """The files that hold a photo, missing ones last: (path, the photo's sha256)."""
    query = select(db.paths.c.path, db.photos.c.sha256).join(db.photos, db.photos.c.id == db.paths.c.photo_id)
    ordered = query.order_by(db.paths.c.missing_since.is_not(None), db.paths.c.path)
    rows = connection.execute(ordered.where(db.paths.c.photo_id == photo_id))
    return [(path, sha256) for path, sha256 in rows]


def offline(connection: Connection, photo_id: int) -> set[str]:
    """Those files of a photo whose disk may not have been mounted when the last run looked for them."""
    query = select(db.paths.c.path).where(db.paths.c.photo_id == photo_id, db.paths.c.offline)
    return set(connection.execute(query).scalars())


def one_file_of_each(connection: Connection, photo_ids: Iterable[int] | None = None) -> dict[int, str]:
    """For each photo one of its files, not a missing one where there is a choice, and the same every time.

    Args:
        photo_ids: the photos wanted, no more than fit into a statement; None for all.
    """
    query = select(db.paths.c.photo_id, db.paths.c.path)
    if photo_ids is not None:
        query = query.where(db.paths.c.photo_id.in_(list(photo_ids)))
    ordered = query.order_by(db.paths.c.missing_since.is_(None), db.paths.c.path.desc())  # the last one wins
    return dict(iter(connection.execute(ordered)))  # iter: a result has keys(), and would be taken for a mapping


def files_of_each(connection: Connection, photo_ids: Iterable[int]) -> dict[int, str]:
    """As `one_file_of_each`, for any number of photos; those that are gone are left out."""
    found: dict[int, str] = {}
    for some in chunks(photo_ids):
        found |= one_file_of_each(connection, some)
    return found


def sizes(connection: Connection) -> dict[int, tuple[int, int]]:
    """Photo id -> (width, height) in pixels as displayed."""
    query = select(db.photos.c.id, db.photos.c.width, db.photos.c.height)
    return {photo: (width, height) for photo, width, height in connection.execute(query)}


def size_of(connection: Connection, photo_id: int) -> tuple[int, int]:
    """(width, height) of a photo that is there, in pixels as displayed."""
    query = select(db.photos.c.width, db.photos.c.height).where(db.photos.c.id == photo_id)
    width, height = connection.execute(query).one()
    return width, height


def unsettled(connection: Connection) -> list[str]:
    """Files that hold something else now, and whose former photo waits for `settle`; of a run that was cut off."""
    return list(connection.execute(select(db.paths.c.path).where(db.paths.c.replaces.is_not(None))).scalars())
