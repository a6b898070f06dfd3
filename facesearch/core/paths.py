"""Which files lie below which folders."""

import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path, PurePath

from facesearch.core.arguments import as_strings
from facesearch.core.errors import InputError

__all__ = ["absolute", "below", "default_library", "resolved", "under"]


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
