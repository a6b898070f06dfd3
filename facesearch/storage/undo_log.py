"""Decisions that can be undone: each is kept with the rows that it changed, as they were before and after."""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, insert, select, update

from facesearch.core import strict_json
from facesearch.core.errors import InputError
from facesearch.core.types import Face
from facesearch.storage import schema as db
from facesearch.storage.catalog import face_row
from facesearch.storage.database import new_id
from facesearch.storage.queries import chunks
from facesearch.storage.values import Checked, FixedBytes

__all__ = ["Decision", "UndoLog", "changes_in", "erase", "history", "prune", "snapshot", "undo_last"]

# What decisions may change. `clustered` is among them so that a decision shows at once, before the next clustering;
# `faces`, as faces can be drawn and moved.
_TABLES = {
    table.name: table
    for table in (
        *(db.people, db.confirmed, db.rejected, db.cannot_link, db.covers, db.births),
        *(db.not_faces, db.repeated, db.clustered, db.faces),
    )
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Decision:
    """One entry of the history. made_at: seconds since the epoch."""

    id: int
    kind: str
    summary: str
    made_at: float

    @property
    def name_first(self) -> bool:
        """Whether the summary begins with whom the decision is about."""
        return self.kind in ("name", "describe", "merge", "ignore", "apart")


class UndoLog:
    """Writes rows, and remembers what they were.

    Use one for each decision, inside one transaction, and `close` it at the end.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changes: list[dict[str, Any]] = []

    def put(self, table: str, key: Mapping[str, int], values: Mapping[str, Any] | None) -> None:
        """Insert or update the row with this key; values None deletes it."""
        before = _read(self._connection, table, key)
        after = None if values is None else {**(before or {}), **key, **values}
        if before != after:
            _write(self._connection, table, key, after)
            self._changes.append({"table": table, "key": dict(key), "before": before, "after": after})

    def put_all(self, table: str, key: str, rows: Sequence[Row]) -> None:
        """Insert rows whose key, one column, is new to the table: for very many at once."""
        if rows:
            self._connection.execute(insert(_TABLES[table]), rows)
        self._changes += [{"table": table, "key": {key: row[key]}, "before": None, "after": row} for row in rows]

    def new_person(self, name: str | None, *, ignored: bool = False) -> int:
        """A new row in `people`; its id."""
        values = {"name": name, "ignored": ignored, "created_at": time.time()}
        result = self._connection.execute(insert(db.people).values(values))
        assert result.inserted_primary_key is not None
        person = int(result.inserted_primary_key[0])
        after = _read(self._connection, "people", {"id": person})
        self._changes.append({"table": "people", "key": {"id": person}, "before": None, "after": after})
        return person

    def put_face(self, face: Face) -> int:
        """A face that the user has drawn, or moved to where it is; its id. Args: face: its id 0 for a new one."""
        values = face_row(face.photo_id, face) | {"drawn": True}
        before = _read(self._connection, "faces", {"id": face.id}) if face.id else None
        if face.id:
            self._connection.execute(update(db.faces).where(db.faces.c.id == face.id).values(values))
            _forget_pending(self._connection, face.id)
        number = face.id or new_id(self._connection.execute(insert(db.faces).values(values)))
        after = _read(self._connection, "faces", {"id": number})
        self._changes.append({"table": "faces", "key": {"id": number}, "before": before, "after": after})
        return number

    def close(self, kind: str, summary: str) -> Decision | None:
        """Enter the decision into the history; None where nothing was changed."""
        if not self._changes:
            return None
        made_at = time.time()
        values = {"kind": kind, "summary": summary, "made_at": made_at, "changes": json.dumps(self._changes)}
        result = self._connection.execute(insert(db.undo_log).values(values))
        assert result.inserted_primary_key is not None
        return Decision(int(result.inserted_primary_key[0]), kind, summary, made_at)


def changes_in(text: str) -> list[Row]:
    """What a decision changed, as it is kept. Raises ValueError where the text is no such list."""
    changes = strict_json.parse(text)
    if not isinstance(changes, list) or not changes or not all(map(_is_change, changes)):
        raise ValueError("no list of changes")
    return changes


def _readable(text: str) -> list[Row]:
    """As `changes_in`; none where it is damaged: such a decision cannot be undone, and may hold anybody's name."""
    try:
        return changes_in(text)
    except ValueError:
        return []


def _is_change(change: Any) -> bool:
    if not isinstance(change, dict) or change.keys() != {"table", "key", "before", "after"}:
        return False
    table = _TABLES.get(change["table"]) if isinstance(change["table"], str) else None
    return table is not None and (
        _is_part(table, change["key"], {column.name for column in table.primary_key})
        and all(_is_part(table, change[when], set(table.c.keys())) for when in ("before", "after") if change[when])
    )


def _is_part(table: Table, row: Any, columns: set[str]) -> bool:
    """Whether this can be just these columns of a row."""
    return isinstance(row, dict) and row.keys() == columns and all(_fits(table.c[name], row[name]) for name in columns)


def _fits(column: Column[Any], value: Any) -> bool:
    if value is None:
        return bool(column.nullable)
    if isinstance(column.type, FixedBytes):
        return isinstance(value, str) and column.type.sound(_bytes(value))
    return column.type.sound(value) if isinstance(column.type, Checked) else isinstance(value, int)


def history(connection: Connection, limit: int | None = None) -> list[Decision]:
    """The decisions that can be undone, or so many of them, the latest first."""
    columns = (db.undo_log.c.id, db.undo_log.c.kind, db.undo_log.c.summary, db.undo_log.c.made_at)
    query = select(*columns).order_by(db.undo_log.c.id.desc()).limit(limit)
    return [Decision(*row) for row in connection.execute(query)]


def snapshot(connection: Connection) -> dict[str, list[Row]]:
    """All rows that decisions can change, by table; equal before a decision and after its undo."""
    return {
        name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
        for name, table in _TABLES.items()
    }


def undo_last(connection: Connection, expected: int | None = None) -> Decision | None:
    """Put the rows of the latest decision back as they were before it; None where there is none.

    A row that is no longer as the decision left it is left alone: clustering has placed its face anew since, or the
    face is gone, or was embedded anew; but what was drawn goes. Raises InputError where another decision was expected
    to be the latest.
    """
    row = connection.execute(select(db.undo_log).order_by(db.undo_log.c.id.desc()).limit(1)).first()
    if expected is not None and (row is None or row.id != expected):
        latest = f"the latest is now: {row.summary}" if row else "nothing is left to undo"
        raise InputError(f"that decision is not the latest any more, {latest}; see `facesearch history`")
    if row is None:
        return None
    try:
        changes = changes_in(row.changes)
    except ValueError:
        changes, summary = [], f"{row.summary} (its record was damaged: nothing was changed)"
    else:
        summary = row.summary
    for change in reversed(changes):
        table, key = change["table"], change["key"]
        is_drawn = table == "faces" and change["before"] is None
        as_left = is_drawn or _read(connection, table, key) == change["after"]
        if as_left and _possible(connection, change["before"]):
            _write(connection, table, key, change["before"])
    connection.execute(delete(db.undo_log).where(db.undo_log.c.id == row.id))
    return Decision(row.id, row.kind, summary, row.made_at)


def erase(connection: Connection, faces: set[int], people: set[int]) -> None:
    """Take faces and people out of the history; a decision that was only about them goes.

    With a person go those who were merged into them, and all names that they have had. Call it while they are there.
    """
    past = _past(connection)
    people = _with_merged([changes for _, changes in past], people)
    names = _names(connection, [changes for _, changes in past], people)
    _drop(connection, past, faces, people, lambda summary, fewer: fewer or _tells(summary, names))


def prune(connection: Connection) -> None:
    """Delete people who have no face, and what the history says of them and of faces that are gone.

    For after a deletion of faces, in its transaction: so no row outlives what it is about. People who were merged
    into others stay in the history while one of their faces is there.
    """
    past = _past(connection)
    rows = [row for _, changes in past for change in changes for row in _rows(change)]
    about = {row["face_id"] for row in rows if "face_id" in row}
    about |= {change["key"]["id"] for _, changes in past for change in changes if change["table"] == "faces"}
    gone = _gone(connection, about)
    known = dict(iter(connection.execute(select(db.people.c.id, db.people.c.name))))
    back = {
        row["person_id"]
        for _, changes in past
        for change in changes
        if change["table"] == "confirmed"
        for row in (change["before"], change["after"])
        if row and row["face_id"] not in gone
    }
    living = set(connection.execute(select(db.confirmed.c.person_id)).scalars()) | (back - known.keys())
    told = {row[key] for row in rows for key in ("person_id", "other_id") if key in row}
    told |= {change["key"]["id"] for _, changes in past for change in changes if change["table"] == "people"}
    dead = (known.keys() | told) - living
    names = _names(connection, [changes for _, changes in past], dead)
    still = {name for person, name in known.items() if person not in dead and name}
    names = [name for name in names if not any(name.fullmatch(one) for one in still)]
    _drop(connection, past, gone, dead, lambda summary, _: _tells(summary, names))
    for some in chunks(dead):
        connection.execute(delete(db.people).where(db.people.c.id.in_(some)))


_Past = list[tuple[Any, list[Row]]]


def _past(connection: Connection) -> _Past:
    """All decisions with their changes, the latest first."""
    query = select(db.undo_log).order_by(db.undo_log.c.id.desc())
    return [(row, _readable(row.changes)) for row in connection.execute(query)]


def _drop(
    connection: Connection, past: _Past, faces: set[int], people: set[int], reword: Callable[[str, bool], bool]
) -> None:
    """Take changes of faces and people out of decisions; one without any other goes.

    Args:
        reword: of a summary, and of whether changes were taken out: whether it must not stay as it is.
    """
    for row, changes in past:
        kept = [change for change in changes if not _mentions(change, faces, people)]
        fewer = len(kept) < len(changes)
        if not kept:
            connection.execute(delete(db.undo_log).where(db.undo_log.c.id == row.id))
        elif fewer or reword(row.summary, fewer):
            summary = f"{row.kind} (partly forgotten)" if reword(row.summary, fewer) else row.summary
            values = {"changes": json.dumps(kept), "summary": summary}
            connection.execute(update(db.undo_log).where(db.undo_log.c.id == row.id).values(values))


def _tells(summary: str, names: Sequence[re.Pattern[str]]) -> bool:
    return any(name.search(summary) for name in names)


def _gone(connection: Connection, faces: set[int]) -> set[int]:
    """Those of some faces that are not there."""
    there: set[int] = set()
    for some in chunks(faces):
        there.update(connection.execute(select(db.faces.c.id).where(db.faces.c.id.in_(some))).scalars())
    return faces - there


def _with_merged(past: list[list[Row]], people: set[int]) -> set[int]:
    """Some people and those who have become them. Args: past: the changes of all decisions, the latest first."""
    found = set(people)
    for changes in past:
        heirs = {row["after"]["person_id"] for row in changes if row["table"] == "confirmed" and row["after"]}
        if heirs & found:
            found |= {row["key"]["id"] for row in changes if row["table"] == "people" and row["after"] is None}
    return found


def _names(connection: Connection, past: list[list[Row]], people: set[int]) -> list[re.Pattern[str]]:
    """Patterns of all names that some people have or have had."""
    found = set(connection.execute(select(db.people.c.name).where(db.people.c.id.in_(people))).scalars())
    for changes in past:
        for change in changes:
            if change["table"] == "people" and change["key"]["id"] in people:
                found |= {row["name"] for row in (change["before"], change["after"]) if row}
    return [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in found if name]


def _mentions(change: Row, faces: set[int], people: set[int]) -> bool:
    rows = _rows(change)
    if change["table"] == "people":
        return any(row["id"] in people for row in rows)
    if change["table"] == "faces":
        return change["key"]["id"] in faces
    return any(
        row.get("face_id") in faces or row.get("person_id") in people or row.get("other_id") in people for row in rows
    )


def _rows(change: Row) -> list[Row]:
    return [row for row in (change["key"], change["before"], change["after"]) if row]


def _where(table: str, key: Mapping[str, int]) -> ColumnElement[bool]:
    return and_(*(_TABLES[table].c[column] == value for column, value in key.items()))


def _read(connection: Connection, table: str, key: Mapping[str, int]) -> Row | None:
    row = connection.execute(select(_TABLES[table]).where(_where(table, key))).first()
    return None if row is None else {name: _as_text(value) for name, value in row._mapping.items()}


def _write(connection: Connection, table: str, key: Mapping[str, int], row: Mapping[str, Any] | None) -> None:
    if table == "faces":
        _forget_pending(connection, key["id"])
        row = None if row is None else {name: _as_value(db.faces.c[name], value) for name, value in row.items()}
    if row is None:
        connection.execute(delete(_TABLES[table]).where(_where(table, key)))
    elif connection.execute(update(_TABLES[table]).where(_where(table, key)).values(row)).rowcount == 0:
        connection.execute(insert(_TABLES[table]).values(row))


def _possible(connection: Connection, row: Row | None) -> bool:
    """Whether the photo, faces and people that a row speaks of are still there."""
    if row is None:
        return True
    about = ((db.photos, "photo_id"), (db.faces, "face_id"), (db.people, "person_id"), (db.people, "other_id"))
    wanted = [(table, row.get(name)) for table, name in about]
    return all(
        connection.execute(select(table.c.id).where(table.c.id == value)).first() is not None
        for table, value in wanted
        if value is not None
    )


def _forget_pending(connection: Connection, face: int) -> None:
    """What waits for a migration was made from another crop."""
    connection.execute(delete(db.pending_faces).where(db.pending_faces.c.face_id == face))


# JSON has no bytes: landmarks and embeddings are kept as text.


def _as_text(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def _as_value(column: Column[Any], value: Any) -> Any:
    return _bytes(value) if isinstance(column.type, FixedBytes) and value is not None else value


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
