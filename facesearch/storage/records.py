"""What comes out of a store that is no face, photo, person or cluster."""

import math
from dataclasses import dataclass

__all__ = ["KnownPath", "LibraryCounts"]


@dataclass(frozen=True)
class KnownPath:
    """A file that the library knows.

    missing: the last run that looked for it did not find it. offline: and its disk may not be mounted.
    missing_since: the start of the first run that did not find it.
    added_at: when it was first seen with this photo, 0 if long ago.
    folder_id, device: of its folder when it was last seen; "" where nobody has asked yet.
    """

    photo_id: int
    size_bytes: int
    mtime_ns: int
    missing: bool
    offline: bool = False
    missing_since: float = math.inf
    added_at: float = 0.0
    folder_id: int | None = None
    device: str = ""


@dataclass(frozen=True)
class LibraryCounts:
    """How much a library holds.

    missing: files that are gone; offline: files whose disk may not be mounted.
    people: those with a name. faces_since_clustering: added after the last clustering.
    """

    photos: int
    files: int
    missing: int
    offline: int
    faces: int
    photos_without_faces: int
    failures: int
    people: int
    groups: int
    faces_in_groups: int
    faces_since_clustering: int
