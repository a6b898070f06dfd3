"""What training makes small: the triplet margin loss, and the distance to where the embedding began."""

from dataclasses import dataclass

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from torch import Tensor

from train.config import LossConfig
from train.errors import CollapsedError, DivergedError
from train.miners import MINERS, Triplets, squared_l2

__all__ = ["CollapseWatch", "StepStatistics", "TrainingLoss"]

# Untrained networks put all faces within a squared distance of about 0.01; collapsed ones within less than 1e-4.
COLLAPSED = 1e-4
COLLAPSED_STEPS = 20


@dataclass(frozen=True)
class StepStatistics:
    """What the curves show of a step. Distances are mean squared L2 over the batch's pairs.

    triplet, hold: the two terms before they are weighed. active: share of the mined triplets with a loss.
    """

    loss: float
    triplet: float
    hold: float
    active: float
    triplets: int
    ap_dist: float
    an_dist: float


class TrainingLoss:
    """The recipe's loss on a whole batch, and its statistics."""

    def __init__(self, config: LossConfig) -> None:
        self.config = config
        self._mine = MINERS[config.miner]
        # The mean over the triplets that have a loss: dividing by all of them fades as training goes on.
        distance = LpDistance(normalize_embeddings=False, p=2, power=2)
        self._triplet = TripletMarginLoss(margin=config.margin, distance=distance)

    def __call__(self, embeddings: Tensor, labels: Tensor, targets: Tensor | None) -> tuple[Tensor, StepStatistics]:
        """The loss, to be differentiated, and what it is made of.

        Args:
            embeddings: (n, d) float32, unit L2 norm.
            labels: (n,) int64.
            targets: (n, d) float32, unit L2 norm: the starting point's embeddings; None without a hold.

        Raises:
            DivergedError: the embeddings are not numbers.
        """
        if not torch.isfinite(embeddings).all():
            raise DivergedError("the embeddings are NaN or infinite: set optimizer.lr lower, or run.precision to fp32")
        triplets = self._mine(embeddings.detach(), labels)
        triplet = self._triplet(embeddings, labels, triplets)
        hold = embeddings.new_zeros(()) if targets is None else (embeddings - targets).square().sum(dim=1).mean()
        loss = self.config.triplet * triplet + self.config.hold * hold
        return loss, self._statistics(loss, triplet, hold, embeddings.detach(), labels, triplets)

    @torch.no_grad()
    def _statistics(
        self, loss: Tensor, triplet: Tensor, hold: Tensor, embeddings: Tensor, labels: Tensor, triplets: Triplets
    ) -> StepStatistics:
        distances = squared_l2(embeddings)
        anchors, positives, negatives = triplets
        violation = distances[anchors, positives] - distances[anchors, negatives] + self.config.margin
        same = labels[:, None] == labels[None]
        pairs = same & ~torch.eye(len(labels), dtype=torch.bool, device=same.device)
        return StepStatistics(
            loss=loss.item(),
            triplet=triplet.item(),
            hold=hold.item(),
            active=float((violation > 0).float().mean()) if len(violation) else 0.0,
            triplets=len(violation),
            ap_dist=float(distances[pairs].mean()),
            an_dist=float(distances[~same].mean()),
        )


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
