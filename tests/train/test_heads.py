"""Margins by class against slow, written-out oracles of their papers' formulae."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from train_samples import job, make_people, unit_vectors

from facesearch.embedding import checkpoint
from train.config import LossConfig
from train.heads import MEMORY, SPREAD, MarginHead
from train.keeping import LAST
from train.log import read_log
from train.loop import fit
from train.losses import TrainingLoss, statistics_of
from train.snapshots import SNAPSHOT, read_snapshot, write_snapshot

LABELS = [0, 0, 1, 2, 3, 3]
NORMS = torch.tensor([3.0, 9.0, 5.0, 6.0, 20.0, 4.0])


def quality(norms: Tensor, i: int) -> float:
    """ẑ of the first batch, which begins the running statistics."""
    values = [float(norm) for norm in norms]
    mean = sum(values) / len(values)
    std = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return min(max((values[i] - mean) / (std / SPREAD), -1.0), 1.0)


def slow(kind: str, people: Tensor, embeddings: Tensor, norms: Tensor, scale: float, m: float) -> Tensor:
    """Cross-entropy of each image, logit by logit, and their mean."""
    losses = []
    for i, true in enumerate(LABELS):
        logits = []
        for person in range(len(people)):
            cosine = (embeddings[i] * people[person]).sum() / people[person].norm()
            if person == true:
                theta, z = torch.arccos(cosine), quality(norms, i)
                if kind == "arcface":
                    cosine = torch.cos(theta + m) if theta + m <= math.pi else cosine - m * math.sin(m)
                elif kind == "cosface":
                    cosine = cosine - m
                else:
                    cosine = torch.cos(theta - m * z) - (m * z + m)
            logits.append(scale * cosine)
        losses.append(torch.log(sum(torch.exp(logit - logits[true]) for logit in logits)))  # type: ignore[arg-type]
    return sum(losses, start=torch.zeros(())) / len(losses)


@pytest.mark.parametrize("kind", ["arcface", "cosface", "adaface"])
@pytest.mark.parametrize("m", [0.0, 0.2, 0.5])
def test_loss_and_gradients_are_the_oracles(kind: str, m: float) -> None:
    head = MarginHead(LossConfig(head=kind, head_scale=16.0, head_margin=m), people=4, dim=6, seed=1)
    embeddings = unit_vectors(len(LABELS), seed=3).requires_grad_()
    found = head(embeddings, NORMS, torch.tensor(LABELS))
    expected = slow(kind, head.people, embeddings, NORMS, 16.0, m)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    for ours, theirs in zip(
        torch.autograd.grad(found, (embeddings, head.people)),
        torch.autograd.grad(expected, (embeddings, head.people)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-3)


def test_an_angle_beyond_pi_goes_on_as_a_straight_line() -> None:
    head = MarginHead(LossConfig(head="arcface", head_scale=1.0, head_margin=0.5), people=2, dim=2)
    head.people.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    embedding = torch.nn.functional.normalize(torch.tensor([[-1.0, -0.1]]))
    loss = head(embedding, torch.ones(1), torch.tensor([0])).detach()
    true, other = float(embedding[0, 0]) - 0.5 * math.sin(0.5), float(embedding[0, 1])
    assert float(loss) == pytest.approx(math.log(1 + math.exp(other - true)), rel=1e-4)


def test_running_statistics_of_norms_begin_with_the_first_batch_and_remember() -> None:
    head = MarginHead(LossConfig(head="adaface"), people=4, dim=6)
    for norms in (NORMS, NORMS * 2):
        head(unit_vectors(len(LABELS)), norms, torch.tensor(LABELS))
    assert float(head.mean) == pytest.approx(float(NORMS.mean()) * (MEMORY + 2 * (1 - MEMORY)), rel=1e-5)
    assert float(head.std) == pytest.approx(float(NORMS.std(correction=0)) * (MEMORY + 2 * (1 - MEMORY)), rel=1e-5)


def test_the_head_is_one_term_of_the_loss() -> None:
    config = LossConfig(head="cosface", head_weight=0.5, triplet=0.0)
    terms = TrainingLoss(config, 4, 6, seed=1)
    loss, values = terms(unit_vectors(6), terms.batch(np.array(LABELS)), NORMS)
    statistics = statistics_of(values.numpy(), step=0)
    assert statistics.head > 0
    assert float(loss.detach()) == pytest.approx(0.5 * statistics.head, rel=1e-5)


@pytest.mark.parametrize("head", ["arcface", "adaface"])
def test_a_run_with_a_head_learns_and_goes_on_as_it_would_have(head: str, tmp_path: Path) -> None:
    people = make_people(tmp_path / "people")
    tables: dict[str, dict[str, object]] = {
        "loss": {"head": head, "triplet": 0.0, "head_scale": 16.0},
        "run": {"steps": 12, "snapshot_every": 4, "validate_every": 12},
    }
    snapshots = []

    def kept(folder: Path, state: dict[str, object]) -> None:
        write_snapshot(folder, state)
        snapshots.append((folder / SNAPSHOT).read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.keeping.draw_run", lambda *_: None)
        patch.setattr("train.keeping.write_snapshot", kept)
        fit(job(people, tmp_path / "run", **tables))
        whole = [line["loss"] for line in read_log(tmp_path / "run") if line["kind"] == "train"]
        (tmp_path / "run" / SNAPSHOT).write_bytes(snapshots[0])
        assert read_snapshot(tmp_path / "run")["step"] == 4
        fit(replace(job(people, tmp_path / "run", **tables), resume=True))
    assert [line["loss"] for line in read_log(tmp_path / "run") if line["kind"] == "train"] == whole
    assert whole[-1] < whole[0]
    names = set(checkpoint.load_module(tmp_path / "run" / LAST).state_dict())
    assert not any("people" in name for name in names)
