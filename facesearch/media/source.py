"""Where photos come from: the MediaSource protocol, and the local file system behind it."""

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from facesearch.core.errors import PhotoError
from facesearch.core.settings import ImageConfig
from facesearch.core.types import FileFacts
from facesearch.media.decoding import PhotoFile, date_taken
from facesearch.media.devices import device_of
from facesearch.media.finding import Found, find_photos
from facesearch.media.formats import HEADER_BYTES, check_format, identify
from facesearch.media.reasons import as_photo_errors

__all__ = ["MAX_BYTES", "LocalFiles", "MediaSource", "Medium", "medium_of", "open_photo", "read_medium"]

# A file is read as a whole; the largest photos that we know, gigapixel panoramas, have less.
MAX_BYTES = 2 << 30
# Of a larger file, the header must be a photo's before the rest is read and hashed.
HEADER_FIRST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Medium:
    """What a file held when it was read. sha256: of its bytes, hexadecimal; what identifies the photo."""

    file: FileFacts
    sha256: str
    data: bytes = field(repr=False)


class MediaSource(Protocol):
    """Where photos come from. Paths are names that the source gives meaning to; threads may share it."""

    def find(self, paths: Iterable[str], *, paused: Iterable[str] = ()) -> Found:
        """The photos in some folders, and files given by name, in order of path. Raises InputError for what is not
        there. Args: paused: folders that are passed over, and told as skipped."""
        ...

    def stat(self, path: str) -> FileFacts:
        """A file as it is now, without reading it. Raises PhotoError where it is gone."""
        ...

    def read(self, path: str) -> Medium:
        """Open a file once and read it as a whole; size and time are those of what was read.

        Raises:
            PhotoError: it is no photo by its first bytes, of more than MAX_BYTES, changes meanwhile or cannot be read.
        """
        ...

    def identify(self, path: str) -> str:
        """The `Medium.sha256` that `read` would give, in little memory, whatever the file is. Raises PhotoError."""
        ...

    def device(self, folder: str) -> str | None:
        """By what the device that holds a folder can be known again, for `devices.same_device`; None where the folder
        is not there."""
        ...


class LocalFiles:
    """A MediaSource: the files of this machine."""

    def find(self, paths: Iterable[str], *, paused: Iterable[str] = (), exported: bool = False) -> Found:
        """As `MediaSource.find`; see `facesearch.media.finding`."""
        return find_photos(paths, exported=exported, paused=paused)

    def stat(self, path: str) -> FileFacts:
        """As `MediaSource.stat`."""
        with as_photo_errors():
            return _facts(path, os.stat(path))

    def read(self, path: str) -> Medium:
        """As `MediaSource.read`."""
        with _opened(path) as file:
            before = _facts(path, os.fstat(file.fileno()))
            medium = read_medium(file, before)
            if _facts(path, os.fstat(file.fileno())) != before:
                raise PhotoError("changed while it was being read")
            return medium

    def identify(self, path: str) -> str:
        """As `MediaSource.identify`."""
        with _opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def device(self, folder: str) -> str | None:
        """As `MediaSource.device`."""
        return device_of(folder)

    def date_taken(self, path: str) -> datetime | None:
        """When a photo was taken; no more than its header is read. Raises PhotoError."""
        with _opened(path) as file:
            return date_taken(file)


def medium_of(data: bytes, name: str) -> Medium:
    """A picture that is in memory, and nowhere else. Args: name: what to call it. Raises PhotoError."""
    return read_medium(io.BytesIO(data), FileFacts(name, len(data), 0))


def read_medium(file: BinaryIO, facts: FileFacts) -> Medium:
    """What a source does with a file that it has opened: see by its first bytes that it is a photo, then read it.

    Raises PhotoError, see `MediaSource.read`.
    """
    with as_photo_errors():
        check_format(file.read(HEADER_BYTES))  # a sparse file of any size is refused here
        if facts.size_bytes > MAX_BYTES:
            raise PhotoError(f"{facts.size_bytes / 1e9:,.1f} GB, more than the limit of {MAX_BYTES / 1e9:,.1f} GB")
        if facts.size_bytes > HEADER_FIRST_BYTES:
            file.seek(0)
            identify(file)
        file.seek(0)
        data = file.read(facts.size_bytes)
        if len(data) != facts.size_bytes:
            raise PhotoError("changed while it was being read")
        return Medium(facts, hashlib.sha256(data).hexdigest(), data)


def open_photo(path: str | os.PathLike[str] | Medium, config: ImageConfig | None = None) -> PhotoFile:
    """Read a local photo, or take one that was read.

    Raises:
        PhotoError: not a photo, damaged, too large or unreadable; the message is the reason, without the path.
    """
    if isinstance(path, Medium):
        return PhotoFile.parse(path.data, config, path.file.path)
    name = os.fspath(path)
    return PhotoFile.parse(LocalFiles().read(name).data, config, name)


def _facts(path: str, info: os.stat_result) -> FileFacts:
    return FileFacts.of(path, info)


@contextmanager
def _opened(path: str) -> Iterator[io.BufferedReader]:
    with as_photo_errors():
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise PhotoError("a folder, not a photo")
        if not stat.S_ISREG(mode):  # opening a named pipe would wait for ever
            raise PhotoError("not a regular file")
        with open(path, "rb") as file:
            yield file
