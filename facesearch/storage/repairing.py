"""What of a damaged library can be put right without its photos; what cannot is set aside, with a list.

Caches are deleted, indexes and triggers made anew, rows that only lack a fact lose that fact, and rows that cannot be
meant go. Faces and photos are left to `facesearch.indexing.checking`, which looks at the photos first.
"""

import json
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, select, text

from facesearch.core.errors import LibraryFormatError
from facesearch.core.files import FILE_MODE, make_private_folder, move_aside, put_in_place, replace_file
from facesearch.storage import schema as db
from facesearch.storage.checking import Damage, damage_in, wanted_schema
from facesearch.storage.consistency import agree
from facesearch.storage.database import FILE_NAME, open_database
from facesearch.storage.facts import wrong_facts
from facesearch.storage.privacy import no_files
from facesearch.storage.salvage import is_readable, rescue
from facesearch.storage.thumbnails import FILE_NAME as PICTURES
from facesearch.storage.values import Checked, tolerating
from facesearch.storage.vectors import FaissIndex
from facesearch.storage.write_ahead import log_of, require_fitting

__all__ = ["SetAside", "repair_files", "repair_rows"]

# What stands for a fact that may not be missing: the next `index` reads such a file and such a date again.
_RESET: dict[tuple[str, str], Any] = {
    ("paths", "size_bytes"): -1,
    ("paths", "mtime_ns"): 0,
    ("paths", "offline"): 0,
    ("photos", "taken_at"): 0.0,
    ("photos", "min_face_px"): 0.0,
    ("people", "ignored"): 0,
    ("people", "created_at"): 0.0,
    ("undo_log", "made_at"): 0.0,
    ("undo_log", "summary"): "",
    ("runs", "started_at"): 0.0,
    ("folders", "device"): "",
}


class SetAside:
    """A folder in the library's for what is taken out of it; made when it is needed."""

    def __init__(self, library: Path) -> None:
        self.folder = library / time.strftime("damaged-%Y%m%d-%H%M%S")
        self._rows: list[dict[str, Any]] = []

    @property
    def used(self) -> bool:
        return self.folder.exists()

    def file(self, path: Path) -> None:
        make_private_folder(self.folder)
        move_aside(path, self.folder / path.name)

    def row(self, connection: Connection, damage: Damage) -> None:
        """Enter a row into the list, before it is changed; nothing where it cannot be read."""
        query = text(f'SELECT * FROM "{damage.table}" WHERE {_KEY.get(damage.table, "rowid")} = :row')
        found = connection.execute(query, {"row": damage.row}).mappings().first()
        values = {name: value.hex() if isinstance(value, bytes) else value for name, value in (found or {}).items()}
        self._rows.append({"table": damage.table, "about": damage.about, "what": damage.what, "values": values})

    def write(self) -> None:
        """The list, on the medium before what it lists is gone."""
        if self._rows:
            make_private_folder(self.folder)
            data = json.dumps(self._rows, indent=1).encode()
            replace_file(self.folder / "list.json", data, mode=FILE_MODE)


_KEY = {"library": "key"}


def repair_files(folder: Path, aside: SetAside) -> bool:
    """What lies beside the database, the log that is another one's, and pages. Call it as the only writer.

    Returns whether rows were lost with their pages.
    """
    for name in no_files(folder):
        if name != FILE_NAME:
            aside.file(folder / name)
    try:
        require_fitting(folder / FILE_NAME)
    except LibraryFormatError:
        aside.file(log_of(folder / FILE_NAME))
        (folder / f"{FILE_NAME}-shm").unlink(missing_ok=True)
    rescued = not is_readable(folder / FILE_NAME) and _rescue(folder, aside)
    for damage in damage_in(folder):
        if damage.file.startswith("faces.faiss"):
            FaissIndex.discard(folder)
        elif damage.file == PICTURES:
            for suffix in ("", "-wal", "-shm"):
                (folder / f"{PICTURES}{suffix}").unlink(missing_ok=True)
    return rescued


def _rescue(folder: Path, aside: SetAside) -> bool:
    """A new database with what can be read of the old one, which is kept; nothing where that is too little."""
    database, part = folder / FILE_NAME, aside.folder / "rescued"
    was_used = aside.used
    made = rescue(database, part)
    if made is not None:
        for path in (database, log_of(database), folder / f"{FILE_NAME}-shm"):
            if path.exists():
                aside.file(path)
        put_in_place(made, database)
    shutil.rmtree(part)
    if made is None and not was_used:
        aside.folder.rmdir()
    return made is not None


