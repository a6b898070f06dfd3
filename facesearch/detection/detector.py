"""What every detector offers, whatever network is in it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.core.types import Face

__all__ = ["Detector", "DetectorKind"]


class Detector(Protocol):
    """Finds faces in images; threads may share it.

    Coordinates are continuous: x is 0 at the left edge of the first pixel and the width at the right edge of the last.
    """

    @property
    def spec(self) -> DetectorSpec:
        """What identifies it; kept in every library."""
        ...

    @property
    def face_px(self) -> float:
        """Side, in pixels, that the smallest face wanted should have in the images; more pixels are of no use."""
        ...

    @property
    def sure_score(self) -> float:
        """Score of faces that stand upright: where an image has one, its other orientations are not looked at."""
        ...

    @property
    def likely_score(self) -> float:
        """Score from which faces are evidence for the orientation of an image."""
        ...

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """Find the faces of each image, best score first.

        What is found in an image does not depend on the others of the batch.

        Args:
            images: n of (h, w, 3) uint8 RGB, of any sizes.
            min_face_px: n sides, in pixels of its image, of the smallest face to look for; at least 12.

        Returns:
            For each image its faces: box, (5, 2) float32 landmarks and score, in pixels of the image.
        """
        ...


class DetectorKind(Protocol):
    """What the registry has of a detector: mostly its class."""

    @property
    def spec(self) -> DetectorSpec: ...

    def __call__(self, config: DetectionConfig, device: str) -> Detector:
        """Set up on "cpu" or another device of PyTorch's. Raises ModelError where weights are missing or changed."""
        ...
