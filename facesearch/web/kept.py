"""The latest searches: in memory, never on the disk, and only so many."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from facesearch.core.results import QueryResult

__all__ = ["Search", "Searches"]

KEPT = 8


@dataclass(frozen=True)
class Search:
    """A picture that was looked for. size: (width, height) in pixels; picture, tiles: JPEG, of it and of each face."""

    result: QueryResult
    size: tuple[int, int]
    picture: bytes
    tiles: tuple[bytes, ...]


class Searches:
    """Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches: OrderedDict[str, Search] = OrderedDict()

    def put(self, search: Search) -> str:
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._searches[key] = search
            if len(self._searches) > KEPT:
                self._searches.popitem(last=False)
        return key

    def get(self, key: str) -> Search | None:
        with self._lock:
            return self._searches.get(key)
