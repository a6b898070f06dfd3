"""Runs of commands that write, the folders to index, and the files in them that could not be read or were skipped."""

import time
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection, Integer, ScalarSelect, bindparam, cast, delete, func, insert, select, true, update
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.storage import schema as db
from facesearch.storage.database import new_id

__all__ = [
    *("failures", "finish", "forget_placed", "note_placed", "placed_run", "record_failures"),
    *("set_skipped", "skipped", "start"),
]


def start(connection: Connection, kind: str, new_roots: Iterable[str]) -> int:
    """Begin a run, and remember the folders that it was given; its id."""
    for root in new_roots:
        connection.execute(upsert(db.roots).values(path=root).on_conflict_do_nothing())
    return new_id(connection.execute(insert(db.runs).values(kind=kind, started_at=time.time())))


def finish(connection: Connection, run_id: int, summary: str) -> None:
    values = {"finished_at": time.time(), "summary": summary}
    connection.execute(update(db.runs).where(db.runs.c.id == run_id).values(values))


def record_failures(connection: Connection, run_id: int, found: Iterable[tuple[str, str]]) -> None:
    """Args: found: (path, reason)."""
    for path, reason in found:
        values = {"reason": reason, "run_id": run_id}
        statement = upsert(db.failures).values(path=path, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=values))


def failures(connection: Connection) -> list[tuple[str, str]]:
    """(path, reason) of the files that could not be read when they were last tried, by path."""
    query = select(db.failures.c.path, db.failures.c.reason).order_by(db.failures.c.path)
    return [(path, reason) for path, reason in connection.execute(query)]


def skipped(connection: Connection) -> dict[str, str]:
    """Path -> kind of the files and folders that were not looked at by the last run that came by, by path."""
    query = select(db.skipped.c.path, db.skipped.c.kind).order_by(db.skipped.c.path)
    return {row.path: row.kind for row in connection.execute(query)}


def set_skipped(connection: Connection, judged: Callable[[str], bool], found: Mapping[str, str]) -> None:
    """Say what is skipped now, path -> kind. Args: judged: whether a path was come by; others stay as they are."""
    before = {path: kind for path, kind in skipped(connection).items() if judged(path)}
    if gone := [{"gone": path} for path in before.keys() - found.keys()]:
        connection.execute(delete(db.skipped).where(db.skipped.c.path == bindparam("gone")), gone)
    if new := [{"path": path, "kind": kind} for path, kind in found.items() if before.get(path) != kind]:
        statement = upsert(db.skipped)
        changed = {"kind": statement.excluded.kind}
        connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=changed), new)


def placed_run() -> ScalarSelect[int]:
    """The latest run of which all faces have been placed; 0 for none; for other modules of storage."""
    found = select(cast(db.library.c.value, Integer)).where(db.library.c.key == "placed_run")
    return select(func.coalesce(found.scalar_subquery(), 0)).scalar_subquery()


def note_placed(connection: Connection, running: int | None = None) -> None:
    """Remember that the faces of all runs so far have been placed. Args: running: but for those of this one."""
    earlier = true() if running is None else db.runs.c.id < running
    latest = connection.execute(select(func.coalesce(func.max(db.runs.c.id), 0)).where(earlier)).scalar_one()
    statement = upsert(db.library).values(key="placed_run", value=str(latest))
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": str(latest)}))


def forget_placed(connection: Connection) -> None:
    """Runs are numbered from the beginning again."""
    connection.execute(delete(db.library).where(db.library.c.key == "placed_run"))
