"""Who may read a library: its owner. Faces are biometric data.

A library's folder has mode 0700 and its files 0600, see `facesearch.core.files`. One of an earlier facesearch, or one
that was copied without its permissions, is tightened when it is next opened. A folder that holds anything but a library
(`--library .`, say) was not made for it and keeps its mode: only the library's files in it are closed to others.
"""

import os
from contextlib import suppress
from pathlib import Path

from facesearch.core.errors import LibraryFormatError
from facesearch.core.files import tighten

__all__ = ["no_files", "require_not_lost", "tighten_library", "traces"]

# All that a library writes begins with one of these: SQLite adds -wal and -shm, a file that is being written .part.
_OWN = (
    *("library.sqlite3", "pictures.sqlite3", "calibration.json"),
    *("faces.faiss", "faces.lock", "writer.lock", "writer.txt"),
)
# Of these, what is only there where there was a library once.
_TRACES = ("pictures.sqlite3", "calibration.json", "faces.faiss")
_DATABASE = "library.sqlite3"
# What file managers leave everywhere.
_STRAY = {".DS_Store", ".directory", "Thumbs.db", "desktop.ini"}


def traces(folder: Path) -> list[str]:
    """The files in a folder that are only where a library was once, its database not counted."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(_TRACES))
    except OSError:
        return []


def require_not_lost(folder: Path) -> None:
    """Raises LibraryFormatError for a library whose database is gone: it is not to be begun anew unasked."""
    database = folder / _DATABASE
    if os.path.lexists(database) and not database.is_file():
        raise LibraryFormatError(f"{database} is not a file: restore it from a backup, or delete the folder")
    logs = [] if database.exists() else [f"{_DATABASE}-wal"]
    others = [*traces(folder), *(name for name in logs if (folder / name).exists())]
    if others and (not database.exists() or not database.stat().st_size):
        raise LibraryFormatError(
            f"{database} is gone or empty, and {others[0]} is still there: restore it from a backup, or delete the"
            f" folder and index again"
        )


def no_files(folder: Path) -> list[str]:
    """What has the name of a library's file and is none, but a folder or a pipe."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(_OWN) and not (folder / name).is_file())
    except OSError:
        return []


def tighten_library(folder: Path) -> None:
    """Close a library to everybody but its owner; what somebody else owns stays as it is."""
    with suppress(OSError):  # a folder that may not be listed
        names = os.listdir(folder)
        own = [name for name in names if name.startswith(_OWN)]
        if own and not set(names) - set(own) - _STRAY:
            tighten(folder)  # first: then nobody is in time for the files
        for name in own:
            tighten(folder / name)
