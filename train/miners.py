"""Which triplets of a batch are learnt from.

A miner takes unit embeddings (n, d), labels (n,) and the pairs of one person, and gives Triplets. Distances are squared
L2, as in FaceNet (https://arxiv.org/abs/1503.03832). What a miner gives has a length that follows from the pairs alone,
and `valid` says which of it counts: so nothing is read back from the device, and a step can be recorded.
pytorch-metric-learning's "semihard" takes every negative beyond the positive, FaceNet's takes the hardest of them.
"""

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "DRAWS",
    "MINERS",
    "Miner",
    "Triplets",
    "all_triplets",
    "batch_hard",
    "distance_weighted",
    "given",
    "log_weights",
    "noise_for",
    "pairs_of_one",
    "semi_hard",
    "squared_l2",
]

# Of distance-weighted sampling: nearer negatives count as if they were so far away, farther ones have no loss any more
# (L2; section 4.1 of the paper and its published code).
NEAREST, FARTHEST = 0.5, 1.4


class Triplets(NamedTuple):
    """(t,) int64 each, and which of them are triplets, (t,) bool."""

    anchors: Tensor
    positives: Tensor
    negatives: Tensor
    valid: Tensor


class Miner(Protocol):
    def __call__(self, embeddings: Tensor, labels: Tensor, pairs: Tensor, noise: Tensor | None = None) -> Triplets:
        """Args: pairs: as `pairs_of_one`, (2, m) int64. noise: as `noise_for`, for miners that draw."""
        ...


def pairs_of_one(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every ordered pair of images of one person: (2, m), anchors and positives."""
    same = labels[:, None] == labels[None]
    np.fill_diagonal(same, False)
    return np.stack(np.nonzero(same))


def noise_for(pairs: int, images: int, seed: int) -> Tensor:
    """Gumbel noise (pairs, images) float64 for a miner that draws; on the CPU, so that all devices draw alike."""
    uniform = torch.rand((pairs, images), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return -(-uniform.log()).log()


def squared_l2(embeddings: Tensor) -> Tensor:
    """(n, n) squared L2 between unit vectors, where |a - b|² = 2 - 2ab."""
    return (2 - 2 * embeddings @ embeddings.T).clamp(min=0)


@torch.no_grad()
def semi_hard(embeddings: Tensor, labels: Tensor, pairs: Tensor, noise: Tensor | None = None) -> Triplets:
    """For each ordered pair of one person, the nearest negative that is farther from the anchor than the positive.

    FaceNet, section 3.2, eq. 4. A pair whose negatives are all nearer than its positive is left out: a semi-hard
    negative is what it does not have, and the hardest ones lead to collapse early on.
    """
    anchors, positives = pairs
    distances = squared_l2(embeddings)
    beyond = distances[anchors] > distances[anchors, positives, None]
    candidates = distances[anchors].masked_fill(_same(labels)[anchors] | ~beyond, torch.inf)
    nearest, negatives = candidates.min(dim=1)
    return Triplets(anchors, positives, negatives, nearest < torch.inf)


@torch.no_grad()
def batch_hard(embeddings: Tensor, labels: Tensor, pairs: Tensor, noise: Tensor | None = None) -> Triplets:
    """For each anchor its farthest positive and its nearest negative (Hermans et al., https://arxiv.org/abs/1703.07737).

    Anchors without a positive or without a negative are left out.
    """
    distances, same = squared_l2(embeddings), _same(labels)
    other = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    farthest, positives = distances.masked_fill(~(same & other), -torch.inf).max(dim=1)
    nearest, negatives = distances.masked_fill(same, torch.inf).min(dim=1)
    anchors = torch.arange(len(labels), device=labels.device)
    return Triplets(anchors, positives, negatives, (farthest >= 0) & (nearest < torch.inf))


@torch.no_grad()
def distance_weighted(embeddings: Tensor, labels: Tensor, pairs: Tensor, noise: Tensor | None = None) -> Triplets:
    """For each ordered pair of one person, a negative that is drawn: all distances from the anchor are as likely.

    Wu et al., "Sampling Matters in Deep Embedding Learning" (https://arxiv.org/abs/1706.07567), section 4.1: with
    probability proportional to 1 / q(d), see `log_weights`. Of an anchor that has no negative within FARTHEST, the
    nearest one is taken.
    """
    assert noise is not None
    anchors, positives = pairs
    distances = squared_l2(embeddings.double()).sqrt()
    same = _same(labels)[anchors]
    weights = log_weights(distances, embeddings.shape[1])[anchors].masked_fill(same, -torch.inf)
    nearest = distances[anchors].masked_fill(same, torch.inf).argmin(dim=1)
    drawn = (weights + noise).argmax(
        dim=1
    )  # Gumbel's trick: the largest of log weight + noise is a draw by the weights
    negatives = torch.where((weights > -torch.inf).any(dim=1), drawn, nearest)
    return Triplets(anchors, positives, negatives, ~same.all(dim=1))


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


def all_triplets(embeddings: Tensor, labels: Tensor, pairs: Tensor, noise: Tensor | None = None) -> Triplets:
    """Every triplet, "batch-all" in Hermans et al.; their number grows with the cube of the batch."""
    n = len(labels)
    anchors, positives = (rows.repeat_interleave(n, output_size=len(rows) * n) for rows in pairs)
    negatives = torch.arange(n, device=labels.device).repeat(pairs.shape[1])
    return Triplets(anchors, positives, negatives, labels[anchors] != labels[negatives])


def given(embeddings: Tensor, labels: Tensor, pairs: Tensor, noise: Tensor | None = None) -> Triplets:
    """The triplets as they were drawn: anchor, positive, negative, anchor, … (`train.samplers.RandomTriplets`)."""
    rows = torch.arange(len(labels), device=labels.device)
    return Triplets(rows[0::3], rows[1::3], rows[2::3], torch.ones_like(rows[0::3], dtype=torch.bool))


def _same(labels: Tensor) -> Tensor:
    return labels[:, None] == labels[None]


MINERS: dict[str, Miner] = {
    "semi-hard": semi_hard,
    "batch-hard": batch_hard,
    "distance-weighted": distance_weighted,
    "all": all_triplets,
    "given": given,
}
# Those that take noise.
DRAWS = frozenset({"distance-weighted"})
