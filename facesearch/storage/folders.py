"""Folders that hold photos, each with the device that it lay on when they were last seen (`facesearch.media.devices`).

A folder has a row for each device: two disks that take turns at one mount point have a row each.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from facesearch.storage import schema as db
from facesearch.storage.database import new_id

__all__ = ["add", "assign", "known", "paths", "prune", "renew"]


def known(connection: Connection) -> dict[str, list[tuple[int, str]]]:
    """Folder -> (id, device) of its rows."""
    found: dict[str, list[tuple[int, str]]] = {}
    for number, path, device in connection.execute(select(db.folders).order_by(db.folders.c.id)):
        found.setdefault(path, []).append((number, device))
    return found


def paths(connection: Connection) -> set[str]:
    """The folders that hold files of the library."""
    return set(connection.execute(select(db.folders.c.path)).scalars())


def add(connection: Connection, path: str, device: str) -> int:
    """The id of a new row."""
    return new_id(connection.execute(insert(db.folders).values(path=path, device=device)))


def renew(connection: Connection, folder: int, device: str) -> None:
    """Say anew what a device is known by, after a restart, say."""
    connection.execute(update(db.folders).where(db.folders.c.id == folder).values(device=device))


def assign(connection: Connection, folders: Mapping[str, int]) -> None:
    """Say in which folder, on which device, files were seen: path -> id of its folder."""
    rows = [{"seen": path, "folder": folder} for path, folder in folders.items()]
    if rows:
        statement = update(db.paths).where(db.paths.c.path == bindparam("seen"))
        connection.execute(statement.values(folder_id=bindparam("folder")), rows)


def prune(connection: Connection) -> None:
    """Forget folders in which no file of the library is left."""
    used = select(db.paths.c.folder_id).where(db.paths.c.folder_id.is_not(None))
    connection.execute(delete(db.folders).where(db.folders.c.id.not_in(used)))
