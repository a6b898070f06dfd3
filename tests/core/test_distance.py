import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import facesearch.calibration.files
from facesearch.calibration import Calibration, MadeFrom, ProbabilityCurve, load_calibration
from facesearch.core.distance import l2, l2_matrix, squared_l2, squared_l2_matrix
from facesearch.core.errors import InputError
from facesearch.core.settings import ModelSpec, Preprocessing

POINTS = ((38.0, 51.0), (73.0, 51.0), (56.0, 71.0), (41.0, 92.0), (70.0, 92.0))
SPEC = ModelSpec("tiny", "test", 4, Preprocessing((112, 112), POINTS, (0.0,) * 3, (1.0,) * 3), "00")
CURVE = ProbabilityCurve(offset=10.0, slopes=(10.0, 40.0, 5.0), knots=(0.2, 0.5), width=0.05)
CALIBRATION = Calibration(
    model="tiny",
    fingerprint=SPEC.fingerprint,
    far_curve=((1.0, 1.2), (1e-1, 0.8), (1e-2, 0.6), (1e-3, 0.5), (1e-4, 0.4)),
    measured_far=1e-3,
    probability_curve=CURVE,
    made_from=MadeFrom("strangers", 200, 10_000, "2026-11-23", "by hand"),
)


def unit(n: int, dim: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_distances_by_hand():
    east, north, west = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]
    assert squared_l2([east, east, east], [east, north, west]).tolist() == [0, 2, 4]
    assert l2([east, east, east], [east, north, west]).tolist() == [0, math.sqrt(2), 2]
    assert squared_l2_matrix([east, north], [east, west]).tolist() == [[0, 4], [2, 2]]
    assert float(l2(east, west)) == 2


def test_matrix_agrees_with_rows():
    a, b = unit(30, 128, 0), unit(20, 128, 1)
    written_out = [[math.dist(row, column) for column in b.tolist()] for row in a.tolist()]
    np.testing.assert_allclose(l2_matrix(a, b), written_out, rtol=1e-12)


