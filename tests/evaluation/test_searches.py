"""Measuring searches on made-up people, whose distances are known."""

import numpy as np
import pytest
from fakes import FAKE_SPEC
from numpy.typing import NDArray

from facesearch.calibration import Identification
from facesearch.evaluation.labelled import calibration_of
from facesearch.evaluation.logistic import fit_logistic
from facesearch.evaluation.searches import Searches, simulated_searches

Faces = tuple[NDArray[np.float32], NDArray[np.int64]]


def made_up(people: int, faces: int, spread: float, seed: int, dim: int = 32) -> Faces:
    """Unit vectors: people are independent directions, the faces of one differ by a little noise."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(people, 1, dim)) / np.sqrt(dim)
    vectors = centres + spread * generator.normal(size=(people, faces, dim)) / np.sqrt(dim)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors.reshape(-1, dim).astype(np.float32), np.repeat(np.arange(people), faces)


def identification(faces: Faces) -> Identification | None:
    return calibration_of(FAKE_SPEC, *faces, dataset="made up", how="so").identification


@pytest.fixture(scope="module")
def measured() -> Identification:
    found = identification(made_up(60, 8, 0.7, 1))
    assert found is not None
    return found


def searches(found: Identification, faces: Faces) -> Searches:
    return simulated_searches(found.evidence, *faces, seed=9)


def test_says_on_what_it_was_measured(measured: Identification) -> None:
    made = measured.made_from
    assert made is not None
    assert made.dataset == "made up"
    assert 0 < made.strangers < made.searches
    assert "people" in made.how


def test_strangers_are_rarely_named_and_people_are_found(measured: Identification) -> None:
    """On other people than it was measured on: FPIR as promised, but for chance."""
    found = searches(measured, made_up(90, 8, 0.7, 2))
    named = found.log_odds >= measured.threshold()
    assert named[found.strangers].mean() <= 0.01
    assert (named & found.right)[~found.strangers].mean() > 0.75


def test_probabilities_are_those_of_being_right(measured: Identification) -> None:
    found = searches(measured, made_up(90, 8, 0.7, 3))
    likely = measured.probability(found.log_odds)
    sure = likely >= 0.95
    assert sure.sum() > 500
    assert found.right[sure].mean() >= 0.97
    assert found.right[likely < 0.05].mean() < 0.1


def test_a_larger_library_names_no_more_strangers(measured: Identification) -> None:
    found = searches(measured, made_up(600, 4, 0.7, 4))
    assert found.entities.max() > 1_000
    assert (found.log_odds[found.strangers] >= measured.threshold()).mean() <= 0.01


def test_few_people_say_nothing() -> None:
    assert identification(made_up(8, 20, 0.3, 5)) is None


def test_few_people_change_little_of_what_pairs_say() -> None:
    """Ten people who are easily told apart, and fifty: the ten must not promise as much."""
    few, many = (identification(made_up(people, 12, 0.3, 6)) for people in (10, 100))
    assert few is not None
    assert many is not None
    assert few.threshold() > many.threshold()


def test_the_same_faces_give_the_same(measured: Identification) -> None:
    assert identification(made_up(60, 8, 0.7, 1)) == measured


def test_logistic_regression_finds_the_line() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=20_000)
    targets = (generator.random(20_000) < 1 / (1 + np.exp(-(2 * x - 1)))).astype(float)
    features, weights = np.stack([x, np.ones_like(x)], axis=1), np.full(20_000, 1 / 20_000)
    np.testing.assert_allclose(fit_logistic(features, targets, weights, 0 * x, price=0.0), [2, -1], atol=0.1)
    np.testing.assert_allclose(fit_logistic(features, targets, weights, 2 * x - 1, price=0.0), 0, atol=0.1)
    held = fit_logistic(features, targets, weights, 0 * x, price=10.0)
    assert np.abs(held).max() < 0.05
