"""What facesearch is about, one class for each thing: Face, Photo, Person, Cluster; and what a pipeline gives.

What is not known, or was not asked for, has the default: a face that has just been found has no id and no person yet.
"""

import os
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.quality import TOO_POOR, WEAK

__all__ = [
    *("Box", "Cluster", "Face", "FileFacts", "FileNow", "Page", "Person"),
    *("Photo", "PhotoPage", "PhotoResult"),
]

Box = tuple[float, float, float, float]
Item = TypeVar("Item")

MOST = 2**63 - 1  # in a signed number of 64 bits

NO_LANDMARKS = np.zeros((0, 2), np.float32)
NO_LANDMARKS.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Person:
    """A human being in a library; name None where the user has only confirmed faces; born: None where not known."""

    id: int
    name: str | None
    born: date | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """A face on a photo. Two are equal where all but the arrays are.

    box: (x1, y1, x2, y2) in pixels of the photo as displayed; may reach over its edge.
    landmarks: (5, 2) float32, (x, y) of left eye, right eye, nose tip, left and right mouth corner, as seen.
    score: the detector's, in [0, 1].
    sharpness: of the aligned crop, see `facesearch.pipeline.quality`.
    quality: how much it shows, in [0, 1], see `facesearch.core.quality`; defect: what lowers that most, in words, empty
        for a good face.
    embedding: (d,) float32, unit L2 norm.
    crop: (height, width, 3) uint8 RGB, as the embedder saw it.
    id, photo_id: in a library; 0 for a face that is in none.
    path: a file that holds the photo; one that is not missing, if there is one.
    photo_size: (width, height) of the photo in pixels. taken, from_file: see `Photo`.
    cluster: None for a face in no cluster; person: whose cluster that is.
    confirmed: the user has confirmed whose it is; not_a_face: the user has marked it as none.
    drawn: the user has drawn its box, or moved it; no detector does so then.
    distance: L2, in [0, 2], to what the face was listed by: a probe, or its cluster's mean direction.

    Faces are compared and hashed by all but their arrays.
    """

    box: Box
    landmarks: NDArray[np.float32] = field(default_factory=lambda: NO_LANDMARKS, compare=False)
    score: float = 0.0
    sharpness: float = 0.0
    embedding: NDArray[np.float32] | None = field(default=None, compare=False)
    crop: NDArray[np.uint8] | None = field(default=None, compare=False)
    quality: float = 1.0
    defect: str = ""
    id: int = 0
    photo_id: int = 0
    path: str = ""
    photo_size: tuple[int, int] = (0, 0)
    taken: datetime | None = None
    from_file: bool = False
    cluster: int | None = None
    person: Person | None = None
    confirmed: bool = False
    not_a_face: bool = False
    drawn: bool = False
    distance: float | None = None

    @property
    def weak(self) -> bool:
        """It shows too little to hold a cluster together."""
        return self.quality <= WEAK

    @property
    def too_poor(self) -> bool:
        """It shows too little to decide whose it is."""
        return self.quality <= TOO_POOR

    @property
    def title(self) -> str:
        """Whose it is, in words."""
        if self.person and self.person.name:
            return self.person.name
        return f"cluster {self.cluster}" if self.cluster is not None else "nobody yet"

    def scaled(self, factor: float) -> "Face":
        """The same face in an image `factor` times as large."""
        x1, y1, x2, y2 = self.box
        box = (x1 * factor, y1 * factor, x2 * factor, y2 * factor)
        return replace(self, box=box, landmarks=self.landmarks * np.float32(factor))

    def turned_back(self, quarters: int, width: int, height: int) -> "Face":
        """The face in an image, when it was found in that image turned counterclockwise by quarters, as np.rot90 does.

        The landmarks keep their order: the left eye is still the one that is left where the face stands upright.

        Args:
            width, height: of the image, not of the turned one.
        """
        x1, y1, x2, y2 = self.box
        corners = _turn_back(np.array([(x1, y1), (x2, y2)]), quarters, width, height)
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        landmarks = _turn_back(self.landmarks, quarters, width, height).astype(np.float32)
        return replace(self, box=(float(left), float(top), float(right), float(bottom)), landmarks=landmarks)


