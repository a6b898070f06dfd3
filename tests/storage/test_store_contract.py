"""What indexing, searching and people need of a store, whatever database is behind it.

A second store is one line in STORES: a function from a folder to the store that belongs to it, made if need be.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from index_samples import OTHER_SPEC, SPEC, a_photo, near, put, unit

from facesearch.core.errors import LibraryLockedError, ModelMismatchError
from facesearch.people import People
from facesearch.storage import Store, clusters

Open = Callable[[], Store]
STORES: dict[str, Callable[[Path], Store]] = {"sqlite": lambda folder: Store.create(folder, SPEC)}


@pytest.fixture(params=list(STORES))
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the store of one place, as often as it is called."""
    opened: list[Store] = []

    def open_it() -> Store:
        opened.append(STORES[request.param](tmp_path / "library"))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> Store:
    """Three photos: two of one person, one of a stranger and that person."""
    store = open_store()
    run = store.start_run("index", ["/photos"])
    someone, stranger = unit(1), unit(2)
    put(store, run, a_photo("/photos/a.jpg", "a", [someone]), a_photo("/photos/b.jpg", "b", [near(someone, 0.01)]))
    put(store, run, a_photo("/photos/c.jpg", "c", [stranger, near(someone, 0.02)]))
    store.finish_run(run, "{}")
    return store


def contents(store: Store) -> object:
    ids, embeddings = store.embeddings()
    faces = [(face.id, face.photo_id, face.path, face.box) for face in store.faces(ids.tolist())]
    return sorted(store.known_paths()), store.roots(), faces, embeddings.tolist(), store.counts()


def test_what_was_stored_is_there_when_it_is_opened_again(store: Store, open_store: Open) -> None:
    before = contents(store)
    store.close()
    again = open_store()
    assert contents(again) == before
    assert again.uuid == store.uuid
    assert (again.counts().photos, again.counts().faces) == (3, 4)


def test_another_model_is_refused(store: Store) -> None:
    store.require_model(SPEC)
    with pytest.raises(ModelMismatchError, match=OTHER_SPEC.fingerprint):
        store.require_model(OTHER_SPEC)


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    before = contents(store)

    def cut_off() -> None:
        with store.transaction() as connection:
            clusters.add(connection, [1, 2], [7, 7])
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        cut_off()
    assert contents(store) == before
    with store.reading() as connection:
        assert clusters.of_faces(connection, [1, 2]) == {}


def test_there_is_one_writer_at_a_time_and_readers_do_not_wait(store: Store, open_store: Open) -> None:
    other, seen = open_store(), []

    def beside() -> None:
        seen.append(other.counts().faces)
        try:
            with other.transaction():
                seen.append(-1)
        except LibraryLockedError:
            seen.append(0)

    with store.transaction():
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
    assert seen == [4, 0]
    with other.transaction():
        pass


def test_search_measures_exact_distances(store: Store) -> None:
    query = near(unit(1), 0.005)
    found = store.search(query, 10)
    ids, embeddings = store.embeddings()
    expected = np.linalg.norm(embeddings.astype(np.float64) - query, axis=1)
    assert [face for face, _ in found] == ids[np.argsort(expected)].tolist()
    np.testing.assert_allclose([distance for _, distance in found], np.sort(expected), atol=1e-6)
    assert store.within(query, 0.1) == found[:3]


def test_search_follows_what_is_stored_and_removed(store: Store) -> None:
    assert len(store.vectors) == 4
    put(store, store.start_run("index"), a_photo("/photos/d.jpg", "d", [unit(9)]))
    (face, distance), *_ = store.search(unit(9), 1)
    assert distance == pytest.approx(0, abs=1e-6)
    store.forget_paths(["/photos/d.jpg"])
    assert face not in [other for other, _ in store.search(unit(9), 10)]
    assert store.faces([face]) == []


def test_another_process_sees_what_was_committed(store: Store, open_store: Open) -> None:
    other = open_store()
    assert len(other.vectors) == 4
    put(store, store.start_run("index"), a_photo("/photos/d.jpg", "d", [unit(9)]))
    assert len(other.vectors) == 5


def test_decisions_and_undo(store: Store) -> None:
    with store.transaction() as connection:
        clusters.replace_all(connection, [1, 2, 4], [1, 1, 1])
    people = People(store, lambda: None)
    before = people.with_faces()
    people.name("1", "Anna")
    assert people.find("anna").face_ids == (1, 2, 4)
    people.reject([4], "Anna")
    assert people.find("Anna").face_ids == (1, 2)
    people.undo()
    people.undo()
    assert people.with_faces() == before
    assert people.undo() is None


def test_nothing_is_left_after_clearing(store: Store) -> None:
    assert store.clear() == 4
    assert store.counts().photos == store.counts().faces == len(store.vectors) == 0
    assert store.search(unit(1), 3) == []
