"""What is said on the next page: that something is done, undone or not possible.

A form is answered with a redirect, so that reloading repeats nothing; the page that follows says what has happened. The
address holds only a number: what is said stays here, so that no link can put words into our mouth.
"""

import itertools
import threading
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Note", "Notes"]

KEPT = 200


@dataclass(frozen=True)
class Note:
    """kind: "done", "plain" or "error". undo: the decision that a button beside it takes back."""

    text: str
    kind: str = "done"
    undo: int | None = None


class Notes:
    """The latest notes by their numbers; threads may share it."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._notes: OrderedDict[str, Note] = OrderedDict()

    def put(self, note: Note) -> str:
        with self._lock:
            number = str(next(self._numbers))
            self._notes[number] = note
            if len(self._notes) > KEPT:
                self._notes.popitem(last=False)
        return number

    def get(self, number: str) -> Note | None:
        with self._lock:
            return self._notes.get(number)
