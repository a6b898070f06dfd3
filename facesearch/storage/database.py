"""The SQLite file of a library: opened in the one way that keeps readers and a writer out of each other's way.

A transaction that has ended is on the medium: a decision is before it is reported, a batch of photos before it is
counted. That costs one sync of the write-ahead log a transaction; readers pay nothing.
"""

import os
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from facesearch.core.errors import LibraryError, LibraryFormatError
from facesearch.core.files import create_private, require_file, sync_folder
from facesearch.storage.migrations import migrate
from facesearch.storage.write_ahead import count_up, has_log, read_only_uri, require_fitting

__all__ = ["FILE_NAME", "new_id", "open_database", "version"]

FILE_NAME = "library.sqlite3"
# How long a statement waits for another connection's transaction; transactions here last milliseconds.
BUSY_TIMEOUT_MS = 10_000
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# What SQLite says where a table or column of ours is not there.
LACKING = ("no such table: ", "no such column: ")
# Text that is no UTF-8 is for the columns to judge, see `values`.
_TEXT = partial(str, encoding="utf-8", errors="surrogateescape")
UNUSABLE = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
}


def open_database(folder: Path) -> Engine:
    """Open the database in a folder, made if need be for its owner only, migrated to the latest format.

    Connections with the execution option `writes` begin their transactions as writers, and wait for one another there.

    Raises LibraryFormatError where the file is no database of ours or of a newer version, now or when it is used later;
    LibraryError where it cannot be reached; OSError where it cannot be made.
    """
    path = folder / FILE_NAME
    engine = _read_only(path) if is_read_only(path) else _for_writing(path)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _explain)
    try:
        migrate(engine, read_only=is_read_only(path))
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM library"))
    except DatabaseError as error:
        engine.dispose()
        raise _damaged(path, error.orig) from error
    except LibraryError:
        engine.dispose()
        raise
    return engine


def is_read_only(path: Path) -> bool:
    """Whether a database is where nothing can be written, as on a snapshot or a backup."""
    return path.exists() and not (os.access(path.parent, os.W_OK) and os.access(path, os.W_OK))


def _for_writing(path: Path) -> Engine:
    if create_private(path):  # SQLite gives its own files beside it the same permissions
        sync_folder(path.parent)
    require_file(path)
    require_fitting(path)
    engine = create_engine(URL.create("sqlite", database=str(path)))  # a folder's name may hold a question mark
    event.listen(engine, "connect", _configure)
    return engine


def _read_only(path: Path) -> Engine:
    """Without a log SQLite need not write beside the database, and is told that nobody else does."""
    require_file(path)
    require_fitting(path)
    logged = has_log(path)
    if logged and not path.with_name(f"{path.name}-shm").exists():
        raise LibraryError(
            f"{path}-wal holds changes that cannot be read without write access: copy {path.parent} to another place"
        )
    uri = read_only_uri(path, immutable=not logged)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
    )
    event.listen(engine, "connect", _configure_reading)
    return engine


def new_id(result: CursorResult[Any]) -> int:
    """The id of the row that a statement has inserted."""
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def _configure_reading(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.text_factory = _TEXT
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _configure(connection: Any, _record: Any) -> None:
    # Transactions are begun by _begin below; left to itself the driver would begin them late, and not around DDL.
    connection.isolation_level = None
    connection.text_factory = _TEXT
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        _use_write_ahead_log(cursor)
        # The log is synced at each commit: what was answered as done survives a power cut. NORMAL would only keep the
        # database whole, and lose the last decisions.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA fullfsync = ON")  # macOS only, whose fsync leaves it in the drive's cache
        cursor.execute("PRAGMA foreign_keys = ON")
        # Deleted biometric data is overwritten, not just unlinked.
        cursor.execute("PRAGMA secure_delete = ON")
    except sqlite3.Error:
        connection.close()
        raise


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """As `PRAGMA journal_mode = WAL`, which does not wait for another process that is just doing the same."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    # A transaction that only becomes a writer on its way fails, instead of waiting, if another has written meanwhile.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    if writes:
        count_up(connection)


def _explain(context: ExceptionContext) -> None:
    """What SQLite says about the file, in our words; mistakes in a statement stay what they are."""
    error = context.original_exception
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without SQLite's details
    path = context.engine.url.database if context.engine else FILE_NAME
    if code in DAMAGED or str(error).startswith(LACKING):
        raise _damaged(path, error) from error
    if code in UNUSABLE:
        raise LibraryError(
            f"{path} cannot be used ({error}): see that its disk is there, writable and not full, and try again"
        ) from error


def _damaged(path: Path | str | None, error: BaseException | None) -> LibraryFormatError:
    return LibraryFormatError(
        f"{path} cannot be read ({error}): restore it from a backup, or delete the folder and index again"
    )


def version(folder: Path) -> str:
    """A text that is another one after each transaction that wrote, whichever process made it."""
    states = []
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        try:
            state = (folder / name).stat()
        except OSError:  # nothing has been written since the database was closed by all
            continue
        states.append(f"{state.st_mtime_ns:x}-{state.st_size:x}")
    return ".".join(states)
