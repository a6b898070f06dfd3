"""What is wrong with a library's files: the database row by row, then what lies beside it. Changes nothing."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, StaticPool, Table, create_engine, text
from sqlalchemy.exc import DatabaseError

from facesearch.core.errors import LibraryError, LibraryMissingError
from facesearch.core.settings import ModelSpec
from facesearch.storage import schema as db
from facesearch.storage import undo_log
from facesearch.storage.database import FILE_NAME, open_database
from facesearch.storage.facts import is_made, wrong_facts
from facesearch.storage.holding import holds
from facesearch.storage.migrations import migrate
from facesearch.storage.privacy import no_files, require_not_lost
from facesearch.storage.thumbnails import damage_of as damage_of_pictures
from facesearch.storage.values import Checked, wrong_landmarks, wrong_vectors
from facesearch.storage.vectors import Stamp
from facesearch.storage.vectors import damage_of as damage_of_vectors

__all__ = ["Damage", "damage_in", "wanted_schema", "wrong_rows"]

# Rows that are looked at at a time.
ROWS = 10_000


@dataclass(frozen=True)
class Damage:
    """Something that is wrong with a library.

    file: in the library's folder. table, row: of the database, with the row's key; "" and None where it is no row's.
    about: which photo, person or decision it concerns, in words. what: what is wrong.
    derived: the row follows from others, which tell how it must be.
    """

    file: str
    what: str
    about: str = ""
    table: str = ""
    row: int | str | None = None
    derived: bool = False

    @property
    def told(self) -> str:
        """In one line."""
        return ": ".join(part for part in (self.about or self.file, self.what) if part)


def damage_in(folder: Path) -> list[Damage]:
    """Everything that is wrong; an empty list where all is well.

    Work that a killed process has left to the next one is not: stale caches, files that wait to be settled. Raises
    LibraryMissingError where there is no library.
    """
    try:
        require_not_lost(folder)
        if not (folder / FILE_NAME).exists():
            raise LibraryMissingError(f"there is no library in {folder}: make one with `facesearch index FOLDER`")
        engine = open_database(folder)
    except LibraryMissingError:
        raise
    except (LibraryError, OSError) as error:
        return [Damage(FILE_NAME, str(error))]
    found = [Damage(name, "is not a file") for name in no_files(folder)]
    try:
        with engine.connect() as connection:
            for part in (_file, _schema, _settings, _rows, _relations):
                found += _guarded(part, connection)
            found += [Damage(*one) for one in _beside(folder, connection)]
    finally:
        engine.dispose()
    return list(dict.fromkeys(found))


def _guarded(part: Callable[[Connection], Iterator[Damage]], connection: Connection) -> Iterator[Damage]:
    """What a part finds, and that it could not look at all."""
    try:
        yield from part(connection)
    except DatabaseError as error:
        yield Damage(FILE_NAME, f"SQLite: {error.orig}")
    except LibraryError as error:
        yield Damage(FILE_NAME, str(error.__cause__ or error))


def _schema(connection: Connection) -> Iterator[Damage]:
    """Whether all tables, indexes and triggers are as the migrations make them."""
    there = {(kind, name): sql for kind, name, sql in connection.execute(_SCHEMA)}
    for (kind, name), sql in wanted_schema().items():
        if there.get((kind, name)) != sql:
            yield Damage(FILE_NAME, "is missing or not as it was made", f"the {kind} {name}")


_SCHEMA = text("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")


def wanted_schema() -> dict[tuple[str, str], str]:
    """(kind, name) -> statement, of all tables, indexes and triggers, as the migrations make them."""
    memory = create_engine("sqlite://", poolclass=StaticPool)
    try:
        migrate(memory)
        with memory.connect() as fresh:
            return {(kind, name): sql for kind, name, sql in fresh.execute(_SCHEMA)}
    finally:
        memory.dispose()


def _beside(folder: Path, connection: Connection) -> list[tuple[str, str]]:
    """What is wrong with the caches."""
    found = damage_of_pictures(folder)
    dim = _dim(connection)
    if dim is not None:
        with suppress(LibraryError):  # of the embeddings that it is compared with, which is told of already
            found += damage_of_vectors(folder, _stamp(connection), lambda index: holds(index, connection, dim))
    return found


def _file(connection: Connection) -> Iterator[Damage]:
    """What SQLite finds: pages, indexes, rows without what they refer to."""
    for what in connection.execute(text("PRAGMA integrity_check")).scalars():
        if what != "ok":
            yield Damage(FILE_NAME, f"SQLite: {what}")
    for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
        about = _about(connection, table, row)
        yield Damage(FILE_NAME, f"refers to a row of {parent} that is not there", about, table, row)


def _settings(connection: Connection) -> Iterator[Damage]:
    """Whether the facts of the library can be meant."""
    known = _facts(connection)
    for key in wrong_facts(known) if is_made(connection, known) else ():
        what = f"is {known[key]!r:.60}" if key in known else "is missing"
        yield Damage(FILE_NAME, what, f"the setting {key}", "library", key)


def _rows(connection: Connection) -> Iterator[Damage]:
    """Each value of each row, by the types of the columns; embeddings and landmarks also by what is in them."""
    dim = _dim(connection)
    for table in db.metadata.sorted_tables:
        try:
            for row, what in wrong_rows(connection, table, dim):
                yield Damage(FILE_NAME, what, _about(connection, table.name, row), table.name, row)
        except (DatabaseError, LibraryError) as error:
            cause = getattr(error, "orig", None) or error.__cause__ or error
            yield Damage(FILE_NAME, f"cannot be read whole ({cause})", f"the table {table.name}", table.name)


def wrong_rows(connection: Connection, table: Table, dim: int | None) -> Iterator[tuple[int, str]]:
    """(row's number, what is wrong with it) of a table. Args: dim: of the library's embeddings, where that is known."""
    for rows in _portions(connection, table):
        yield from _wrong(table, rows, dim)


def _portions(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """All rows as they are, with their row's number first, some at a time."""
    names = ", ".join(f'"{table.name}"."{column.name}"' for column in table.columns)
    query = text(f'SELECT rowid, {names} FROM "{table.name}"').execution_options(yield_per=ROWS)
    yield from connection.execute(query).partitions()


def _wrong(table: Table, rows: Sequence[Any], dim: int | None) -> Iterator[tuple[int, str]]:
    """(row's number, what is wrong with it), at most one thing a row."""
    told: set[int] = set()
    for at, column in enumerate(table.columns, start=1):
        kind = column.type
        for row in rows:
            value = row[at]
            sound = column.nullable if value is None else not isinstance(kind, Checked) or kind.sound(value)
            if not sound and row[0] not in told:
                told.add(row[0])
                yield row[0], f"{column.name} is {value!r:.60}"
    whole = [row for row in rows if row[0] not in told]
    for number, what in _contents(table, whole, dim):
        if number not in told:
            told.add(number)
            yield number, what


def _contents(table: Table, rows: Sequence[Any], dim: int | None) -> Iterator[tuple[int, str]]:
    """What the types of columns do not tell."""
    place = {column.name: at for at, column in enumerate(table.columns, start=1)}
    if table is db.faces and dim is not None:
        yield from _embeddings([(row[0], row[place["embedding"]]) for row in rows], dim)
    if table in (db.faces, db.pending_faces):
        for row in rows:
            if wrong_landmarks(row[place["landmarks"]]):
                yield row[0], "landmarks are no places"
    elif table is db.undo_log:
        for row in rows:
            try:
                undo_log.changes_in(row[place["changes"]])
            except ValueError as error:
                yield row[0], f"what it changed cannot be read ({error})"
    elif table is db.photos:
        for row in rows:
            if not re.fullmatch("[0-9a-f]{64}", row[place["sha256"]]):
                yield row[0], f"sha256 is {row[place['sha256']]!r:.60}"
    elif table in (db.paths, db.failures, db.roots):
        for row in rows:
            if not os.path.isabs(os.fsencode(row[place["path"]])):
                yield row[0], "path is not absolute"


def _embeddings(rows: Sequence[tuple[int, bytes]], dim: int) -> Iterator[tuple[int, str]]:
    """Args: rows: (row's number, embedding)."""
    for number, blob in rows:
        if len(blob) != 4 * dim:
            yield number, f"embedding has {len(blob)} bytes, not {4 * dim}"
    right = [(number, blob) for number, blob in rows if len(blob) == 4 * dim]
    vectors = np.frombuffer(b"".join(blob for _, blob in right), "<f4").reshape(len(right), dim)
    for at in np.flatnonzero(wrong_vectors(vectors)).tolist():
        yield right[at][0], "embedding is not of length 1"


def _relations(connection: Connection) -> Iterator[Damage]:
    """What holds between rows: of decisions, and of the clusters that follow from them."""
    for table, query, what in _RELATIONS:
        for row in connection.execute(text(query)).scalars().all():
            derived = table not in ("cannot_link", "rejected")
            yield Damage(FILE_NAME, what, _about(connection, table, row), table, row, derived)


_OF = "FROM confirmed JOIN clustered USING (face_id)"
_RELATIONS = (
    (
        "clustered",
        "SELECT face_id FROM clustered WHERE cluster_id > (SELECT COALESCE(MAX(CAST(value AS INTEGER)), 0)"
        " FROM library WHERE key = 'last_cluster')",
        "is in a cluster with a number that was not given yet",
    ),
    (
        "people",
        f"SELECT person_id {_OF} GROUP BY person_id HAVING MIN(cluster_id) < MAX(cluster_id)",
        "has confirmed faces in several clusters",
    ),
    (
        "people",
        f"SELECT MAX(person_id) {_OF} GROUP BY cluster_id HAVING MIN(person_id) < MAX(person_id)",
        "is in one cluster with another person",
    ),
    (
        "confirmed",
        "SELECT face_id FROM confirmed WHERE face_id NOT IN (SELECT face_id FROM clustered)",
        "is confirmed and in no cluster",
    ),
    ("cannot_link", "SELECT rowid FROM cannot_link WHERE person_id >= other_id", "tells nobody apart"),
    (
        "rejected",
        "SELECT rejected.rowid FROM rejected JOIN confirmed USING (face_id, person_id)",
        "is confirmed and rejected as the same person",
    ),
    ("not_faces", "SELECT face_id FROM not_faces JOIN clustered USING (face_id)", "is no face and in a cluster"),
)


def _about(connection: Connection, table: str, row: int) -> str:
    """Which photo, person or decision a row concerns, in words."""
    if table == "undo_log":
        return f"decision {row}"
    if table == "people":
        return f"person {row}"
    if table in _FACES:
        face = _one(connection, f'SELECT {_FACES[table]} FROM "{table}" WHERE rowid = :row', row)
        photo = _one(connection, "SELECT photo_id FROM faces WHERE id = :row", face)
        return f"face {face} on {_file_of(connection, photo)}"
    if table in ("photos", "pending_photos", "pending_faces"):
        column = "id" if table == "photos" else "photo_id"
        return _file_of(connection, _one(connection, f'SELECT {column} FROM "{table}" WHERE rowid = :row', row))
    if table in ("paths", "failures", "roots", "folders"):
        path = _one(connection, f'SELECT path FROM "{table}" WHERE rowid = :row', row)
        return os.fsdecode(path) if isinstance(path, str | bytes) else f"row {row} of {table}"
    return f"row {row} of {table}"


# Tables whose rows are about one face, and the column that says which.
_FACES = {
    "faces": "id",
    **dict.fromkeys(("confirmed", "rejected", "not_faces", "repeated", "clustered"), "face_id"),
}


def _file_of(connection: Connection, photo: Any) -> str:
    """A file that holds a photo, or its number."""
    path = _one(connection, "SELECT path FROM paths WHERE photo_id = :row ORDER BY path LIMIT 1", photo)
    return os.fsdecode(path) if isinstance(path, str | bytes) and path else f"photo {photo}"


def _one(connection: Connection, query: str, row: Any) -> Any:
    return connection.execute(text(query), {"row": row}).scalar()


def _dim(connection: Connection) -> int | None:
    """Of the library's embeddings; None where its model cannot be read."""
    known = _facts(connection)
    return None if "model" in wrong_facts(known) else ModelSpec.from_json(known["model"]).dim


def _facts(connection: Connection) -> dict[str, Any]:
    return dict(map(tuple, connection.execute(text("SELECT key, value FROM library"))))


def _stamp(connection: Connection) -> Stamp:
    known = _facts(connection)
    return Stamp(str(known.get("uuid")), str(known.get("generation")))
