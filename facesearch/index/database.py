"""The SQLite file of a library: opened in the one way that keeps readers and a writer out of each other's way."""

from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from facesearch.errors import LibraryFormatError
from facesearch.index.migrations import migrate

__all__ = ["FILE_NAME", "new_id", "open_database"]

FILE_NAME = "library.sqlite3"
# How long a statement waits for another connection's transaction; transactions here last milliseconds.
BUSY_TIMEOUT_MS = 10_000


def open_database(folder: Path) -> Engine:
    """Open the database in a folder, made if need be, migrated to the latest format.

    Raises LibraryFormatError where the file is no database of ours or of a newer version.
    """
    engine = create_engine(f"sqlite:///{folder / FILE_NAME}")
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        migrate(engine)
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM library"))
    except DatabaseError as error:
        engine.dispose()
        raise LibraryFormatError(
            f"{folder / FILE_NAME} cannot be read ({error.orig}): restore it from a backup, or delete the folder"
            " and index again"
        ) from error
    return engine


def new_id(result: CursorResult[Any]) -> int:
    """The id of the row that a statement has inserted."""
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def _configure(connection: Any, _record: Any) -> None:
    # Transactions are begun by _begin below; left to itself the driver would begin them late, and not around DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # In WAL mode a power cut can lose the last transactions at NORMAL, never the database's integrity.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # Deleted biometric data is overwritten, not just unlinked.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