def repair_rows(folder: Path, aside: SetAside, but: Iterable[str] = ()) -> None:
    """Settings, decisions and all other rows; in one transaction. Call it as the only writer.

    Args:
        but: tables that are not looked at.

    Raises LibraryError where the database cannot be opened.
    """
    engine = open_database(folder)
    try:
        with tolerating(), engine.execution_options(writes=True).begin() as connection:
            _schema(connection)
            connection.execute(text("REINDEX"))
            _settings(connection)
        damage = {(one.table, one.row): one for one in damage_in(folder) if one.table and one.table not in but}
        with tolerating(), engine.execution_options(writes=True).begin() as connection:
            for one in damage.values():
                _row(connection, one, aside)
            agree(connection)
            _number_clusters(connection)
            aside.write()
    finally:
        engine.dispose()


def _schema(connection: Connection) -> None:
    """Indexes and triggers that are gone or were changed."""
    query = text("SELECT type, name, sql FROM sqlite_master")
    there = {(kind, name): sql for kind, name, sql in connection.execute(query).all()}
    for (kind, name), sql in wanted_schema().items():
        if kind != "table" and there.get((kind, name)) != sql:
            connection.execute(text(f'DROP {kind} IF EXISTS "{name}"'))
            connection.exec_driver_sql(sql)


def _settings(connection: Connection) -> None:
    """Those that can be known; a library without its model is left as it is."""
    known = dict(map(tuple, connection.execute(text("SELECT key, value FROM library"))))
    wrong = set(wrong_facts(known)) - {"model"} if known else set()
    for key in wrong:
        connection.execute(text("DELETE FROM library WHERE key = :key"), {"key": key})
    # Another uuid and generation than any cache has seen.
    new = {"uuid": uuid.uuid4().hex, "generation": f"0-{uuid.uuid4().int >> 65}"}
    for key in wrong & new.keys():
        connection.execute(text("INSERT INTO library VALUES (:key, :value)"), {"key": key, "value": new[key]})


def _number_clusters(connection: Connection) -> None:
    """No number is given twice."""
    highest = int(connection.execute(text("SELECT COALESCE(MAX(cluster_id), 0) FROM clustered")).scalar_one())
    last = connection.execute(text("SELECT value FROM library WHERE key = 'last_cluster'")).scalar()
    if highest > int(last or 0):
        query = "INSERT INTO library VALUES ('last_cluster', :value) ON CONFLICT DO UPDATE SET value = :value"
        connection.execute(text(query), {"value": str(highest)})


def _row(connection: Connection, damage: Damage, aside: SetAside) -> None:
    """Take its wrong facts from a row, or the row out of the library."""
    if damage.derived:
        return
    table = db.metadata.tables[damage.table]
    query = text(f'SELECT * FROM "{table.name}" WHERE {_KEY.get(table.name, "rowid")} = :row')
    row = connection.execute(query, {"row": damage.row}).mappings().first()
    if row is None:  # it has gone with another one
        return
    aside.row(connection, damage)
    wrong = [
        column
        for column in table.columns
        if not (column.nullable if row[column.name] is None else _sound(column.type, row[column.name]))
        or (column.nullable and _dangling(connection, column, row[column.name]))
    ]
    values = {column.name: _RESET.get((table.name, column.name)) for column in wrong}
    can = all(column.nullable or values[column.name] is not None for column in wrong)
    where = {"row": damage.row}
    if wrong and can:
        if table.name == "photos" and "taken_at" in values:
            values["dated_by"] = None
        facts = ", ".join(f'"{name}" = :{name}' for name in values)
        connection.execute(text(f'UPDATE "{table.name}" SET {facts} WHERE rowid = :row'), values | where)
    else:
        connection.execute(text(f'DELETE FROM "{table.name}" WHERE {_KEY.get(table.name, "rowid")} = :row'), where)


def _dangling(connection: Connection, column: Column[Any], value: Any) -> bool:
    """Whether a column refers to a row that is not there."""
    return value is not None and any(
        connection.execute(select(1).where(key.column == value)).first() is None for key in column.foreign_keys
    )


def _sound(kind: Any, value: Any) -> bool:
    return not isinstance(kind, Checked) or kind.sound(value)
