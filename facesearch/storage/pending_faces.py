"""Moving a library to another model or detector: what it will hold waits beside what it holds, until all is there.

Rows are kept by target, so that work on one never gets into another. A photo is done for a target once it has been
looked at and every face that it has now has a row; so faces that came, were edited or looked for again since wait anew.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.core.errors import LibraryError
from facesearch.core.settings import DetectorSpec, ModelSpec
from facesearch.core.types import Face
from facesearch.core.wording import plural
from facesearch.storage import schema as db
from facesearch.storage.catalog import face_row
from facesearch.storage.queries import parts

__all__ = [
    *("Adopted", "LookedFor", "PendingFace", "Target"),
    *("adopt", "done", "face_counts", "looked_for", "put", "waiting"),
]

_PENDING, _FACES = db.pending_faces.c, db.faces.c
# What a face gets when it is adopted: all but what says which it is, and whether it was drawn.
_TAKEN = tuple(column.name for column in db.faces.columns if column.name not in ("id", "photo_id", "drawn"))


@dataclass(frozen=True)
class Target:
    """What a library is moved to. anew: its faces are looked for anew, as the detector is another one."""

    model: ModelSpec
    detector: DetectorSpec
    anew: bool

    @property
    def key(self) -> str:
        """What its pending rows are known by."""
        return f"{self.model.fingerprint}:{self.detector.fingerprint}"


class PendingFace(NamedTuple):
    """A face as it will be.

    face: its id is that of the face that it is; 0 for a new one. found: by the target's detector or where the user has
        drawn it, rather than kept.
    """

    face: Face
    found: bool


class LookedFor(NamedTuple):
    """What a photo was looked at with. size: (width, height) in pixels; min_face_px: the smallest face looked for."""

    size: tuple[int, int]
    min_face_px: float


class Adopted(NamedTuple):
    """faces: in the library now. matched: found again; added: new ones; unmatched: ids of those kept at their place."""

    faces: int
    matched: int
    added: int
    unmatched: list[int]


def waiting(connection: Connection, target: Target) -> list[int]:
    """The photos that have still to be looked at, ascending."""
    whole = func.length(_PENDING.embedding) == 4 * target.model.dim
    made = select(_PENDING.face_id).where(_PENDING.target == target.key, _PENDING.face_id.is_not(None), whole)
    lacking = select(_FACES.photo_id).where(_FACES.id.not_in(made))
    wanted: ColumnElement[bool] = db.photos.c.id.in_(lacking)
    if target.anew:
        seen = select(db.pending_photos.c.photo_id).where(db.pending_photos.c.target == target.key)
        broken = select(_PENDING.photo_id).where(_PENDING.target == target.key, ~whole)
        wanted = or_(wanted, db.photos.c.id.not_in(seen), db.photos.c.id.in_(broken))
    return list(connection.execute(select(db.photos.c.id).where(wanted).order_by(db.photos.c.id)).scalars())


def done(connection: Connection, target: Target) -> int:
    """How many photos have been looked at for a target already."""
    query = select(func.count()).select_from(db.pending_photos).where(db.pending_photos.c.target == target.key)
    return int(connection.execute(query).scalar_one())


def face_counts(connection: Connection, photo_ids: Sequence[int]) -> int:
    """How many faces some photos have together."""
    counts = (select(func.count()).where(_FACES.photo_id.in_(some)) for some in parts(photo_ids))
    return sum(int(connection.execute(query).scalar_one()) for query in counts)


def looked_for(connection: Connection, photo_ids: Sequence[int]) -> dict[int, LookedFor]:
    """With what some photos were looked at, by their ids."""
    columns = (db.photos.c.id, db.photos.c.width, db.photos.c.height, db.photos.c.min_face_px)
    rows = connection.execute(select(*columns).where(db.photos.c.id.in_(list(photo_ids))))
    return {photo: LookedFor((width, height), smallest) for photo, width, height, smallest in rows}


def put(
    connection: Connection, target: Target, photo_id: int, min_face_px: float, faces: Iterable[PendingFace]
) -> None:
    """Keep what a photo will hold, in place of what was kept of it before for this target."""
    mine = (_PENDING.target == target.key) & (_PENDING.photo_id == photo_id)
    connection.execute(delete(db.pending_faces).where(mine))
    rows = [_row(target, photo_id, face, found) for face, found in faces]
    if rows:
        connection.execute(insert(db.pending_faces), rows)
    statement = upsert(db.pending_photos).values(photo_id=photo_id, target=target.key, min_face_px=min_face_px)
    connection.execute(statement.on_conflict_do_update(set_={"min_face_px": min_face_px}))


def adopt(connection: Connection, target: Target, unreadable: Sequence[int]) -> Adopted:
    """What is pending for a target becomes what the library holds; photos that could not be looked at go.

    Faces keep their ids, and with these all that was decided about them; new ones get ids of their own. The run is
    recorded. Raises LibraryError where a photo still waits.
    """
    for photo_id in unreadable:
        connection.execute(delete(db.photos).where(db.photos.c.id == photo_id))
    if left := len(waiting(connection, target)):
        raise LibraryError(
            f"{plural(left, 'photo')} must still be looked at for {target.model.name}: run `facesearch migrate` again"
        )
    mine = _PENDING.target == target.key
    unmatched = list(
        connection.execute(select(_PENDING.face_id).where(mine, ~_PENDING.found).order_by(_PENDING.face_id)).scalars()
    )
    values = {name: _PENDING[name] for name in _TAKEN}
    kept = connection.execute(update(db.faces).values(values).where(mine, _PENDING.face_id == _FACES.id)).rowcount
    added = _add(connection, mine)
    if target.anew:
        _renew_photos(connection, target)
    for key, value in (("model", target.model.to_json()), ("detector", target.detector.to_json())):
        fact = upsert(db.library).values(key=key, value=value)
        connection.execute(fact.on_conflict_do_update(set_={"value": value}))
    connection.execute(delete(db.pending_faces))
    connection.execute(delete(db.pending_photos))
    total = int(connection.execute(select(func.count()).select_from(db.faces)).scalar_one())
    adopted = Adopted(total, kept - len(unmatched), added, unmatched)
    _record(connection, target, adopted)
    return adopted


def _add(connection: Connection, mine: ColumnElement[bool]) -> int:
    """New faces, by photo and, on each, as they were found; so their ids do not depend on interruptions."""
    new = select(_PENDING.photo_id, *(_PENDING[name] for name in _TAKEN)).where(mine, _PENDING.face_id.is_(None))
    ordered = new.order_by(_PENDING.photo_id, _PENDING.id)
    return connection.execute(insert(db.faces).from_select(["photo_id", *_TAKEN], ordered)).rowcount


def _renew_photos(connection: Connection, target: Target) -> None:
    seen = db.pending_photos.c
    of_target = (seen.photo_id == db.photos.c.id, seen.target == target.key)
    connection.execute(update(db.photos).values(min_face_px=seen.min_face_px).where(*of_target))


def _record(connection: Connection, target: Target, adopted: Adopted) -> None:
    summary = adopted._asdict() | {"model": target.model.fingerprint, "detector": target.detector.fingerprint}
    now = time.time()
    values = {"kind": "migrate", "started_at": now, "finished_at": now, "summary": json.dumps(summary)}
    connection.execute(insert(db.runs).values(values))


def _row(target: Target, photo_id: int, face: Face, found: bool) -> dict[str, Any]:
    return {"target": target.key, "face_id": face.id or None, "found": found} | face_row(photo_id, face)
