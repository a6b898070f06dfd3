"""Boxes on their way through the cascade, and how the weaker of two that overlap is dropped."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Candidates", "nms_by_smaller", "nms_by_union", "regressed", "squared"]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass
class Candidates:
    """n boxes in a batch of images: boxes (n, 4) and scores (n,) float32, image (n,) int64 index into the batch."""

    boxes: Floats
    scores: Floats
    image: Rows

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: Rows) -> "Candidates":
        return Candidates(self.boxes[rows], self.scores[rows], self.image[rows])


def nms_by_union(boxes: Floats, scores: Floats, group: Rows, threshold: float) -> Rows:
    """Non-maximum suppression by the overlap's share of the union, among the boxes of each group alone.

    Args:
        scores: (n,), greater than 0.
        group: (n,) int64, ascending.

    Returns:
        Rows that are kept, group by group, best first.
    """
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    bounds = np.flatnonzero(np.diff(group, prepend=-1, append=-1)).tolist()
    kept = [np.zeros(0, np.int64)]
    for start, end in pairwise(bounds):
        rows = cv2.dnn.NMSBoxes(sides[start:end], scores[start:end], 0.0, threshold)  # type: ignore[arg-type]
        kept.append(np.asarray(rows, np.int64) + start)
    return np.concatenate(kept)


def nms_by_smaller(candidates: Candidates, threshold: float) -> Rows:
    """Non-maximum suppression by the overlap's share of the smaller box, so that a box inside another goes.

    Returns:
        Rows that are kept, best first.
    """
    order = np.argsort(-candidates.scores, kind="stable")
    boxes, image = candidates.boxes[order], candidates.image[order]
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    overlap = (np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner).clip(min=0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    clash = (overlap > threshold * np.minimum(area[:, None], area[None])) & (image[:, None] == image[None])
    keep: list[int] = []
    for i in range(len(clash)):
        if not clash[i, keep].any():
            keep.append(i)
    return order[np.array(keep, np.int64)]


def regressed(boxes: Floats, regression: Floats) -> Floats:
    """Boxes moved by a net's regression, which is in units of the box's own sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    moved: Floats = boxes + regression * np.concatenate([sides, sides], axis=1)
    return moved


def squared(boxes: Floats) -> Floats:
    """The squares around the same centres, as large as the longer side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1)
