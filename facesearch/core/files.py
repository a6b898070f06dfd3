"""Files that survive a power cut, and files that nobody else may read.

Durable: whatever is renamed into place is synced first, then renamed, and then its folder is synced, so that after a
power cut there is the whole old file or the whole new one, and what was reported as written is there. `replacing`,
`replace_file` and `put_in_place` are the only ways in which this code base renames a file over another.

Private: faces are biometric data. A library's folder has mode 0700 and its files 0600, whatever the umask, which is the
process's and is never changed here. On Windows, where folders of a user are the user's own, nothing is done.

An SQLite database must never be opened by these functions while the process has it open: closing any of its file
descriptors would drop the locks that SQLite holds on it.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = [
    "FILE_MODE",
    "FOLDER_MODE",
    "create_private",
    "make_folders",
    "make_private_folder",
    "move_aside",
    "open_private",
    "part_of",
    "put_in_place",
    "replace_file",
    "replacing",
    "require_file",
    "sync",
    "sync_folder",
    "tighten",
]

FILE_MODE, FOLDER_MODE = 0o600, 0o700
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# What file systems and systems answer that know no syncing of folders, or do not let them be opened for it.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}


# -- durable


@contextmanager
def replacing(
    path: Path, *, part: Path | None = None, mode: int | None = None, durable: bool = True
) -> Iterator[BinaryIO]:
    """A file to write; it takes the place of another when the block ends, and leaves it alone where that fails.

    Args:
        part: where it is written until then; None for `part_of(path)`.
        mode: its permissions, whatever the umask; None for those that the umask leaves.
        durable: wait until it is on the medium; not for what is made by the thousand and can be made again.

    Raises OSError.
    """
    part = part or part_of(path)
    try:
        with open_private(part, mode) if mode is not None else part.open("wb") as file:
            yield file
            file.flush()
            if durable:
                sync(file.fileno())
        _rename(part, path, durable)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def replace_file(
    path: Path,
    data: bytes | memoryview,
    *,
    part: Path | None = None,
    mode: int | None = None,
    durable: bool = True,
) -> None:
    """As `replacing`, with what the file is to hold. Raises OSError."""
    with replacing(path, part=part, mode=mode, durable=durable) as file:
        file.write(data)


def put_in_place(part: Path, path: Path) -> None:
    """Rename a finished file over another: it is synced before, and its folder after. Raises OSError."""
    with part.open("rb+") as file:
        sync(file.fileno())
    _rename(part, path, durable=True)


def _rename(part: Path, path: Path, durable: bool) -> None:
    os.replace(part, path)
    if durable:
        sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f"{path.name}.part")


def make_folders(folder: Path, mode: int | None = None) -> None:
    """Make a folder and those above it that are missing, and sync them.

    Args:
        mode: permissions of the folder itself if it is made, whatever the umask.

    Raises OSError.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(mode=FOLDER_MODE if mode is not None else 0o777, parents=True, exist_ok=True)
    if missing and mode is not None:
        _set_mode(folder, mode)
    for place in reversed(missing):
        sync_folder(place.parent)


def sync(fd: int) -> None:
    """Wait until what was written to an open file is on the medium. Raises OSError."""
    if sys.platform == "darwin":  # whose fsync leaves it in the drive's cache
        from fcntl import F_FULLFSYNC, fcntl

        with suppress(OSError):  # a network drive
            fcntl(fd, F_FULLFSYNC)
            return
    os.fsync(fd)


def move_aside(path: Path, target: Path) -> None:
    """Give something another name on the same disk, whatever it is, without reading it. Raises OSError."""
    os.replace(path, target)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the medium, where the system can do that. Raises OSError."""
    if os.name == "nt":
        return
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            sync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def require_file(path: Path) -> None:
    """Raises OSError for what is no file: opening a pipe would wait for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a file", str(path))


# -- private


def open_private(path: Path, mode: int = FILE_MODE) -> BinaryIO:
    """An empty file to write, made if need be; nobody else may read it at any moment. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    file = os.fdopen(os.open(path, flags, mode & ~OTHERS), "wb")
    try:
        _set_mode(path, mode)
    except OSError:
        file.close()
        raise
    return file


def create_private(path: Path) -> bool:
    """Make an empty file that nobody else may read, unless there is one; True where it was made. Raises OSError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
    except FileExistsError:
        return False
    _set_mode(path, FILE_MODE)
    return True


def make_private_folder(folder: Path) -> None:
    """Make a folder that is its owner's only; one that is there and empty becomes so. Raises OSError."""
    make_folders(folder, FOLDER_MODE)
    if not any(folder.iterdir()):
        tighten(folder)


def tighten(path: Path) -> None:
    """Take from everybody but the owner what they may do with a file or folder, if it is ours; links are left alone."""
    with suppress(OSError):  # somebody else's, gone meanwhile, or on a read-only disk
        mode = path.lstat().st_mode
        if mode & OTHERS and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            _set_mode(path, stat.S_IMODE(mode) & ~OTHERS)


def _set_mode(path: Path, mode: int) -> None:
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)
