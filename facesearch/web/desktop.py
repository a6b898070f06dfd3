"""A folder is opened on the desktop of this machine, by the program that opens folders there, without a shell."""

import os
import shutil
import subprocess
import sys
import threading

from facesearch.core.errors import InputError

__all__ = ["can_open", "open_folder"]


def can_open() -> bool:
    """Whether there is a desktop, and a program that opens folders on it."""
    return _command("") is not None


def open_folder(path: str) -> None:
    """Open the folder of a file; where the desktop can, with the file selected in it.

    Args:
        path: whole, of a file.

    Raises InputError where its folder is not there, or nothing can open it.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise InputError(f"the folder {folder} is not there: connect its drive, or index the folder it has moved to")
    command = _command(path)
    if command is None:
        raise InputError(f"no program here opens folders: the photo is at {path}")
    null = subprocess.DEVNULL
    try:
        opener = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
    except OSError as error:
        raise InputError(f"{command[0]} cannot be started ({error.strerror}): the photo is at {path}") from error
    threading.Thread(target=opener.wait, daemon=True, name="facesearch-opener").start()


def _command(path: str) -> list[str] | None:
    """The program and what it is told; None where there is none."""
    if sys.platform == "win32":
        found = shutil.which("explorer")
        return [found, os.path.dirname(path)] if found else None
    if sys.platform == "darwin":
        found = shutil.which("open")
        return [found, "-R", path] if found else None
    found = shutil.which("xdg-open")
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return [found, os.path.dirname(path)] if found and shown else None
