"""What the modules of storage need for their queries: ids in portions, pairs of ids, paths below a folder."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, Select, and_, literal, or_

__all__ = ["Ints", "chunks", "id_pairs", "is_below", "is_id", "parts"]

Item = TypeVar("Item")
Ints = NDArray[np.int64]
# Ids or paths that are asked for in one statement; SQLite's default limit of variables is far above this.
CHUNK = 500


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids, each once and ascending, a statement's worth at a time."""
    return iter(map(list, parts(sorted({int(i) for i in ids}))))


def parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Items in their order, a statement's worth at a time."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def is_id(number: int) -> bool:
    """Whether a number can be an id: SQLite knows no larger ones."""
    return 0 < number < 2**63


def id_pairs(connection: Connection, query: Select[tuple[int, int]]) -> tuple[Ints, Ints]:
    """A query for two columns of ids as two arrays (n,) int64."""
    rows = np.fromiter((number for row in connection.execute(query) for number in row), np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def is_below(path: Column[Any], folder: str) -> ColumnElement[bool]:
    """Whether a path is a folder's or lies below it, by the path's index; it is text, or bytes where it is no UTF-8."""
    start = folder.rstrip(os.sep) + os.sep
    end = start[:-1] + chr(ord(os.sep) + 1)
    low, high = (literal(os.fsencode(one), LargeBinary()) for one in (start, end))
    return or_(path == folder, and_(path >= start, path < end), and_(path >= low, path < high))
