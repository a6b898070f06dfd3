"""What a column of a library can hold: types that check each value where it is read, for every caller.

A library that a disk or a hand has damaged gives no wrong result then, and no error of Python's: what cannot be meant
is a LibraryFormatError, and `check` asks the same types which row it is. `tolerating` is for what has to get through in
a damaged library: deleting, and undoing.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import types

from facesearch.core.errors import LibraryFormatError

__all__ = [
    *("EARLIEST_S", "LANDMARKS_BYTES", "LATEST_S", "MOST_NUMBERS"),
    *("BigWhole", "Checked", "FixedBytes", "Flag", "Id", "PathType", "Real", "Text", "Whole"),
    *("damaged", "is_tolerated", "landmarks_of", "tolerating", "unit_vectors", "wrong_landmarks", "wrong_vectors"),
]

LANDMARKS_BYTES = 5 * 2 * 4
# By how much the norm of an embedding may differ from 1: float32 rounds by 1e-7, float16 by 1e-3.
NORM_TOLERANCE = 5e-3
# An embedding has at most so many.
MOST_NUMBERS = 65_536
# Coordinates and sizes beyond this are no picture's.
FAR = 1e9
# Times that Python knows as dates, in seconds from 1970, less a day for time zones.
EARLIEST_S, LATEST_S = -62_135_510_400.0, 253_402_214_400.0

_TOLERATED: ContextVar[bool] = ContextVar("damage is tolerated", default=False)


@contextmanager
def tolerating() -> Iterator[None]:
    """Read harmless values in place of damaged ones: for what only deletes rows, or puts back what was there."""
    token = _TOLERATED.set(True)
    try:
        yield
    finally:
        _TOLERATED.reset(token)


def is_tolerated() -> bool:
    return _TOLERATED.get()


def damaged(what: str, value: object) -> LibraryFormatError:
    """The error for a damaged value. Args: what: whose it is, in words."""
    shown = "missing" if value is None else f"{value!r:.60}"
    return LibraryFormatError(
        f"the library is damaged, {what} is {shown}: `facesearch check` says which photo or decision it concerns"
    )


class Checked(types.TypeDecorator[Any]):
    """A value that is checked when it is read. Args: what: what it is, in words, for the message."""

    impl: Any = types.String
    harmless: Any = None

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def sound(self, value: Any) -> bool:
        """Whether this can be meant; NULL, which the table allows or not, is not asked for."""
        raise NotImplementedError

    def as_read(self, value: Any) -> Any:
        """A sound value as callers get it."""
        return value

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any]:
        return self._read

    def _read(self, value: Any) -> Any:
        if value is None or self.sound(value):
            return None if value is None else self.as_read(value)
        if _TOLERATED.get():
            return self.harmless
        raise damaged(self.what, value)


class Real(Checked):
    """A number from low to high."""

    impl = types.Float
    cache_ok = True

    def __init__(self, what: str, low: float = -FAR, high: float = FAR) -> None:
        super().__init__(what)
        self.low, self.high = low, high
        self.harmless = min(max(0.0, low), high)

    def sound(self, value: Any) -> bool:
        return isinstance(value, float | int) and self.low <= value <= self.high

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any]:
        low, high, slowly = self.low, self.high, self._read

        def read(value: Any) -> Any:  # there are seven in a face, and millions of faces
            return value if value.__class__ is float and low <= value <= high else slowly(value)

        return read


class Whole(Checked):
    """A whole number from low to high."""

    impl: Any = types.Integer
    cache_ok = True

    def __init__(self, what: str, low: int = -(2**63), high: int = 2**63 - 1) -> None:
        super().__init__(what)
        self.low, self.high = low, high
        self.harmless = min(max(0, low), high)

    def sound(self, value: Any) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


class BigWhole(Whole):
    """The same where the schema says BIGINT."""

    impl = types.BigInteger
    cache_ok = True


class Id(Whole):
    """The number of a row, or of a cluster; nothing stands for a damaged one."""

    cache_ok = True

    def __init__(self, what: str) -> None:
        super().__init__(what, 1, 2**53)
        self.harmless = None


class Flag(Checked):
    """0 or 1; read as False or True."""

    impl = types.Boolean
    cache_ok = True
    harmless = False

    def sound(self, value: Any) -> bool:
        return isinstance(value, int) and 0 <= value <= 1

    def as_read(self, value: Any) -> Any:
        return bool(value)


class Text(Checked):
    """Text in UTF-8, without a zero. Args: longest: in characters; None for any."""

    impl = types.String
    cache_ok = True
    harmless = "\N{REPLACEMENT CHARACTER}"

    def __init__(self, what: str, longest: int | None = None) -> None:
        super().__init__(what)
        self.longest = longest

    def sound(self, value: Any) -> bool:
        if not isinstance(value, str) or "\0" in value or (self.longest and len(value) > self.longest):
            return False
        return value.isascii() or _is_unicode(value)


class FixedBytes(Checked):
    """A BLOB of a certain length; None for any."""

    impl = types.LargeBinary
    cache_ok = True

    def __init__(self, what: str, length: int | None = None) -> None:
        super().__init__(what)
        self.length = length
        self.harmless = bytes(length or 0)

    def sound(self, value: Any) -> bool:
        return isinstance(value, bytes) and self.length in (None, len(value))

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any]:
        length, slowly = self.length, self._read

        def read(value: Any) -> Any:
            return value if value.__class__ is bytes and length in (None, len(value)) else slowly(value)

        return read


class PathType(Checked):
    """A file name: TEXT, or a BLOB of its bytes where they are no valid UTF-8.

    Python carries such bytes as surrogates (PEP 383), which SQLite would refuse; old disks are full of them.
    """

    impl = types.String
    cache_ok = True
    harmless = "\N{REPLACEMENT CHARACTER}"

    def __init__(self, what: str = "a file's path") -> None:
        super().__init__(what)

    def process_bind_param(self, value: str | None, dialect: Any) -> Any:
        return os.fsencode(value) if value is not None and not _is_unicode(value) else value

    def sound(self, value: Any) -> bool:
        if isinstance(value, bytes):
            return bool(value) and b"\0" not in value
        return isinstance(value, str) and bool(value) and "\0" not in value

    def as_read(self, value: Any) -> Any:
        return os.fsdecode(value) if isinstance(value, bytes) else value


def _is_unicode(text: str) -> bool:
    """Whether it can be encoded: it holds no surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# -- arrays


