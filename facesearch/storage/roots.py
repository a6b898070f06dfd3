"""The folders that the user has given to `index`, what was left out below them, and what would go with some files."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, update

from facesearch.core.types import Page
from facesearch.storage import schema as db
from facesearch.storage.cursors import page_of, place_of
from facesearch.storage.queries import id_pairs, is_below

__all__ = [
    *("Folder", "LeftOutFile", "Loss", "failures_page", "forget", "known", "loss", "paths", "set_paused"),
    "skipped_page",
]


@dataclass(frozen=True)
class Folder:
    """A folder that `index` was given.

    paused: it is passed over. files: of the library below it; missing, offline: of these; failures: files that could
    not be read; skipped: what was not looked at.
    """

    path: str
    paused: bool
    files: int = 0
    missing: int = 0
    offline: int = 0
    failures: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class LeftOutFile:
    """A file or folder that was skipped, or a file that could not be read. why: its kind, or the reason."""

    path: str
    why: str


@dataclass(frozen=True)
class Loss:
    """What goes with some photos. clusters: those that lose all their faces, ascending."""

    faces: int
    clusters: tuple[int, ...]


def known(connection: Connection) -> list[Folder]:
    """By path, with what is below them."""
    query = select(db.roots.c.path, db.roots.c.paused).order_by(db.roots.c.path)
    gone = db.paths.c.missing_since.is_not(None)
    found = []
    for path, paused in connection.execute(query).all():
        counts = [
            _count(connection, db.paths, path),
            _count(connection, db.paths, path, and_(gone, ~db.paths.c.offline)),
            _count(connection, db.paths, path, db.paths.c.offline),
            _count(connection, db.failures, path),
            _count(connection, db.skipped, path),
        ]
        found.append(Folder(path, paused, *counts))
    return found


def paths(connection: Connection, *, paused: bool | None = None) -> list[str]:
    """By path. Args: paused: those that are, or are not; None for all."""
    query = select(db.roots.c.path).order_by(db.roots.c.path)
    return list(connection.execute(query if paused is None else query.where(db.roots.c.paused == paused)).scalars())


def set_paused(connection: Connection, path: str, paused: bool) -> bool:
    """Whether that is a change. Args: path: of a folder that is there."""
    change = update(db.roots).where(db.roots.c.path == path, db.roots.c.paused != paused).values(paused=paused)
    return connection.execute(change).rowcount > 0


def forget(connection: Connection, gone: Sequence[str]) -> None:
    connection.execute(delete(db.roots).where(db.roots.c.path.in_(list(gone))))


def skipped_page(
    connection: Connection, kind: str | None, folder: str | None, cursor: str | None, limit: int
) -> Page[LeftOutFile]:
    """Skipped files and folders by path. Args: kind: of these only, whatever its case; folder: below it only."""
    wanted = [] if kind is None else [func.lower(db.skipped.c.kind) == kind.lower()]
    return _page(connection, db.skipped, db.skipped.c.kind, wanted, folder, cursor, limit)


def failures_page(connection: Connection, folder: str | None, cursor: str | None, limit: int) -> Page[LeftOutFile]:
    """Files that could not be read, by path. Args: folder: below it only."""
    return _page(connection, db.failures, db.failures.c.reason, [], folder, cursor, limit)


def loss(connection: Connection, photos: Collection[int]) -> Loss:
    """What goes if some photos go."""
    gone = np.array(sorted(photos), np.int64)
    faces, of = id_pairs(connection, select(db.faces.c.id, db.faces.c.photo_id))
    leaving = faces[np.isin(of, gone)]
    members, clusters = id_pairs(connection, select(db.clustered.c.face_id, db.clustered.c.cluster_id))
    staying = np.unique(clusters[~np.isin(members, leaving)])
    return Loss(len(leaving), tuple(np.setdiff1d(np.unique(clusters), staying).tolist()))


def _count(connection: Connection, table: Table, root: str, wanted: ColumnElement[bool] | None = None) -> int:
    """How many rows are about files below a folder, or about itself."""
    query = select(func.count()).select_from(table).where(is_below(table.c.path, root))
    return int(connection.execute(query if wanted is None else query.where(wanted)).scalar_one())


def _page(
    connection: Connection,
    table: Table,
    why: ColumnElement[str],
    wanted: Sequence[ColumnElement[bool]],
    folder: str | None,
    cursor: str | None,
    limit: int,
) -> Page[LeftOutFile]:
    """The place in the list is a number: these lists change with the next run as a whole."""
    place = place_of(cursor, 1)
    at = max(0, int(place.key[0])) if place.key else 0
    start, end = (max(0, at - limit - 2), max(0, at - 1)) if place.before else (at, at + limit + 1)
    below = [] if folder is None else [is_below(table.c.path, folder)]
    query = select(table.c.path, why).where(*wanted, *below).order_by(table.c.path).offset(start).limit(end - start)
    rows = list(enumerate(connection.execute(query).all(), start + 1))[:: -1 if place.before else 1]
    return page_of(rows, limit, place, lambda row: (row[0],), lambda some: [LeftOutFile(*row) for _, row in some])
