"""Small pictures of faces and photos, made once and kept beside the library: a cache in an SQLite file of its own.

A picture is kept with a digest of what it was made from: the photo's content and a face's box, or the faces on a photo.
It is given out only while the library has the same digest, so it is never stale nor another face's. It is put in only
then, too, under the file's lock; `sweep`, which waits for that lock, deletes all others. So no picture of a person who
was deleted stays or comes in late.
"""

import hashlib
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, func, select

from facesearch.core.errors import LibraryError
from facesearch.core.files import create_private
from facesearch.storage import schema as db
from facesearch.storage.queries import chunks

__all__ = ["FILE_NAME", "Picture", "PictureStore", "damage_of", "face_keys", "photo_keys", "photo_of", "state_of"]

Result = TypeVar("Result")
_Reading = Callable[[], AbstractContextManager[Connection]]

FILE_NAME = "pictures.sqlite3"
# Another format, or pictures drawn otherwise, and the file is made anew.
FORMAT = 2
BUSY_TIMEOUT_S = 10.0
# When the file holds more, the oldest previews of photos go; tiles of 100,000 faces in two sizes are 1 GB.
LIMIT_BYTES = 4 << 30
DELETED_AT_ONCE = 200

STATEMENTS = (
    "CREATE TABLE pictures (kind TEXT NOT NULL, id INTEGER NOT NULL, size_px INTEGER NOT NULL,"
    " made_from BLOB NOT NULL, jpeg BLOB NOT NULL)",
    # With made_from, so that a sweep reads the index and none of the pictures.
    "CREATE UNIQUE INDEX pictures_key ON pictures (kind, id, size_px, made_from)",
    "CREATE TABLE swept (state TEXT NOT NULL)",
    f"PRAGMA user_version = {FORMAT}",
)


class Picture(NamedTuple):
    """Which picture: of a "face" or a "photo", by id, fitted into size_px × size_px, and the digest it is made from."""

    kind: str
    id: int
    size_px: int
    made_from: bytes


def face_keys(connection: Connection, faces: Iterable[int]) -> dict[int, bytes]:
    """For those of some faces that are there: the digest of their photo's content and their box."""
    columns = (db.faces.c.id, db.photos.c.sha256, db.faces.c.x1, db.faces.c.y1, db.faces.c.x2, db.faces.c.y2)
    query = select(*columns).join(db.photos, db.photos.c.id == db.faces.c.photo_id)
    found: dict[int, bytes] = {}
    for chunk in chunks(faces):
        for face, sha256, *box in connection.execute(query.where(db.faces.c.id.in_(chunk))):
            found[face] = _digest(sha256, struct.pack("<4d", *box))
    return found


def photo_keys(connection: Connection, photos: Iterable[int]) -> dict[int, bytes]:
    """For those of some photos that are there: the digest of their content and of which faces are known on them.

    With the faces, so that the previews that show a person go when they are forgotten.
    """
    query = select(db.photos.c.id, db.photos.c.sha256)
    faces = select(db.faces.c.photo_id, db.faces.c.id).order_by(db.faces.c.id)
    found: dict[int, bytes] = {}
    for chunk in chunks(photos):
        on: dict[int, list[int]] = {}
        for photo, face in connection.execute(faces.where(db.faces.c.photo_id.in_(chunk))):
            on.setdefault(photo, []).append(face)
        for photo, sha256 in connection.execute(query.where(db.photos.c.id.in_(chunk))):
            found[photo] = _digest(sha256, repr(on.get(photo, [])).encode())
    return found


def photo_of(connection: Connection, face: int) -> int | None:
    """The photo that a face is on; None where there is no such face."""
    return connection.execute(select(db.faces.c.photo_id).where(db.faces.c.id == face)).scalar()


def state_of(connection: Connection) -> str:
    """Changes whenever a face changes or a photo goes."""
    generation = select(db.library.c.value).where(db.library.c.key == "generation").scalar_subquery()
    photos = select(func.count()).select_from(db.photos).scalar_subquery()
    last = select(func.max(db.photos.c.id)).scalar_subquery()
    return " ".join(str(part) for part in connection.execute(select(generation, photos, last)).one())


