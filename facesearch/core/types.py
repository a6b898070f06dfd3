"""One face found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Face"]


@dataclass(frozen=True)
class Face:
    """One face found.

    box: (x1, y1, x2, y2) in pixels of the image; may reach over its edge.
    landmarks: (5, 2) float32, (x, y) of left eye, right eye, nose tip, left and right mouth corner, as seen.
    score: O-Net's probability that this is a face.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    score: float

    def scaled(self, factor: float) -> "Face":
        """The same face in an image `factor` times as large."""
        x1, y1, x2, y2 = self.box
        box = (x1 * factor, y1 * factor, x2 * factor, y2 * factor)
        return Face(box, (self.landmarks * np.float32(factor)), self.score)

    def turned_back(self, quarters: int, width: int, height: int) -> "Face":
        """The face in an image, when it was found in that image turned counterclockwise by quarters, as np.rot90 does.

        The landmarks keep their order: the left eye is still the one that is left where the face stands upright.

        Args:
            width, height: of the image, not of the turned one.
        """
        x1, y1, x2, y2 = self.box
        corners = _turn_back(np.array([(x1, y1), (x2, y2)]), quarters, width, height)
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        box = (float(left), float(top), float(right), float(bottom))
        return Face(box, _turn_back(self.landmarks, quarters, width, height).astype(np.float32), self.score)


def _turn_back(points: NDArray[np.floating], quarters: int, width: int, height: int) -> NDArray[np.floating]:
    """Args: points (n, 2) in an image turned counterclockwise by quarters. Returns (n, 2) in the image itself."""
    x, y = points[:, 0], points[:, 1]
    turned = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    return np.stack(turned, axis=1)
