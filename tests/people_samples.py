"""Made-up people for the tests of the people room: a library without pictures, and what must hold for every one."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from index_samples import SPEC, a_photo, put
from library_states import check_vectors
from numpy.typing import NDArray
from sqlalchemy import text

from facesearch.calibration import CALIBRATIONS, Calibration
from facesearch.core.results import Clustering
from facesearch.core.types import Face
from facesearch.people import People
from facesearch.people.clustering import place_new, recluster
from facesearch.storage import Store

DIM = 32
PEOPLE_SPEC = replace(SPEC, name="people", dim=DIM)
CALIBRATION = Calibration.from_json((CALIBRATIONS / "dlib.json").read_text(encoding="utf-8"))
DECIDED = ("people", "confirmed", "rejected", "cannot_link", "not_faces", "clustered")

# Eyes, nose tip, mouth corners of a face that looks straight at us, in shares of its box.
FRONTAL = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)], np.float32)

State = dict[str, list[tuple[Any, ...]]]


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
    return Face(box, landmarks, 0.97 if weak else 0.9999, 0.002 if weak else 0.5, embedding)


@dataclass
class Album:
    """A library of made-up people, and which face is whose in truth."""

    index: Store
    taken: int = 0
    paths: list[str] = field(default_factory=list)

    @property
    def people(self) -> People:
        return People(self.index, lambda: CALIBRATION)

    def add(self, *photos: Sequence[Face], place: bool = False) -> list[list[int]]:
        """Index photos in one run; place: put the new faces to people who are known. Returns each one's face ids."""
        run = self.index.start_run("index")
        new = []
        for faces in photos:
            self.taken += 1
            path = f"/photos/{self.taken}.jpg"
            new.append(replace(a_photo(path, path), faces=tuple(faces)))
        put(self.index, run, *new)
        self.paths += [photo.path for photo in new]
        if place:
            place_new(self.index, CALIBRATION, run)
        with self.index.reading() as connection:
            query = text("SELECT faces.id FROM faces JOIN paths USING (photo_id) WHERE path = :path ORDER BY faces.id")
            return [list(connection.execute(query, {"path": photo.path}).scalars()) for photo in new]

    def add_people(self, shots: dict[int, Sequence[int]], *, place: bool = False) -> dict[int, list[int]]:
        """One photo for each shot of each person; person -> face ids."""
        wanted = [(person, shot) for person, numbers in shots.items() for shot in numbers]
        ids = self.add(*([a_portrait(portrait(*one))] for one in wanted), place=place)
        found: dict[int, list[int]] = {person: [] for person in shots}
        for (person, _), (face,) in zip(wanted, ids, strict=True):
            found[person].append(face)
        return found

    def remove(self, *paths: str) -> None:
        self.index.forget_paths(paths)
        self.paths = [path for path in self.paths if path not in paths]

    def recluster(self) -> Clustering:
        return recluster(self.index, CALIBRATION)

    def group_of(self, face: int) -> int | None:
        return groups(self.index).get(face)


@contextmanager
def an_album() -> Iterator[Album]:
    """An empty library of its own, for tests that need one for each example."""
    with TemporaryDirectory() as folder:
        index = Store.create(Path(folder), PEOPLE_SPEC)
        try:
            yield Album(index)
        finally:
            index.close()


def rows(index: Store, query: str, **values: object) -> list[tuple[Any, ...]]:
    with index.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def state(index: Store) -> State:
    """All that decisions can change, row by row."""
    return {table: sorted(rows(index, f"SELECT * FROM {table}"), key=repr) for table in DECIDED}


def groups(index: Store) -> dict[int, int]:
    """Face -> group."""
    return dict(rows(index, "SELECT face_id, cluster_id FROM clustered"))


def partition(index: Store) -> set[frozenset[int]]:
    """The groups as sets of faces."""
    found: dict[int, set[int]] = {}
    for face, group in groups(index).items():
        found.setdefault(group, set()).add(face)
    return {frozenset(faces) for faces in found.values()}


def check(index: Store) -> None:
    """What holds for every library, whatever was done to it."""
    grouped = groups(index)
    people = {row[0] for row in rows(index, "SELECT id FROM people")}
    homes: dict[int, set[int | None]] = {}
    tenants: dict[int, set[int]] = {}
    for face, person in rows(index, "SELECT face_id, person_id FROM confirmed"):
        assert person in people
        homes.setdefault(person, set()).add(grouped.get(face))
        if face in grouped:
            tenants.setdefault(grouped[face], set()).add(person)
    assert all(len(home) == 1 and None not in home for home in homes.values()), "one person, one group"
    assert all(len(who) == 1 for who in tenants.values()), "one group, one person"
    for face, person in rows(index, "SELECT face_id, person_id FROM rejected"):
        assert person in people
        assert person not in tenants.get(grouped.get(face, -1), set()), "a rejected face is with who it is not"
    for low, high in rows(index, "SELECT person_id, other_id FROM cannot_link"):
        assert low < high
        assert homes.get(low, {-1}) != homes.get(high, {-2})
    hidden = {row[0] for row in rows(index, "SELECT face_id FROM not_faces")}
    assert not hidden & set(grouped), "what is no face is in a group"
    assert set(grouped) <= {row[0] for row in rows(index, "SELECT id FROM faces")}
    last = int((rows(index, "SELECT value FROM library WHERE key = 'last_cluster'") or [("0",)])[0][0])
    assert max(grouped.values(), default=0) <= last
    for (changes,) in rows(index, "SELECT changes FROM undo_log"):
        assert json.loads(changes), "a decision that changed nothing"
    check_vectors(index)
