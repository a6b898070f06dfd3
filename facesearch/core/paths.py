"""Which files lie below which folders."""

import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import PurePath

from facesearch.core.arguments import as_strings

__all__ = ["below", "under"]


def under(path: str, root: str) -> bool:
    """Whether a file is a root or lies below it; both absolute."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def below(places: Iterable[str]) -> Callable[[str], bool]:
    """A test of whether a file is one of some files and folders, or lies below one; all absolute.

    However many places there are, it takes the same time, and less for further files of a folder.
    """
    known = frozenset(as_strings(places))

    @cache
    def holds(folder: str) -> bool:
        return folder in known or not known.isdisjoint(map(str, PurePath(folder).parents))

    return lambda path: path in known or holds(os.path.dirname(path))
