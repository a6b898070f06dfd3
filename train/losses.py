"""What training makes small: the triplet margin loss, a margin by class, and the distance to where it began.

A step's loss and statistics are tensors of lengths that are known before, so that a step can be recorded, and the
device is not waited for.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.config import LossConfig
from train.errors import CollapsedError, DivergedError
from train.heads import MarginHead
from train.miners import DRAWS, MINERS, Triplets, noise_for, pairs_of_one

__all__ = ["Batch", "CollapseWatch", "StepStatistics", "TrainingLoss", "statistics_of"]

# Untrained networks put all faces within a squared distance of about 0.01; collapsed ones within less than 1e-4.
COLLAPSED = 1e-4
COLLAPSED_STEPS = 20


@dataclass(frozen=True)
class StepStatistics:
    """What the curves show of a step. Distances are mean squared L2 over the batch's pairs.

    triplet, hold, head: the terms before they are weighed. active: share of the mined triplets with a loss.
    """

    loss: float
    triplet: float
    hold: float
    active: float
    triplets: int
    ap_dist: float
    an_dist: float
    head: float = 0.0


@dataclass(frozen=True)
class Batch:
    """What a loss knows of the n images of a batch, on one device.

    labels: (n,) int64. pairs: (2, m) int64, see train.miners.pairs_of_one. noise: (m, n) float64, or None.
    targets: (n, d) float32, unit L2 norm: the starting point's embeddings; None without a hold.
    """

    labels: Tensor
    pairs: Tensor
    noise: Tensor | None = None
    targets: Tensor | None = None


class TrainingLoss:
    """The recipe's loss on a whole batch, and its statistics.

    head: the people's vectors, to be trained with the network; None where the recipe has no margin by class.
    """

    def __init__(self, config: LossConfig, people: int = 0, dim: int = 0, seed: int = 0) -> None:
        """Args: people, dim, seed: as for MarginHead."""
        self.config = config
        self.head = MarginHead(config, people, dim, seed) if config.head else None
        self._mine = MINERS[config.miner]

    def batch(self, labels: NDArray[np.int64], targets: NDArray[np.float32] | None = None, seed: int = 0) -> Batch:
        """What a step needs to know before it begins, on the CPU.

        Args: seed: of what a miner draws, the same on all processes.
        """
        pairs = pairs_of_one(labels) if self.config.miner in _OF_PAIRS else np.zeros((2, 0), np.int64)
        noise = noise_for(pairs.shape[1], len(labels), seed) if self.config.miner in DRAWS else None
        held = None if targets is None else torch.from_numpy(targets)
        return Batch(torch.from_numpy(labels), torch.from_numpy(pairs), noise, held)

    def __call__(self, embeddings: Tensor, batch: Batch, norms: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The loss, to be differentiated, and what it is made of; nothing is read back from the device.

        Args:
            embeddings: (n, d) float32, unit L2 norm.
            batch: of these images, on the same device.
            norms: (n,) float32, of the embeddings before they were normalised; for a head only.

        Returns:
            The loss, and (len(STATISTICS),) float32 without gradient, for `statistics_of`.
        """
        squares = embeddings.square().sum(dim=1)
        distances = squares[:, None] + squares[None] - 2 * embeddings @ embeddings.T
        triplets = self._mine(embeddings.detach(), batch.labels, batch.pairs, batch.noise)
        violation = distances[triplets.anchors, triplets.positives] - distances[triplets.anchors, triplets.negatives]
        active = triplets.valid & (violation + self.config.margin > 0)
        # the mean over the triplets that have a loss: dividing by all of them fades as training goes on
        triplet = _mean(violation + self.config.margin, active)
        targets = batch.targets
        hold = embeddings.new_zeros(()) if targets is None else (embeddings - targets).square().sum(dim=1).mean()
        head = embeddings.new_zeros(())
        if self.head is not None and norms is not None:
            head = self.head(embeddings, norms, batch.labels)
        loss = self.config.triplet * triplet + self.config.hold * hold + self.config.head_weight * head
        return loss, self._told((loss, triplet, hold, head), active, triplets, distances, batch.labels, embeddings)

    @torch.no_grad()
    def _told(
        self,
        terms: tuple[Tensor, ...],
        active: Tensor,
        triplets: Triplets,
        distances: Tensor,
        labels: Tensor,
        embeddings: Tensor,
    ) -> Tensor:
        """In the order of STATISTICS."""
        same = labels[:, None] == labels[None]
        pairs = same & ~torch.eye(len(labels), dtype=torch.bool, device=same.device)
        count = triplets.valid.sum()
        told = (
            *terms,
            active.sum() / count.clamp(min=1),
            count,
            _mean(distances, pairs).clamp(min=0),
            _mean(distances, ~same).clamp(min=0),
            torch.isfinite(embeddings).all(),
        )
        return torch.stack([value.detach().float() for value in told])


# Of what `TrainingLoss` tells.
STATISTICS = ("loss", "triplet", "hold", "head", "active", "triplets", "ap_dist", "an_dist", "finite")
_OF_PAIRS = ("semi-hard", "distance-weighted", "all")


def statistics_of(told: NDArray[np.float32], step: int) -> StepStatistics:
    """Of what TrainingLoss has told of a step.

    Raises:
        DivergedError: the embeddings or the loss are not numbers.
    """
    values = dict(zip(STATISTICS, map(float, told), strict=True))
    if not values.pop("finite"):
        raise DivergedError(
            f"the embeddings are NaN or infinite at step {step}: set optimizer.lr lower, or run.precision to fp32"
        )
    if not math.isfinite(values["loss"]):
        raise DivergedError(f"the loss is {values['loss']} at step {step}: set optimizer.lr lower, or clip_norm")
    return StepStatistics(triplets=int(values.pop("triplets")), **values)


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """Over those that are counted; 0 where none is."""
    return torch.where(counted, values, 0).sum() / counted.sum().clamp(min=1)


class CollapseWatch:
    """Notices that different people have been given one embedding, for a while."""

    def __init__(self) -> None:
        self._steps = 0

    def see(self, statistics: StepStatistics) -> None:
        """Raises CollapsedError after COLLAPSED_STEPS steps in which different people are no distance apart."""
        self._steps = self._steps + 1 if statistics.an_dist < COLLAPSED else 0
        if self._steps >= COLLAPSED_STEPS:
            raise CollapsedError(
                f"the embedding has collapsed: for {self._steps} steps different people have been"
                f" {statistics.an_dist:.1e} apart (squared L2). Set optimizer.lr lower, loss.miner to semi-hard,"
                " or batch.people higher"
            )
