"""What training makes small: the triplet margin loss, a margin by class, and the distance to where it began."""

from dataclasses import dataclass
from typing import Any

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from torch import Tensor

from train.config import LossConfig
from train.errors import CollapsedError, DivergedError
from train.heads import MarginHead
from train.miners import MINERS, Triplets, squared_l2

__all__ = ["CollapseWatch", "StepStatistics", "TrainingLoss"]

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


class TrainingLoss:
    """The recipe's loss on a whole batch, and its statistics.

    head: the people's vectors, to be trained with the network; None where the recipe has no margin by class.
    """

    def __init__(self, config: LossConfig, people: int = 0, dim: int = 0, seed: int = 0) -> None:
        """Args: people, dim, seed: as for MarginHead."""
        self.config = config
        self.head = MarginHead(config, people, dim, seed) if config.head else None
        self._mine = MINERS[config.miner]
        # The mean over the triplets that have a loss: dividing by all of them fades as training goes on.
        distance = LpDistance(normalize_embeddings=False, p=2, power=2)
        self._triplet = TripletMarginLoss(margin=config.margin, distance=distance)

    def __call__(
        self,
        embeddings: Tensor,
        labels: Tensor,
        targets: Tensor | None,
        norms: Tensor | None = None,
        seed: int = 0,
    ) -> tuple[Tensor, StepStatistics]:
        """The loss, to be differentiated, and what it is made of.

        Args:
            embeddings: (n, d) float32, unit L2 norm.
            labels: (n,) int64.
            targets: (n, d) float32, unit L2 norm: the starting point's embeddings; None without a hold.
            norms: (n,) float32, of the embeddings before they were normalised; for a head only.
            seed: of what a miner draws, the same on all processes.

        Raises:
            DivergedError: the embeddings are not numbers.
        """
        if not torch.isfinite(embeddings).all():
            raise DivergedError("the embeddings are NaN or infinite: set optimizer.lr lower, or run.precision to fp32")
        triplets = self._mine(embeddings.detach(), labels, seed)
        triplet = self._triplet(embeddings, labels, triplets)
        hold = embeddings.new_zeros(()) if targets is None else (embeddings - targets).square().sum(dim=1).mean()
        loss = self.config.triplet * triplet + self.config.hold * hold
        head = None if self.head is None or norms is None else self.head(embeddings, norms, labels)
        if head is not None:
            loss = loss + self.config.head_weight * head
        terms = {"loss": loss, "triplet": triplet, "hold": hold} | ({} if head is None else {"head": head})
        told: dict[str, Any] = {name: float(term.detach()) for name, term in terms.items()}
        return loss, StepStatistics(**told, **self._distances(embeddings.detach(), labels, triplets))

    @torch.no_grad()
    def _distances(self, embeddings: Tensor, labels: Tensor, triplets: Triplets) -> dict[str, Any]:
        """What StepStatistics says of distances."""
        distances = squared_l2(embeddings)
        anchors, positives, negatives = triplets
        violation = distances[anchors, positives] - distances[anchors, negatives] + self.config.margin
        same = labels[:, None] == labels[None]
        pairs = same & ~torch.eye(len(labels), dtype=torch.bool, device=same.device)
        return {
            "active": float((violation > 0).float().mean()) if len(violation) else 0.0,
            "triplets": len(violation),
            "ap_dist": float(distances[pairs].mean()),
            "an_dist": float(distances[~same].mean()),
        }


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
