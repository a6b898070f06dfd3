"""Who may read a library: its owner. Faces are biometric data.

A library's folder has mode 0700 and its files 0600, see `facesearch.core.files`. One of an earlier facesearch, or one
that was copied without its permissions, is tightened when it is next opened. A folder that holds anything but a library
(`--library .`, say) was not made for it and keeps its mode: only the library's files in it are closed to others.
"""

import os
from contextlib import suppress
from pathlib import Path

from facesearch.core.files import tighten

__all__ = ["left_behind", "tighten_library"]

# All that a library writes begins with one of these: SQLite adds -wal and -shm, a file that is being written .part.
_OWN = (
    *("library.sqlite3", "pictures.sqlite3", "calibration.json"),
    *("faces.faiss", "faces.lock", "writer.lock", "writer.txt"),
)
# Of these, what is only there where there was a library once.
_TRACES = tuple(name for name in _OWN if not name.endswith((".lock", ".txt")))
# What file managers leave everywhere.
_STRAY = {".DS_Store", ".directory", "Thumbs.db", "desktop.ini"}


def left_behind(folder: Path) -> list[str]:
    """The files of a library in a folder, its locks not counted."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(_TRACES))
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
