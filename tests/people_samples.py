"""Made-up people for the tests of people: a library without pictures, and what must hold for every one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from index_samples import SPEC, a_photo, face_ids, put
from library_states import check_vectors
from numpy.typing import NDArray

from facesearch.calibration import CALIBRATIONS, Calibration
from facesearch.core.results import Clustering
from facesearch.core.types import Face
from facesearch.people import People
from facesearch.people.clustering import place_new, recluster
from facesearch.storage import Store, clusters, constraints, undo_log

DIM = 32
PEOPLE_SPEC = replace(SPEC, name="people", dim=DIM)
# Of pairs only: these people are made up, and nobody's searches were measured on them.
CALIBRATION = replace(
    Calibration.from_json((CALIBRATIONS / "dlib.json").read_text(encoding="utf-8")), identification=None
)

# Eyes, nose tip, mouth corners of a face that looks straight at us, in shares of its box.
FRONTAL = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)], np.float32)

State = dict[str, list[dict[str, Any]]]


def portrait(person: int, shot: int, blur: float = 0.22) -> NDArray[np.float32]:
    """(DIM,) float32, unit norm: one picture of somebody. Strangers are about 0.6 apart, pictures about √2 · blur."""
    centre = np.zeros(DIM)
    centre[0] = 1.0
    who = np.random.default_rng((7, person)).normal(size=DIM)
    how = np.random.default_rng((8, person, shot)).normal(size=DIM)
    vector = centre + 0.42 * who / np.linalg.norm(who) + blur * how / np.linalg.norm(how)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def a_portrait(embedding: NDArray[np.float32], place: int = 0, *, weak: bool = False) -> Face:
    """A face that is large, sharp and frontal, or small and blurred."""
    side = 30.0 if weak else 120.0
    corner = np.array([10.0 + 130.0 * place, 10.0], np.float32)
    landmarks = (corner + side * FRONTAL).astype(np.float32)
    box = (float(corner[0]), float(corner[1]), float(corner[0]) + side, float(corner[1]) + side)
    score, sharpness = (0.97, 0.002) if weak else (0.9999, 0.5)
    quality, defect = (0.3, f"small ({side:.0f} pixels)") if weak else (1.0, "")
    return Face(box, landmarks, score, sharpness, embedding, quality=quality, defect=defect)


@dataclass
class Collection:
    """A library of made-up people, and which face is whose in truth."""

    index: Store
    taken: int = 0
    paths: list[str] = field(default_factory=list)
    faces: dict[int, list[int]] = field(default_factory=dict)  # person -> their faces, where a test keeps them

    @property
    def people(self) -> People:
        return People(self.index, lambda: CALIBRATION)

    def add(self, *photos: Sequence[Face], place: bool = False, folder: str = "/photos") -> list[list[int]]:
        """Index photos in one run; place: put the new faces to people who are known. Returns each one's face ids."""
        run = self.index.start_run("index")
        new = []
        for faces in photos:
            self.taken += 1
            path = f"{folder}/{self.taken}.jpg"
            new.append(replace(a_photo(path, path), faces=tuple(faces)))
        put(self.index, run, *new)
        self.paths += [photo.path for photo in new]
        if place:
            place_new(self.index, CALIBRATION)
        known = self.index.known_paths()
        photos = [known[photo.path].photo_id for photo in new]
        faces = self.index.faces_of_photos(photos)
        return [[face.id for face in faces[photo]] for photo in photos]

    def add_people(
        self, shots: dict[int, Sequence[int]], *, place: bool = False, folder: str = "/photos"
    ) -> dict[int, list[int]]:
        """One photo for each shot of each person; person -> face ids."""
        wanted = [(person, shot) for person, numbers in shots.items() for shot in numbers]
        ids = self.add(*([a_portrait(portrait(*one))] for one in wanted), place=place, folder=folder)
        found: dict[int, list[int]] = {person: [] for person in shots}
        for (person, _), (face,) in zip(wanted, ids, strict=True):
            found[person].append(face)
        return found

    def remove(self, *paths: str) -> None:
        self.index.forget_paths(paths)
        self.paths = [path for path in self.paths if path not in paths]

    def recluster(self) -> Clustering:
        return recluster(self.index, CALIBRATION)

    def cluster_of(self, face: int) -> int | None:
        return clustered(self.index).get(face)


@contextmanager
def a_collection() -> Iterator[Collection]:
    """An empty library of its own, for tests that need one for each example."""
    with TemporaryDirectory() as folder:
        index = Store.create(Path(folder), PEOPLE_SPEC)
        try:
            yield Collection(index)
        finally:
            index.close()


def state(index: Store) -> State:
    """All that decisions can change, row by row."""
    with index.reading() as connection:
        return undo_log.snapshot(connection)


def without_clusters(found: State) -> State:
    """All that only decisions change: faces come and go, too, when photos are indexed or removed."""
    return {table: rows for table, rows in found.items() if table not in ("clustered", "faces")}


def clustered(index: Store) -> dict[int, int]:
    """Face -> cluster."""
    with index.reading() as connection:
        return _pairs(*clusters.columns(connection))


