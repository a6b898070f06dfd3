"""The way of large libraries, against all pairs."""

import numpy as np
import pytest
from clustering_samples import (
    CALIBRATION,
    agrees,
    as_partition,
    decisions,
    faces_of,
    line_of_faces,
    people,
    same_partition,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from facesearch.clustering import (
    NOISE,
    Constraints,
    Faces,
    cluster_faces,
    few,
)
from facesearch.clustering import (
    clusterer as clustering,
)
from facesearch.clustering.candidates import pairs_within
from facesearch.clustering.constraints import NOBODY
from facesearch.clustering.few import Few
from facesearch.clustering.links import each_once
from facesearch.clustering.many import Many
from facesearch.clustering.near_lists import PROBES, NearLists
from facesearch.core.errors import TooManyPairsError

SIZES = [60, 40, 25, 25, 12, 8, 6, 5, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1] * 3


def of_many(faces: Faces, constraints: Constraints | None = None, min_samples: int = 2) -> NDArray[np.int64]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustering, "ALL_PAIRS", 0)
        return cluster_faces(faces, CALIBRATION, constraints=constraints, min_samples=min_samples)


def single(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(labels == NOISE, -1 - np.arange(len(labels)), labels)


def test_clusters_are_those_of_all_pairs() -> None:
    embeddings, _ = people(SIZES, 3)
    faces = faces_of(embeddings)
    all_pairs, many = cluster_faces(faces, CALIBRATION), of_many(faces)
    assert adjusted_rand_score(single(all_pairs), single(many)) > 0.995


def test_all_pairs_are_looked_at_up_to_a_number_of_good_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    clusterer = clustering.Clusterer(faces_of(people([5, 5], 4)[0]), clustering.Cuts.of(10, CALIBRATION))
    monkeypatch.setattr(clustering, "ALL_PAIRS", 10)
    assert isinstance(clusterer._compared(clusterer.faces), Few)
    monkeypatch.setattr(clustering, "ALL_PAIRS", 9)
    assert isinstance(clusterer._compared(clusterer.faces), Many)


def test_somebody_with_very_many_photos_is_clustered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object) -> None:
        raise TooManyPairsError("more than there is room for")

    embeddings, who = people([40, 10, 10], 5)
    monkeypatch.setattr(few, "pairs_within", refusing)
    assert same_partition(cluster_faces(faces_of(embeddings), CALIBRATION), who)


def test_clusters_do_not_depend_on_the_order_of_the_faces() -> None:
    embeddings, _ = people(SIZES, 6)
    order = np.random.default_rng(7).permutation(len(embeddings))
    turned = np.empty(len(order), np.int64)
    turned[order] = of_many(faces_of(embeddings[order]))
    assert np.array_equal(turned, of_many(faces_of(embeddings)))


def test_more_duplicates_than_neighbours_are_looked_for() -> None:
    embeddings, _ = people([3, 3, 1], 8)
    assert of_many(faces_of(np.repeat(embeddings, [50, 1, 1, 50, 1, 1, 1], axis=0)))[:50].tolist() == [0] * 50


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_faces(n: int) -> None:
    assert of_many(faces_of(people([1] * n, 9)[0])).tolist() == [NOISE] * n


def test_siblings_who_are_always_together_stay_apart() -> None:
    embeddings, _ = people([8], 15)
    offset = np.zeros(embeddings.shape[1])
    offset[0] = 0.33
    sister = embeddings + offset
    both = np.concatenate([embeddings, sister / np.linalg.norm(sister, axis=1, keepdims=True)])
    assert of_many(faces_of(both)).tolist() == [0] * 16
    assert same_partition(of_many(faces_of(both, np.tile(np.arange(8), 2))), np.repeat([0, 1], 8))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 5))
def test_every_clustering_agrees_with_the_constraints(data: st.DataObject, seed: int) -> None:
    embeddings, _ = people([6, 5, 3, 1, 1], seed)
    constraints = data.draw(decisions(len(embeddings)))
    assert agrees(constraints, of_many(faces_of(embeddings), constraints))


def test_a_face_that_is_not_somebody_is_not_brought_in_by_others() -> None:
    embeddings, _ = people([12], 10)
    constraints = Constraints(np.array([0] + [NOBODY] * 11), {5: frozenset({0})})
    labels = of_many(faces_of(embeddings), constraints)
    assert labels[5] != labels[0]
    assert agrees(constraints, labels)
    assert len(as_partition(of_many(faces_of(embeddings)))) == 1


@pytest.mark.parametrize("min_samples", [2, 3, 30])
def test_cores_are_those_of_all_pairs(min_samples: int) -> None:
    embeddings, _ = people(SIZES, 11)
    photos = np.arange(len(embeddings))
    exact, near = Few(embeddings, photos, 0.3), Many(embeddings, photos)
    expected, found = exact.cores(0.22, min_samples), near.cores(0.22, min_samples)
    assert adjusted_rand_score(expected, found) > 0.98


def test_strangers_are_about_as_many_as_there_are() -> None:
    embeddings, who = people([1] * 3000, 12)
    photos = np.arange(len(embeddings))
    there = Few(embeddings, photos, 0.45).strangers(0.45, who)
    found = Many(embeddings, photos).strangers(0.45, who)
    assert there.sum() > 10_000
    assert found.sum() == pytest.approx(there.sum(), rel=0.15)
    assert np.corrcoef(there, found)[0, 1] > 0.8


def test_lists_find_most_of_the_nearest_and_never_the_face_itself() -> None:
    embeddings, _ = people(SIZES * 4, 13)
    found = NearLists(embeddings).nearest(5)
    distances = 2 - 2 * embeddings.astype(np.float64) @ embeddings.T
    np.fill_diagonal(distances, np.inf)
    true = np.argsort(distances, axis=1)[:, :5]
    assert not (found == np.arange(len(found))[:, None]).any()
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found.tolist(), true.tolist(), strict=True)]) > 0.9


def test_vectors_that_are_all_alike_are_found() -> None:
    found = NearLists(np.repeat(line_of_faces(0.1), 20, axis=0)).nearest(3)
    assert (found >= 0).all()


def test_pairs_within_lists_leave_out_none_that_are_near() -> None:
    """Along the main directions no distance is longer than it is; of so few faces all lists are looked into."""
    embeddings = line_of_faces(*np.linspace(0, 0.3, PROBES))
    found = {
        (int(a), int(b))
        for rows, columns in NearLists(embeddings).within(0.02, np.arange(PROBES))
        for a, b in zip(rows, columns, strict=True)
    }
    pairs = pairs_within(embeddings, np.arange(PROBES), 0.02)
    assert len(pairs.a) > PROBES / 2
    assert set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)) <= found


def test_keys_once() -> None:
    assert each_once(np.array([5, 3, 5, -1, 3, 9])).tolist() == [-1, 3, 5, 9]
    assert each_once(np.zeros(0, np.int64)).tolist() == []