@pytest.mark.parametrize("gap", [1e-7, 1e-5, 1e-3, 1e-2, 3e-2])
def test_tiny_distances_keep_their_digits(gap: float):
    a = np.asarray([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
    b = a + np.asarray([0.0, 0.0, gap])
    np.testing.assert_allclose(np.diag(l2_matrix(a, b)), gap, rtol=1e-9)
    np.testing.assert_allclose(l2(a, b), gap, rtol=1e-9)


def test_duplicates_are_exactly_zero_apart():
    a = np.repeat(unit(3, 16, 2), 200, axis=0)  # more near pairs than are recomputed at a time
    distances = l2_matrix(a, a)
    assert np.count_nonzero(distances == 0) == 3 * 200 * 200
    np.testing.assert_array_equal(distances, distances.T)


def test_no_rows():
    assert l2_matrix(np.zeros((0, 4)), unit(3, 4, 0)).shape == (0, 3)
    assert l2(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)


@pytest.mark.parametrize(("a", "b"), [([[1.0, 2.0]], [[1.0]]), ([[1.0, 2.0]], [1.0, 2.0]), (1.0, 1.0)])
def test_rows_need_equal_shapes(a: object, b: object):
    with pytest.raises(InputError):
        l2(a, b)


def test_matrix_needs_equal_dimensions():
    with pytest.raises(InputError):
        l2_matrix(np.zeros((2, 3)), np.zeros((2, 4)))


def test_plain_logistic():
    curve = ProbabilityCurve(offset=3.0, slopes=(6.0,))
    np.testing.assert_allclose(curve([0.0, 0.5, 1.0]), [1 / (1 + math.exp(-3)), 0.5, 1 / (1 + math.exp(3))])


def test_log_odds_follow_the_polyline_away_from_its_knots():
    sharp = dataclasses.replace(CURVE, width=1e-3)
    expected = [10 - 10 * 0.1, 10 - 10 * 0.2 - 40 * 0.1, 10 - 10 * 0.2 - 40 * 0.3 - 5 * 0.5]
    np.testing.assert_allclose(sharp.log_odds([0.1, 0.3, 1.0]), expected, atol=1e-9)


@given(
    st.floats(-50, 50),
    st.lists(st.floats(0.1, 100), min_size=4, max_size=4),
    st.lists(st.integers(0, 200), min_size=3, max_size=3, unique=True),
    st.floats(0.001, 1),
)
def test_log_odds_strictly_decrease(offset: float, slopes: list[float], percents: list[int], width: float):
    curve = ProbabilityCurve(offset, tuple(slopes), tuple(p / 100 for p in sorted(percents)), width)
    assert np.all(np.diff(curve.log_odds(np.linspace(0, 2, 201))) < 0)


def test_probability_is_smooth_and_keeps_shape():
    steps = np.linspace(0, 2, 20_001)
    probability = CALIBRATION.probability(steps)
    assert np.all(np.diff(probability) < 0)
    assert np.abs(np.diff(probability, n=2)).max() < 1e-5  # a corner would be of the order of the slope, 1e-3
    assert CALIBRATION.probability(np.zeros((2, 3))).shape == (2, 3)
    assert np.isnan(CALIBRATION.probability(np.nan))


@pytest.mark.parametrize(
    "change",
    [{"slopes": (1.0,)}, {"slopes": (1.0, 0.0, 1.0)}, {"knots": (0.5, 0.5)}, {"width": 0.0}, {"offset": math.nan}],
)
def test_impossible_curves(change: dict):
    with pytest.raises(InputError):
        dataclasses.replace(CURVE, **change)


def test_thresholds():
    assert CALIBRATION.threshold() == pytest.approx(0.5)
    assert CALIBRATION.threshold(10**-2.5) == pytest.approx(0.55)
    assert CALIBRATION.threshold(1) == 1.2
    assert CALIBRATION.thresholds == tuple((far, CALIBRATION.threshold(far)) for far in (1e-2, 1e-3, 1e-4))


@pytest.mark.parametrize("far", [0.0, 9e-5, 1.1, math.nan])
def test_threshold_outside_the_curve(far: float):
    with pytest.raises(InputError, match=r"0\.0001 to 1"):
        CALIBRATION.threshold(far)


@given(st.floats(1e-4, 1))
def test_far_inverts_threshold(far: float):
    assert float(CALIBRATION.far(CALIBRATION.threshold(far))) == pytest.approx(far, rel=1e-6)


def test_far_beyond_the_curve():
    far = CALIBRATION.far([2.0, 1.2, 0.4, 0.3, 0.0])
    np.testing.assert_allclose(far, [1, 1, 1e-4, 1e-5, 1e-8])
    assert CALIBRATION.far(0.3).shape == ()
    assert np.isnan(CALIBRATION.far(np.nan))


@pytest.mark.parametrize(
    "curve",
    [
        (),
        ((1.0, 0.5),),
        ((0.5, 1.2), (0.1, 0.8)),
        ((1.0, 2.1), (0.1, 0.8)),
        ((1.0, 1.2), (0.1, -0.1)),
        ((1.0, 1.2), (0.1, 1.2)),
        ((1.0, 1.2), (1.0, 0.8)),
        ((1.0, 1.2), (0.0, 0.8)),
        ((1.0, 1.2), (math.nan, 0.8)),
    ],
)
def test_impossible_far_curves(curve: tuple):
    with pytest.raises(InputError):
        dataclasses.replace(CALIBRATION, far_curve=curve)


def test_json_round_trip():
    text = CALIBRATION.to_json()
    assert Calibration.from_json(text) == CALIBRATION
    assert Calibration.from_json(text).to_json() == text
    assert len(text.splitlines()) == len(dataclasses.fields(Calibration)) + 2


@pytest.mark.parametrize(
    "change",
    [{"extra": 1}, {"far_curve": [[1.0]]}, {"far_curve": "x"}, {"probability_curve": {}}, {"made_from": None}],
)
def test_json_that_is_no_calibration(change: dict):
    fields = json.loads(CALIBRATION.to_json()) | change
    with pytest.raises(InputError):
        Calibration.from_json(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "[]", "3", "{}"])
def test_text_that_is_no_calibration(text: str):
    with pytest.raises(InputError):
        Calibration.from_json(text)


def test_packaged_calibration_belongs_to_one_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(facesearch.calibration.files, "CALIBRATIONS", tmp_path)
    assert load_calibration(SPEC) is None
    (tmp_path / "tiny.json").write_text(CALIBRATION.to_json())
    assert load_calibration(SPEC) == CALIBRATION
    assert load_calibration(dataclasses.replace(SPEC, weights_sha256="01")) is None


def test_a_model_named_by_its_path_has_no_packaged_calibration(tmp_path, monkeypatch):
    monkeypatch.setattr(facesearch.calibration.files, "CALIBRATIONS", tmp_path / "calibrations")
    (tmp_path / "calibrations").mkdir()
    (tmp_path / "tiny.json").write_text(CALIBRATION.to_json())
    assert load_calibration(dataclasses.replace(SPEC, name="../tiny")) is None
