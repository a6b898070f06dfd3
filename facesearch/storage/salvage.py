"""A database with pages that cannot be read: all rows that can be read go into a new one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from facesearch.core.errors import LibraryError
from facesearch.core.files import FOLDER_MODE, make_folders
from facesearch.storage import schema as db
from facesearch.storage.database import FILE_NAME, open_database
from facesearch.storage.write_ahead import read_only_uri

__all__ = ["is_readable", "rescue"]

# After a row that cannot be read so many numbers are tried one by one, then in growing steps up to the largest.
NEAR, LAST = 500, 2**40
ROWS = 100
# What others refer to and could not be read: a run says little, and a person without a name still has faces.
_STUBS = (
    "INSERT OR IGNORE INTO runs (id, kind, started_at) SELECT DISTINCT run_id, 'index', 0 FROM photos",
    "INSERT OR IGNORE INTO runs (id, kind, started_at) SELECT DISTINCT run_id, 'index', 0 FROM failures",
    "INSERT OR IGNORE INTO people (id, ignored, created_at) SELECT DISTINCT person_id, 0, 0 FROM confirmed",
)


def is_readable(database: Path) -> bool:
    """Whether all tables can be read from end to end; rows that are missing in indexes can be put there."""
    try:
        engine = open_database(database.parent)
    except LibraryError:
        return False
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            for table in db.metadata.tables:
                for _ in connection.exec_driver_sql(f'SELECT * FROM "{table}" NOT INDEXED'):
                    pass
    except LibraryError:
        return False
    finally:
        engine.dispose()
    return all(what == "ok" or "index" in what for what in found)


def rescue(database: Path, part: Path) -> Path | None:
    """A new database with what can be read of one, in the folder `part`; rows without what they refer to included.

    None where not even the library's model can be read: then it is none.
    """
    make_folders(part, FOLDER_MODE)
    open_database(part).dispose()
    made = part / FILE_NAME
    uri = read_only_uri(database, immutable=False)
    with closing(sqlite3.connect(uri, uri=True)) as old, closing(sqlite3.connect(made)) as new:
        old.text_factory = bytes
        with suppress(sqlite3.Error):  # numbers that were given are not given again
            new.execute("DELETE FROM sqlite_sequence")
            known = [(name.decode(), last) for name, last in old.execute("SELECT name, seq FROM sqlite_sequence")]
            new.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", known)
        for table in db.metadata.sorted_tables:
            names = [f'"{column.name}"' for column in table.columns]
            marks = ", ".join("?" * (len(names) + 1))
            insert = f'INSERT OR IGNORE INTO "{table.name}" (rowid, {", ".join(names)}) VALUES ({marks})'
            for row in _rows(old, table.name, names):
                values = [value.decode(errors="replace") if kind == b"text" else value for value, kind in row]
                with suppress(sqlite3.Error):
                    new.execute(insert, values)
        for stub in _STUBS:
            new.execute(stub)
        new.commit()
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        has_model = new.execute("SELECT 1 FROM library WHERE key = 'model'").fetchone()
    return made if has_model else None


def _rows(connection: sqlite3.Connection, table: str, names: list[str]) -> Iterator[list[tuple[Any, Any]]]:
    """The rows of a table that can be read, each value with its type, by ascending number."""
    columns = ", ".join(f"{name}, typeof({name})" for name in ["rowid", *names])
    query = f'SELECT {columns} FROM "{table}" WHERE rowid >= ? ORDER BY rowid LIMIT {ROWS}'
    start, step = -(2**62), 1
    while True:
        try:
            rows = connection.execute(query, (start,)).fetchall()
        except sqlite3.DatabaseError:
            rows = _one_by_one(connection, query, start)
            if not rows and start + step > LAST:
                return
            if not rows:
                start, step = max(start, 0) + step, 1 if start < NEAR else step * 2
                continue
        if not rows:
            return
        for row in rows:
            yield list(zip(row[::2], row[1::2], strict=True))
        start, step = rows[-1][0] + 1, 1


def _one_by_one(connection: sqlite3.Connection, query: str, start: int) -> list[Any]:
    """The rows before the first that cannot be read."""
    rows: list[Any] = []
    with suppress(sqlite3.DatabaseError):
        for row in connection.execute(query, (start,)):
            rows.append(row)
    return rows
