"""What the user has decided, imposed on a partition."""

import numpy as np
import pytest
from clustering_samples import agrees, as_partition, decisions
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.clustering import Constraints
from facesearch.clustering.constraints import NOBODY


@st.composite
def told_partitions(draw: st.DrawFn) -> tuple[Constraints, np.ndarray]:
    n = draw(st.integers(0, 12))
    labels = draw(st.lists(st.integers(0, draw(st.sampled_from([2, 12]))), min_size=n, max_size=n))
    return draw(decisions(n)), np.array(labels, np.int64)


def constraints(*person: int, refused: dict[int, set[int]] | None = None) -> Constraints:
    told = {row: frozenset(people) for row, people in (refused or {}).items()}
    return Constraints(np.array(person, np.int64), told)


@settings(max_examples=200, deadline=None)
@given(told_partitions())
def test_every_outcome_agrees_with_what_was_said(case: tuple[Constraints, np.ndarray]) -> None:
    told, labels = case
    before = labels.copy()
    enforced = told.enforce(labels)
    assert agrees(told, enforced)
    assert set(enforced.tolist()) == set(range(len(set(enforced.tolist()))))
    np.testing.assert_array_equal(labels, before)


@settings(max_examples=200, deadline=None)
@given(told_partitions())
def test_what_agrees_already_stays(case: tuple[Constraints, np.ndarray]) -> None:
    told, labels = case
    once = told.enforce(labels)
    np.testing.assert_array_equal(told.enforce(once), once)
    if agrees(told, labels):
        assert as_partition(once) == as_partition(labels)


@settings(max_examples=200, deadline=None)
@given(told_partitions())
def test_clusters_that_nothing_speaks_against_are_not_torn(case: tuple[Constraints, np.ndarray]) -> None:
    """They may only grow, by the other clusters of their person; others fall into faces that are alone or told."""
    told, labels = case
    enforced, broken = told.enforce(labels), told.broken(labels)
    for label in set(labels.tolist()) - broken:
        assert len(set(enforced[labels == label].tolist())) == 1
    for cluster in as_partition(enforced):
        people = set(told.person[list(cluster)].tolist()) - {NOBODY}
        assert people or len({int(labels[row]) for row in cluster}) == 1  # nothing is joined but for a person's sake


def test_clusters_of_one_person_become_one_with_all_that_is_in_them() -> None:
    assert constraints(5, -1, 5, -1, -1).enforce(np.array([0, 0, 1, 1, 2])).tolist() == [0, 0, 0, 0, 1]


def test_a_cluster_of_two_people_falls_apart() -> None:
    labels = constraints(5, 5, 6, -1, -1).enforce(np.array([0, 0, 0, 0, 1]))
    assert as_partition(labels) == {frozenset({0, 1}), frozenset({2}), frozenset({3}), frozenset({4})}


def test_a_face_that_is_not_the_person_of_its_cluster_breaks_it() -> None:
    labels = constraints(5, 5, -1, -1, refused={2: {5}}).enforce(np.array([0, 0, 0, 0]))
    assert as_partition(labels) == {frozenset({0, 1}), frozenset({2}), frozenset({3})}


def test_a_refusal_of_somebody_elsewhere_breaks_nothing() -> None:
    assert constraints(5, -1, -1, refused={2: {5, 9}}).enforce(np.array([0, 1, 1])).tolist() == [0, 1, 1]


def test_nothing_said_and_no_faces() -> None:
    assert Constraints.none(3).enforce(np.array([4, 2, 4])).tolist() == [1, 0, 1]
    assert Constraints.none(0).enforce(np.zeros(0, np.int64)).shape == (0,)


@settings(max_examples=100, deadline=None)
@given(told_partitions(), st.randoms(use_true_random=False))
def test_rows_follow_their_faces(case: tuple[Constraints, np.ndarray], random: object) -> None:
    told, _ = case
    order = list(range(len(told.person)))
    random.shuffle(order)  # type: ignore[attr-defined]
    some = np.array(order[: len(order) // 2 + 1], np.int64)
    taken = told.rows(some)
    assert [taken.rejected.get(i, frozenset()) for i in range(len(some))] == [
        told.rejected.get(int(row), frozenset()) for row in some
    ]
    np.testing.assert_array_equal(taken.person, told.person[some])


# -- linking again ------------------------------------------------------------------------------------------------

PAIRS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.booleans()), max_size=30)


@settings(max_examples=200, deadline=None)
@given(told_partitions(), PAIRS)
def test_links_only_as_far_as_was_said(
    case: tuple[Constraints, np.ndarray], pairs: list[tuple[int, int, bool]]
) -> None:
    told, labels = case
    start = told.enforce(labels)
    inside = [(a, b, once) for a, b, once in pairs if max(a, b) < len(start)]
    a, b = (np.array([pair[i] for pair in inside], np.int64) for i in (0, 1))
    once = np.array([pair[2] for pair in inside], bool)
    linked = told.linked(start, a, b, once)
    assert agrees(told, linked)
    assert all(len({int(linked[row]) for row in cluster}) == 1 for cluster in as_partition(start))
    for x, y in zip(a[~once], b[~once], strict=True):  # what stayed apart had to
        together = np.where(linked == linked[x], linked[y], linked)
        assert linked[x] == linked[y] or not agrees(told, together)


@pytest.mark.parametrize(("once", "labels"), [(False, [0, 0, 0]), (True, [0, 0, 1])])
def test_a_border_face_joins_one_side_only(once: bool, labels: list[int]) -> None:
    """Row 0 is linked to 1 first, and then, being no longer alone, to 2 only if it may be."""
    told = Constraints.none(3)
    linked = told.linked(np.arange(3), np.array([0, 0]), np.array([1, 2]), np.array([once, once]))
    assert as_partition(linked) == as_partition(np.array(labels))
