"""What a quality means, and that of faces that were stored without one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.core.quality import TOO_POOR, WEAK, earlier_qualities, earlier_quality, excess_of, quality_of

GOOD = {"side": 200.0, "score": 0.9999, "sharpness": 0.1, "eyes": 1.0}


def of_face(**other: float) -> float:
    """The excess of a face that is good but for what is given. eyes: how far apart, in heights from eyes to mouth."""
    face = GOOD | other
    side, height = face["side"], face["side"] * 0.4
    half = face["eyes"] * height / 2
    landmarks = np.array([[(-half, 0), (half, 0), (0, height / 2), (-half, height), (half, height)]])
    boxes, scores, sharpness = np.array([[0, 0, side, 1.3 * side]]), np.array([face["score"]]), face["sharpness"]
    return float(excess_of(earlier_qualities(boxes, landmarks, scores, np.array([sharpness])))[0])


def test_a_good_face_has_none() -> None:
    assert of_face() == 0


@pytest.mark.parametrize(
    ("poor", "nats"),
    [
        ({"side": 45.0}, 0.9),  # an octave below 90 pixels
        ({"side": 22.5}, 1.8),
        ({"side": 1.0}, 1.8),
        ({"sharpness": 0.0125}, 0.35),
        ({"sharpness": 0.0}, 3 * 0.35),
        ({"score": 0.99}, 0.7),  # a decade of doubt
        ({"score": 0.5}, 0.7 * 2.5),  # never more than that
        ({"score": 1.0}, 0),
        ({"eyes": 0.6}, 4 * 0.25),
        ({"eyes": 0.0}, 4 * 0.35),
        ({"side": 45.0, "eyes": 0.6, "sharpness": 0.0125}, 0.9 + 1.0 + 0.35),
    ],
)
def test_by_hand(poor: dict[str, float], nats: float) -> None:
    assert of_face(**poor) == pytest.approx(nats, abs=1e-9)


@settings(max_examples=200)
@given(
    st.sampled_from(["side", "score", "sharpness", "eyes"]),
    st.fixed_dictionaries(
        {
            "side": st.floats(0, 500),
            "score": st.floats(0, 1),
            "sharpness": st.floats(0, 1),
            "eyes": st.floats(0, 2),
        }
    ),
    st.floats(0, 1),
)
def test_never_rises_when_one_thing_gets_better(what: str, face: dict[str, float], share: float) -> None:
    worse = face | {what: face[what] * share}
    assert of_face(**face) <= of_face(**worse) + 1e-9
    assert 0 <= of_face(**worse) < 10


def test_tilting_the_head_in_the_picture_changes_nothing() -> None:
    upright = np.array([(-20.0, 0), (20, 0), (0, 25), (-15, 50), (15, 50)])
    turn = np.array([[np.cos(1.1), -np.sin(1.1)], [np.sin(1.1), np.cos(1.1)]])
    boxes, score, sharp = np.array([[0.0, 0, 60, 60]] * 2), np.array([0.99, 0.99]), np.array([0.01, 0.01])
    a, b = earlier_qualities(boxes, np.stack([upright, upright @ turn.T]), score, sharp)
    assert a == pytest.approx(b)


def test_no_faces() -> None:
    none = earlier_qualities(np.zeros((0, 4)), np.zeros((0, 5, 2), np.float32), np.zeros(0), np.zeros(0))
    assert none.shape == (0,)
    assert none.dtype == np.float64


@pytest.mark.parametrize(("nats", "quality"), [(0, 1), (2, WEAK), (4, TOO_POOR), (1, 0.5**0.5)])
def test_a_quality_halves_with_every_two_nats(nats: float, quality: float) -> None:
    assert quality_of(nats) == pytest.approx(quality)
    assert excess_of(quality) == pytest.approx(nats)


def test_what_is_worse_than_poor_is_no_more_alike() -> None:
    assert excess_of([0.0, 0.01, 0.125, 1.0]).tolist() == [6, 6, 6, 0]


@pytest.mark.parametrize(
    ("side", "eyes", "score", "sharpness", "defect"),
    [
        (200.0, 1.0, 0.9999, 0.1, ""),
        (22.0, 0.6, 0.9999, 0.1, "small (22 pixels), turned away"),
        (61.0, 0.71, 0.991, 0.011, "small, blurred and turned a little each"),
        (200.0, 0.6, 0.5, 0.001, "blurred, doubtful as a face (50%), turned away"),
    ],
)
def test_what_lowers_it_is_said(side: float, eyes: float, score: float, sharpness: float, defect: str) -> None:
    landmarks = np.array([(-eyes / 2, 0), (eyes / 2, 0), (0, 0.5), (-eyes / 2, 1), (eyes / 2, 1)])
    quality, said = earlier_quality((0.0, 0.0, side, side), landmarks, score, sharpness)
    assert said == defect
    assert (quality <= WEAK) == bool(defect)
