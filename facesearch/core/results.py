"""What the library answers: plain frozen dataclasses; `to_dict` is what `--json` prints."""

from dataclasses import asdict, dataclass
from typing import Any

from facesearch.core import types
from facesearch.core.types import Box, Person

__all__ = [
    "Cluster",
    "ClusteredFace",
    "Clustering",
    "Counts",
    "Explanation",
    "ImportedName",
    "LeftOut",
    "Match",
    "Neighbour",
    "Pair",
    "Person",
    "PhotoOf",
    "PhotoPage",
    "QueryFace",
    "QueryResult",
    "Somebody",
    "Status",
    "Suggestion",
    "Thumbnail",
    "Together",
    "Verification",
]


class _Result:
    """A dataclass that is printed as JSON."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class Match(_Result):
    """One face of the library near a face of the query.

    distance: L2 between unit vectors, in [0, 2].
    probability: that it is the same person, at even odds beforehand; None without a calibration.
    same_person: whether the distance is within the threshold; None without a calibration.
    """

    rank: int
    path: str
    face: int
    box: Box
    distance: float
    probability: float | None
    same_person: bool | None
    person: Person | None = None


@dataclass(frozen=True)
class QueryFace(_Result):
    """A face of the query picture and what is near it, nearest first.

    weak: why it shows too little to be sure about, as `Explanation`; empty for a good one.
    """

    box: Box
    score: float
    matches: tuple[Match, ...]
    weak: str = ""


@dataclass(frozen=True)
class QueryResult(_Result):
    """Every face of a query picture; threshold is None for a model without a calibration."""

    model: str
    threshold: float | None
    faces: tuple[QueryFace, ...]


@dataclass(frozen=True)
class Verification(_Result):
    """Whether two pictures show the same person.

    far: share of pairs of strangers that are as near as the threshold.
    faces: how many faces were found in either picture; the main one of each was compared.
    """

    same_person: bool
    distance: float
    threshold: float
    probability: float | None
    far: float | None
    faces: tuple[int, int]


@dataclass(frozen=True)
class ClusteredFace(_Result):
    face: int
    path: str
    box: Box


@dataclass(frozen=True)
class Cluster(_Result):
    """A group; ignored: the user does not want to see it in lists."""

    id: int
    size: int
    person: Person | None
    ignored: bool
    faces: tuple[ClusteredFace, ...]


@dataclass(frozen=True)
class LeftOut(_Result):
    """How many faces are in no group: good ones that are like no other, weak ones, and what is said to be no face."""

    alone: int
    weak: int
    not_faces: int


@dataclass(frozen=True)
class Clustering(_Result):
    """Groups of faces, largest first, and the ids of the faces in none."""

    clusters: tuple[Cluster, ...]
    noise: tuple[int, ...]
    left_out: LeftOut
    eps: float
    min_samples: int
    seconds: float


@dataclass(frozen=True)
class Status(_Result):
    """What a library holds. failures: (path, reason)."""

    library: str
    photos: int
    files: int
    missing: int
    faces: int
    photos_without_faces: int
    people: int
    groups: int
    faces_in_groups: int
    faces_since_clustering: int
    model: str
    fingerprint: str
    dim: int
    threshold: float | None
    index: str
    database_bytes: int
    index_bytes: int
    roots: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"failures": [{"path": path, "reason": reason} for path, reason in self.failures]}


@dataclass(frozen=True)
class Somebody(_Result):
    """A group of faces, and who it is.

    size: number of faces; confirmed: those of them that the user has spoken of; path: one of its photos.
    """

    group: int
    person: Person | None
    size: int
    confirmed: int
    ignored: bool
    path: str
    box: Box

    @property
    def title(self) -> str:
        return self.person.name if self.person and self.person.name else f"group {self.group}"


@dataclass(frozen=True)
class Suggestion(_Result):
    """Two groups that may be one person; distance: root mean square over their pairs of faces."""

    a: Somebody
    b: Somebody
    distance: float
    probability: float | None


@dataclass(frozen=True)
class PhotoOf(_Result):
    """A photo and who is in it; group None for a face in no group."""

    path: str
    people: tuple[Somebody, ...]
    faces: int


@dataclass(frozen=True)
class ImportedName(_Result):
    """A name that another program had given to some faces."""

    name: str
    faces: int
    summary: str


@dataclass(frozen=True)
class Neighbour(_Result):
    face: int
    path: str
    distance: float
    probability: float | None
    group: int | None
    person: Person | None


@dataclass(frozen=True)
class Explanation(_Result):
    """Why a face is where it is.

    width_px, score, sharpness: how good it is; weak: why it may not hold a group together, or empty.
    why: the rest in words.
    """

    face: int
    path: str
    box: Box
    width_px: float
    score: float
    sharpness: float
    weak: str
    group: int | None
    person: Person | None
    confirmed: bool
    neighbours: tuple[Neighbour, ...]
    why: str


@dataclass(frozen=True)
class Counts:
    """How many clusters there are, named, unnamed (both without ignored ones) and ignored; and faces in no cluster."""

    named: int
    unnamed: int
    ignored: int
    unclustered: int
    not_faces: int


@dataclass(frozen=True)
class PhotoPage:
    """A photo with its files and faces; newer, older: the ids of the photos next to it by date, None at the ends."""

    photo: types.Photo
    newer: int | None
    older: int | None


@dataclass(frozen=True)
class Together:
    """Somebody, and on how many photos they are with the one who was asked for."""

    cluster: types.Cluster
    photos: int


@dataclass(frozen=True)
class Pair:
    """Two clusters that may be one person.

    distance: root mean square over their pairs of faces; probability: of one person at that distance, at even odds.
    a_faces, b_faces: the ids of some faces of either, the most typical first.
    """

    a: types.Cluster
    b: types.Cluster
    distance: float
    probability: float
    a_faces: tuple[int, ...]
    b_faces: tuple[int, ...]


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a face or of a photo.

    jpeg: the file's bytes; None where no file of the photo can be read, for the `reason`.
    key: tells this picture from every other one, and from itself after any change: an entity tag.
    """

    jpeg: bytes | None
    key: str
    reason: str = ""
