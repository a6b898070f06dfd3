"""Joining clustered, against the same thing written out: every pair of clusters looked at before every join."""

from collections.abc import Callable

import numpy as np
import pytest
from clustering_samples import agrees, as_partition, decisions
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.clustering.agglomeration import agglomerate
from facesearch.clustering.candidates import Pairs
from facesearch.clustering.constraints import NOBODY, Constraints

Cut2 = Callable[[np.ndarray], np.ndarray]


def all_pairs(vectors: np.ndarray, photos: np.ndarray, radius: float = np.inf) -> Pairs:
    a, b = np.triu_indices(len(vectors), 1)
    distance = np.linalg.norm(vectors[a] - vectors[b], axis=1)
    together = photos[a] == photos[b]
    near = (distance <= radius) | together
    return Pairs(a[near], b[near], distance[near], together[near])


def cut_by_size(single: float, large: float) -> Cut2:
    return lambda sizes: large - (large - single) * sizes**-0.7


def written_out(
    start: np.ndarray,
    vectors: np.ndarray,
    shift: np.ndarray,
    photos: np.ndarray,
    radius: float,
    cut2: Cut2,
    penalty: float,
    constraints: Constraints,
) -> set[frozenset[int]]:
    """Mean squared distance over all pairs of faces, no sums of vectors, no heap."""
    clusters = [np.flatnonzero(start == label) for label in np.unique(start)]

    def cost(x: np.ndarray, y: np.ndarray) -> float:
        pairs = [(i, j) for i in x for j in y]
        squared = [float(np.sum((vectors[i] - vectors[j]) ** 2)) for i, j in pairs]
        shared = sum(photos[i] == photos[j] for i, j in pairs)
        if min(squared) > radius**2 and not shared:
            return np.inf
        against = penalty * min(shared / min(len(x), len(y)), 1)
        cut = float(cut2(np.array([float(len(pairs))]))[0])
        return float(np.mean(squared)) - shift[x].mean() - shift[y].mean() + against - cut

    def allowed(both: np.ndarray) -> bool:
        people = set(constraints.person[both].tolist()) - {NOBODY}
        return len(people) < 2 and not any(people & constraints.rejected.get(int(row), frozenset()) for row in both)

    while True:
        costs = {
            (cost(x, y), i, j): np.concatenate([x, y])
            for j, y in enumerate(clusters)
            for i, x in enumerate(clusters[:j])
            if allowed(np.concatenate([x, y]))
        }
        best = min(costs, default=(np.inf, 0, 0))
        if best[0] > 0:
            return {frozenset(cluster.tolist()) for cluster in clusters}
        clusters = [cluster for i, cluster in enumerate(clusters) if i not in best[1:]] + [costs[best]]


