"""What a library's tables hold, for tests that compare whole libraries and may not know SQL themselves."""

from typing import Any

from facesearch.storage import Store

__all__ = ["everything", "looked_at_again", "smallest_faces"]

# What tables hold that differs from one run to the next: times, random numbers, and which runs there were.
VOLATILE = {
    *("made_at", "created_at", "missing_since", "added_at", "started_at", "finished_at", "applied_at", "run_id"),
}


def everything(store: Store, *, but: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, without what differs from one run to the next."""
    with store.reading() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        tables = [name for (name,) in names.all() if name not in {"runs", "migrations", *but}]
        held = {}
        for table in tables:
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings().all()
            held[table] = sorted((_stable(row) for row in rows), key=repr)
    held["library"] = [row for row in held["library"] if row["key"] not in ("uuid", "generation", "clustered_at")]
    return held


def _stable(row: Any) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in VOLATILE}


def looked_at_again(store: Store) -> int:
    """How many photos of a migration are done, as far as they are on the disk."""
    with store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM pending_photos").scalar_one())


def smallest_faces(store: Store) -> set[float]:
    """The sides of the smallest faces that photos were searched for."""
    with store.reading() as connection:
        return set(connection.exec_driver_sql("SELECT min_face_px FROM photos").scalars())
