"""What a server remembers for a while, in memory only: messages for the next page, and the latest searches.

A form is answered with a redirect, so that reloading repeats nothing; the page that follows shows the message. The
address holds only its key: the text stays here, so that no link can make a page say anything.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from facesearch.core.results import QueryResult

__all__ = ["Message", "Option", "Question", "Recent", "Search"]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Option:
    """One answer to a question, a form. face: that is shown with it; fields: (name, value) of what is sent."""

    title: str
    face: int | None
    action: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    """What has to be known before something is done."""

    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Message:
    """kind: "done", "plain", "error" or "ask". undo: the decision that a button beside it takes back.

    name_first: the text may begin with a person's name.
    """

    text: str
    kind: str = "done"
    undo: int | None = None
    name_first: bool = False
    question: Question | None = None


@dataclass(frozen=True)
class Search:
    """A picture that was searched with.

    size: (width, height) in pixels. picture, tiles: JPEG, of it and of each face.
    """

    result: QueryResult
    size: tuple[int, int]
    picture: bytes
    tiles: tuple[bytes, ...]


class Recent(Generic[Item]):
    """The latest items, so many, by keys that nobody can guess. Threads may share it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._items: OrderedDict[str, Item] = OrderedDict()

    def put(self, item: Item) -> str:
        """Returns its key."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._items[key] = item
            if len(self._items) > self._count:
                self._items.popitem(last=False)
        return key

    def get(self, key: str) -> Item | None:
        with self._lock:
            return self._items.get(key)
