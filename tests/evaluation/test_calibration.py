import math
from itertools import combinations

import numpy as np
import pytest

from facesearch.calibration import Calibration
from facesearch.core.errors import InputError
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.evaluation import DistanceHistogram, fit_calibration, split_pairs

POINTS = ((38.0, 51.0), (73.0, 51.0), (56.0, 71.0), (41.0, 92.0), (70.0, 92.0))
SPEC = ModelSpec("tiny", "test", 4, Preprocessing((112, 112), POINTS, (0.0,) * 3, (1.0,) * 3), "00")


def fit(same: object, different: object) -> Calibration:
    return fit_calibration(SPEC, same, different, dataset="made up", how="by a test", date="2026-11-23")


def normal(mean: float, std: float, n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, std, n).clip(0, 2)


def histogram(distances: np.ndarray, bins: int = 20_000) -> DistanceHistogram:
    return DistanceHistogram(*np.histogram(distances, bins=bins, range=(0, 2)))


SAME, DIFFERENT = normal(0.6, 0.1, 20_000, 0), normal(1.0, 0.1, 100_000, 1)


def test_records_what_it_was_made_from():
    calibration = fit(SAME, DIFFERENT)
    assert (calibration.model, calibration.fingerprint) == ("tiny", SPEC.fingerprint)
    made = calibration.made_from
    assert (made.same_pairs, made.different_pairs, made.date) == (20_000, 100_000, "2026-11-23")
    assert calibration.measured_far == pytest.approx(1e-4)
    assert Calibration.from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize("far", [1.0, 1e-1, 1e-2, 1e-3, 1e-4])
def test_thresholds_of_the_table_accept_at_most_their_rate(far: float):
    accepted = np.mean(fit(SAME, DIFFERENT).threshold(far) >= DIFFERENT)
    assert far * 0.85 - 2e-5 <= accepted <= far


def test_threshold_by_counting():
    different = np.linspace(1.0, 1.999, 1_000)  # the i-th of a thousand is 1 + (i - 1) / 1000
    calibration = fit(SAME, different)
    assert calibration.threshold(0.1) == pytest.approx(1.099, abs=2e-6)
    assert calibration.threshold(1.0) == pytest.approx(1.999, abs=2e-6)


def test_histogram_of_the_same_pairs_gives_the_same_curve():
    exact, binned = fit(SAME, DIFFERENT), fit(histogram(SAME), histogram(DIFFERENT))
    np.testing.assert_allclose(np.asarray(binned.far_curve), np.asarray(exact.far_curve), atol=2e-4)
    at = np.linspace(0.3, 1.3, 50)
    np.testing.assert_allclose(binned.probability(at), exact.probability(at), atol=2e-3)


def test_empty_bins_and_bins_beyond_two_add_no_points():
    counts = np.zeros(500, np.int64)
    counts[[300, 301, 400, 499]] = [50, 0, 4_000, 5_950]
    curve = np.asarray(fit(SAME, DistanceHistogram(counts, np.linspace(0, 2, 501))).far_curve)
    assert curve[0].tolist() == [1, 2]
    assert np.all(np.diff(curve, axis=0) < 0)


def test_rates_too_rare_to_count_are_extrapolated_log_linearly():
    # Exactly exponential tail: FAR(d) = 10 ** ((d - 1) * 10), so every tenth is a factor of ten.
    different = 1 + np.log10(np.arange(1, 10_001) / 10_000) / 10
    calibration = fit(SAME, different)
    assert calibration.measured_far == pytest.approx(1e-3)
    assert calibration.threshold(1e-5) == pytest.approx(0.5, abs=1e-4)
    assert calibration.threshold(1e-6) == pytest.approx(0.4, abs=1e-4)
    assert float(calibration.far(0.3)) == pytest.approx(1e-7, rel=0.01)


def test_extrapolation_stops_above_distance_zero():
    different = np.linspace(0, 2, 100_000)  # no tail at all
    curve = np.asarray(fit(normal(0.2, 0.05, 500, 0), different).far_curve)
    assert 0 < curve[-1, 1] < 0.05
    assert curve[-1, 0] > 1e-6


def test_probability_of_equally_wide_normal_distances_is_the_logistic():
    # log N(d; 0.6, 0.1) - log N(d; 1.0, 0.1) = 40 (0.8 - d)
    at = np.linspace(0.5, 1.1, 61)
    np.testing.assert_allclose(fit(SAME, DIFFERENT).probability(at), 1 / (1 + np.exp(-40 * (0.8 - at))), atol=0.03)


