"""Distances from rates, beyond the calibration's last rate as well."""

from itertools import pairwise

import numpy as np
import pytest
from clustering_samples import CALIBRATION
from hypothesis import given
from hypothesis import strategies as st

from facesearch.clustering import Cuts
from facesearch.clustering.evidence import distance_at, nats_per_squared_distance

SMALLEST, LAST = CALIBRATION.far_curve[-1]


@given(st.floats(-60, np.log(0.05)))
def test_is_the_inverse_of_the_false_accept_rate(log_far: float) -> None:
    distance = distance_at(CALIBRATION, float(np.exp(log_far)))
    if distance > 0.05:
        assert float(np.log(CALIBRATION.far(distance))) == pytest.approx(log_far, abs=1e-6)
    else:
        assert distance == 0.05


def test_falls_with_the_rate_and_without_a_jump() -> None:
    distances = [distance_at(CALIBRATION, far) for far in np.geomspace(1e-25, 1, 2_000)]
    steps = np.diff(distances)
    assert np.all(steps >= 0)
    assert steps.max() < 0.005
    assert distance_at(CALIBRATION, SMALLEST) == LAST
    assert distance_at(CALIBRATION, np.nextafter(SMALLEST, 0)) == pytest.approx(LAST, abs=1e-9)


def test_ends_at_the_strictest_and_the_loosest() -> None:
    assert distance_at(CALIBRATION, 1e-300) == 0.05
    loosest = distance_at(CALIBRATION, 0.05)
    assert [distance_at(CALIBRATION, far) for far in (0.06, 0.4, 1.0, 7.0)] == [loosest] * 4


def test_nats_are_the_slope_between_the_usual_rates() -> None:
    wide, narrow = CALIBRATION.threshold(1e-2), CALIBRATION.threshold(1e-4)
    assert nats_per_squared_distance(CALIBRATION) * (wide**2 - narrow**2) == pytest.approx(np.log(100))


def test_cuts_grow_stricter_with_the_library() -> None:
    cuts = [Cuts.of(n, CALIBRATION) for n in (0, 1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000)]
    for fewer, more in pairwise(cuts):
        assert more.eps <= fewer.eps
        assert more.single <= fewer.single
        assert more.large <= fewer.large
        assert more.crowd_radius <= fewer.crowd_radius
    for cut in cuts:
        assert 0.05 <= cut.eps <= cut.single <= cut.large
        assert 0 < cut.nats < np.inf
