"""The search for the upright orientation, around any detector: pictures may lie on their side, or head down."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectorSpec
from facesearch.core.types import Face
from facesearch.detection.detector import Detector
from facesearch.detection.halving import halved

__all__ = ["Upright"]

# Degrees from upright up to which a face stands; heads that lean more say nothing about the image.
STANDING = 45
QUARTERS = (1, 3, 2)  # the other orientations


class Upright:
    """A Detector that looks at an image without a sure, standing face in the other three orientations, too.

    The orientation with most likely faces is believed, if there is one.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    @property
    def spec(self) -> DetectorSpec:
        return self.detector.spec

    @property
    def face_px(self) -> float:
        return self.detector.face_px

    @property
    def sure_score(self) -> float:
        return self.detector.sure_score

    @property
    def likely_score(self) -> float:
        return self.detector.likely_score

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `Detector.detect`."""
        found = self.detector.detect(images, min_face_px)
        unsure = [i for i, faces in enumerate(found) if not self._sure(faces)]
        glances = self._glances([images[i] for i in unsure], [min_face_px[i] for i in unsure])
        for i, glanced in zip(unsure, glances, strict=True):
            found[i] = self._turned(images[i], min_face_px[i], found[i], glanced)
        return found

    def _glances(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[float]]:
        """How much speaks for each image standing in each of the other orientations, by its larger faces.

        These are there in all but pictures of crowds; looked for in images of half the size, they take a quarter of
        the time and memory.
        """
        turned = [np.rot90(small, quarters) for small in map(halved, images) for quarters in QUARTERS]
        found = self.detector.detect(turned, np.repeat(min_face_px, len(QUARTERS)).tolist())
        evidence = list(map(self._evidence, found))
        return [evidence[first : first + len(QUARTERS)] for first in range(0, len(turned), len(QUARTERS))]

    def _turned(
        self, image: NDArray[np.uint8], min_face_px: float, as_it_is: list[Face], glanced: Sequence[float]
    ) -> list[Face]:
        """The faces of an image in its best orientation; as it is unless another shows likely faces, and more."""
        best = int(np.argmax(glanced))
        if glanced[best] <= self._evidence(as_it_is):
            return as_it_is
        faces = self.detector.detect([np.rot90(image, QUARTERS[best])], [min_face_px])[0]
        if self._evidence(faces) <= self._evidence(as_it_is):
            return as_it_is
        height, width = image.shape[:2]
        return [face.turned_back(QUARTERS[best], width, height) for face in faces if face.score >= self.likely_score]

    def _sure(self, faces: Sequence[Face]) -> bool:
        return any(face.score >= self.sure_score and _stands(face) for face in faces)

    def _evidence(self, faces: Sequence[Face]) -> float:
        """How much speaks for an image standing as it does."""
        return sum(face.score for face in faces if face.score >= self.likely_score and _stands(face))


def _stands(face: Face) -> bool:
    """From the middle of its eyes to that of its mouth, it goes down."""
    across, down = face.landmarks[3:].mean(axis=0) - face.landmarks[:2].mean(axis=0)
    return abs(math.degrees(math.atan2(across, down))) <= STANDING