def test_probability_follows_a_tail_that_no_logistic_fits():
    # A tenth of the same pairs lies among the strangers, as hard poses and wrong labels do.
    same = np.concatenate([normal(0.6, 0.1, 18_000, 0), normal(0.95, 0.15, 2_000, 2)])
    calibration = fit(same, DIFFERENT)
    for low in np.arange(0.5, 1.1, 0.05):
        same_here = np.mean((same >= low) & (same < low + 0.05))
        different_here = np.mean((low <= DIFFERENT) & (low + 0.05 > DIFFERENT))
        share = same_here / (same_here + different_here)
        assert float(calibration.probability(low + 0.025)) == pytest.approx(share, abs=0.07)


def test_probability_does_not_depend_on_how_many_pairs_each_kind_has():
    at = np.linspace(0, 2, 50)
    few, many = fit(SAME[:5_000], DIFFERENT).probability(at), fit(SAME, DIFFERENT).probability(at)
    np.testing.assert_allclose(few, many, atol=0.03)


@pytest.mark.parametrize("different", [normal(1.3, 0.02, 5_000, 1), np.full(5_000, 1.3)])
@pytest.mark.parametrize("same", [normal(0.4, 0.02, 500, 0), np.zeros(500)])
def test_perfectly_separated_pairs_have_a_finite_strictly_decreasing_curve(same: np.ndarray, different: np.ndarray):
    different = np.append(different, [1.25, 1.35])
    calibration = fit(same, different)
    log_odds = calibration.probability_curve.log_odds(np.linspace(0, 2, 400))
    assert np.all(np.diff(log_odds) < 0)
    assert float(calibration.probability(np.median(same))) > 0.98
    assert float(calibration.probability(1.3)) < 0.02
    assert log_odds.max() < 30


@pytest.mark.parametrize(
    ("same", "different", "message"),
    [
        (SAME[:99], DIFFERENT, "100 same-person pairs, not 99"),
        (SAME, DIFFERENT[:999], "1,000 different-person pairs, not 999"),
        (np.append(SAME, math.nan), DIFFERENT, "face was not found"),
        (SAME, np.append(DIFFERENT, 2.1), r"\[0, 2\]"),
        (DIFFERENT, SAME, "wrong labels"),
    ],
)
def test_distances_that_carry_no_calibration(same: np.ndarray, different: np.ndarray, message: str):
    with pytest.raises(InputError, match=message):
        fit(same, different)


@pytest.mark.parametrize(
    ("counts", "edges"), [([1, 2], [0, 1]), ([1], [1, 0]), ([-1], [0, 1]), ([1], [0, math.nan]), ([[1]], [0, 1])]
)
def test_impossible_histograms(counts: list, edges: list):
    with pytest.raises(InputError):
        DistanceHistogram(np.asarray(counts), np.asarray(edges, dtype=np.float64))


def test_split_pairs_agrees_with_pairs_written_out(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(40, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people = np.random.default_rng(1).integers(0, 6, 40)
    monkeypatch.setattr("facesearch.evaluation.calibration.BLOCK_PAIRS", 300)
    same, different = split_pairs(vectors, people, same_per_person=1_000, bins=50)
    written_out: dict[bool, list[float]] = {True: [], False: []}
    for i, j in combinations(range(40), 2):
        written_out[bool(people[i] == people[j])].append(math.dist(vectors[i], vectors[j]))
    np.testing.assert_allclose(np.sort(same), np.sort(written_out[True]))
    np.testing.assert_array_equal(different.counts, np.histogram(written_out[False], bins=50, range=(0, 2))[0])


def test_a_person_with_many_photos_does_not_outweigh_the_others():
    vectors = np.eye(30, dtype=np.float32)
    names = ["often"] * 26 + ["rarely"] * 4
    same, different = split_pairs(vectors, names, same_per_person=6)
    assert len(same) == 12
    assert different.counts.sum() == 26 * 4
    again, _ = split_pairs(vectors, names, same_per_person=6)
    np.testing.assert_array_equal(same, again)


def test_a_model_that_tells_nobody_apart_has_no_calibration() -> None:
    """Strangers at distance 0 would make a threshold that accepts more than it says."""
    generator = np.random.default_rng(0)
    different = np.concatenate([np.zeros(100), generator.uniform(0.2, 1, 4900)])
    with pytest.raises(InputError, match=r"0\.001"):
        fit_calibration(SPEC, generator.uniform(0, 0.3, 500), different, dataset="made up", how="drawn")
