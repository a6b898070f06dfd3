"""Questions that wait for an answer, to be gone through one after the other.

Finding them looks at every face, so the list is made once and then gone through: an answer takes its question out, and
everything that is shown of one is read when it is shown. It is made again when faces have come or gone, when all
clusters were made anew, and when it is through and decisions have been made since, which may have brought up others.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from facesearch.calibration import Calibration
from facesearch.core.types import Page
from facesearch.storage import Connection, Store, cluster_pages
from facesearch.storage.cursors import Key, Place, page_of, place_of

__all__ = ["Waiting"]

Item = TypeVar("Item")

# Questions that are compared with the decisions at a time.
LOOKED_AT = 32


class Waiting(ABC, Generic[Item]):
    """The open questions of one kind of one library; threads may share it. A question is known by its sort key.

    numbers: of a key.
    """

    numbers: int

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._made_at: tuple[str, int] | None = None
        self._keys: list[Key] = []

    def page(self, calibration: Calibration, cursor: str | None, limit: int) -> Page[Item]:
        """The next questions that are still open. Raises InputError for a wrong cursor."""
        after = place_of(cursor, self.numbers).key
        with self._lock:
            self._make(calibration, again=False)
            rows = self._open(after, limit + 1)
            if not rows and self._open(None, 1) == [] and self._make(calibration, again=True):
                rows = self._open(after, limit + 1)

        def described(some: Sequence[Key]) -> list[Item]:
            with self._store.reading() as connection:
                found = [self._described(connection, calibration, key) for key in some]
            return [one for one in found if one is not None]

        return page_of(rows, limit, Place(after), lambda row: row, described)

    @property
    def made_at(self) -> tuple[str, int] | None:
        """Of which state of the library the list is; None for none yet."""
        return self._made_at

    def waiting(self, calibration: Calibration | None) -> int | None:
        """How many questions are open; None where they were not looked for since what they depend on has changed.

        Args:
            calibration: to look for them now; None for not now.
        """
        with self._lock:
            if calibration is not None:
                self._make(calibration, again=False)
            with self._store.reading() as connection:
                now = self._state(connection)
            fresh = self._made_at is not None and now[0] == self._made_at[0]
            return len(self._open(None, len(self._keys))) if fresh else None

    @abstractmethod
    def _find(self, calibration: Calibration) -> list[Key]:
        """All questions, in their order."""

    @abstractmethod
    def _still_open(self, connection: Connection, keys: Sequence[Key]) -> list[Key]:
        """Those of some questions that no decision has settled."""

    @abstractmethod
    def _described(self, connection: Connection, calibration: Calibration, key: Key) -> Item | None:
        """What is shown of a question; None where what it is about has just gone."""

    def _state(self, connection: Connection) -> tuple[str, int]:
        """What the list depends on, and the latest decision."""
        return cluster_pages.revision(connection)

    def _make(self, calibration: Calibration, *, again: bool) -> bool:
        """Find the questions if need be; again: also where only decisions have been made since."""
        with self._store.reading() as connection:
            now = self._state(connection)
        if self._made_at is not None and (now == self._made_at if again else now[0] == self._made_at[0]):
            return False
        self._keys, self._made_at = self._find(calibration), now
        return True

    def _open(self, after: Key | None, count: int) -> list[Key]:
        """So many of the questions behind a key that no decision has settled."""
        waiting = [key for key in self._keys if after is None or key > after]
        found: list[Key] = []
        with self._store.reading() as connection:
            while waiting and len(found) < count:
                some, waiting = waiting[:LOOKED_AT], waiting[LOOKED_AT:]
                found += self._still_open(connection, some)
        return found[:count]
