"""What is to be exported: the clusters of some people, their faces, and the files that hold them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError, PhotoError
from facesearch.core.types import Cluster, Face
from facesearch.core.wording import plural
from facesearch.media import LocalFiles

if TYPE_CHECKING:
    from facesearch.library import Library

__all__ = ["FileStates", "Skipped", "checked_unwritten", "chosen", "faces_of", "paths_of_photos"]

# What could not be exported: (path, reason).
Skipped = list[tuple[str, str]]


def chosen(library: "Library", only: Strings) -> list[Cluster] | None:
    """The clusters that are referred to by number or name, each once; None where none is, for all.

    Raises InputError where one is not there.
    """
    return list({cluster.id: cluster for cluster in map(library.people.find, as_strings(only))}.values()) or None


def faces_of(library: "Library", clusters: Sequence[Cluster]) -> Iterator[tuple[Cluster, Face]]:
    """Every face of some clusters."""
    for cluster in clusters:
        for face in library.store.faces(cluster.face_ids):
            yield cluster, face


def paths_of_photos(library: "Library") -> dict[int, list[str]]:
    """Photo id -> the files that hold it, but for missing ones."""
    paths: dict[int, list[str]] = {}
    for path, row in library.store.known_paths().items():
        if not row.missing:
            paths.setdefault(row.photo_id, []).append(path)
    return paths


class FileStates:
    """Whether files still hold what the library has read from them; else what it knows fits nothing in them."""

    def __init__(self, library: "Library") -> None:
        self._store, self._known, self._files = library.store, library.store.known_paths(), LocalFiles()

    def why_not(self, path: str) -> str:
        """Why a file may not be put together with what the library knows of it; empty where it may.

        Asked after a file was read, it tells of what was read. A file is read as a whole only where its size, times or
        inode are others than they were.
        """
        row = self._known.get(path)
        try:
            if row is None:
                return "is not in the library"
            now = self._files.stat(path)
            if row.looks_like(now):
                return ""
            contents = {sha256 for _, sha256 in self._store.files_of(row.photo_id)}
            if now.size_bytes == row.size_bytes and self._files.identify(path) in contents:
                return ""
            return "has changed since it was indexed: index it again"
        except PhotoError as error:
            return str(error)


def checked_unwritten(written: int, unwritten: Skipped) -> Skipped:
    """Files that could not be written (path, reason), in order. Raises InputError where no other one could be."""
    if unwritten and not written:
        raise InputError(f"nothing could be written, of {plural(len(unwritten), 'file')}: {unwritten[0][1]}")
    return sorted(unwritten)
