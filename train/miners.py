"""Which triplets of a batch are learnt from.

A miner takes unit embeddings (n, d) and labels (n,), and gives three index tensors of one length: anchors, positives,
negatives. Distances are squared L2, as in FaceNet (https://arxiv.org/abs/1503.03832). What pytorch-metric-learning has
is taken from there; its "semihard" takes every negative beyond the positive, FaceNet's takes the hardest of them.
A miner that draws is given a seed, the same on all processes, because all mine over the whole batch.
"""

from typing import Protocol

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices
from torch import Tensor

__all__ = [
    "MINERS",
    "Miner",
    "Triplets",
    "all_triplets",
    "batch_hard",
    "distance_weighted",
    "given",
    "log_weights",
    "semi_hard",
    "squared_l2",
]

Triplets = tuple[Tensor, Tensor, Tensor]
# Of distance-weighted sampling: nearer negatives count as if they were so far away, farther ones have no loss any more
# (L2; section 4.1 of the paper and its published code).
NEAREST, FARTHEST = 0.5, 1.4


class Miner(Protocol):
    def __call__(self, embeddings: Tensor, labels: Tensor, seed: int = 0) -> Triplets: ...


def squared_l2(embeddings: Tensor) -> Tensor:
    """(n, n) squared L2 between unit vectors, where |a - b|² = 2 - 2ab."""
    return (2 - 2 * embeddings @ embeddings.T).clamp(min=0)


@torch.no_grad()
def semi_hard(embeddings: Tensor, labels: Tensor, seed: int = 0) -> Triplets:
    """For each ordered pair of one person, the nearest negative that is farther from the anchor than the positive.

    FaceNet, section 3.2, eq. 4. A pair whose negatives are all nearer than its positive is left out: a semi-hard
    negative is what it does not have, and the hardest ones lead to collapse early on.
    """
    distances = squared_l2(embeddings)
    same = labels[:, None] == labels[None]
    anchors, positives = torch.nonzero(same & ~torch.eye(len(labels), dtype=torch.bool, device=same.device)).T
    beyond = distances[anchors] > distances[anchors, positives, None]
    candidates = distances[anchors].masked_fill(same[anchors] | ~beyond, torch.inf)
    nearest, negatives = candidates.min(dim=1)
    found = nearest < torch.inf
    return anchors[found], positives[found], negatives[found]


def batch_hard(embeddings: Tensor, labels: Tensor, seed: int = 0) -> Triplets:
    """For each anchor its farthest positive and its nearest negative (Hermans et al., https://arxiv.org/abs/1703.07737).

    Anchors without a positive or without a negative are left out.
    """
    anchors, positives, negatives = _BATCH_HARD(embeddings, labels)
    return anchors, positives, negatives


_BATCH_HARD = BatchHardMiner(distance=LpDistance(normalize_embeddings=True, p=2, power=2))


@torch.no_grad()
def distance_weighted(embeddings: Tensor, labels: Tensor, seed: int = 0) -> Triplets:
    """For each ordered pair of one person, a negative that is drawn: all distances from the anchor are as likely.

    Wu et al., "Sampling Matters in Deep Embedding Learning" (https://arxiv.org/abs/1706.07567), section 4.1: with
    probability proportional to 1 / q(d), see `log_weights`. Of an anchor that has no negative within FARTHEST, the
    nearest one is taken.
    """
    distances = squared_l2(embeddings.cpu().double()).sqrt()  # on the CPU all devices draw alike
    people = labels.cpu()
    same = people[:, None] == people[None]
    anchors, positives = torch.nonzero(same & ~torch.eye(len(people), dtype=torch.bool)).T
    has_negative = ~same[anchors].all(dim=1)
    anchors, positives = anchors[has_negative], positives[has_negative]
    weights = log_weights(distances, embeddings.shape[1])[anchors].masked_fill(same[anchors], -torch.inf)
    nearest = distances[anchors].masked_fill(same[anchors], torch.inf).argmin(dim=1)
    # Gumbel's trick: the largest of log weight + noise is a draw by the weights
    noise = torch.rand(weights.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    drawn = (weights - (-noise.log()).log()).argmax(dim=1)
    negatives = torch.where((weights > -torch.inf).any(dim=1), drawn, nearest)
    return anchors.to(labels.device), positives.to(labels.device), negatives.to(labels.device)


def log_weights(distances: Tensor, dim: int) -> Tensor:
    """The logarithm of 1 / q(d), q being the density of the distance of two points on the sphere in `dim` dimensions.

    q(d) is proportional to d^(dim - 2) (1 - d²/4)^((dim - 3) / 2) (Wu et al. 2017, eq. 4).

    Args:
        distances: L2, of any shape.

    Returns:
        Of that shape; -inf beyond FARTHEST.
    """
    d = distances.clamp(min=NEAREST, max=FARTHEST)
    log_q = (dim - 2) * d.log() + (dim - 3) / 2 * (1 - d.square() / 4).log()
    return (-log_q).masked_fill(distances > FARTHEST, -torch.inf)


def all_triplets(embeddings: Tensor, labels: Tensor, seed: int = 0) -> Triplets:
    """Every triplet, "batch-all" in Hermans et al.; their number grows with the cube of the batch."""
    anchors, positives, negatives = get_all_triplets_indices(labels)
    return anchors, positives, negatives


def given(embeddings: Tensor, labels: Tensor, seed: int = 0) -> Triplets:
    """The triplets as they were drawn: anchor, positive, negative, anchor, … (`train.samplers.RandomTriplets`)."""
    rows = torch.arange(len(labels), device=labels.device)
    return rows[0::3], rows[1::3], rows[2::3]


MINERS: dict[str, Miner] = {
    "semi-hard": semi_hard,
    "batch-hard": batch_hard,
    "distance-weighted": distance_weighted,
    "all": all_triplets,
    "given": given,
}
