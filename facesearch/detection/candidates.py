"""Boxes on their way through the cascade, and how the weaker of two that overlap is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facesearch.networks.operators import nms

__all__ = ["Candidates", "concatenated", "nms_by_smaller", "nms_by_union", "regressed", "squared"]


@dataclass
class Candidates:
    """n boxes in a batch of images: boxes (n, 4), scores (n,), image (n,) int64 index into the batch."""

    boxes: Tensor
    scores: Tensor
    image: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: Tensor) -> "Candidates":
        return Candidates(self.boxes[rows], self.scores[rows], self.image[rows])


def concatenated(parts: Sequence[Tensor]) -> Tensor:
    """Rows of several index tensors; none is an empty one."""
    return torch.cat([torch.zeros(0, dtype=torch.long), *parts])


def nms_by_union(boxes: Tensor, scores: Tensor, group: Tensor, threshold: float) -> Tensor:
    """Non-maximum suppression by the overlap's share of the union, among the boxes of each group alone.

    torchvision's batched_nms moves the groups apart instead, and the rounding of the moved boxes depends on how many
    groups there are.

    Args:
        group: (n,) int64, ascending.

    Returns:
        Rows that are kept, group by group, best first.
    """
    kept, start = [], 0
    for count in torch.unique_consecutive(group, return_counts=True)[1].tolist():
        rows = slice(start, start + count)
        kept.append(nms(boxes[rows], scores[rows], threshold) + start)
        start += count
    return concatenated(kept)


def nms_by_smaller(candidates: Candidates, threshold: float) -> Tensor:
    """Non-maximum suppression by the overlap's share of the smaller box, so that a box inside another goes.

    Returns:
        Rows that are kept, best first.
    """
    order = candidates.scores.argsort(descending=True, stable=True)
    boxes, image = candidates.boxes[order].numpy(), candidates.image[order].numpy()
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    overlap = (np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner).clip(min=0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    clash = (overlap > threshold * np.minimum(area[:, None], area[None])) & (image[:, None] == image[None])
    keep: list[int] = []
    for i in range(len(clash)):
        if not clash[i, keep].any():
            keep.append(i)
    return order[torch.tensor(keep, dtype=torch.long)]


def regressed(boxes: Tensor, regression: Tensor) -> Tensor:
    """Boxes moved by a net's regression, which is in units of the box's own sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + regression * torch.cat([sides, sides], dim=1)


def squared(boxes: Tensor) -> Tensor:
    """The squares around the same centres, as large as the longer side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True) / 2
    return torch.cat([centre - half, centre + half], dim=1)
