"""One or several: what callers give where many are possible. No text and no bytes are ever iterated.

Whatever takes paths, people or faces takes one or an iterable of them, through one of these functions.
"""

import operator
import os
from collections.abc import Iterable
from typing import Any

from facesearch.core.errors import InputError

__all__ = ["Ids", "PathLike", "Paths", "Strings", "as_box", "as_ids", "as_path", "as_paths", "as_strings"]

PathLike = str | os.PathLike[str]
Paths = PathLike | Iterable[PathLike]
Strings = str | Iterable[str]
Ids = int | Iterable[int]


def as_path(given: PathLike) -> str:
    """A path as text.

    Raises InputError for anything else, bytes included: whoever gives those means a picture's content, not its path.
    """
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(path, str):
        raise InputError(f"a path is wanted, as text or pathlib.Path, not {type(given).__name__}")
    return path


def as_paths(given: Paths) -> list[str]:
    """One path, or each of some. Raises InputError for what is none, and for an empty one."""
    paths = [as_path(path) for path in _each(given)]
    if "" in paths:
        raise InputError("an empty path was given; '.' means the current folder")
    return paths


def as_strings(given: Strings) -> list[str]:
    """One name, reference or other text, or each of some. Raises InputError for what is no text."""
    texts = _each(given)
    for text in texts:
        if not isinstance(text, str):
            raise InputError(f"text is wanted, not {type(text).__name__}")
    return texts


def as_ids(given: Ids) -> list[int]:
    """The id of one face or photo, or each of some. Raises InputError for what is no whole number, text included."""
    ids = []
    for number in _each(given):
        try:
            ids.append(operator.index(number))
        except TypeError:
            raise InputError(f"a whole number is wanted, not {type(number).__name__}") from None
    return ids


def as_box(text: str) -> tuple[float, float, float, float]:
    """The box that a text like "610,180,690,275" gives. Raises InputError for any other."""
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        raise InputError(f"{text!r} is no box: give left, top, right and bottom, as 610,180,690,275") from None
    return left, top, right, bottom


def _each(given: Any) -> list[Any]:
    if isinstance(given, str | bytes | bytearray | memoryview | os.PathLike):
        return [given]
    try:
        return list(given)
    except TypeError:  # one that cannot be iterated
        return [given]
