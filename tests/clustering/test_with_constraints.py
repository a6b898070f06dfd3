"""Clusters within what the user has decided, by the default method and by plain DBSCAN."""

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
from sklearn.cluster import DBSCAN

from facesearch.clustering import NOISE, Constraints, Faces, cluster_faces
from facesearch.clustering.constraints import NOBODY
from facesearch.clustering.content import by_content
from facesearch.core.distance import l2_matrix

WEAK = 3.0
METHODS = pytest.mark.parametrize("eps", [None, 0.3])


def labels_of(
    faces: Faces, constraints: Constraints | None = None, *, eps: float | None = None, min_samples: int = 2
) -> np.ndarray:
    return cluster_faces(faces, CALIBRATION, constraints=constraints, eps=eps, min_samples=min_samples)


def constraints(person: dict[int, int], refused: dict[int, int], n: int) -> Constraints:
    told = np.full(n, NOBODY, np.int64)
    told[list(person)] = list(person.values())
    return Constraints(told, {row: frozenset({who}) for row, who in refused.items()})


# -- plain DBSCAN -------------------------------------------------------------------------------------------------


@st.composite
def faces_and_eps(draw: st.DrawFn) -> tuple[Faces, float]:
    """Points of a coarse grid on the sphere, so that distances are often equal, to each other and to eps."""
    n = draw(st.integers(1, 30))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    vectors = random.integers(-3, 4, (n, 3)) + np.array([0, 0, 0.25])
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    faces = faces_of(embeddings, random.integers(0, n, n), random.choice([0.0, WEAK], n))
    distances = l2_matrix(embeddings, embeddings)
    # The last bit of a distance depends on where in the matrix it is computed, so eps is a hair above it.
    a_distance = float(distances.ravel()[draw(st.integers(0, n * n - 1))]) * (1 + 1e-12)
    return faces, draw(st.sampled_from([0.15, 0.4, 0.9, a_distance])) or 0.1


@settings(max_examples=150, deadline=None)
@given(faces_and_eps(), st.integers(1, 5))
def test_eps_and_min_samples_mean_what_scikit_learns_mean(case: tuple[Faces, float], min_samples: int) -> None:
    """Border faces between two clusters go where scikit-learn puts them when it sees the faces in order of content."""
    faces, eps = case
    order = by_content(faces.embeddings, faces.excess, faces.photos, Constraints.none(len(faces)))
    matrix = l2_matrix(faces.embeddings[order], faces.embeddings[order])
    oracle = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(matrix)
    labels = cluster_faces(faces, None, eps=eps, min_samples=min_samples)
    assert same_partition(labels[order], oracle.labels_)
    core = np.zeros(len(faces), bool)
    core[order[oracle.core_sample_indices_]] = True
    assert np.all(labels[core] != NOISE)


def test_a_core_face_whose_border_faces_went_elsewhere_keeps_its_cluster() -> None:
    """Four samples: 0.28 is a core face; its only neighbours may all be taken by the two dense clusters beside it."""
    faces = faces_of(line_of_faces(*[0.0] * 3, 0.1, 0.2, 0.3, *[0.4] * 3))
    matrix = l2_matrix(faces.embeddings, faces.embeddings)
    for min_samples in (3, 4):
        order = by_content(faces.embeddings, faces.excess, faces.photos, Constraints.none(len(faces)))
        oracle = DBSCAN(eps=0.105, min_samples=min_samples, metric="precomputed").fit(matrix[np.ix_(order, order)])
        assert same_partition(labels_of(faces, eps=0.105, min_samples=min_samples)[order], oracle.labels_)


def test_with_one_sample_every_face_is_a_cluster() -> None:
    labels = labels_of(faces_of(line_of_faces(0, 0.5, 1.0, 1.01)), eps=0.1, min_samples=1)
    assert sorted(labels.tolist()) == [0, 0, 1, 2]


# -- both methods -------------------------------------------------------------------------------------------------


