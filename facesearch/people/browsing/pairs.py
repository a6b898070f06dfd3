"""Pairs of groups that may be one person, to be answered one after the other.

Finding them looks at every face, so the list is made once and then gone through: an answer takes its pair out, and
everything that is shown of a pair is read when it is shown. It is made again when faces have come or gone, when all
groups were made anew, and when it is through and decisions have been made since, which may have brought up others.
"""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from facesearch.calibration import Calibration
from facesearch.core.views import Card, Page, Pair
from facesearch.people.browsing.clusters import cards_of, owners
from facesearch.people.browsing.cursors import Key, key_of, page_of
from facesearch.people.suggestions import suggest
from facesearch.storage import Store
from facesearch.storage import schema as db
from facesearch.storage.constraints import cannot_link

__all__ = ["PairList"]

# Pairs that are found at a time, and the most faces of either group that are shown of one.
PAIRS, FACES_SHOWN = 500, 12
LOOKED_AT = 32


class PairList:
    """The pairs of one library; threads may share it."""

    def __init__(self, index: Store) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._made_at: tuple[str, int] | None = None
        self._pairs: list[Key] = []

    def page(self, calibration: Calibration, cursor: str | None, limit: int) -> Page[Pair]:
        """The next pairs that are still open, nearest first. Raises InputError for a wrong cursor."""
        after = key_of(cursor, 3)
        with self._lock:
            self._make(calibration, again=False)
            rows = self._open(after, limit + 1)
            if not rows and self._open(None, 1) == [] and self._make(calibration, again=True):
                rows = self._open(after, limit + 1)

        def described(some: Sequence[Key]) -> list[Pair]:
            with self._index.reading() as connection:
                return [_pair(connection, calibration, int(a), int(b)) for _, a, b in some]

        return page_of(rows, limit, lambda row: row, described)

    def _make(self, calibration: Calibration, *, again: bool) -> bool:
        """Find the pairs if need be; again: also where only decisions have been made since."""
        with self._index.reading() as connection:
            now = _state(connection)
        if self._made_at is not None and (now == self._made_at if again else now[0] == self._made_at[0]):
            return False
        self._pairs = [(far, a.id, b.id) for a, b, far in suggest(self._index, calibration, PAIRS)]
        self._made_at = now
        return True

    def _open(self, after: Key | None, count: int) -> list[Key]:
        """So many of the pairs behind a key that no decision has settled."""
        waiting = [pair for pair in self._pairs if after is None or pair > after]
        found: list[Key] = []
        with self._index.reading() as connection:
            apart = cannot_link(connection)
            while waiting and len(found) < count:
                some, waiting = waiting[:LOOKED_AT], waiting[LOOKED_AT:]
                groups = sorted({int(group) for _, *both in some for group in both})
                cards = {card.group: card for card in cards_of(connection, groups)}
                people = _people(connection, groups)
                found += [pair for pair in some if _is_open(pair, cards, people, apart)]
        return found[:count]


def _is_open(pair: Key, cards: dict[int, Card], people: dict[int, int], said: set[frozenset[int]]) -> bool:
    a, b = int(pair[1]), int(pair[2])
    there = all(group in cards and not cards[group].ignored for group in (a, b))
    return there and frozenset((people.get(a), people.get(b))) not in said


def _state(connection: Connection) -> tuple[str, int]:
    """Which faces and which clustering there is, and the latest decision; the number of an undone one comes again."""
    keys = ("generation", "clustered_at")
    facts = select(db.library.c.key, db.library.c.value).where(db.library.c.key.in_(keys)).order_by(db.library.c.key)
    latest = connection.execute(select(func.max(db.undo_log.c.id))).scalar() or 0
    return str(connection.execute(facts).all()), latest


def _people(connection: Connection, groups: Sequence[int]) -> dict[int, int]:
    return {group: row.person_id for group, row in owners(connection, groups).items()}


def _pair(connection: Connection, calibration: Calibration, a: int, b: int) -> Pair:
    """What is shown of two groups, which are there."""
    first, second = cards_of(connection, [a, b])
    (a_ids, a_vectors), (b_ids, b_vectors) = _members(connection, a), _members(connection, b)
    a_mean, b_mean = a_vectors.mean(axis=0), b_vectors.mean(axis=0)
    # The mean squared distance of unit vectors is 2 - 2 times the product of their means.
    distance = float(np.sqrt(max(2 - 2 * float(a_mean @ b_mean), 0)))
    return Pair(
        a=first,
        b=second,
        distance=distance,
        probability=float(calibration.probability(distance)),
        a_faces=_typical(a_ids, a_vectors @ a_mean),
        b_faces=_typical(b_ids, b_vectors @ b_mean),
    )


def _members(connection: Connection, group: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    query = select(db.faces.c.id, db.faces.c.embedding).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    rows = connection.execute(query.where(db.clustered.c.cluster_id == group).order_by(db.faces.c.id)).all()
    ids, blobs = zip(*rows, strict=True)
    return np.array(ids, np.int64), np.frombuffer(b"".join(blobs), "<f4").reshape(len(ids), -1).astype(np.float64)


def _typical(ids: NDArray[np.int64], likeness: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(ids[np.argsort(-likeness, kind="stable")[:FACES_SHOWN]].tolist())
