"""What goes into the index and what comes out of it."""

from dataclasses import dataclass
from datetime import datetime

from facesearch.core.types import Face

__all__ = ["IndexCounts", "KnownPath", "NewPhoto"]


@dataclass(frozen=True)
class NewPhoto:
    """A photo that was looked at, with its faces, and the file that it was read from.

    taken: when, as the photo tells it; None where it does not, and its file's time has to do.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    width: int
    height: int
    min_face_px: float
    faces: tuple[Face, ...]
    taken: datetime | None = None


@dataclass(frozen=True)
class KnownPath:
    """A file that the index knows."""

    photo_id: int
    size_bytes: int
    mtime_ns: int
    missing: bool


@dataclass(frozen=True)
class IndexCounts:
    """How much an index holds.

    people: those with a name. faces_since_clustering: added after the groups were last made.
    """

    photos: int
    files: int
    missing: int
    faces: int
    photos_without_faces: int
    failures: int
    people: int
    groups: int
    faces_in_groups: int
    faces_since_clustering: int