@st.composite
def told_libraries(draw: st.DrawFn) -> tuple[Faces, Constraints]:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    embeddings, _ = people(sizes, int(random.integers(1 << 32)))
    n = len(embeddings)
    embeddings[random.integers(0, n, n // 4)] = embeddings[0]
    excess = random.choice([0.0, 1.0, WEAK], n)
    return faces_of(embeddings, random.integers(0, 2 * n, n), excess), draw(decisions(n))


@settings(max_examples=150, deadline=None)
@given(told_libraries(), st.sampled_from([None, 0.3, 0.7]), st.integers(1, 4))
def test_clusters_agree_with_every_word(
    library: tuple[Faces, Constraints], eps: float | None, min_samples: int
) -> None:
    faces, told = library
    labels = labels_of(faces, told, eps=eps, min_samples=min_samples)
    assert agrees(told, labels)
    assert np.all(labels[told.person != NOBODY] != NOISE)
    numbers, sizes = np.unique(labels[labels != NOISE], return_counts=True)
    assert numbers.tolist() == list(range(len(numbers)))
    assert sizes.tolist() == sorted(sizes, reverse=True)


@settings(max_examples=60, deadline=None)
@given(told_libraries(), st.sampled_from([0.3, 0.7]), st.integers(1, 4))
def test_dbscan_changes_only_where_something_speaks_against_it(
    library: tuple[Faces, Constraints], eps: float, min_samples: int
) -> None:
    faces, told = library
    plain, labels = (
        labels_of(faces, eps=eps, min_samples=min_samples),
        labels_of(faces, told, eps=eps, min_samples=min_samples),
    )
    if agrees(told, plain) and np.all(plain[told.person != NOBODY] != NOISE):
        assert same_partition(labels, plain)
    single = np.where(plain == NOISE, plain.max(initial=-1) + 1 + np.arange(len(plain)), plain)
    broken = told.broken(single)
    for members in as_partition(plain):
        if int(plain[min(members)]) not in broken:
            assert len({int(labels[row]) for row in members}) == 1
            assert int(labels[min(members)]) != NOISE


@METHODS
@pytest.mark.parametrize("excess", [0.0, WEAK])
def test_faces_that_are_said_to_be_one_person_are_together_however_far(eps: float | None, excess: float) -> None:
    faces = faces_of(line_of_faces(0, 0.01, 1.0, 2.0, 3.0), excess=[0.0, 0.0, 0.0, 0.0, excess])
    labels = labels_of(faces, constraints({0: 7, 4: 7}, {}, 5), eps=eps)
    assert labels.tolist() == [0, 0, NOISE, NOISE, 0]


@METHODS
@pytest.mark.parametrize("excess", [0.0, WEAK])
def test_faces_that_are_said_to_be_two_people_are_never_together(eps: float | None, excess: float) -> None:
    faces = faces_of(line_of_faces(0, 0.01, 0.02), excess=[0.0, 0.0, excess])
    labels = labels_of(faces, constraints({0: 7, 2: 8}, {}, 3), eps=eps)
    assert labels[0] != labels[2]
    assert NOISE not in (labels[0], labels[2])


@METHODS
@pytest.mark.parametrize("excess", [0.0, WEAK])
def test_a_face_that_is_said_not_to_be_somebody_is_not(eps: float | None, excess: float) -> None:
    """The other faces of the cluster, of which nothing was said, stay: they are nearer to the one that is somebody."""
    positions = [0, 0.01, 0.02, 0.03, 0.1]
    faces = faces_of(line_of_faces(*positions), excess=[0.0] * 4 + [excess])
    labels = labels_of(faces, constraints({0: 7}, {4: 7}, 5), eps=eps)
    assert labels.tolist() == [0, 0, 0, 0, NOISE]


@METHODS
@pytest.mark.parametrize("excess", [0.0, WEAK])
def test_a_refusal_means_nothing_while_that_person_is_not_there(eps: float | None, excess: float) -> None:
    faces = faces_of(line_of_faces(0, 0.01, 0.02), excess=[0.0, 0.0, excess])
    assert labels_of(faces, constraints({}, {2: 7}, 3), eps=eps).tolist() == [0, 0, 0]
    assert labels_of(faces, constraints({}, {0: 7, 2: 8}, 3), eps=eps).tolist() == [0, 0, 0]


@METHODS
def test_two_people_who_look_alike_share_the_new_faces_between_them(eps: float | None) -> None:
    """One blob in which the user has told two people apart: a face of which nothing was said goes to the nearer."""
    positions = [0.0, 0.02, 0.24, 0.26, 0.03, 0.04, 0.21, 0.22]
    labels = labels_of(faces_of(line_of_faces(*positions)), constraints({0: 1, 1: 1, 2: 2, 3: 2}, {}, 8), eps=eps)
    assert same_partition(labels, np.array([0, 0, 1, 1, 0, 0, 1, 1]))


def test_faces_between_two_people_go_to_the_nearer_by_dbscan_too() -> None:
    """Core faces first, nearest links first; a border face, which links nothing, goes to one of them."""
    positions = [0.0, 0.05, 0.1, 0.16, 0.21, 0.26, 0.33]
    told = constraints({0: 1, 5: 2}, {}, 7)
    labels = labels_of(faces_of(line_of_faces(*positions)), told, eps=0.075, min_samples=3)
    assert same_partition(labels, np.array([0, 0, 0, 1, 1, 1, 1]))


@METHODS
def test_numbers_of_people_do_not_matter(eps: float | None) -> None:
    embeddings, who = people([6, 5, 4, 3], 3)
    told = np.where(np.arange(18) % 3 == 0, who, NOBODY)
    some, others = Constraints(told), Constraints(np.where(told == NOBODY, NOBODY, 900 - told))
    faces = faces_of(embeddings)
    assert same_partition(labels_of(faces, some, eps=eps), labels_of(faces, others, eps=eps))


def test_what_was_said_of_single_faces_leads_the_default_method() -> None:
    """Two siblings who are run together, until one face of each is named; then all photos of both follow."""
    face, _ = people([10], 15)
    offset = np.zeros(face.shape[1])
    offset[0] = 0.33
    sister = face + offset
    both = np.concatenate([face, sister / np.linalg.norm(sister, axis=1, keepdims=True)])
    assert labels_of(faces_of(both)).tolist() == [0] * 20
    labels = labels_of(faces_of(both), constraints({0: 1, 10: 2}, {}, 20))
    assert labels[0] != labels[10]
    assert agrees(constraints({0: 1, 10: 2}, {}, 20), labels)
    assert np.all(labels != NOISE)
