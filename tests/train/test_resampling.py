"""Gains that are more than chance, and gains that are not."""

import numpy as np
import pytest

from facesearch.core.errors import InputError
from facesearch.evaluation import roc_auc, tar_at_far
from train.resampling import _weighted as weighted
from train.resampling import gain_interval
from train.validation import PairDistances, pairs_of


def embedded(noise: float, people: int = 30, images: int = 6, seed: int = 0) -> PairDistances:
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), images)
    centres = np.random.default_rng(99).normal(size=(people, 12))
    vectors = centres[labels] + generator.normal(size=(len(labels), 12)) * noise
    return pairs_of((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels)


@pytest.mark.parametrize("figure", ["auc", "tar"])
def test_a_gain_is_told_from_chance(figure: str) -> None:
    low, high = gain_interval(embedded(0.7), embedded(0.4), figure)
    assert 0 < low < high
    low, high = gain_interval(embedded(0.7), embedded(0.7, seed=1), figure)
    assert low < 0 < high
    assert gain_interval(embedded(0.7), embedded(0.7), figure) == (0.0, 0.0)


def test_the_same_seed_gives_the_same_interval() -> None:
    assert gain_interval(embedded(0.7), embedded(0.5), "auc") == gain_interval(embedded(0.7), embedded(0.5), "auc")


def test_without_weights_the_figures_are_the_usual_ones() -> None:
    pairs = embedded(0.7)
    ones, order = np.ones(len(pairs.same)), np.argsort(pairs.distances, kind="stable")
    assert weighted(pairs.same, ones, order, "auc") == pytest.approx(roc_auc(pairs.distances, pairs.same), abs=1e-9)
    assert weighted(pairs.same, ones, order, "tar") == tar_at_far(pairs.distances, pairs.same, 1e-3)


def test_a_person_drawn_twice_counts_twice() -> None:
    """One pair of each of two people and one of both; by hand."""
    same, order = np.array([True, True, False]), np.array([0, 2, 1])
    assert weighted(same, np.array([2.0, 1.0, 2.0]), order, "auc") == pytest.approx(2 / 3)
    assert weighted(same, np.array([1.0, 3.0, 3.0]), order, "tar") == pytest.approx(1 / 4)


def test_other_pairs_are_refused() -> None:
    pairs = embedded(0.7)
    with pytest.raises(InputError):
        gain_interval(pairs, embedded(0.7, people=29), "auc")
    with pytest.raises(InputError):
        gain_interval(PairDistances(pairs.distances, pairs.same), pairs, "auc")
