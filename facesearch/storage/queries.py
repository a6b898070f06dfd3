"""Pieces of queries that the modules of storage share."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select

__all__ = ["CHUNK", "Ints", "chunks", "id_pairs"]

Ints = NDArray[np.int64]
# Ids that are asked for in one statement; SQLite's default limit of variables is far above this.
CHUNK = 500


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids, each once and ascending, a statement's worth at a time."""
    ordered = sorted({int(i) for i in ids})
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))


def id_pairs(connection: Connection, query: Select[tuple[int, int]]) -> tuple[Ints, Ints]:
    """A query for two columns of ids as two arrays (n,) int64."""
    rows = np.array([tuple(row) for row in connection.execute(query)], np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
