"""Clusters appear and grow while photos come in, and what the user decides meanwhile stays."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from people_samples import CALIBRATION, Collection, a_collection, partition

from facesearch.clustering import clusterer
from facesearch.core.errors import LibraryLockedError
from facesearch.people import clustering
from facesearch.people.clustering import place_new
from facesearch.people.growing import Growing


@dataclass
class Run:
    """A run that is bringing faces in. faces: so many so far; clock: in seconds."""

    collection: Collection
    clock: float = 0.0
    faces: int = 0

    def __post_init__(self) -> None:
        self.growing = Growing(self.collection.index, CALIBRATION, clock=lambda: self.clock)
        self._run = self.collection.index.start_run("index")

    def batch(self, shots: dict[int, Any], after_s: float = 3600.0) -> dict[int, list[int]]:
        """One batch of one photo for each shot of each person, so long after the last one."""
        self.clock += after_s
        found = self.collection.add_people(shots)
        self.faces += sum(map(len, found.values()))
        self.growing.between_batches(self._run, self.faces)
        return found


@pytest.fixture
def run() -> Iterator[Run]:
    with a_collection() as collection:
        yield Run(collection)


def test_clusters_appear_and_grow_while_photos_come_in(run: Run) -> None:
    first = run.batch({0: range(4), 1: range(3)})
    assert partition(run.collection.index) == {frozenset(faces) for faces in first.values()}
    more = run.batch({0: range(4, 9), 2: range(3)})
    whole = {0: first[0] + more[0], 1: first[1], 2: more[2]}
    assert partition(run.collection.index) == {frozenset(faces) for faces in whole.values()}


def test_a_name_given_meanwhile_stays_and_takes_in_what_comes(run: Run) -> None:
    people = run.collection.people
    first = run.batch({0: range(4), 1: range(3)})
    people.name(f"cluster:{run.collection.cluster_of(first[0][0])}", "Anna")
    for start in range(4, 24, 5):
        more = run.batch({0: range(start, start + 5), 1: range(start, start + 5)})
        assert {run.collection.cluster_of(face) for face in more[0]} == {people.find("Anna").id}
    assert people.find("Anna").size == 24
    run.growing.finish(cluster=True)
    assert people.find("Anna").size == 24
    assert [decision.kind for decision in people.history()] == ["name"]


def test_clustering_waits_for_time_and_for_more_faces(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("recluster", "place_new"):
        real = getattr(clustering, name)
        monkeypatch.setattr(
            f"facesearch.people.growing.{name}",
            lambda *given, real=real, name=name, **options: (done.append(name), real(*given, **options))[1],
        )
    run.batch({0: range(16)}, after_s=0.5)
    assert done == []  # too early
    run.batch({1: [0]})
    run.batch({1: [1]})
    assert done == ["recluster", "place_new"]  # one face more is not worth all faces
    run.batch({1: range(2, 6)})
    assert done == ["recluster", "place_new", "recluster"]


def test_early_clusters_are_as_strict_as_those_of_a_large_library(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []
    cuts = clusterer.Cuts.of
    monkeypatch.setattr(clusterer.Cuts, "of", lambda n, *given: cut.append(n) or cuts(n, *given))
    run.batch({0: range(4), 1: range(3)})
    early = max(cut)
    cut.clear()
    run.growing.finish(cluster=True)
    run.collection.recluster()
    assert (early, set(cut)) == (10_000, {7})


def test_at_the_end_the_clusters_are_those_of_one_clustering(run: Run) -> None:
    for start in range(0, 12, 3):
        run.batch({person: range(start, start + 3) for person in range(4)})
    run.growing.finish(cluster=True)
    grown = partition(run.collection.index)
    run.collection.recluster()
    assert partition(run.collection.index) == grown
    assert run.collection.index.counts().faces_since_clustering == 0


def in_another_thread(do: Callable[[], object]) -> None:
    """Do it to its end; an error is this thread's."""
    errors: list[BaseException] = []

    def doing() -> None:
        try:
            do()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=doing)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


def meanwhile(monkeypatch: pytest.MonkeyPatch, *decide: Callable[[], object]) -> list[int]:
    """Take one decision more during each of the next clusterings. Returns how many faces each of these looked at."""
    waiting, looked = list(decide), list[int]()
    real = clustering.cluster_faces

    def cluster_faces(faces: Any, *given: Any, **options: Any) -> Any:
        looked.append(len(faces))
        labels = real(faces, *given, **options)
        if waiting:
            in_another_thread(waiting.pop(0))
        return labels

    monkeypatch.setattr(clustering, "cluster_faces", cluster_faces)
    return looked


def test_a_decision_during_a_clustering_is_taken_and_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = run.collection
    faces = collection.add_people({0: range(5), 1: range(4)})
    collection.recluster()
    anna = f"cluster:{collection.cluster_of(faces[0][0])}"
    looked = meanwhile(monkeypatch, lambda: collection.people.name(anna, "Anna"))
    collection.recluster()
    assert looked == [9, 9]  # again, with the name
    assert collection.people.find("Anna").face_ids == tuple(faces[0])


def test_who_decides_all_the_time_waits_at_last(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = run.collection
    faces = collection.add_people({0: range(5), 1: range(4)})
    collection.recluster()
    anna = f"cluster:{collection.cluster_of(faces[0][0])}"
    late = threading.Thread(target=lambda: collection.people.name(anna, "Dora"))
    looked = meanwhile(
        monkeypatch,
        lambda: collection.people.name(anna, "Anna"),
        lambda: collection.people.name(anna, "Bea"),
        late.start,
    )
    collection.recluster()
    late.join(30)
    assert len(looked) == 3
    assert collection.people.find("Dora").face_ids == tuple(faces[0])


def test_a_decision_during_placing_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = run.collection
    faces = collection.add_people({0: range(5)})
    collection.recluster()
    collection.people.name("cluster:1", "Anna")
    new = collection.add_people({0: [20, 21]})[0]
    real, waiting = clustering._placed, [lambda: collection.people.reject([new[0]], "Anna")]

    def placed(*given: Any) -> Any:
        found = real(*given)
        if waiting:
            in_another_thread(waiting.pop())
        return found

    monkeypatch.setattr(clustering, "_placed", placed)
    assert place_new(collection.index, CALIBRATION) == 1
    assert collection.people.find("Anna").face_ids == (*faces[0], new[1])


def test_only_decisions_get_their_turn_while_something_long_is_written(run: Run) -> None:
    collection = run.collection
    collection.add_people({0: range(3)})
    collection.recluster()
    with collection.index.writing(guests=True):
        in_another_thread(lambda: collection.people.name("cluster:1", "Anna"))
        with pytest.raises(LibraryLockedError):
            in_another_thread(lambda: collection.people.forget("Anna"))
    with collection.index.writing(), pytest.raises(LibraryLockedError):
        in_another_thread(lambda: collection.people.name("Anna", "Bea"))
    assert collection.people.name("Anna", "Bea") is not None