def unit_vectors(ids: Sequence[int], blobs: Sequence[bytes], dim: int) -> NDArray[np.float32]:
    """Embeddings of faces: (n, dim) float32, unit L2 norm. Raises LibraryFormatError naming a face where one is not."""
    if any(len(blob) != 4 * dim for blob in blobs):
        worst = next(i for i, blob in enumerate(blobs) if len(blob) != 4 * dim)
        numbers = f"{len(blobs[worst])} bytes, not {dim} numbers"
        raise damaged(f"the embedding of face {ids[worst]}", numbers)
    vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), dim).astype(np.float32)
    if (wrong := wrong_vectors(vectors)).any():
        worst = int(np.flatnonzero(wrong)[0])
        raise damaged(f"the embedding of face {ids[worst]}", "not of length 1")
    return vectors


def wrong_vectors(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) which of some embeddings (n, d) have not unit L2 norm: scaled, zero, infinite or NaN ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares: NDArray[np.float32] = np.einsum("nd,nd->n", vectors, vectors)
        return ~(np.abs(squares - 1) <= 2 * NORM_TOLERANCE)  # NaN is not near 1, either


def landmarks_of(ids: Sequence[int], blobs: Sequence[bytes]) -> NDArray[np.float32]:
    """Landmarks of faces: (n, 5, 2) float32. Raises LibraryFormatError naming a face where one is no place."""
    points = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), 5, 2).astype(np.float32)
    if not np.abs(points).max(initial=0.0) <= FAR:  # NaN is not, either
        worst = next(i for i, blob in enumerate(blobs) if wrong_landmarks(blob))
        raise damaged(f"the landmarks of face {ids[worst]}", points[worst].tolist())
    return points


def wrong_landmarks(blob: bytes) -> bool:
    """Whether five places in a BLOB of the right length are none."""
    return not all(math.isfinite(number) and abs(number) <= FAR for number in np.frombuffer(blob, "<f4").tolist())
