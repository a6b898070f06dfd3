"""What comes out of a store that is no face, photo, person or cluster."""

from dataclasses import dataclass

__all__ = ["KnownPath", "LibraryCounts"]


@dataclass(frozen=True)
class KnownPath:
    """A file that the library knows."""

    photo_id: int
    size_bytes: int
    mtime_ns: int
    missing: bool


@dataclass(frozen=True)
class LibraryCounts:
    """How much a library holds.

    people: those with a name. faces_since_clustering: added after the last clustering.
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
