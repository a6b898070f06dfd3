"""Boxes that overlap, and the weaker one of two dropped."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["iou", "nms"]

Floats = NDArray[np.float32]


def nms(boxes: Floats, scores: Floats, threshold: float) -> NDArray[np.int64]:
    """Non-maximum suppression: a box goes where a better one that stays shares more than `threshold` of their union.

    Args:
        boxes: (n, 4), x1, y1, x2, y2.
        scores: (n,), greater than 0.

    Returns:
        Rows that stay, best first.
    """
    if not len(scores):
        return np.zeros(0, np.int64)
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return np.asarray(cv2.dnn.NMSBoxes(sides, scores, 0.0, threshold), np.int64)  # type: ignore[arg-type]


def iou(boxes: Floats, box: Floats) -> Floats:
    """(n,) shares that boxes (n, 4) and the box (4,) have in common, of their unions."""
    overlap = (np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])).clip(min=0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    shares: Floats = overlap / (areas + (box[2:] - box[:2]).prod() - overlap)
    return shares
