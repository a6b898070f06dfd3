"""Which faces are the same ones, when two detectors have looked at a photo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.core.matching import LEAST_OVERLAP, match
from facesearch.core.types import Face

# In shares of a face's box, about as detectors have them.
POINTS = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)], np.float32)


def face(x: float, y: float, side: float, box_side: float | None = None) -> Face:
    """A face of this side around a middle; its box may be drawn larger or smaller."""
    half = (box_side or side) / 2
    landmarks = (POINTS - 0.5) * np.float32(side) + np.array([x, y], np.float32)
    return Face((x - half, y - half, x + half, y + half), landmarks.astype(np.float32), 0.9)


def test_nobody_is_nobody() -> None:
    assert match([], []) == match([face(50, 50, 40)], []) == match([], [face(50, 50, 40)]) == {}


def test_a_face_is_itself_in_whatever_order() -> None:
    faces = [face(50, 50, 40), face(150, 50, 40), face(250, 60, 80)]
    assert match(faces, [faces[2], faces[0], faces[1]]) == {0: 2, 1: 0, 2: 1}


@pytest.mark.parametrize("box_side", [22, 30, 40, 60, 72, 100, 200])
def test_another_box_around_the_same_face(box_side: float) -> None:
    """By the overlap up to 1.8 times the side, by the landmarks beyond that."""
    assert match([face(50, 50, 40)], [face(52, 49, 40, box_side)]) == {0: 0}


def test_a_neighbour_is_not_the_same() -> None:
    assert match([face(50, 50, 40)], [face(80, 50, 40)]) == {}  # boxes overlap by a seventh


def test_a_face_on_a_shirt_is_not_the_one_above_it() -> None:
    above, shirt = face(100, 60, 80), face(100, 90, 16)
    assert match([above], [shirt]) == {}
    assert match([above, shirt], [shirt, above]) == {0: 1, 1: 0}


def test_the_best_pair_comes_first_and_nobody_is_two() -> None:
    old = [face(50, 50, 40), face(62, 50, 40)]
    assert match(old, [face(61, 50, 40)]) == {0: 1}
    assert match(old[:1], [face(60, 50, 40), face(52, 50, 40)]) == {1: 0}
    assert match(old, [face(55, 50, 40), face(61, 50, 40)]) == {1: 1, 0: 0}


def test_boxes_without_a_surface_match_nothing_and_break_nothing() -> None:
    flat = Face((10, 10, 10, 10), np.full((5, 2), 10, np.float32), 0.5)
    assert match([flat], [face(50, 50, 40)]) == {}


places = st.builds(
    face, st.integers(0, 200), st.integers(0, 200), st.integers(8, 80), st.none() | st.integers(8, 160).map(float)
)


@given(st.lists(places, max_size=6), st.lists(places, max_size=6))
def test_it_is_one_to_one_and_only_alike_faces_match(old: list[Face], new: list[Face]) -> None:
    matched = match(old, new)
    assert len(set(matched.values())) == len(matched)
    assert set(matched) <= set(range(len(new)))
    for row, column in matched.items():
        assert overlap(new[row], old[column]) >= LEAST_OVERLAP - 1e-9 or near(new[row], old[column])
    rows, columns = set(range(len(new))) - set(matched), set(range(len(old))) - set(matched.values())
    assert not any(overlap(new[row], old[column]) >= LEAST_OVERLAP + 1e-9 for row in rows for column in columns)


@given(st.lists(places, max_size=6), st.lists(places, max_size=6))
def test_no_unmatched_pair_would_overlap_more_than_both_of_its_matches(old: list[Face], new: list[Face]) -> None:
    """Greedy is stable: whoever is not with somebody is with somebody at least as near, or that one is."""
    matched = match(old, new)
    back = {column: row for row, column in matched.items()}
    for row, one in enumerate(new):
        for column, other in enumerate(old):
            if (here := overlap(one, other)) >= LEAST_OVERLAP and matched.get(row) != column:
                mine = overlap(one, old[matched[row]]) if row in matched else -1.0
                theirs = overlap(new[back[column]], other) if column in back else -1.0
                assert max(mine, theirs) >= here - 1e-9


@given(st.lists(places, min_size=1, max_size=5, unique_by=lambda one: one.box), st.randoms())
def test_the_order_of_distinct_faces_does_not_matter(faces: list[Face], random: object) -> None:
    shuffled = list(range(len(faces)))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    matched = match(faces, [faces[i] for i in shuffled])
    assert {row: faces[column].box for row, column in matched.items()} == {
        row: faces[i].box for row, i in enumerate(shuffled)
    }


def overlap(a: Face, b: Face) -> float:
    """Intersection over union, written out."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    shared = width * height if width > 0 and height > 0 else 0.0
    return shared / (area(a) + area(b) - shared)


def area(one: Face) -> float:
    return (one.box[2] - one.box[0]) * (one.box[3] - one.box[1])


def near(a: Face, b: Face) -> bool:
    """The points are half their spread from each other at most, written out."""
    spreads = [np.sqrt(((f.landmarks - f.landmarks.mean(axis=0)) ** 2).sum(axis=1).mean()) for f in (a, b)]
    return float(np.linalg.norm(a.landmarks - b.landmarks, axis=1).mean()) <= 0.5 * min(spreads) + 1e-5
