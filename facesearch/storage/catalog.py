"""What indexing writes of files, the photos they hold, and the faces on those; in the caller's transaction."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.core.arguments import as_strings
from facesearch.core.distance import l2_matrix
from facesearch.core.matching import without
from facesearch.core.types import Face, FileFacts, PhotoResult
from facesearch.storage import faces as known_faces
from facesearch.storage import folders, photos, runs
from facesearch.storage import schema as db
from facesearch.storage.database import new_id
from facesearch.storage.dates import dated
from facesearch.storage.queries import parts
from facesearch.storage.values import unit_vectors

__all__ = [
    "Settled",
    "clear",
    "face_row",
    "forget_failures",
    "forget_paths",
    "link_path",
    "mark_missing",
    "note_states",
    "photo_row",
    "put_photo",
    "settle",
]

# Two faces of a photo before and after an edit (rotated, brightened, cropped) are the same face when they are
# this near; strangers of one photo are never, with any model we know.
SAME_FACE_AFTER_EDIT = 0.25


class Settled(NamedTuple):
    """Files that had only moved, that are missing, and that are offline; those that were so before count again."""

    moved: int
    missing: int
    offline: int


_Embeddings = Mapping[int, NDArray[np.float32]]


def put_photo(connection: Connection, file: FileFacts, result: PhotoResult, run_id: int, *, redo: bool) -> int | None:
    """Store what was found in a photo, and the file that it was read from.

    Returns the number of its faces; None where its content was known already and only the file was new to us, as
    when two copies are read in one batch. With redo the faces are stored anew all the same.
    """
    photo_id = photos.by_content(connection, result.sha256)
    count: int | None = None
    if photo_id is None:
        values = {"sha256": result.sha256} | photo_row(file, result, run_id)
        photo_id = new_id(connection.execute(insert(db.photos), values))
        count = add_faces(connection, photo_id, result.faces)
        link_path(connection, file, photo_id)
    else:
        link_path(connection, file, photo_id)
        by = connection.execute(select(db.photos.c.run_id).where(db.photos.c.id == photo_id)).scalar_one()
        if redo and by != run_id:  # not for every copy of it
            count = replace_faces(connection, photo_id, result.faces)
            values = photo_row(file, result, run_id)
            connection.execute(update(db.photos).where(db.photos.c.id == photo_id).values(values))
    return count


def photo_row(file: FileFacts, result: PhotoResult, run_id: int) -> dict[str, Any]:
    width, height = result.size
    row = {"width": width, "height": height, "min_face_px": result.min_face_px, "run_id": run_id}
    return row | dated(result.taken, file.mtime_ns)


def add_faces(connection: Connection, photo_id: int, faces: Sequence[Face]) -> int:
    if faces:
        connection.execute(insert(db.faces), [face_row(photo_id, face) for face in faces])
    return len(faces)


def replace_faces(connection: Connection, photo_id: int, faces: Sequence[Face]) -> int:
    """The photo was looked at again: new faces take the ids of the old ones that they are; drawn ones stay.

    Returns the number of faces that the photo has now.
    """
    drawn = [face for face in known_faces.by_photos(connection, [photo_id])[photo_id] if face.drawn]
    before, found = _embeddings(connection, photo_id), without(faces, drawn)
    old = {face: vector for face, vector in before.items() if face not in {one.id for one in drawn}}
    add_faces(connection, photo_id, found)
    new = {face: vector for face, vector in _embeddings(connection, photo_id).items() if face not in before}
    inherited = _inherit(connection, old, new)
    # What waits for a migration was matched to other faces than those that the photo has now.
    connection.execute(delete(db.pending_photos).where(db.pending_photos.c.photo_id == photo_id))
    gone = [{"gone": face} for face in old if face not in inherited]
    if gone:
        connection.execute(delete(db.faces).where(db.faces.c.id == bindparam("gone")), gone)
    return len(found) + len(drawn)


def link_path(connection: Connection, file: FileFacts, photo_id: int) -> None:
    """Say that a file holds a photo; what it held before is remembered until `settle`, if it may have been edited."""
    values: dict[str, object] = {
        **asdict(file),
        "photo_id": photo_id,
        "missing_since": None,
        "offline": False,
        "replaces": _replaced(connection, file.path, photo_id),
        "added_at": time.time(),
    }
    connection.execute(_LINK, values)
    connection.execute(_FORGET_FAILURE, {"gone": file.path})


def note_states(connection: Connection, files: Iterable[FileFacts]) -> None:
    """Keep ctime and inode of files that hold what they held."""
    rows = [{"file": file.path, "changed": file.ctime_ns, "number": file.inode} for file in files]
    if rows:
        values: dict[str, Any] = {"ctime_ns": bindparam("changed"), "inode": bindparam("number")}
        connection.execute(update(db.paths).where(db.paths.c.path == bindparam("file")).values(values), rows)


def _linking() -> Insert:
    """Writes a row of `paths`, or over the one that the file has; a file that still holds its photo stays as old."""
    row = upsert(db.paths)
    kept = ("path", "folder_id")
    new: dict[str, Any] = {column.name: row.excluded[column.name] for column in db.paths.c if column.name not in kept}
    is_same = db.paths.c.photo_id == row.excluded.photo_id
    new["added_at"] = case((is_same, db.paths.c.added_at), else_=row.excluded.added_at)
    return row.on_conflict_do_update(index_elements=["path"], set_=new)


# Made once: they run for every photo, and SQLAlchemy takes longer to make them than SQLite to run them.
_LINK = _linking()
_FORGET_FAILURE = delete(db.failures).where(db.failures.c.path == bindparam("gone"))
_HELD = select(db.paths.c.photo_id, db.paths.c.replaces).where(db.paths.c.path == bindparam("path"))


def _replaced(connection: Connection, path: str, photo_id: int) -> int | None:
    """The photo that a file held when it was last settled, if this one may be an edit of it."""
    row = connection.execute(_HELD, {"path": path}).first()
    if row is None:
        return None
    before, replaces = int(row.photo_id), None if row.replaces is None else int(row.replaces)
    if before == photo_id:
        return replaces
    # A photo that was known before this run has faces of its own, with ids that something may depend on already.
    latest_run = select(func.max(db.runs.c.id)).scalar_subquery()
    new = select(db.photos.c.id).where(db.photos.c.id == photo_id, db.photos.c.run_id == latest_run)
    if connection.execute(new).first() is None:
        return None
    # What it held in between, in a run that was cut off, is forgotten: nothing depends on it.
    return before if replaces is None else replaces


def mark_missing(
    connection: Connection, paths: Iterable[str], offline: Collection[str] = (), since: float | None = None
) -> None:
    """Say that files were not found.

    Args:
        offline: those of them whose disk may not be mounted.
        since: when the run has begun that did not find them; None for now. It stays for those missing before.
    """
    rows = [{"gone": path, "away": path in offline} for path in as_strings(paths)]
    if rows:
        is_new = db.paths.c.missing_since.is_(None) | (db.paths.c.offline != bindparam("away"))
        values = {
            "missing_since": func.coalesce(db.paths.c.missing_since, time.time() if since is None else since),
            "offline": bindparam("away"),
        }
        connection.execute(update(db.paths).where(db.paths.c.path == bindparam("gone"), is_new).values(values), rows)


def forget_paths(connection: Connection, paths: Iterable[str]) -> None:
    """Drop files from the catalogue; photos that no file holds any more go with their faces."""
    rows = [{"gone": path} for path in as_strings(paths)]
    if rows:
        connection.execute(delete(db.paths).where(db.paths.c.path == bindparam("gone")), rows)
    forget_failures(connection, (row["gone"] for row in rows))
    folders.prune(connection)
    _delete_pathless(connection)


def clear(connection: Connection) -> int:
    """Delete all photos, faces, people and decisions; the number of faces that went."""
    count = int(connection.execute(select(func.count()).select_from(db.faces)).scalar_one())
    apart = (db.failures, db.skipped, db.roots, db.runs)
    for table in (db.undo_log, db.paths, db.folders, db.photos, db.people, *apart):
        connection.execute(delete(table))
    runs.forget_placed(connection)
    return count


def forget_failures(connection: Connection, paths: Iterable[str]) -> None:
    rows = [{"gone": path} for path in as_strings(paths)]
    if rows:
        connection.execute(_FORGET_FAILURE, rows)


def settle(
    connection: Connection,
    vanished: Iterable[str],
    offline: Iterable[str] = (),
    since: float | None = None,
    drawn: Mapping[tuple[int, int], Sequence[Face]] | None = None,
) -> Settled:
    """The end of a run, when all moves are known.

    Files that vanished are dropped where their photo has turned up elsewhere, and marked missing where not; offline
    ones only where it has turned up in this run: a copy that was there before does not mean that they moved. Photos
    whose only file now holds something else hand their faces' ids to what replaced them, and go.

    Args:
        offline, since: as for `mark_missing`.
        drawn: by photos before and after an edit, the faces drawn on them as they are after it.
    """
    vanished, away = as_strings(vanished), set(as_strings(offline))
    mark_missing(connection, vanished, away, since)
    moved = _turned_up(connection, [path for path in vanished if path not in away], 0.0)
    moved += _turned_up(connection, [path for path in vanished if path in away], since or 0.0)
    if moved:
        statement = delete(db.paths).where(db.paths.c.path == bindparam("gone"))
        connection.execute(statement, [{"gone": path} for path in moved])
    folders.prune(connection)
    _hand_over(connection, drawn or {})
    _delete_pathless(connection)
    kept = away.difference(moved)
    return Settled(len(moved), len(vanished) - len(moved) - len(kept), len(kept))


def _turned_up(connection: Connection, vanished: Sequence[str], since: float) -> list[str]:
    """Those of some files whose photo another file holds, which was first seen after a time."""
    other = db.paths.alias()
    present = select(other.c.path).where(
        *(other.c.photo_id == db.paths.c.photo_id, other.c.missing_since.is_(None)),
        func.coalesce(other.c.added_at, 0.0) >= since,
    )
    found: list[str] = []
    for some in parts(vanished):
        query = select(db.paths.c.path).where(db.paths.c.path.in_(some), present.exists())
        found += list(connection.execute(query).scalars())
    return found


def _hand_over(connection: Connection, drawn: Mapping[tuple[int, int], Sequence[Face]]) -> None:
    """Faces of edited photos keep their ids, so that what was decided about them stays true."""
    query = select(db.paths.c.path, db.paths.c.photo_id, db.paths.c.replaces).where(db.paths.c.replaces.is_not(None))
    for path, photo_id, replaced in connection.execute(query.order_by(db.paths.c.path)).all():
        still_used = select(func.count()).select_from(db.paths).where(db.paths.c.photo_id == replaced)
        if not connection.execute(still_used).scalar_one():
            carried = _carry(connection, photo_id, drawn.get((replaced, photo_id), ()))
            new = {face: vector for face, vector in _embeddings(connection, photo_id).items() if face not in carried}
            _inherit(connection, _embeddings(connection, replaced), new)
            connection.execute(delete(db.photos).where(db.photos.c.id == replaced))
        connection.execute(update(db.paths).where(db.paths.c.path == path).values(replaces=None))


def _carry(connection: Connection, photo_id: int, drawn: Sequence[Face]) -> set[int]:
    """Let drawn faces live on with another photo, in place of what was found there; their ids."""
    if not drawn:
        return set()
    found = known_faces.by_photos(connection, [photo_id])[photo_id]
    kept = {face.id for face in without(found, drawn)}
    for face in found:
        if face.id not in kept and not face.drawn:
            connection.execute(delete(db.faces).where(db.faces.c.id == face.id))
    for face in drawn:
        connection.execute(update(db.faces).where(db.faces.c.id == face.id).values(face_row(photo_id, face)))
        connection.execute(delete(db.pending_faces).where(db.pending_faces.c.face_id == face.id))
    return {face.id for face in drawn}


def _inherit(connection: Connection, old: _Embeddings, new: _Embeddings) -> set[int]:
    """Let old face rows live on with the contents of the new ones that are the same face.

    Returns the ids that live on.
    """
    if not old or not new:
        return set()
    old_ids, new_ids = list(old), list(new)
    distances = l2_matrix(np.stack(list(new.values())), np.stack(list(old.values())))
    rows, columns = np.nonzero(distances <= SAME_FACE_AFTER_EDIT)
    inherited: dict[int, int] = {}
    # The nearest pair first, of equals the first in the photo: a collage may show one face twice.
    for i in np.lexsort((columns, rows, distances[rows, columns])):
        old_id, new_id = old_ids[columns[i]], new_ids[rows[i]]
        if old_id not in inherited and new_id not in inherited.values():
            inherited[old_id] = new_id
    for old_id, new_id in inherited.items():
        _take_over(connection, old_id, new_id)
    return set(inherited)


def _take_over(connection: Connection, old_id: int, new_id: int) -> None:
    row = connection.execute(select(db.faces).where(db.faces.c.id == new_id)).one()._asdict()
    connection.execute(delete(db.faces).where(db.faces.c.id == new_id))
    connection.execute(update(db.faces).where(db.faces.c.id == old_id).values({**row, "id": old_id}))
    # What waits for a migration was made from the old crop.
    connection.execute(delete(db.pending_faces).where(db.pending_faces.c.face_id == old_id))


def _embeddings(connection: Connection, photo_id: int) -> _Embeddings:
    query = select(db.faces.c.id, db.faces.c.embedding).where(db.faces.c.photo_id == photo_id).order_by(db.faces.c.id)
    rows = connection.execute(query).all()
    ids, blobs = [row.id for row in rows], [row.embedding for row in rows]
    return dict(zip(ids, unit_vectors(ids, blobs, len(blobs[0]) // 4), strict=True)) if rows else {}


def _delete_pathless(connection: Connection) -> None:
    """Photos whose faces are still to be handed over wait for `settle`."""
    held = select(db.paths.c.photo_id)
    replaced = select(db.paths.c.replaces).where(db.paths.c.replaces.is_not(None))
    connection.execute(delete(db.photos).where(db.photos.c.id.not_in(held), db.photos.c.id.not_in(replaced)))


def face_row(photo_id: int, face: Face) -> dict[str, Any]:
    """What a row of `faces` holds, but for its id and whether it was drawn."""
    assert face.embedding is not None
    x1, y1, x2, y2 = face.box
    return {
        "photo_id": photo_id,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "score": face.score,
        "sharpness": face.sharpness,
        "quality": face.quality,
        "defect": face.defect,
        "landmarks": face.landmarks.astype("<f4").tobytes(),
        "embedding": face.embedding.astype("<f4").tobytes(),
    }
