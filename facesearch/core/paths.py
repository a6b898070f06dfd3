"""Which files lie below which folders, and what they are called."""

import os
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path, PurePath
from typing import Literal

from facesearch.core.arguments import as_strings
from facesearch.core.errors import InputError
from facesearch.core.names import folded

__all__ = ["absolute", "below", "default_library", "has_name", "resolved", "spelled", "under"]


def absolute(path: str | os.PathLike[str]) -> str:
    """A path from the root. Raises InputError where the current folder, from which it is given, is gone."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError as error:
        raise InputError(f"{os.fspath(path)!r} is in the current folder, which is gone: go to another") from error


def under(path: str, root: str) -> bool:
    """Whether a file is a root or lies below it; both absolute."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def resolved(path: Path) -> Path:
    """Where a file is that a user names: `~` is the home folder, and links are followed. Raises as `absolute`."""
    return Path(os.path.realpath(absolute(os.path.expanduser(path))))


def spelled(path: str) -> str:
    """A path as its disk lists it: a file system that folds case or Unicode finds it by other spellings, too.

    Args: path: absolute. What is not there, or cannot be listed, keeps its spelling.
    """
    above, name = os.path.split(path)
    if not name or above == path:
        return path
    above = spelled(above)
    return os.path.join(above, _listed_as(above, name))


def has_name(path: str) -> bool:
    """Whether something is there that is called so, to the letter; that it exists does not say that, see `spelled`."""
    folder, name = os.path.split(path)
    return os.path.lexists(path) and _listed_as(folder, name) == name


def _listed_as(folder: str, name: str) -> str:
    """What a folder calls that which is found in it by a name."""
    others = {name.swapcase(), name.lower(), name.upper(), *(unicodedata.normalize(form, name) for form in _FORMS)}
    if not any(os.path.lexists(os.path.join(folder, other)) for other in others - {name}):  # nearly always
        return name
    try:
        found = os.lstat(os.path.join(folder, name))
        with os.scandir(folder) as entries:
            same = [one.name for one in entries if folded(one.name) == folded(name)]
        alike = [one for one in same if os.path.samestat(os.lstat(os.path.join(folder, one)), found)]
    except (OSError, ValueError):
        return name
    return name if name in same or not alike else alike[0]


_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def below(places: Iterable[str]) -> Callable[[str], bool]:
    """A test of whether a file is one of some files and folders, or lies below one; all absolute.

    However many places there are, it takes the same time, and less for further files of a folder.
    """
    known = frozenset(as_strings(places))

    @cache
    def holds(folder: str) -> bool:
        return folder in known or not known.isdisjoint(map(str, PurePath(folder).parents))

    return lambda path: path in known or holds(os.path.dirname(path))


def default_library() -> Path:
    """FACESEARCH_LIBRARY, or the platform's folder for a user's data. Raises InputError where there is neither."""
    if named := os.environ.get("FACESEARCH_LIBRARY"):
        return Path(named)
    import platformdirs

    try:
        return platformdirs.user_data_path("facesearch")
    except RuntimeError as error:
        raise InputError("there is no home folder: say where the library is with --library FOLDER") from error