def _turn_back(points: NDArray[np.floating], quarters: int, width: int, height: int) -> NDArray[np.floating]:
    """Args: points (n, 2) in an image turned counterclockwise by quarters. Returns (n, 2) in the image itself."""
    x, y = points[:, 0], points[:, 1]
    turned = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    return np.stack(turned, axis=1)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo of a library: one content, however many files hold it.

    size: (width, height) in pixels as displayed.
    taken: by the clock of the place where it was taken, with that clock's offset where the photo tells it; from the
        file's time where the photo has no date (`from_file`).
    face_count: what the user has marked as no face does not count.
    missing: no file holds it at the moment.
    heads: the box around the boxes of all its faces; None where there is none.
    paths: the files that hold it, those that are there first. faces: from left to right. Both only where asked for.
    """

    id: int
    size: tuple[int, int]
    taken: datetime
    from_file: bool = False
    face_count: int = 0
    missing: bool = False
    heads: Box | None = None
    paths: tuple[str, ...] = ()
    faces: tuple[Face, ...] = ()


@dataclass(frozen=True, slots=True)
class FileNow:
    """A file that holds a photo, or held it when it was last seen.

    folder: the innermost of its folders that is there. gone: it is not there any more. away: neither is its folder, or
    its disk may not be mounted.
    """

    path: str
    folder: str
    gone: bool = False
    away: bool = False


@dataclass(frozen=True, slots=True)
class PhotoPage:
    """A photo with its files and faces; newer, older: the ids of the photos next to it by date, None at the ends.

    files: as they are now, in the order of the photo's paths.
    """

    photo: Photo
    newer: int | None
    older: int | None
    files: tuple[FileNow, ...] = ()

    @property
    def gone(self) -> bool:
        """No file holds it at this moment."""
        return all(file.gone for file in self.files)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Faces that clustering, or the user, has put together, and whose they are.

    person: None where the user has decided nothing about it.
    ignored: the user does not want to see it in lists.
    size: number of faces; confirmed: those of them that the user has confirmed.
    cover: a face that stands for the cluster in lists.
    face_ids: all its faces, ascending; confirmed_ids: those that the user has confirmed. faces: with their photos,
        ascending by id. All three only where asked for.
    """

    id: int
    person: Person | None = None
    ignored: bool = False
    size: int = 0
    confirmed: int = 0
    cover: Face | None = None
    face_ids: tuple[int, ...] = ()
    confirmed_ids: frozenset[int] = frozenset()
    faces: tuple[Face, ...] = ()

    @property
    def title(self) -> str:
        """The person's name, or the cluster's number."""
        return self.person.name if self.person and self.person.name else f"cluster {self.id}"

    @property
    def reference(self) -> str:
        """What means this cluster and nothing else, and still finds its cover when clustering has dissolved it."""
        return f"cluster:{self.id}/{self.cover.id}" if self.cover else f"cluster:{self.id}"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file as it was when it was listed, or read.

    path: absolute; links in it are not resolved, and bytes that are not UTF-8 are kept (see os.fsdecode).
    mtime_ns: since 1970; a time beyond 63 bits is as far from 1970 as these reach.
    ctime_ns, inode: what changes when a file is written or replaced, whatever its size and time; None where not known.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int | None = None
    inode: int | None = None

    @classmethod
    def of(cls, path: str, info: os.stat_result) -> "FileFacts":
        """All numbers fit into the 64 bits of a database, whatever the file system says."""
        mtime_ns, ctime_ns = (max(-MOST, min(ns, MOST)) for ns in (info.st_mtime_ns, info.st_ctime_ns))
        return cls(path, info.st_size, mtime_ns, ctime_ns, info.st_ino & MOST or None)


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What a pipeline has found in a medium.

    sha256: of the content, hexadecimal. size: (width, height) in pixels as displayed.
    min_face_px: side of the smallest face that was looked for.
    taken: when, as the photo tells it; None where it does not.
    faces: with sharpness and embedding, best detection first.
    reason: why there is nothing, in a few words; empty where the photo could be read.
    """

    sha256: str
    size: tuple[int, int] = (0, 0)
    min_face_px: float = 0.0
    taken: datetime | None = None
    faces: tuple[Face, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a longer list.

    next, previous: what to ask for the page after and before this one, as text; None at the end and at the start. They
        stay valid whatever changes meanwhile: what comes next is what is then behind this page's last item.
    """

    items: tuple[Item, ...]
    next: str | None
    previous: str | None = None
