"""What distances mean in a search: evidence, the posterior over people and nobody, FPIR, and how it is kept."""

import json
from dataclasses import replace

import numpy as np
import pytest

from facesearch.calibration import (
    CALIBRATIONS,
    Calibration,
    Evidence,
    Identification,
    SearchesFrom,
    answer_log_odds,
)
from facesearch.core.errors import InputError

CALIBRATION = Calibration.from_json((CALIBRATIONS / "dlib.json").read_text(encoding="utf-8"))
PAIRS = replace(CALIBRATION, identification=None)
EVIDENCE = Evidence((20.0, 40.0), (25.0, 55.0))
MADE = Identification(
    EVIDENCE, 1.2, -0.4, ((0.1, -1.0), (0.01, 1.0), (0.001, 2.0)), SearchesFrom("a", 10, 5, "2026-11-26", "so")
)


# -- evidence ---------------------------------------------------------------------------------------------------------


def test_one_face_is_a_line_in_the_squared_distance() -> None:
    assert EVIDENCE.log_ratio([0.25]) == pytest.approx(20 - 40 * 0.25)


def test_the_average_is_of_ratios_and_the_nearest_counts_most() -> None:
    squared = np.array([0.2, 0.9, 0.9, 0.9])
    ratios = np.exp(20 - 40 * squared)
    assert EVIDENCE.soft_nearest(squared) == pytest.approx((20 - np.log(ratios.mean())) / 40)
    assert 0.2 < EVIDENCE.soft_nearest(squared) < 0.25


def test_equal_distances_are_worth_their_value_however_many_faces() -> None:
    assert EVIDENCE.soft_nearest(np.full(50, 0.4)) == pytest.approx(0.4)


def test_more_near_faces_say_more_and_more_far_ones_less() -> None:
    one, many = EVIDENCE.log_ratio([0.2]), EVIDENCE.log_ratio(np.full(9, 0.2))
    assert many > one
    assert EVIDENCE.log_ratio(np.full(9, 0.7)) < EVIDENCE.log_ratio([0.7])


def test_a_chance_resemblance_to_one_of_many_faces_is_worth_less_than_to_the_only_one() -> None:
    assert EVIDENCE.log_ratio([0.3, *[1.0] * 99]) < EVIDENCE.log_ratio([0.3])


def test_faces_that_stand_for_others_count_for_them() -> None:
    squared, all_of_them = [0.2, 0.6], [0.2, 0.6, 0.6, 0.6]
    shares = np.array([0.25, 0.75])
    assert EVIDENCE.log_ratio(squared, 4, shares) == pytest.approx(float(EVIDENCE.log_ratio(all_of_them)))


def test_a_ratio_stays_finite() -> None:
    assert Evidence((1e6, 1.0), (1e6, 1.0)).log_ratio([0.0]) == 60


@pytest.mark.parametrize("line", [(1.0, 0.0), (1.0, -1.0), (np.nan, 1.0), (1.0, np.inf)])
def test_lines_that_are_no_evidence(line: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="evidence"):
        Evidence(line, (1.0, 1.0))


# -- the answer -------------------------------------------------------------------------------------------------------


def test_the_more_are_searched_the_less_a_ratio_says() -> None:
    few, many = (float(answer_log_odds([8.0], None, searched)[0][0]) for searched in (10, 10_000))
    assert few == pytest.approx(8 - np.log(10))
    assert many == pytest.approx(8 - np.log(10_000))


def test_two_people_who_are_equally_near_share_the_odds() -> None:
    odds, anybody = answer_log_odds([20.0, 20.0], np.eye(2), 10)
    np.testing.assert_allclose(odds, 0.0, atol=1e-6)
    assert anybody > 17


def test_faces_of_one_person_support_each_other() -> None:
    apart, _ = answer_log_odds([5.0, 5.0], np.eye(2), 10)
    alike, anybody = answer_log_odds([5.0, 5.0], np.ones((2, 2)), 10)
    assert (apart < 0).all()
    np.testing.assert_allclose(alike, 5 + np.log(2) - np.log(10))
    assert anybody == pytest.approx(alike[0])


