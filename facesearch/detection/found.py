"""Faces that a network has found on a canvas or in a picture, and the weaker one dropped of two that overlap."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.core.types import Face

__all__ = ["Found", "as_faces", "iou", "nms"]

Floats = NDArray[np.float32]
# Landmarks of a mirror image: the left eye in it is the right one.
MIRRORED = (1, 0, 2, 4, 3)


@dataclass(frozen=True)
class Found:
    """n faces: boxes (n, 4), landmarks (n, 5, 2) and scores (n,), all float32."""

    boxes: Floats
    landmarks: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: NDArray[np.int64]) -> "Found":
        return Found(self.boxes[rows], self.landmarks[rows], self.scores[rows])

    def placed(self, to_picture: Floats) -> "Found":
        """In the picture of which the canvas shows a part; boxes that are turned become upright squares of their size.

        Args:
            to_picture: (2, 3), see `facesearch.detection.canvases.Canvas`, or (n, 2, 3), one for each face.
        """
        axes, offset = to_picture[..., :2], to_picture[..., 2]
        centre, half = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2, (self.boxes[:, 2:] - self.boxes[:, :2]) / 2
        across, down = axes[..., 0, 0, None], axes[..., 1, 1, None]
        scale = across * down - axes[..., 0, 1, None] * axes[..., 1, 0, None]
        square = np.sqrt(half.prod(axis=1, keepdims=True) * np.abs(scale))
        upright = half * np.abs(np.concatenate([across, down], axis=-1))
        half = np.where(axes[..., 0, 1, None] == 0, upright, square)
        centre = np.einsum("...ij,...j->...i", axes, centre) + offset
        landmarks = np.where(scale[..., None] > 0, self.landmarks, self.landmarks[:, MIRRORED])
        landmarks = np.einsum("...ij,...kj->...ki", axes, landmarks) + offset[..., None, :]
        return Found(np.concatenate([centre - half, centre + half], axis=1), landmarks, self.scores)

    @classmethod
    def joined(cls, parts: "Sequence[Found]") -> "Found":
        """All of them, in this order."""
        return cls(*(np.concatenate([getattr(p, f) for p in (NONE, *parts)]) for f in ("boxes", "landmarks", "scores")))


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


def iou(boxes: Floats, others: Floats) -> Floats:
    """(n,) shares that boxes (n, 4) and others (n, 4) or (4,) have in common, of their unions."""
    overlap = (np.minimum(boxes[:, 2:], others[..., 2:]) - np.maximum(boxes[:, :2], others[..., :2])).clip(min=0)
    shared = overlap.prod(axis=1)
    areas = [(some[..., 2:] - some[..., :2]).prod(axis=-1) for some in (boxes, others)]
    shares: Floats = shared / (areas[0] + areas[1] - shared)
    return shares


def as_faces(parts: Sequence[Found]) -> list[Face]:
    """Each as a Face, in their order."""
    return [
        Face(tuple(box), landmarks.copy(), score)
        for part in parts
        for box, landmarks, score in zip(part.boxes.tolist(), part.landmarks, part.scores.tolist(), strict=True)
    ]


NONE = Found(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))
