"""Which triplets of a batch are learnt from.

A miner takes unit embeddings (n, d) and labels (n,), and gives three index tensors of one length: anchors, positives,
negatives. Distances are squared L2, as in FaceNet (https://arxiv.org/abs/1503.03832). What pytorch-metric-learning has
is taken from there; its "semihard" takes every negative beyond the positive, FaceNet's takes the hardest of them.
"""

from collections.abc import Callable

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.utils.loss_and_miner_utils import get_all_triplets_indices
from torch import Tensor

__all__ = ["MINERS", "Miner", "Triplets", "all_triplets", "batch_hard", "given", "semi_hard", "squared_l2"]

Triplets = tuple[Tensor, Tensor, Tensor]
Miner = Callable[[Tensor, Tensor], Triplets]


def squared_l2(embeddings: Tensor) -> Tensor:
    """(n, n) squared L2 between unit vectors, where |a - b|² = 2 - 2ab."""
    return (2 - 2 * embeddings @ embeddings.T).clamp(min=0)


@torch.no_grad()
def semi_hard(embeddings: Tensor, labels: Tensor) -> Triplets:
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


def batch_hard(embeddings: Tensor, labels: Tensor) -> Triplets:
    """For each anchor its farthest positive and its nearest negative (Hermans et al., https://arxiv.org/abs/1703.07737).

    Anchors without a positive or without a negative are left out.
    """
    anchors, positives, negatives = _BATCH_HARD(embeddings, labels)
    return anchors, positives, negatives


_BATCH_HARD = BatchHardMiner(distance=LpDistance(normalize_embeddings=True, p=2, power=2))


def all_triplets(_: Tensor, labels: Tensor) -> Triplets:
    """Every triplet; their number grows with the cube of the batch."""
    anchors, positives, negatives = get_all_triplets_indices(labels)
    return anchors, positives, negatives


def given(_: Tensor, labels: Tensor) -> Triplets:
    """The triplets as they were drawn: anchor, positive, negative, anchor, … (`train.samplers.RandomTriplets`)."""
    rows = torch.arange(len(labels), device=labels.device)
    return rows[0::3], rows[1::3], rows[2::3]


MINERS: dict[str, Miner] = {"semi-hard": semi_hard, "batch-hard": batch_hard, "all": all_triplets, "given": given}
