"""What goes into the index and what comes out of it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

__all__ = ["FaceRecord", "IndexCounts", "KnownPath", "NewFace", "NewPhoto"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class NewFace:
    """A face to be added.

    box: (x1, y1, x2, y2) in pixels of the photo as displayed.
    landmarks: (5, 2) float32, same pixels.
    score: the detector's, in [0, 1].
    sharpness: of the aligned crop, see facesearch.pipeline.quality.
    embedding: (d,) float32, unit L2 norm.
    """

    box: Box
    landmarks: NDArray[np.float32]
    score: float
    sharpness: float
    embedding: NDArray[np.float32]


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
    faces: tuple[NewFace, ...]
    taken: datetime | None = None


@dataclass(frozen=True)
class KnownPath:
    """A file that the index knows."""

    photo_id: int
    size_bytes: int
    mtime_ns: int
    missing: bool


@dataclass(frozen=True)
class FaceRecord:
    """A face of the index, without its embedding.

    path: a file that holds its photo; one that is not missing, if there is one.
    """

    id: int
    photo_id: int
    path: str
    box: Box
    landmarks: NDArray[np.float32]
    score: float
    sharpness: float


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
