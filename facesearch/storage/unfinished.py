"""What is still to be done after a deletion: a fact of the library, which triggers note and the next writer settles.

A killed run leaves it, and so does a reader that keeps the write-ahead log from being emptied.
"""

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.storage import schema as db
from facesearch.storage.database import BUSY_TIMEOUT_MS

__all__ = ["empty_log", "is_noted", "note", "settle"]

KEY = "unscrubbed"


def is_noted(connection: Connection) -> bool:
    """Whether bytes of what was deleted may still be in the library's files."""
    return connection.execute(select(db.library.c.key).where(db.library.c.key == KEY)).first() is not None


def note(connection: Connection) -> None:
    """As the triggers do, for what they do not see."""
    connection.execute(upsert(db.library).values(key=KEY, value="1").on_conflict_do_nothing())


def settle(engine: Engine) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(delete(db.library).where(db.library.c.key == KEY))


def empty_log(engine: Engine, wait: bool) -> bool:
    """Write the write-ahead log into the database, and truncate it; False where a reader still needs it.

    Args:
        wait: for readers, as long as a statement waits; if not, at most for those that have just ended.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        if not wait:
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        try:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.exec_driver_sql("BEGIN")
    return not busy
