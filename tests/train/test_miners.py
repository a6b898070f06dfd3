"""Miners and losses against slow, written-out oracles."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from train_samples import unit_vectors

from train.config import LossConfig
from train.errors import CollapsedError, DivergedError
from train.losses import COLLAPSED_STEPS, CollapseWatch, StepStatistics, TrainingLoss, statistics_of
from train.miners import MINERS, Triplets, distance_weighted, log_weights, noise_for, pairs_of_one, squared_l2

Triplet = tuple[int, int, int]


def distance(embeddings: Tensor, i: int, j: int) -> float:
    return sum((float(x) - float(y)) ** 2 for x, y in zip(embeddings[i], embeddings[j], strict=True))


def oracle_semi_hard(embeddings: Tensor, labels: list[int]) -> set[Triplet]:
    found = set()
    for a in range(len(labels)):
        for p in range(len(labels)):
            if p == a or labels[p] != labels[a]:
                continue
            best = None
            for n in range(len(labels)):
                beyond = distance(embeddings, a, n) > distance(embeddings, a, p)
                if labels[n] == labels[a] or not beyond:
                    continue
                if best is None or distance(embeddings, a, n) < distance(embeddings, a, best):
                    best = n
            if best is not None:
                found.add((a, p, best))
    return found


def oracle_batch_hard(embeddings: Tensor, labels: list[int]) -> set[Triplet]:
    found = set()
    for a in range(len(labels)):
        positives = [p for p in range(len(labels)) if p != a and labels[p] == labels[a]]
        negatives = [n for n in range(len(labels)) if labels[n] != labels[a]]
        if positives and negatives:
            farthest = max(positives, key=lambda p: distance(embeddings, a, p))
            nearest = min(negatives, key=lambda n: distance(embeddings, a, n))
            found.add((a, farthest, nearest))
    return found


def oracle_all(_: Tensor, labels: list[int]) -> set[Triplet]:
    n = range(len(labels))
    return {
        (a, p, x)
        for a in n
        for p in n
        for x in n
        if a != p and labels[a] == labels[p] and labels[x] != labels[a]
    }  # fmt: skip


def oracle_given(_: Tensor, labels: list[int]) -> set[Triplet]:
    return {(i, i + 1, i + 2) for i in range(0, len(labels), 3)}


ORACLES: dict[str, Callable[[Tensor, list[int]], set[Triplet]]] = {
    "semi-hard": oracle_semi_hard,
    "batch-hard": oracle_batch_hard,
    "all": oracle_all,
    "given": oracle_given,
}


def counted(triplets: Triplets) -> list[Triplet]:
    return [(a, p, n) for a, p, n, valid in zip(*(rows.tolist() for rows in triplets), strict=True) if valid]


def mined(name: str, embeddings: Tensor, labels: list[int]) -> list[Triplet]:
    pairs = torch.from_numpy(pairs_of_one(np.array(labels)))
    return counted(MINERS[name](embeddings, torch.tensor(labels), pairs))


def drawn(embeddings: Tensor, labels: list[int], seed: int) -> list[Triplet]:
    pairs = torch.from_numpy(pairs_of_one(np.array(labels)))
    noise = noise_for(pairs.shape[1], len(labels), seed)
    return counted(distance_weighted(embeddings, torch.tensor(labels), pairs, noise))


def told(
    config: LossConfig, embeddings: Tensor, labels: list[int], targets: Tensor | None = None
) -> tuple[Tensor, StepStatistics]:
    loss = TrainingLoss(config)
    value, values = loss(embeddings, loss.batch(np.array(labels), None if targets is None else targets.numpy()))
    return value, statistics_of(values.numpy(), step=3)


def test_every_miner_has_an_oracle() -> None:
    assert {*ORACLES, "distance-weighted"} == set(MINERS)


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=3, max_size=12).filter(lambda x: len(x) % 3 == 0),
    seed=st.integers(0, 99),
)
def test_miners_find_what_the_oracle_finds(name: str, labels: list[int], seed: int) -> None:
    embeddings = unit_vectors(len(labels), seed=seed)
    found = mined(name, embeddings, labels)
    assert len(found) == len(set(found))
    assert set(found) == ORACLES[name](embeddings, labels)


def test_a_pair_without_a_negative_beyond_it_is_left_out() -> None:
    # anchor and positive on opposite sides, the negative between them
    embeddings = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    assert mined("semi-hard", embeddings, [0, 0, 1]) == []
    assert sorted(mined("batch-hard", embeddings, [0, 0, 1])) == [(0, 1, 2), (1, 0, 2)]


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.integers(0, 3), min_size=2, max_size=12), seed=st.integers(0, 99))
def test_distance_weighted_draws_a_negative_for_each_pair(labels: list[int], seed: int) -> None:
    embeddings = unit_vectors(len(labels), seed=seed)
    found = drawn(embeddings, labels, seed)
    pairs = [(a, p) for a, p, _ in oracle_all(embeddings, labels)]
    assert sorted((a, p) for a, p, _ in found) == sorted(set(pairs))
    assert all(labels[a] != labels[n] for a, _, n in found)
    assert drawn(embeddings, labels, seed) == found


def slow_weight(d: float, dim: int) -> float:
    d = min(max(d, 0.5), 1.4)
    return 1 / (d ** (dim - 2) * (1 - d * d / 4) ** ((dim - 3) / 2))


def test_distance_weighted_draws_by_the_weights() -> None:
    """Four negatives of one anchor, of which the last is out of reach."""
    angles = torch.tensor([0.0, 0.1, 0.3, 0.8, 1.2, 2.9])
    embeddings = torch.stack([angles.cos(), angles.sin(), *torch.zeros(6, len(angles))], dim=1)
    labels = [0, 0, 1, 2, 3, 4]
    weights = [slow_weight(2 * np.sin(float(angle) / 2), 8) for angle in angles[2:5]]
    counts = np.zeros(6)
    for seed in range(3000):
        counts[next(n for a, _, n in drawn(embeddings, labels, seed) if a == 0)] += 1
    np.testing.assert_allclose(counts[2:5] / 3000, np.array(weights) / sum(weights), atol=0.03)
    assert counts[5] == 0


def test_distance_weighted_takes_the_nearest_where_all_are_far() -> None:
    embeddings = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.1], [-0.8, 0.6]]))
    assert [(a, n) for a, _, n in drawn(embeddings, [0, 0, 1, 2], 0)] == [(0, 3), (1, 3)]


def test_log_weights_are_the_slow_ones() -> None:
    distances = torch.tensor([0.1, 0.5, 0.9, 1.39, 1.5])
    found = log_weights(distances, 8).exp()
    expected = [slow_weight(float(d), 8) for d in distances[:4]]
    torch.testing.assert_close(found[:4], torch.tensor(expected), rtol=1e-4, atol=0)
    assert found[4] == 0


def test_squared_l2() -> None:
    embeddings = unit_vectors(5)
    expected = [[distance(embeddings, i, j) for j in range(5)] for i in range(5)]
    torch.testing.assert_close(squared_l2(embeddings), torch.tensor(expected), atol=1e-6, rtol=0)
    assert float(squared_l2(embeddings).min()) >= 0


@pytest.mark.parametrize("name", ORACLES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), margin=st.sampled_from([0.05, 0.2, 1.0]))
def test_loss_and_gradient_are_the_oracles(name: str, seed: int, margin: float) -> None:
    labels = [0, 0, 1, 1, 1, 2, 2, 0, 3]
    embeddings = unit_vectors(len(labels), seed=seed).requires_grad_()
    targets = unit_vectors(len(labels), seed=seed + 1)
    config = LossConfig(miner=name, margin=margin, triplet=0.7, hold=0.3)
    loss, statistics = told(config, embeddings, labels, targets)
    (gradient,) = torch.autograd.grad(loss, embeddings)

    slow = unit_vectors(len(labels), seed=seed).requires_grad_()
    triplets = ORACLES[name](slow.detach(), labels)
    terms = [
        torch.relu((slow[a] - slow[p]).square().sum() - (slow[a] - slow[n]).square().sum() + margin)
        for a, p, n in sorted(triplets)
    ]
    active = [term for term in terms if term > 0]
    triplet = sum(active, start=torch.zeros(())) / max(len(active), 1)
    hold = sum(((slow[i] - targets[i]).square().sum() for i in range(len(labels))), start=torch.zeros(())) / len(labels)
    expected = 0.7 * triplet + 0.3 * hold
    (expected_gradient,) = torch.autograd.grad(expected, slow)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-4, rtol=1e-3)
    assert statistics.triplets == len(triplets)
    assert statistics.active == pytest.approx(len(active) / max(len(terms), 1))
    assert statistics.hold == pytest.approx(hold.item(), rel=1e-4)


def test_statistics_of_distances_are_means_over_pairs() -> None:
    labels = [0, 0, 1]
    embeddings = unit_vectors(3)
    _, statistics = told(LossConfig(), embeddings, labels)
    assert statistics.ap_dist == pytest.approx(distance(embeddings, 0, 1), rel=1e-5)
    different = (distance(embeddings, 0, 2) + distance(embeddings, 1, 2)) / 2
    assert statistics.an_dist == pytest.approx(different, rel=1e-5)


def test_no_triplet_is_no_loss() -> None:
    embeddings = unit_vectors(3).requires_grad_()
    loss, statistics = told(LossConfig(miner="batch-hard"), embeddings, [0, 1, 2])
    loss.backward()
    assert (loss.item(), statistics.triplets, statistics.active) == (0.0, 0, 0.0)
    assert embeddings.grad is not None
    assert float(embeddings.grad.abs().max()) == 0


def test_embeddings_that_are_no_numbers_are_named() -> None:
    with pytest.raises(DivergedError, match=r"NaN or infinite at step 3: set optimizer\.lr lower"):
        told(LossConfig(), torch.full((3, 4), torch.nan), [0, 0, 1])


def statistics(an_dist: float) -> StepStatistics:
    return StepStatistics(0.2, 0.2, 0.0, 1.0, 9, 0.0, an_dist)


def test_collapse_is_named_after_a_while_and_forgiven_before() -> None:
    watch = CollapseWatch()
    for _ in range(3):
        for _ in range(COLLAPSED_STEPS - 1):
            watch.see(statistics(1e-7))
        watch.see(statistics(0.1))
    for _ in range(COLLAPSED_STEPS - 1):
        watch.see(statistics(1e-7))
    with pytest.raises(CollapsedError, match="collapsed: for 20 steps different people have been 1\\.0e-07 apart"):
        watch.see(statistics(1e-7))