def partition(index: Store) -> set[frozenset[int]]:
    """The clusters as sets of faces."""
    found: dict[int, set[int]] = {}
    for face, cluster in clustered(index).items():
        found.setdefault(cluster, set()).add(face)
    return {frozenset(faces) for faces in found.values()}


def confirmed(index: Store) -> dict[int, int]:
    """Face -> the person whose the user has said it is."""
    with index.reading() as connection:
        return _pairs(*constraints.confirmed(connection))


def rejected(index: Store) -> set[tuple[int, int]]:
    """(face, person) where the user has said that it is not theirs."""
    with index.reading() as connection:
        faces, people = constraints.rejected(connection)
    return set(zip(faces.tolist(), people.tolist(), strict=True))


def cannot_link(index: Store) -> set[frozenset[int]]:
    """The pairs of people whom the user has told apart."""
    with index.reading() as connection:
        return constraints.cannot_link(connection)


def not_faces(index: Store) -> set[int]:
    with index.reading() as connection:
        return constraints.not_faces(connection)


def people_ids(index: Store) -> set[int]:
    return {row["id"] for row in state(index)["people"]}


def _pairs(keys: NDArray[np.int64], values: NDArray[np.int64]) -> dict[int, int]:
    return dict(zip(keys.tolist(), values.tolist(), strict=True))


def check(index: Store) -> None:
    """What holds for every library, whatever was done to it."""
    cluster_of, faces, people = clustered(index), set(face_ids(index)), people_ids(index)
    homes: dict[int, set[int | None]] = {}
    tenants: dict[int, set[int]] = {}
    for face, person in confirmed(index).items():
        assert face in faces
        assert person in people
        homes.setdefault(person, set()).add(cluster_of.get(face))
        if face in cluster_of:
            tenants.setdefault(cluster_of[face], set()).add(person)
    assert all(len(home) == 1 and None not in home for home in homes.values()), "one person, one cluster"
    assert all(len(who) == 1 for who in tenants.values()), "one cluster, one person"
    for face, person in rejected(index):
        assert face in faces
        assert person in people
        assert person not in tenants.get(cluster_of.get(face, -1), set()), "a rejected face is with who it is not"
    for pair in cannot_link(index):
        one, other = pair
        assert pair <= people
        assert homes.get(one, {-1}) != homes.get(other, {-2})
    assert not_faces(index) <= faces
    assert not not_faces(index) & set(cluster_of), "what is no face is in a cluster"
    assert set(cluster_of) <= faces
    assert people == set(confirmed(index).values()), "a person without a face"
    check_history(index)
    check_vectors(index)


def check_history(index: Store) -> None:
    """No decision is only about faces that are gone, and none speaks of people who are gone for good."""
    faces, people = set(face_ids(index)), people_ids(index)
    with index.reading() as connection:
        logged = [changes for _, changes in undo_log._past(connection)]
    back = {
        row["person_id"]
        for changes in logged
        for one in changes
        for row in (one["before"], one["after"])
        if row and one["table"] == "confirmed"
    }
    for changes in logged:
        assert changes
        for one in changes:
            assert one["key"].get("face_id") is None or one["key"]["face_id"] in faces
            assert one["table"] != "people" or one["key"]["id"] in people | back


FORGOTTEN = "Fräulein Ærøskøbing 王"


def four_with_one_named(collection: Collection) -> None:
    """A person who has the name FORGOTTEN, and three who have none; six photos each, and one of all of them."""
    faces = collection.add_people({person: range(6) for person in range(4)})
    (together,) = collection.add([a_portrait(portrait(person, 90), person) for person in range(4)])
    collection.recluster()
    collection.faces = {person: [*faces[person], together[person]] for person in range(4)}
    collection.people.name(str(collection.cluster_of(faces[0][1])), FORGOTTEN)


# What can have been decided of somebody who is forgotten then.
FORGETTABLE = ("merged into them", "they were merged", "kept apart", "rejected", "split", "renamed")


def decide_and_forget(collection: Collection, decision: str) -> list[str]:
    """Decide something about FORGOTTEN and somebody else, and forget them. Returns all names that they have had."""
    people, other = collection.people, str(collection.cluster_of(collection.faces[1][1]))
    names = [FORGOTTEN]
    if decision == "merged into them":
        people.name(other, "Bela")
        people.merge([FORGOTTEN, "Bela"])
        names.append("Bela")
    elif decision == "they were merged":
        people.name(other, "Bela")
        people.merge(["Bela", FORGOTTEN])
        people.name("Bela", FORGOTTEN)
        names.append("Bela")
    elif decision == "kept apart":
        people.keep_apart(FORGOTTEN, other)
    elif decision == "rejected":
        people.reject(collection.faces[1][0], FORGOTTEN)
    elif decision == "split":
        collection.add([a_portrait(portrait(0, 50))], place=True)
        people.split(FORGOTTEN, [[max(people.find(FORGOTTEN).face_ids)]])
    elif decision == "renamed":
        people.name(FORGOTTEN, "Anna")
        people.keep_apart("Anna", other)
        people.name("Anna", FORGOTTEN)
        names.append("Anna")
    people.forget(FORGOTTEN)
    return names
