"""Whether the write-ahead log beside a database is that database's: SQLite plays in whatever lies there.

A backup that is put over an old library finds the old one's log beside it, and is ruined by it. So every transaction
that writes counts up SQLite's `user_version`, which is on the first page: each transaction in the log then holds that
page, and the log fits where its first one follows the state of the database, or one that the database has got to
meanwhile by a checkpoint. Counting begins at a random number, so that logs of other libraries do not fit.

The formats: https://www.sqlite.org/fileformat2.html, sections 1.3 and 4.
"""

import secrets
import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import Connection

from facesearch.core.errors import LibraryFormatError

__all__ = ["count_up", "has_log", "log_of", "read_only_uri", "require_fitting"]

HEADER, FRAME = struct.Struct(">8I"), struct.Struct(">6I")
MAGIC = {0x377F0682, 0x377F0683}
# Where user_version is on the first page.
VERSION_AT = 60
# Where counting begins: a number that is 1 in these bits, and drawn in those above.
START_BITS, DRAWN_BITS = 13, 17
# Another process may begin its log anew between the looks at both files.
TRIES, WAIT_S = 3, 0.05


class _State(NamedTuple):
    """Of the database alone, as if it had no log. version: what its last transaction has counted up to."""

    page_size: int
    pages: int
    version: int


class _Log(NamedTuple):
    """page_size: 0 for what is no log.

    first, last: the versions of its first and last transaction; None without one. pages: after each transaction.
    """

    page_size: int
    first: int | None
    last: int | None
    pages: frozenset[int]


def log_of(database: Path) -> Path:
    return database.with_name(database.name + "-wal")


def has_log(database: Path) -> bool:
    """Whether there is a log that holds anything."""
    try:
        return log_of(database).stat().st_size > HEADER.size
    except OSError:
        return False


def read_only_uri(database: Path, *, immutable: bool) -> str:
    """For sqlite3.connect. Args: immutable: nobody writes to it, and what log there is does not count."""
    return f"file:{quote(str(database))}?mode=ro{'&immutable=1' if immutable else ''}"


def count_up(connection: Connection) -> None:
    """Let a transaction that has begun to write be told from all others; the first page is in the log then."""
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    following = (version + 1) % 2**31 or 1
    new = following if version else secrets.randbits(DRAWN_BITS) << START_BITS | 1
    connection.exec_driver_sql(f"PRAGMA user_version = {new}")


def require_fitting(database: Path) -> None:
    """Raises LibraryFormatError where the log beside a database is another one's, or of another time."""
    for _ in range(TRIES):
        if not has_log(database) or _fits(_state(database), _read(log_of(database))):
            return
        time.sleep(WAIT_S)
    name = database.name
    raise LibraryFormatError(
        f"{log_of(database)} is not the log of this {name}, as when a backup was put in its place: move {name}-wal and"
        f" {name}-shm away and try again"
    )


def _fits(state: _State | None, log: _Log | None) -> bool:
    if state is None or log is None:  # SQLite says what is wrong with the one, and does not use the other
        return True
    if not log.page_size:
        return False
    if log.page_size != state.page_size:
        return False
    if log.first is None or log.last is None:  # by a program that does not count: then the number of pages is as it was
        return log.pages <= {state.pages}
    if state.version == 0:  # a library of before, in which counting has begun at most
        return log.first == 0 or log.first & (1 << START_BITS) - 1 == 1
    return log.first - 1 <= state.version <= log.last


def _state(database: Path) -> _State | None:
    """Through SQLite, as no file of it may be opened otherwise; None where it is no database."""
    try:
        with closing(sqlite3.connect(read_only_uri(database, immutable=True), uri=True)) as connection:
            numbers = [
                connection.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("page_size", "page_count", "user_version")
            ]
    except sqlite3.Error:
        return None
    return _State(*numbers)


def _read(log: Path) -> _Log | None:
    """None where SQLite does not use it."""
    try:
        with log.open("rb") as file:
            head = file.read(HEADER.size)
            if not any(head):  # what a power cut leaves of a log in which nothing was finished
                return None
            if len(head) < HEADER.size or HEADER.unpack(head)[0] not in MAGIC:
                return _Log(0, None, None, frozenset())
            page_size, salts = HEADER.unpack(head)[2], HEADER.unpack(head)[4:6]
            versions: list[int] = []
            pages: set[int] = set()
            size = log.stat().st_size
            for at in range(HEADER.size, size - FRAME.size - page_size + 1, FRAME.size + page_size):
                file.seek(at)
                number, after, *found = FRAME.unpack(file.read(FRAME.size))
                if tuple(found[:2]) != salts:
                    break
                if after:
                    pages.add(after)
                if number == 1:
                    file.seek(at + FRAME.size + VERSION_AT)
                    versions.append(int.from_bytes(file.read(4), "big"))
    except (OSError, struct.error):
        return None
    return _Log(page_size, versions[0] if versions else None, versions[-1] if versions else None, frozenset(pages))
