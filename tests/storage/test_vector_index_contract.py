"""What every vector index promises: FAISS with all vectors, FAISS with lists, and a fake that compares with all."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.core.distance import l2_matrix
from facesearch.core.settings import SearchConfig
from facesearch.storage.vectors import FaissIndex, VectorIndex

Vectors = tuple[NDArray[np.int64], NDArray[np.float32]]


class BruteForceIndex:
    """The fake: it keeps the vectors as they are and measures every distance."""

    exact = True

    def __init__(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        self._ids, self._vectors = ids, vectors

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> NDArray[np.int64]:
        return self._ids

    def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        ids, distances = self.within(query, np.inf)
        return ids[:k], distances[:k]

    def within(self, query: NDArray[np.float32], radius: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        distances = l2_matrix(query[None], self._vectors)[0]
        order = np.lexsort((self._ids, distances))
        order = order[distances[order] <= radius]
        return self._ids[order], distances[order]


def flat(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
    return FaissIndex.build(ids, vectors)


def lists(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> VectorIndex:
    """Of few vectors, and with every list looked into, so that nothing may be missed."""

    def read(wanted: NDArray[np.int64]) -> Vectors:
        rows = np.flatnonzero(np.isin(ids, wanted))
        return ids[rows], vectors[rows]

    return FaissIndex.build(ids, vectors, read, SearchConfig(exact_up_to=0, probed=1.0))


INDEXES = {"flat": flat, "lists": lists, "fake": BruteForceIndex}
Build = Callable[[NDArray[np.int64], NDArray[np.float32]], VectorIndex]


@pytest.fixture(params=list(INDEXES))
def build(request: pytest.FixtureRequest) -> Build:
    found: Build = INDEXES[request.param]
    return found


def unit_vectors(count: int, seed: int = 0, dim: int = 16) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.arange(10, 10 + 3 * count, 3), vectors.astype(np.float32)


def test_it_holds_what_it_was_given(build: Build) -> None:
    ids, vectors = unit_vectors(300)
    index = build(ids, vectors)
    assert len(index) == 300
    assert sorted(index.ids().tolist()) == ids.tolist()


@pytest.mark.parametrize("k", [1, 7, 300, 1000])
def test_the_nearest_come_first_with_their_exact_distances(build: Build, k: int) -> None:
    ids, vectors = unit_vectors(300)
    query = unit_vectors(1, seed=1)[1][0]
    expected = l2_matrix(query[None], vectors)[0]
    order = np.lexsort((ids, expected))[:k]
    found, distances = build(ids, vectors).search(query, k)
    assert found.tolist() == ids[order].tolist()
    np.testing.assert_allclose(distances, expected[order], rtol=0, atol=1e-12)


def test_equal_distances_are_in_the_order_of_the_ids(build: Build) -> None:
    _, vectors = unit_vectors(40)
    ids = np.arange(40)[::-1].copy()
    twice = np.concatenate([vectors[:1], vectors[:1], vectors[2:]])
    found, distances = build(ids, twice).search(vectors[0], 2)
    assert found.tolist() == [38, 39]
    assert distances.tolist() == [0, 0]


@pytest.mark.parametrize("radius", [0.0, 0.9, 1.3, 2.0])
def test_all_within_a_radius_the_boundary_included(build: Build, radius: float) -> None:
    ids, vectors = unit_vectors(300)
    index = build(ids, vectors)
    if not index.exact:
        pytest.skip("it only proposes candidates: `Store.within` measures all embeddings instead")
    expected = l2_matrix(vectors[:1], vectors)[0]
    found, distances = index.within(vectors[0], radius)
    assert set(found.tolist()) == set(ids[expected <= radius].tolist())
    assert (np.diff(distances) >= 0).all()