def test_searches_side_by_side_are_those_one_by_one() -> None:
    ratios, alike = np.array([[3.0, 1.0], [-2.0, 6.0]]), np.array([[1.0, 0.3], [0.1, 1.0]])
    odds, anybody = answer_log_odds(ratios, alike, 7)
    for row in range(2):
        alone, all_of_them = answer_log_odds(ratios[row], alike, 7)
        np.testing.assert_allclose(odds[row], alone)
        np.testing.assert_allclose(anybody[row], all_of_them)


def test_nothing_to_choose_from() -> None:
    odds, anybody = answer_log_odds(np.zeros(0), np.zeros((0, 0)), 0)
    assert len(odds) == 0
    assert anybody < -600


# -- FPIR and probability ---------------------------------------------------------------------------------------------


def test_threshold_and_fpir_are_each_others_inverse_also_beyond_the_curve() -> None:
    for fpir in (0.5, 0.1, 0.02, 0.01, 0.005, 1e-3, 1e-5):
        assert MADE.fpir(MADE.threshold(fpir)) == pytest.approx(fpir)
    assert MADE.threshold(0.01) == 1.0
    assert MADE.threshold(1e-4) == pytest.approx(3.0)
    assert MADE.fpir(-50.0) == 1


@pytest.mark.parametrize("fpir", [0.0, 1.0, -0.1, 2.0])
def test_no_such_fpir(fpir: float) -> None:
    with pytest.raises(InputError, match="FPIR"):
        MADE.threshold(fpir)


def test_probability_is_a_logistic_of_the_log_odds() -> None:
    assert MADE.probability(2.0) == pytest.approx(1 / (1 + np.exp(-(1.2 * 2 - 0.4))))
    assert MADE.probability([-800.0, 800.0]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "curve", [(), ((0.1, 1.0),), ((0.1, 1.0), (0.1, 2.0)), ((0.1, 2.0), (0.01, 1.0)), ((0.1, 1.0), (0.0, 2.0))]
)
def test_curves_that_are_none(curve: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(InputError, match="FPIR curve"):
        replace(MADE, fpir_curve=curve)


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"scale": np.nan}, {"shift": np.inf}])
def test_scales_that_are_none(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="scale"):
        replace(MADE, **change)


# -- where it is kept -------------------------------------------------------------------------------------------------


def test_a_calibration_keeps_it_in_its_file() -> None:
    whole = replace(CALIBRATION, identification=MADE)
    assert Calibration.from_json(whole.to_json()) == whole
    assert whole.search is whole.identification


def test_an_old_file_without_it_still_works_and_says_that_it_was_not_measured() -> None:
    fields = json.loads(PAIRS.to_json())
    del fields["identification"]
    old = Calibration.from_json(json.dumps(fields))
    assert old == PAIRS
    assert old.search.made_from is None


@pytest.mark.parametrize("key", ["evidence", "scale", "fpir_curve", "made_from"])
def test_a_damaged_part_is_said(key: str) -> None:
    fields = json.loads(replace(CALIBRATION, identification=MADE).to_json())
    del fields["identification"][key]
    with pytest.raises(InputError, match="not a calibration"):
        Calibration.from_json(json.dumps(fields))


def test_from_pairs_agrees_with_the_pairs_and_is_on_the_safe_side() -> None:
    found = PAIRS.search
    for far in (1e-2, 1e-4):
        distance = PAIRS.threshold(far)
        measured = float(PAIRS.probability_curve.log_odds(distance))
        assert found.evidence.log_ratio([distance**2]) == pytest.approx(measured)
    assert found.fpir(found.threshold()) == pytest.approx(1 / 300)
    # in a library of 1,000 strangers, the default decision accepts fewer than the pairs' rate says there are
    decided = (found.evidence.one[0] - found.threshold() - np.log(1000)) / found.evidence.one[1]
    assert 1000 * PAIRS.far(np.sqrt(decided)) < 1 / 300
