"""Search against brute force in float64; ties are compared as sets."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_samples import DIM, a_photo, filled, near, put, unit
from numpy.typing import NDArray

from facesearch.storage import Store
from facesearch.storage.vectors import FaissIndex

TOLERANCE = 1e-7


def brute_force(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) float64 L2 distances, from the definition."""
    return np.sqrt(((vectors.astype(np.float64) - query.astype(np.float64)) ** 2).sum(axis=1))


@st.composite
def collections(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors with duplicates and near duplicates, and a query that may be one of them."""
    strangers = [unit(draw(st.integers(0, 30)), dim=4) for _ in range(draw(st.integers(1, 12)))]
    close = [
        near(vector, draw(st.sampled_from([0.0, 1e-6, 1e-4, 0.01]))) for vector in strangers[: len(strangers) // 2]
    ]
    vectors = np.stack(strangers + close)
    return vectors, draw(st.sampled_from([*vectors, unit(99, dim=4)]))


@settings(max_examples=60, deadline=None)
@given(collections(), st.integers(1, 40))
def test_the_k_nearest_are_those_of_brute_force(
    collection: tuple[NDArray[np.float32], NDArray[np.float32]], k: int
) -> None:
    vectors, query = collection
    ids = np.arange(100, 100 + len(vectors))
    expected = brute_force(vectors, query)
    found, distances = FaissIndex.build(ids, vectors).search(query, k)
    assert len(found) == len(set(found.tolist())) == min(k, len(vectors))
    np.testing.assert_allclose(distances, expected[found - 100], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(distances, np.sort(expected)[:k], rtol=0, atol=TOLERANCE)
    assert all(distances[expected[found - 100] == 0] == 0.0)
    farthest = distances[-1]
    assert {100 + i for i in np.flatnonzero(expected < farthest - TOLERANCE)} <= set(found.tolist())


@settings(max_examples=60, deadline=None)
@given(collections(), st.floats(0, 2))
def test_everything_within_a_radius_is_that_of_brute_force(
    collection: tuple[NDArray[np.float32], NDArray[np.float32]], radius: float
) -> None:
    vectors, query = collection
    expected = brute_force(vectors, query)
    found, distances = FaissIndex.build(np.arange(len(vectors)), vectors).within(query, radius)
    np.testing.assert_allclose(distances, expected[found], rtol=0, atol=TOLERANCE)
    assert np.all(np.diff(distances) >= 0)
    assert np.all(distances <= radius)
    assert set(np.flatnonzero(expected <= radius - TOLERANCE).tolist()) <= set(found.tolist())


def test_a_radius_includes_its_boundary() -> None:
    # distances on the axes are whole multiples of a power of two: exact in float32 and float64
    vectors = np.zeros((4, DIM), np.float32)
    vectors[:, 0] = [0.0, 0.25, 0.5, 0.75]
    index = FaissIndex.build(np.arange(4), vectors)
    query = np.zeros(DIM, np.float32)
    assert index.within(query, 0.5)[0].tolist() == [0, 1, 2]
    assert index.within(query, np.nextafter(0.5, 0))[0].tolist() == [0, 1]
    assert index.within(query, 0.0)[0].tolist() == [0]


def test_distances_are_not_squared_and_lie_between_0_and_2() -> None:
    one = unit(1)
    ids, distances = FaissIndex.build(np.arange(3), np.stack([one, -one, near(one, 0.5)])).search(one, 3)
    assert ids.tolist() == [0, 2, 1]
    assert distances.dtype == np.float64
    assert distances.tolist() == pytest.approx([0.0, 0.47, 2.0], abs=0.05)


def test_near_duplicates_are_measured_where_float32_sees_only_noise() -> None:
    """FAISS's |a|² + |b|² - 2ab would be off by about 1e-3 here."""
    one = unit(1)
    other = one.copy()
    other[0] = np.nextafter(other[0], np.float32(2))
    distance = float(abs(np.float64(other[0]) - np.float64(one[0])))
    _, distances = FaissIndex.build(np.arange(2), np.stack([one, other])).search(one, 2)
    assert distances.tolist() == [0.0, distance]
    assert 0 < distance < 1e-6


def test_many_queries_near_many_duplicates() -> None:
    """More ties than candidates: whichever are returned, they are at the right distance, and none comes twice."""
    vectors = np.stack([unit(1)] * 50 + [unit(2)])
    ids, distances = FaissIndex.build(np.arange(51), vectors).search(unit(1), 30)
    assert len(set(ids.tolist())) == 30
    assert not distances.any()


def test_an_empty_index_finds_nothing(index: Store) -> None:
    assert index.search(unit(1), 5) == []
    assert index.within(unit(1), 2.0) == []
    assert len(index.vectors) == 0


def test_asking_for_more_than_there_is(index: Store) -> None:
    filled(index, 3)
    assert len(index.search(unit(0), 10_000)) == 3


def test_search_answers_with_face_ids_and_follows_every_change(index: Store) -> None:
    vectors = filled(index, 40, faces=2)
    assert index.search(vectors[7], 1) == [(8, 0.0)]
    index.forget_paths(["/p/3"])  # faces 7 and 8
    assert index.search(vectors[7], 1)[0][0] not in (7, 8)
    put(index, 1, a_photo("/p/new", "new", [vectors[7]]))
    assert index.search(vectors[7], 1) == [(81, 0.0)]
    assert [face for face, _ in index.within(vectors[7], 0.0)] == [81]


def test_what_another_process_writes_is_found(index: Store) -> None:
    filled(index, 3)
    reader = Store.open(index.folder)
    assert len(reader.search(unit(50), 9)) == 3
    put(index, 1, a_photo("/p/new", "new", [unit(50)]))
    assert reader.search(unit(50), 1) == [(4, 0.0)]
    reader.close()


def test_embeddings_come_in_parts_and_whole(index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = filled(index, 10)
    monkeypatch.setattr("facesearch.storage.embeddings.ROWS", 3)
    ids, found = index.embeddings()
    assert ids.tolist() == list(range(1, 11))
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(found, vectors)


def test_the_folder_of_a_library_holds_what_the_format_says(index: Store) -> None:
    filled(index, 2)
    _ = index.vectors
    described = (Path(__file__).resolve().parents[2] / "index" / "FORMAT.md").read_text(encoding="utf-8")
    for path in index.folder.iterdir():
        assert f"`{path.name}`" in described