@st.composite
def problems(draw: st.DrawFn) -> tuple[object, ...]:
    n = draw(st.integers(1, 14))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    centres = random.normal(size=(draw(st.integers(1, 4)), 4))
    vectors = centres[random.integers(0, len(centres), n)] + draw(st.sampled_from([0.2, 0.5])) * random.normal(
        size=(n, 4)
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shift = draw(st.sampled_from([0.0, 0.1])) * random.normal(size=n)
    photos = random.integers(0, draw(st.sampled_from([3, n, 100 * n])), n)
    start = random.integers(0, draw(st.sampled_from([2, n, 10 * n])), n)
    large = draw(st.sampled_from([0.3, 0.8, 2.0]))
    cut2 = cut_by_size(draw(st.sampled_from([0.1, 0.3])), large)
    return start, vectors, shift, photos, draw(st.sampled_from([0.6, np.inf])), cut2, draw(st.sampled_from([0, 0.4]))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_agrees_with_every_pair_looked_at_before_every_join(data: st.DataObject) -> None:
    start, vectors, shift, photos, radius, cut2, penalty = data.draw(problems())
    constraints = data.draw(st.one_of(st.just(Constraints.none(len(start))), decisions(len(start))))
    start = constraints.enforce(start)
    labels = agglomerate(start, vectors, shift, all_pairs(vectors, photos, radius), cut2, penalty, constraints)
    assert as_partition(labels) == written_out(start, vectors, shift, photos, radius, cut2, penalty, constraints)
    assert agrees(constraints, labels)
    assert set(labels.tolist()) == set(range(labels.max() + 1))


def on_a_circle(*angles: float) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def joined(
    vectors: np.ndarray,
    cut2: Cut2,
    *,
    photos: list[int] | None = None,
    shift: list[float] | None = None,
    penalty: float = 0.0,
    constraints: Constraints | None = None,
) -> list[int]:
    """Labels, numbered by their first rows."""
    n = len(vectors)
    of = np.arange(n) if photos is None else np.array(photos)
    moved = np.zeros(n) if shift is None else np.array(shift)
    told = constraints or Constraints.none(n)
    labels = agglomerate(np.arange(n), vectors, moved, all_pairs(vectors, of), cut2, penalty, told).tolist()
    return [list(dict.fromkeys(labels)).index(label) for label in labels]


def flat(cut: float) -> Cut2:
    return lambda sizes: np.full(len(sizes), cut**2)


def test_by_hand() -> None:
    """0 and 0.1 join; their mean squared distance to 0.25 is (0.0622 + 0.0225) / 2 = 0.0423, that is 0.2058²."""
    vectors = on_a_circle(0, 0.1, 0.25)
    assert joined(vectors, flat(0.09)) == [0, 1, 2]
    assert joined(vectors, flat(0.205)) == [0, 0, 1]
    assert joined(vectors, flat(0.206)) == [0, 0, 0]


def test_the_nearest_come_first() -> None:
    """0.2 is within reach of both sides; it goes to the nearer one, and both together are too far."""
    assert joined(on_a_circle(0, 0.11, 0.2), flat(0.12)) == [0, 1, 1]


def test_ties_go_to_the_clusters_made_first() -> None:
    quarter = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # all exactly √2 apart
    labels = joined(quarter, lambda sizes: np.where(sizes == 1, 2.0, 0.0))
    assert labels == [0, 0, 1, 1]


def test_shifts_of_both_sides_count() -> None:
    vectors = on_a_circle(0, 0.2)
    assert joined(vectors, flat(0.15)) == [0, 1]
    assert joined(vectors, flat(0.15), shift=[0.0, 0.0175]) == [0, 0]
    assert joined(vectors, flat(0.15), shift=[0.0175, 0.0]) == [0, 0]
    assert joined(vectors, flat(0.21), shift=[-0.003, -0.003]) == [0, 1]


def test_a_single_face_is_held_to_a_stricter_cut_than_a_cluster() -> None:
    vectors = on_a_circle(0, 0.01, 0.02, 0.2, 0.21, 0.22)
    labels = joined(vectors, cut_by_size(single=0.1**2, large=0.4**2))
    assert labels == [0] * 6
    assert joined(vectors[[0, 5]], cut_by_size(single=0.1**2, large=0.4**2)) == [0, 1]


def test_one_photo_in_common_speaks_against_single_faces_more_than_against_clusters() -> None:
    vectors, cut = on_a_circle(0.0, 0.001, 0.002, 0.003, 0.2, 0.201, 0.202, 0.203), flat(0.21)
    assert joined(vectors, cut) == [0] * 8
    assert joined(vectors[[0, 4]], cut, photos=[7, 7], penalty=0.01) == [0, 1]
    assert joined(vectors, cut, photos=[7, 1, 2, 3, 7, 4, 5, 6], penalty=0.01) == [0] * 8  # one photo of four
    assert joined(vectors, cut, photos=[1, 2, 3, 4, 1, 2, 3, 4], penalty=0.01) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_more_photos_in_common_than_faces_are_no_stronger() -> None:
    vectors = on_a_circle(0, 0.001, 0.2)
    photos = [1, 1, 1]  # the third face shares its photo with both others
    assert joined(vectors, flat(0.3), photos=photos, penalty=0.045) == [0, 0, 0]
    assert joined(vectors, flat(0.3), photos=photos, penalty=0.06) == [0, 0, 1]


@pytest.mark.parametrize("apart", [{"person": [4, 9]}, {"person": [4, NOBODY], "refused": {1: frozenset({4})}}])
def test_what_was_said_is_inherited_by_what_is_joined(apart: dict[str, object]) -> None:
    """Rows 2 and 3 join first with 0 and 1, about whom something was said."""
    vectors = on_a_circle(0.0, 0.1, 0.001, 0.101)
    constraints = Constraints(np.array([*apart["person"], NOBODY, NOBODY]), apart.get("refused", {}))
    assert joined(vectors, flat(1.0)) == [0, 0, 0, 0]
    assert joined(vectors, flat(1.0), constraints=constraints) == [0, 1, 0, 1]


def test_clusters_without_candidates_are_never_joined() -> None:
    nothing = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))
    vectors = on_a_circle(0, 0)
    assert agglomerate(np.arange(2), vectors, np.zeros(2), nothing, flat(9), 0, Constraints.none(2)).tolist() == [0, 1]


def test_nothing_at_all() -> None:
    nothing = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))
    none = np.zeros(0, np.int64)
    assert agglomerate(none, np.zeros((0, 4)), np.zeros(0), nothing, flat(1), 0, Constraints.none(0)).shape == (0,)
