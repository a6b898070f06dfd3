"""What programs give is checked where it comes in, after the annotations: a mistake is one line, and nothing half done.

`@checked` is put on what programs call: on a class for all its public methods, or on a function.
"""

import functools
import inspect
import math
import operator
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FunctionType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from facesearch.core.arguments import Ids, PathLike, Paths, Strings, as_ids, as_path, as_paths, as_strings
from facesearch.core.errors import InputError
from facesearch.core.types import Box

__all__ = ["Count", "Distance", "checked"]

Checked = TypeVar("Checked")
Check = Callable[[Any], Any]
# Names, references and cursors; more than that is something else, and no message may quote it.
LONGEST_TEXT, LONGEST_PATH = 1000, 4096
# SQLite knows no larger numbers; one that is has the same meaning as this: more than there is.
LARGEST = 2**63 - 1
# Annotations of numbers that have a range.
Count = Annotated[int, "at least 1"]
Distance = Annotated[float, "0 to 2"]


def checked(thing: Checked) -> Checked:
    """A function, or a class with methods, that raises InputError for what it cannot be given.

    Numbers, paths, text and one or several of them arrive as their annotations say, numpy's numbers as Python's.
    """
    if isinstance(thing, type):
        for name, method in list(vars(thing).items()):
            if isinstance(method, FunctionType) and (name == "__init__" or not name.startswith("_")):
                setattr(thing, name, _checking(method))
        return thing
    assert isinstance(thing, FunctionType)
    return _checking(thing)  # type: ignore[return-value]


def _checking(function: FunctionType) -> Callable[..., Any]:
    @functools.cache
    def checks() -> tuple[inspect.Signature, dict[str, Check]]:
        signature = inspect.signature(function)  # not before the first call: that takes longer than many calls
        found = {name: _check_of(one.annotation, function) for name, one in signature.parameters.items()}
        return signature, {name: check for name, check in found.items() if check is not None}

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        signature, known = checks()
        try:
            given = signature.bind(*args, **options)
        except TypeError:
            return function(*args, **options)  # which says it in Python's own words
        for name, check in known.items():
            if name in given.arguments:
                try:
                    given.arguments[name] = check(given.arguments[name])
                except InputError as error:
                    raise InputError(f"{name}: {error}") from None
        return function(*given.args, **given.kwargs)

    return call


def _check_of(annotation: Any, function: FunctionType) -> Check | None:
    """What checks a value of some type; None where any will do."""
    if isinstance(annotation, str):  # in quotes, as it names what is imported late or by type checkers only
        if annotation.startswith("Callable["):
            return _callable
        module = vars(sys.modules[function.__module__])
        return _check_of(module.get(annotation.partition(" ")[0]), function)
    for known, check in _CHECKS:
        if annotation == known:
            return check
    if get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
        rest = functools.reduce(operator.or_, (one for one in get_args(annotation) if one is not NoneType))
        inner = _check_of(rest, function)
        return inner and (lambda value: None if value is None else inner(value))
    if get_origin(annotation) in (Union, UnionType) and set(get_args(PathLike)) <= set(get_args(annotation)):
        others = tuple(one for one in get_args(annotation) if one not in get_args(PathLike))
        return lambda value: value if isinstance(value, others) else _path(value)
    if get_origin(annotation) is Literal:
        return functools.partial(_one_of, get_args(annotation))
    if get_origin(annotation) is Callable or annotation is Callable:
        return _callable
    if inspect.isclass(annotation) and annotation is not inspect.Parameter.empty:
        return functools.partial(_instance, annotation)
    return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"text is wanted, not {type(value).__name__}")
    if len(value) > LONGEST_TEXT:
        raise InputError(f"a text of at most {LONGEST_TEXT} characters is wanted, not of {len(value)}")
    return str(value)


def _number(value: Any) -> float:
    number = _whole_or_real(value)
    if not math.isfinite(number):
        raise InputError(f"a number is wanted, not {number}")
    return number


def _whole_or_real(value: Any) -> float:
    if isinstance(value, str | bytes | bytearray):  # from which float() would read a number
        raise InputError(f"a number is wanted, not {type(value).__name__}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"a number is wanted, not {type(value).__name__}") from None


def _whole(value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"a whole number is wanted, not {type(value).__name__}") from None
    return max(-LARGEST, min(number, LARGEST))


def _count(value: Any) -> int:
    number = _whole(value)
    if number < 1:
        raise InputError(f"at least 1 is wanted, not {number}")
    return number


def _distance(value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 2:
        raise InputError(f"a distance between 0 and 2 is wanted, not {number:g}")
    return number


def _truth(value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):  # bool_ is numpy's
        raise InputError(f"True or False is wanted, not {type(value).__name__}")
    return bool(value)


def _path(value: Any) -> str:
    path = as_path(value)
    try:
        whole = os.fsencode(path)
    except UnicodeEncodeError:
        raise InputError("this text is no path: it has characters that no file's name has") from None
    if b"\0" in whole or not path:
        raise InputError("this text is no path: it is empty, or has a null character")
    if len(whole) > LONGEST_PATH:
        raise InputError(f"this text is no path: it is {len(whole)} bytes long, of at most {LONGEST_PATH}")
    return path


def _ids(value: Any) -> list[int]:
    return [_whole(number) for number in as_ids(value)]


def _strings(value: Any) -> list[str]:
    return [_text(text) for text in as_strings(value)]


def _parts(value: Any) -> list[list[int]]:
    try:
        return [_ids(part) for part in value]
    except TypeError:
        raise InputError(f"lists of faces' numbers are wanted, not {type(value).__name__}") from None


def _boxes(value: Any) -> list[Box]:
    try:
        boxes = [tuple(map(_number, box)) for box in value]
    except TypeError:
        raise InputError(f"boxes are wanted, each four numbers, not {type(value).__name__}") from None
    if any(len(box) != 4 or box[2] <= box[0] or box[3] <= box[1] for box in boxes):
        raise InputError("boxes are wanted, each four numbers x1, y1, x2, y2, with x1 < x2 and y1 < y2")
    return boxes  # type: ignore[return-value]


def _box(value: Any) -> Box:
    return _boxes([value])[0]


def _callable(value: Any) -> Any:
    if not callable(value):
        raise InputError(f"a function is wanted, not {type(value).__name__}")
    return value


def _one_of(known: Sequence[object], value: Any) -> Any:
    if not isinstance(value, str) or value not in known:
        shown = repr(value) if isinstance(value, str) and len(value) < 40 else type(value).__name__
        raise InputError(f"one of {', '.join(map(str, known))} is wanted, not {shown}")
    return value


def _instance(wanted: type, value: Any) -> Any:
    if not isinstance(value, wanted):
        raise InputError(f"{wanted.__name__} is wanted, not {type(value).__name__}")
    return value


# Compared one after the other: unions with generic types cannot be hashed alike.
_CHECKS: list[tuple[Any, Check]] = [
    (str, _text),
    (Count, _count),
    (Distance, _distance),
    (float, _number),
    (int, _whole),
    (bool, _truth),
    (Path, lambda value: Path(_path(value))),
    (PathLike, _path),
    (Paths, lambda value: [_path(path) for path in as_paths(value)]),
    (Strings, _strings),
    (Ids, _ids),
    (Iterable[Ids], _parts),
    (Sequence[Box], _boxes),
    (Box, _box),
]
