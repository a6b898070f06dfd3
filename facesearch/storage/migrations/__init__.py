"""Numbered migrations: one module `mNNN_what` each; those that a library lacks run in one transaction.

May import core's errors only: a migration must not change when the code does.
"""

import importlib
import pkgutil
import time

from sqlalchemy import Connection, Engine, text

from facesearch.core.errors import LibraryFormatError

__all__ = ["LATEST", "applied", "migrate"]

_NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("m"))
LATEST = len(_NAMES)


def applied(connection: Connection) -> int:
    """The number of migrations that this database has had; 0 for an empty one."""
    exists = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'migrations'")).first()
    return int(connection.execute(text("SELECT count(*) FROM migrations")).scalar_one()) if exists else 0


def migrate(engine: Engine, *, read_only: bool = False) -> None:
    """Bring the database to the latest version.

    Raises LibraryFormatError where a newer facesearch, or another program, has already been at it.
    """
    with engine.connect() as connection:
        done = applied(connection)
        if not done and connection.execute(text("SELECT 1 FROM sqlite_master")).first():
            raise LibraryFormatError(
                f"{engine.url.database} is the database of another program: choose another --library"
            )
    if done > LATEST:
        raise LibraryFormatError(
            f"the library {engine.url.database} has format {done}, this facesearch knows {LATEST}: update facesearch"
        )
    if read_only and done < LATEST:
        raise LibraryFormatError(
            f"the library {engine.url.database} has format {done} and must be brought to {LATEST}, which needs write"
            f" access: copy its folder to where you may write"
        )
    if done == LATEST:
        return
    with engine.execution_options(writes=True).begin() as connection:
        for name in _NAMES[applied(connection) :]:  # another process may have been faster
            statements: list[str] = importlib.import_module(f"{__name__}.{name}").STATEMENTS
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.execute(
                text("INSERT INTO migrations (name, applied_at) VALUES (:name, :now)"),
                {"name": name, "now": time.time()},
            )
