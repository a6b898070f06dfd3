"""Batches: every image meets its positives, everybody gets their turn, and nothing depends on what came before."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.core.errors import InputError
from train.config import BatchConfig
from train.samplers import PeopleByImages, RandomTriplets, make_sampler

LABELS = np.repeat(np.arange(10), [2, 3, 4, 5, 6, 7, 8, 9, 10, 1])


@settings(max_examples=50, deadline=None)
@given(step=st.integers(0, 10_000), seed=st.integers(0, 5))
def test_a_batch_is_people_by_images(step: int, seed: int) -> None:
    batch = PeopleByImages(LABELS, people=3, images=4, seed=seed).batch(step)
    assert len(batch) == 12
    people = LABELS[batch].reshape(3, 4)
    assert (people == people[:, :1]).all()
    assert len(set(people[:, 0])) == 3
    assert 9 not in people  # who has one image has no positive
    for rows in batch.reshape(3, 4):
        assert len(set(rows)) == min(4, (LABELS[rows[0]] == LABELS).sum())


def test_a_batch_follows_from_its_number_alone() -> None:
    first, second = (PeopleByImages(LABELS, 3, 4, seed=1) for _ in range(2))
    forwards = [first.batch(step).tolist() for step in range(20)]
    backwards = [second.batch(step).tolist() for step in reversed(range(20))]
    assert forwards == backwards[::-1]
    assert len({tuple(batch) for batch in forwards}) == 20
    assert PeopleByImages(LABELS, 3, 4, seed=2).batch(0).tolist() != forwards[0]


def test_everybody_gets_their_turn_and_so_does_every_image() -> None:
    sampler = PeopleByImages(LABELS, people=3, images=2, seed=0)
    rounds = [np.concatenate([sampler.batch(3 * r + i) for i in range(3)]) for r in range(40)]
    for batch in rounds:
        assert Counter(LABELS[batch]) == dict.fromkeys(range(9), 2)
    seen = Counter(np.concatenate(rounds).tolist())
    for person in range(9):
        rows = np.flatnonzero(person == LABELS)
        counts = [seen[row] for row in rows]
        assert sum(counts) == 80
        assert max(counts) - min(counts) <= 20, (person, counts)


def test_too_few_people_is_said_with_numbers() -> None:
    with pytest.raises(InputError, match=r"batches of 10 people .* there are 9 .* \(1 more have one image\)"):
        PeopleByImages(LABELS, people=10, images=4, seed=0)


@settings(max_examples=30, deadline=None)
@given(step=st.integers(0, 1000))
def test_random_triplets_are_triplets(step: int) -> None:
    batch = RandomTriplets(LABELS, triplets=8, seed=0).batch(step)
    anchors, positives, negatives = batch.reshape(8, 3).T
    assert (LABELS[anchors] == LABELS[positives]).all()
    assert (anchors != positives).all()
    assert (LABELS[anchors] != LABELS[negatives]).all()
    assert batch.tolist() == RandomTriplets(LABELS, 8, seed=0).batch(step).tolist()


def test_random_triplets_need_a_pair_and_a_stranger() -> None:
    with pytest.raises(InputError):
        RandomTriplets([0, 0, 0], 4, seed=0)
    with pytest.raises(InputError):
        RandomTriplets([0, 1, 2], 4, seed=0)


def test_recipes_name_the_sampler() -> None:
    assert isinstance(make_sampler(BatchConfig(people=3), LABELS, 0), PeopleByImages)
    assert isinstance(make_sampler(BatchConfig(scheme="random-triplets"), LABELS, 0), RandomTriplets)
