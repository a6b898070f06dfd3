"""YuNet's output -> boxes, landmarks and scores; the same whatever the network runs on.

At every position of grids of 8, 16 and 32 pixels it says in 16 channels: logits of "class" and "object"; the box's
centre, in cells from the position, and the logarithm of its sides in cells; five landmarks, in cells from the position.
OpenCV's face_detect.cpp has the same rules.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facesearch.detection.found import Found

__all__ = ["decoded"]

Floats = NDArray[np.float32]
STRIDES = (8, 16, 32)


def decoded(maps: Floats, size: tuple[int, int], threshold: float) -> tuple[Found, NDArray[np.int64]]:
    """What the network has found on canvases, in pixels of each, without suppression; and the number of each's canvas.

    Args:
        maps: (canvases, 16, positions).
        size: (height, width) of each canvas.
        threshold: score that a face needs: the root of the two probabilities' product.
    """
    scores = 1 / np.sqrt((1 + np.exp(-maps[:, 0])) * (1 + np.exp(-maps[:, 1])))
    canvas, position = np.nonzero(scores >= threshold)
    corners, strides = _positions(*size)
    corner, stride = corners[position], strides[position, None]
    values = maps[canvas, 2:, position]
    centre, half = corner + values[:, :2] * stride, np.exp(values[:, 2:4]) * stride / 2
    landmarks = corner[:, None] + values[:, 4:].reshape(-1, 5, 2) * stride[:, None]
    return Found(np.concatenate([centre - half, centre + half], axis=1), landmarks, scores[canvas, position]), canvas


@lru_cache(maxsize=64)
def _positions(height: int, width: int) -> tuple[Floats, Floats]:
    """Where each position lies, (n, 2), and its stride, (n,), in pixels."""
    corners, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[0:height:stride, 0:width:stride]
        corners.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full(rows.size, stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)
