"""Which faces of a photo are the same ones, when two detectors or a user have looked at it. Pure functions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.core.types import Face

__all__ = ["LEAST_OVERLAP", "MOST_APART", "match", "without"]

# Of 206 faces on 200 photos that MTCNN and YuNet both find, the boxes overlap by 0.59 or more, all but two by 0.73;
# boxes of two people by 0.13 at most. A box of the whole head and one of the face alone, 1.8 times as wide, by 0.31.
LEAST_OVERLAP = 0.3
# Landmarks lie alike in a face whatever box is drawn around it: a detector with far larger boxes is matched by them.
# In units of their own spread, a fifth of a face's height: those of one face are 0.13 apart, 0.45 at most in 99 of 100,
# and those of two people three and more.
MOST_APART = 0.5


def match(old: Sequence[Face], new: Sequence[Face]) -> dict[int, int]:
    """For new faces the old ones that they are, by their places in both lists; each old one is one new one's.

    Two faces can be the same where their boxes overlap by LEAST_OVERLAP, or their landmarks are MOST_APART from each
    other at most. The pair that overlaps most comes first, of equal ones the one whose landmarks are nearest.

    Args:
        old, new: faces with boxes and landmarks in the same pixels.
    """
    if not old or not new:
        return {}
    overlap, apart = _overlaps(_boxes(new), _boxes(old)), _apart(_landmarks(new), _landmarks(old))
    rows, columns = np.nonzero((overlap >= LEAST_OVERLAP) | (apart <= MOST_APART))
    order = np.lexsort((columns, rows, apart[rows, columns], -overlap[rows, columns]))
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in matched and column not in taken:
            matched[row] = column
            taken.add(column)
    return matched


def without(found: Sequence[Face], drawn: Sequence[Face]) -> list[Face]:
    """What was found, but for faces that the user has drawn; a drawn face takes all that it can be."""
    left = list(found)
    while same := match(drawn, left):
        left = [face for row, face in enumerate(left) if row not in same]
    return left


def _boxes(faces: Sequence[Face]) -> NDArray[np.float64]:
    """(n, 4)."""
    return np.array([face.box for face in faces], np.float64)


def _landmarks(faces: Sequence[Face]) -> NDArray[np.float64]:
    """(n, 5, 2)."""
    return np.array([face.landmarks for face in faces], np.float64)


def _overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) intersection over union of boxes (n, 4) and (m, 4)."""
    corners = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.clip(corners, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (a, b)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) mean distance of the points of (n, 5, 2) and (m, 5, 2), over the spread of the less spread face."""
    distances = np.linalg.norm(a[:, None] - b[None], axis=3).mean(axis=2)
    return np.asarray(distances / np.maximum(np.minimum(_spread(a)[:, None], _spread(b)[None]), 1e-9))


def _spread(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the root mean square distance of the points (n, 5, 2) of each face from their middle."""
    from_middle = points - points.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt((from_middle**2).sum(axis=2).mean(axis=1)))