class PictureStore:
    """The pictures of a library's folder. Threads may share it; where nothing can be written it keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()  # one connection does for all threads: a picture is read in microseconds
        self._connection: sqlite3.Connection | None = None

    @property
    def exists(self) -> bool:
        return self._path.is_file()

    def close(self) -> None:
        with self._lock:
            self._close()

    def get(self, picture: Picture) -> bytes | None:
        """The JPEG, if there is one that was made from just this."""
        query = "SELECT jpeg FROM pictures WHERE kind = ? AND id = ? AND size_px = ? AND made_from = ?"
        rows = self._run(lambda c: c.execute(query, picture).fetchone(), write=False)
        return rows[0] if rows else None

    def put(self, jpegs: Mapping[Picture, bytes], library: _Reading) -> None:
        """Keep pictures, but for those whose face or photo has gone or changed.

        Args:
            library: gives a connection that sees the library as it is by then.
        """

        def write(connection: sqlite3.Connection) -> None:
            with library() as current:
                keys = _keys(current, ((picture.kind, picture.id) for picture in jpegs))
            for picture, jpeg in jpegs.items():
                if keys.get((picture.kind, picture.id)) == picture.made_from:
                    place = picture[:3]
                    connection.execute("DELETE FROM pictures WHERE kind = ? AND id = ? AND size_px = ?", place)
                    connection.execute("INSERT INTO pictures VALUES (?, ?, ?, ?, ?)", (*picture, jpeg))
            _make_room(connection)

        self._run(write, write=True)

    def sweep(self, library: _Reading, *, force: bool = False) -> bool:
        """Delete all pictures whose face or photo has gone or changed, and overwrite them.

        Returns whether they are overwritten; not yet, where another process is reading.

        Args:
            library: as for `put`.
            force: also if nothing seems to have changed since the last time; it must not fail then.

        Raises LibraryError where it must not fail and does.
        """

        def delete(connection: sqlite3.Connection) -> bool:
            with library() as current:
                state = state_of(current)
                if not force and connection.execute("SELECT state FROM swept").fetchone() == (state,):
                    return True
                kept = connection.execute("SELECT DISTINCT kind, id, made_from FROM pictures").fetchall()
                keys = _keys(current, ((kind, number) for kind, number, _ in kept))
            gone = [row for row in kept if keys.get(row[:2]) != row[2]]
            connection.executemany("DELETE FROM pictures WHERE kind = ? AND id = ? AND made_from = ?", gone)
            connection.execute("DELETE FROM swept")
            connection.execute("INSERT INTO swept VALUES (?)", (state,))
            return True

        if not self.exists:
            return True
        done = self._run(delete, write=True)
        log = self._run(
            lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone(), write=False
        )
        if force and not done:
            raise LibraryError(
                f"small pictures of what was deleted are still in {self._path}, which cannot be written: delete"
                f" that file, it is made again"
            )
        return bool(done) and log is not None and not log[0]

    # -- inside ---------------------------------------------------------------------------------------------------

    def _run(self, work: Callable[[sqlite3.Connection], Result], *, write: bool) -> Result | None:
        """Do something with the file; None where there is none and none can be made, as in a read-only library."""
        with self._lock:
            for _ in range(2):
                try:
                    return self._tried(work, write)
                except sqlite3.OperationalError:  # read-only, full, or locked for too long
                    return None
                except sqlite3.DatabaseError:  # damaged, or of another version: it is a cache
                    self._discard()
        return None

    def _tried(self, work: Callable[[sqlite3.Connection], Result], write: bool) -> Result:
        if self._connection is None:
            self._connection = _opened(self._path)
        if not write:
            return work(self._connection)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        return done

    def _discard(self) -> None:
        self._close()
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(FILE_NAME + suffix).unlink()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def damage_of(folder: Path) -> list[tuple[str, str]]:
    """What is wrong with the pictures of a library, as (file, what); none is no damage."""
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            found = [what for (what,) in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.OperationalError:  # read-only, or locked for too long
        return []
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    return [] if found == ["ok"] else [(FILE_NAME, f"SQLite: {found[0]}")]


def _opened(path: Path) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError where the file is of another format."""
    with suppress(OSError):  # SQLite will say the same
        create_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose pictures, which are made again
        connection.execute("PRAGMA secure_delete = ON")  # a face that is forgotten is overwritten, not just unlinked
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in STATEMENTS:
                connection.execute(statement)
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("COMMIT")
        if found != FORMAT:
            raise sqlite3.DatabaseError(f"format {found}")
    except BaseException:
        connection.close()
        raise
    return connection


def _keys(library: Connection, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
    """For faces and photos, as (kind, id), what their pictures have to be made from now."""
    ids: dict[str, set[int]] = {"face": set(), "photo": set()}
    for kind, number in wanted:
        ids[kind].add(number)
    faces, photos = face_keys(library, ids["face"]), photo_keys(library, ids["photo"])
    return {("face", n): key for n, key in faces.items()} | {("photo", n): key for n, key in photos.items()}


def _make_room(connection: sqlite3.Connection) -> None:
    pages, free, page = (
        connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
    )
    if (pages - free) * page > LIMIT_BYTES:
        oldest = f"SELECT rowid FROM pictures WHERE kind = 'photo' ORDER BY rowid LIMIT {DELETED_AT_ONCE}"
        connection.execute(f"DELETE FROM pictures WHERE rowid IN ({oldest})")


def _digest(sha256: str, rest: bytes) -> bytes:
    return hashlib.blake2b(sha256.encode() + rest, digest_size=16).digest()
