"""What the library answers: plain frozen dataclasses; `to_dict` is what `--json` prints."""

from dataclasses import asdict, dataclass, field
from typing import Any

from facesearch.core.settings import DetectorSpec
from facesearch.core.types import Cluster, Face, Person

__all__ = [
    "NOBODY",
    "SAME_PERSON",
    "UNSURE",
    "Answer",
    "Clustering",
    "Counts",
    "Explanation",
    "ImportedName",
    "LeftOut",
    "Match",
    "Pair",
    "PhotoOf",
    "Probe",
    "QueryResult",
    "Status",
    "Suggestion",
    "Thumbnail",
    "Together",
    "Verification",
    "cluster_row",
    "person_row",
]


class _Result:
    """A dataclass that is printed as JSON."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]


# What a search (1:N) can be answered with.
SAME_PERSON, UNSURE, NOBODY = "same_person", "unsure", "nobody"


@dataclass(frozen=True)
class Answer(_Result):
    """Who a probe is, if anybody in the library: the decision of a search (1:N).

    decision: SAME_PERSON as a face; UNSURE, somebody is likelier than nobody but not as certain as `fpir` asks for; or
        NOBODY.
    face: the nearest of the person's faces, with its cluster and person; None for nobody.
    probability: that this answer is right, with even odds beforehand that the person is in the library.
    fpir: of searches for people who are not in the library, the share that is answered with SAME_PERSON.
    measured: whether that was measured on searches; else it follows from pairs of faces, on the safe side.
    people_searched: clusters, and faces that are in none; faces_searched: all faces.
    """

    decision: str
    face: Face | None
    probability: float
    fpir: float
    measured: bool
    people_searched: int = 0
    faces_searched: int = 0

    @property
    def certain(self) -> bool:
        """Whether it names somebody."""
        return self.decision == SAME_PERSON

    @property
    def person(self) -> Person | None:
        """Who it is, where that person has a name."""
        return self.face.person if self.face and self.face.person and self.face.person.name else None

    def to_dict(self) -> dict[str, Any]:
        whose = {"person": person_row(self.person), "cluster": self.face.cluster if self.face else None}
        rest = {"probability": self.probability, "by": "1:N", "fpir": self.fpir, "measured": self.measured}
        searched = {"people_searched": self.people_searched, "faces_searched": self.faces_searched}
        return {"decision": self.decision, **whose, "face": self.face.id if self.face else None, **rest, **searched}


@dataclass(frozen=True)
class Match(_Result):
    """One face of the library near a probe.

    rank: from 1, the nearest first. face: with its cluster and person.
    distance: L2 between unit vectors, in [0, 2].
    probability: that it is the same person: in a search, this person and nobody else, see `Answer`; between two faces
        of a library, at even odds beforehand. None without a calibration.
    same_person: whether that is as certain as `Answer` asks for; between two faces of a library, whether the distance
        is within the threshold. None without a calibration.
    """

    rank: int
    face: Face
    distance: float
    probability: float | None
    same_person: bool | None

    @property
    def path(self) -> str:
        """A file that holds the photo."""
        return self.face.path

    @property
    def person(self) -> Person | None:
        """Whose face it is, where that person has a name."""
        return self.face.person if self.face.person and self.face.person.name else None

    def to_dict(self) -> dict[str, Any]:
        place = {"rank": self.rank, "path": self.path, "face": self.face.id, "box": self.face.box}
        near = {"distance": self.distance, "probability": self.probability, "same_person": self.same_person}
        return {**place, **near, "person": person_row(self.person)}


@dataclass(frozen=True)
class Probe(_Result):
    """A face that was searched with, and what is near it, nearest first.

    answer: who it is; None without a calibration.
    weak: why it shows too little to be sure about; empty for a good one.
    too_poor: it shows too little to tell who it is, or that it is nobody.
    """

    face: Face
    matches: tuple[Match, ...]
    weak: str = ""
    answer: Answer | None = None
    too_poor: bool = False

    def to_dict(self) -> dict[str, Any]:
        matches = [match.to_dict() for match in self.matches]
        answer = self.answer.to_dict() if self.answer else None
        box = {"box": self.face.box, "score": self.face.score}
        shows = {"quality": self.face.quality, "defect": self.face.defect, "too_poor": self.too_poor}
        return {**box, "matches": matches, "weak": self.weak, "answer": answer, **shows}


@dataclass(frozen=True)
class QueryResult(_Result):
    """Every face of a query picture.

    threshold: the distance within which pairs of strangers lie at a false-accept rate of 1e-3, for comparison: searches
        are not decided by it. None for a model without a calibration.
    """

    model: str
    threshold: float | None
    faces: tuple[Probe, ...]

    def to_dict(self) -> dict[str, Any]:
        faces = [probe.to_dict() for probe in self.faces]
        return {"model": self.model, "threshold": self.threshold, "faces": faces}


@dataclass(frozen=True)
class Verification(_Result):
    """Whether two pictures show the same person.

    far: share of pairs of strangers that are as near as the threshold.
    faces: how many faces were found in either picture; the main one of each was compared.
    quality, defect: of these two, see `facesearch.core.quality`.
    too_poor: they show too little to tell; same_person is then false, and probability None.
    """

    same_person: bool
    distance: float
    threshold: float
    probability: float | None
    far: float | None
    faces: tuple[int, int]
    quality: tuple[float, float] = (1.0, 1.0)
    defect: tuple[str, str] = ("", "")
    too_poor: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "by": "1:1"}


@dataclass(frozen=True)
class LeftOut(_Result):
    """How many faces are in no cluster: good ones that are like no other, weak ones, and what is no face."""

    alone: int
    weak: int
    not_faces: int


@dataclass(frozen=True)
class Clustering(_Result):
    """Clusters with their faces, largest first, and the ids of the faces in none."""

    clusters: tuple[Cluster, ...]
    noise: tuple[int, ...]
    left_out: LeftOut
    eps: float
    min_samples: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        clusters = [
            {
                "id": cluster.id,
                "size": cluster.size,
                "person": person_row(cluster.person),
                "ignored": cluster.ignored,
                "faces": [{"face": face.id, "path": face.path, "box": face.box} for face in cluster.faces],
            }
            for cluster in self.clusters
        ]
        rest = {"noise": self.noise, "left_out": asdict(self.left_out), "eps": self.eps}
        return {"clusters": clusters, **rest, "min_samples": self.min_samples, "seconds": self.seconds}


@dataclass(frozen=True)
class Status(_Result):
    """What a library holds. failures: (path, reason). skipped: kind -> how many files and folders were not looked at.

    missing: files that are gone; offline: files whose disk may not be mounted.
    paused: those of the roots that `index` passes over.
    migration: to what the library can be moved, in a sentence; None where it has the default model and detector.
    """

    library: str
    photos: int
    files: int
    missing: int
    offline: int
    faces: int
    photos_without_faces: int
    people: int
    groups: int
    faces_in_groups: int
    faces_since_clustering: int
    model: str
    fingerprint: str
    dim: int
    detector: DetectorSpec | None
    threshold: float | None
    index: str
    database_bytes: int
    index_bytes: int
    roots: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]
    skipped: dict[str, int] = field(default_factory=dict)
    migration: str | None = None
    paused: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        detector = {"name": self.detector.name, "fingerprint": self.detector.fingerprint} if self.detector else None
        failures = [{"path": path, "reason": reason} for path, reason in self.failures]
        return asdict(self) | {"detector": detector, "failures": failures}


@dataclass(frozen=True)
class Suggestion(_Result):
    """Two clusters that may be one person; distance: root mean square over their pairs of faces."""

    a: Cluster
    b: Cluster
    distance: float
    probability: float | None

    def to_dict(self) -> dict[str, Any]:
        pair = {"a": cluster_row(self.a), "b": cluster_row(self.b)}
        return {**pair, "distance": self.distance, "probability": self.probability}


@dataclass(frozen=True)
class PhotoOf(_Result):
    """A photo and whose clusters are on it; faces: how many, without what is no face."""

    path: str
    people: tuple[Cluster, ...]
    faces: int

    def to_dict(self) -> dict[str, Any]:
        return {"path": self.path, "people": [cluster_row(one) for one in self.people], "faces": self.faces}


@dataclass(frozen=True)
class ImportedName(_Result):
    """A name that another program had given to some faces."""

    name: str
    faces: int
    summary: str


@dataclass(frozen=True)
class Explanation(_Result):
    """Why a face is where it is.

    neighbours: the nearest other faces. weak: why it may not hold a cluster together, or empty. why: the rest in words.
    """

    face: Face
    weak: str
    neighbours: tuple[Match, ...]
    why: str

    def to_dict(self) -> dict[str, Any]:
        face = self.face
        return {
            "face": face.id,
            "path": face.path,
            "box": face.box,
            "width_px": face.box[2] - face.box[0],
            "score": face.score,
            "sharpness": face.sharpness,
            "weak": self.weak,
            "group": face.cluster,
            "person": person_row(face.person),
            "confirmed": face.confirmed,
            "neighbours": [_neighbour_row(match) for match in self.neighbours],
            "why": self.why,
        }


def _neighbour_row(match: Match) -> dict[str, Any]:
    near = {"face": match.face.id, "path": match.path, "distance": match.distance, "probability": match.probability}
    return {**near, "group": match.face.cluster, "person": person_row(match.person)}


def cluster_row(cluster: Cluster) -> dict[str, Any]:
    """A cluster in a list, as `--json` prints it; path and box are its cover's."""
    cover = cluster.cover
    return {
        "group": cluster.id,
        "person": person_row(cluster.person),
        "size": cluster.size,
        "confirmed": cluster.confirmed,
        "ignored": cluster.ignored,
        "path": cover.path if cover else "",
        "box": cover.box if cover else None,
        "cover": cover.id if cover else None,
        "born": cluster.person.born.isoformat() if cluster.person and cluster.person.born else None,
    }


def person_row(person: Person | None) -> dict[str, Any] | None:
    """A person with a name, as `--json` prints them; None for all others."""
    return {"id": person.id, "name": person.name} if person is not None and person.name else None


@dataclass(frozen=True)
class Counts:
    """How many clusters there are, named, unnamed (both without ignored ones) and ignored; and faces in no cluster."""

    named: int
    unnamed: int
    ignored: int
    unclustered: int
    not_faces: int


@dataclass(frozen=True)
class Together:
    """A cluster, and on how many photos it is with the one that was asked for."""

    cluster: Cluster
    photos: int


@dataclass(frozen=True)
class Pair:
    """Two clusters that may be one person.

    distance: root mean square over their pairs of faces; probability: of one person at that distance, at even odds.
    a_faces, b_faces: the ids of some faces of either, the most typical first.
    """

    a: Cluster
    b: Cluster
    distance: float
    probability: float
    a_faces: tuple[int, ...]
    b_faces: tuple[int, ...]


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a face or of a photo.

    jpeg: the file's bytes; None where no file of the photo can be read, for the `reason`; path: the first of them.
    key: tells this picture from every other one, and from itself after any change: an entity tag.
    """

    jpeg: bytes | None
    key: str
    reason: str = ""
    path: str = ""
