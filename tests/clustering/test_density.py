import warnings

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from facesearch.clustering import dbscan, neighbours, radius_graph, renumber_by_size
from facesearch.clustering.neighbours import nearest_neighbours, radius_neighbours
from facesearch.core.distance import l2, l2_matrix
from facesearch.core.errors import InputError


def faces(people: int, each: int, dim: int = 16, spread: float = 0.15, seed: int = 0) -> np.ndarray:
    """Unit vectors around `people` centres, every fifth one there twice."""
    generator = np.random.default_rng(seed)
    centres = np.repeat(generator.normal(size=(people, dim)), each, axis=0)
    vectors = centres + spread * np.linalg.norm(centres, axis=1, keepdims=True) * generator.normal(size=centres.shape)
    vectors[1::5] = vectors[0::5][: len(vectors[1::5])]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def number_line(*positions: float) -> np.ndarray:
    return np.asarray(positions, dtype=np.float32)[:, None]


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist()) - {-1}}


SEVEN = number_line(0, 1, 2, 4, 6, 7, 10)


@pytest.mark.parametrize(
    ("eps", "min_samples", "labels"),
    [
        (0.5, 2, [-1, -1, -1, -1, -1, -1, -1]),
        (1, 2, [0, 0, 0, -1, 1, 1, -1]),  # the boundary counts
        (1, 3, [0, 0, 0, -1, -1, -1, -1]),  # the face itself counts: only 1 has three
        (2, 2, [0, 0, 0, 0, 0, 0, -1]),
        (2, 4, [0, 0, 0, 0, -1, -1, -1]),  # 2 is core with 0, 1, 4; 6 and 7 see too few
        (3, 2, [0, 0, 0, 0, 0, 0, 0]),
        (0.5, 1, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_seven_points_by_hand(eps: float, min_samples: int, labels: list[int]):
    assert dbscan(SEVEN, eps, min_samples).tolist() == labels


def test_clusters_are_numbered_by_size_then_by_first_row():
    line = number_line(0, 1, 20, 21, 22, 40, 41, 60)
    assert dbscan(line, 1).tolist() == [1, 1, 0, 0, 0, 2, 2, -1]
    assert renumber_by_size(np.asarray([7, -1, 3, 3, 7, 5])).tolist() == [0, -1, 1, 1, 0, 2]


@pytest.mark.parametrize("min_samples", [1, 2, 4])
@pytest.mark.parametrize("eps", [0.3, 0.6, 0.9])
def test_agrees_with_dbscan_on_the_full_matrix(eps: float, min_samples: int):
    embeddings = faces(people=12, each=15)
    expected = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(l2_matrix(embeddings, embeddings))
    labels = dbscan(embeddings, eps, min_samples)
    assert labels.dtype == np.int64
    assert as_sets(labels) == as_sets(expected.labels_)
    np.testing.assert_array_equal(labels == -1, expected.labels_ == -1)


def test_eps_that_is_exactly_a_distance():
    embeddings = faces(people=3, each=20, spread=0.4)
    every = np.arange(len(embeddings))
    distances = l2(embeddings[np.repeat(every, 60)], embeddings[np.tile(every, 60)]).reshape(60, 60)
    for eps in np.unique(distances)[10::400]:
        expected = DBSCAN(eps=eps, min_samples=2, metric="precomputed").fit(distances)
        graph = radius_graph(embeddings, eps)
        assert graph.nnz == np.count_nonzero(distances <= eps)
        assert as_sets(dbscan(embeddings, eps)) == as_sets(expected.labels_)


def test_clusters_do_not_depend_on_the_order_of_the_rows():
    embeddings = faces(people=10, each=12)
    order = np.random.default_rng(1).permutation(len(embeddings))
    shuffled = dbscan(embeddings[order], 0.6)
    back = np.empty_like(shuffled)
    back[order] = shuffled
    assert as_sets(back) == as_sets(dbscan(embeddings, 0.6))
    assert len(as_sets(back)) > 1


def test_none_and_one_face():
    assert dbscan(np.zeros((0, 8), np.float32), 0.5).shape == (0,)
    assert dbscan(np.zeros((0, 0), np.float32), 0.5).dtype == np.int64
    one = faces(people=1, each=1)
    assert dbscan(one, 0.5).tolist() == [-1]
    assert dbscan(one, 0.5, min_samples=1).tolist() == [0]


def test_identical_faces_are_one_cluster():
    assert dbscan(np.repeat(faces(1, 1), 50, axis=0), 1e-6).tolist() == [0] * 50


@pytest.mark.parametrize(("eps", "min_samples"), [(0, 2), (-1, 2), (np.nan, 2), (np.inf, 2), (0.5, 0)])
def test_impossible_settings(eps: float, min_samples: int):
    with pytest.raises(InputError):
        dbscan(SEVEN, eps, min_samples)


def test_scikit_learn_need_not_sort_the_graph():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dbscan(faces(people=5, each=10), 0.6)


def test_graph_stores_zeros_of_duplicates_and_of_the_diagonal():
    graph = radius_graph(number_line(0, 0, 1, 5), 1)
    assert graph.nnz == 10
    assert graph.toarray().tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


def test_neighbours_by_hand():
    indptr, columns, distances = radius_neighbours(number_line(0, 3, 1, 0), 2)
    assert indptr.tolist() == [0, 3, 5, 9, 12]
    assert columns.tolist() == [0, 3, 2, 1, 2, 2, 0, 3, 1, 0, 3, 2]
    assert distances.tolist() == [0, 0, 1, 0, 2, 0, 1, 1, 2, 0, 0, 1]


@pytest.mark.parametrize("block_pairs", [1, 500, 1 << 24])
def test_neighbours_do_not_depend_on_the_block(block_pairs: int, monkeypatch):
    embeddings = faces(people=6, each=10)
    whole = radius_neighbours(embeddings, 0.7)
    monkeypatch.setattr(neighbours, "BLOCK_PAIRS", block_pairs)
    monkeypatch.setattr(neighbours, "EXACT_PAIRS", 7)
    for part, expected in zip(radius_neighbours(embeddings, 0.7), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("offset", [0.0, 1_000.0])
def test_neighbours_far_from_the_origin_and_closer_than_float32_squares_resolve(offset: float):
    positions = np.random.default_rng(3).uniform(0, 1, size=(400, 2)).astype(np.float32) + np.float32(offset)
    distances = l2_matrix(positions, positions)
    indptr, columns, found = radius_neighbours(positions, 0.05)
    rows = np.repeat(np.arange(400), np.diff(indptr))
    assert set(zip(rows, columns, strict=True)) == set(zip(*np.nonzero(distances <= 0.05), strict=True))
    np.testing.assert_allclose(found, distances[rows, columns], rtol=1e-9)


def test_too_many_neighbours_are_refused():
    with pytest.raises(InputError):
        radius_neighbours(faces(2, 10), 2.0, max_pairs=399)
    assert radius_neighbours(faces(2, 10), 2.0, max_pairs=400)[0][-1] == 400


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((3, 0)), np.full((2, 2), np.nan)])
def test_neighbours_of_what_are_no_embeddings(bad: np.ndarray):
    with pytest.raises(InputError):
        radius_neighbours(bad, 1.0)


@pytest.mark.parametrize("radius", [-0.1, np.nan, np.inf])
def test_impossible_radius(radius: float):
    with pytest.raises(InputError):
        radius_neighbours(SEVEN, radius)


@pytest.mark.parametrize("k", [1, 7, 60, 500])
def test_nearest_neighbours_agree_with_brute_force(k: int):
    gallery, probes = faces(people=6, each=10), faces(people=2, each=15, seed=5)
    distances = l2_matrix(probes, gallery)
    ids, found = nearest_neighbours(gallery, probes, k)
    assert ids.shape == (30, min(k, 60))
    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :k], atol=1e-9)
    np.testing.assert_allclose(np.take_along_axis(distances, ids, 1), found, atol=1e-9)


def test_nearest_neighbours_that_tie_come_by_row():
    ids, distances = nearest_neighbours(number_line(1, 0, -1, 0), number_line(0), 4)
    assert ids.tolist() == [[1, 3, 0, 2]]
    assert distances.tolist() == [[0, 0, 1, 1]]


def test_nearest_neighbours_of_nothing():
    assert nearest_neighbours(np.zeros((0, 2)), np.zeros((3, 2)), 2)[0].shape == (3, 0)
    assert nearest_neighbours(np.zeros((3, 2)), np.zeros((0, 2)), 2)[0].shape == (0, 2)
    with pytest.raises(InputError, match=r"\bk\b"):
        nearest_neighbours(SEVEN, SEVEN, 0)
