"""The search for the upright orientation, around any detector: pictures may lie on their side, or head down."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectorSpec
from facesearch.core.types import Face
from facesearch.detection.detector import Detector
from facesearch.detection.halving import halved

__all__ = ["Upright"]

Image = NDArray[np.uint8]
# Degrees from upright up to which a face stands; more, and it stands in another orientation.
STANDING = 45
QUARTERS = (1, 3, 2)  # the other orientations
# Part of an image around a face that is looked at turned: so many of the face's sides, and for faces of a third of it.
# The boxes of faces that do not stand are rough.
AROUND, SMALLER = 2.5, 1 / 3


class Upright:
    """A Detector that looks at an image without a sure, standing face in the other three orientations, too.

    If its best face is as good in none of them, the image stands as it is; an image without any face is looked at as a
    whole. Another orientation is believed if more speaks for it: likely faces, each by how far it is from doubtful.
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

    def detect(self, images: Sequence[Image], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `Detector.detect`."""
        found = self.detector.detect(images, min_face_px)
        unsure = [i for i, faces in enumerate(found) if not self._is_sure(faces)]
        doubted = [self._best(found[i]) for i in unsure]
        seen = [(i, face) for i, face in zip(unsure, doubted, strict=True) if face is not None]
        empty = [i for i, face in zip(unsure, doubted, strict=True) if face is None]
        better = dict(zip([i for i, _ in seen], self._around([(images[i], face) for i, face in seen]), strict=True))
        glances = self._glances([images[i] for i in empty], [min_face_px[i] for i in empty])
        better |= dict(zip(empty, glances, strict=True))
        for i, quarters in better.items():
            if quarters is not None:
                found[i] = self._turned(images[i], min_face_px[i], found[i], quarters)
        return found

    def _around(self, seen: Sequence[tuple[Image, Face]]) -> list[int | None]:
        """For each image and its best face the orientation in which a face here has a better score, if there is one."""
        parts, sizes = [], []
        for image, face in seen:
            x1, y1, x2, y2 = face.box
            side, middle = max(x2 - x1, y2 - y1), ((x1 + x2) / 2, (y1 + y2) / 2)
            left, top = (max(int(at - AROUND / 2 * side), 0) for at in middle)
            right, bottom = (max(math.ceil(at + AROUND / 2 * side), 1) for at in middle)
            parts.append(image[top:bottom, left:right])
            sizes.append(max(side * SMALLER, 12.0))
        scores = self._in_other_orientations(parts, sizes, _best_standing)
        return [_beyond(looks, _best_standing([face])) for looks, (_, face) in zip(scores, seen, strict=True)]

    def _glances(self, images: Sequence[Image], min_face_px: Sequence[float]) -> list[int | None]:
        """For each image the orientation for which its larger faces speak, if there is one.

        These are there in all but pictures of crowds; looked for in images of half the size, they take a quarter of
        the time and memory.
        """
        smaller = [halved(image) if min(image.shape[:2]) > 1 else image for image in images]
        scores = self._in_other_orientations(smaller, min_face_px, self._evidence)
        return [_beyond(looks, 0.0) for looks in scores]

    def _in_other_orientations(
        self, images: Sequence[Image], min_face_px: Sequence[float], judged: Callable[[list[Face]], float]
    ) -> list[list[float]]:
        turned = [np.rot90(image, quarters) for image in images for quarters in QUARTERS]
        found = self.detector.detect(turned, np.repeat(min_face_px, len(QUARTERS)).tolist())
        each = list(map(judged, found))
        return [each[first : first + len(QUARTERS)] for first in range(0, len(turned), len(QUARTERS))]

    def _turned(self, image: Image, min_face_px: float, as_it_is: list[Face], quarters: int) -> list[Face]:
        """The faces of an image in this orientation; as it is unless more speaks for the other."""
        faces = self.detector.detect([np.rot90(image, quarters)], [min_face_px])[0]
        if self._evidence(faces) <= self._evidence(as_it_is):
            return as_it_is
        height, width = image.shape[:2]
        return [face.turned_back(quarters, width, height) for face in faces if face.score >= self.likely_score]

    def _is_sure(self, faces: Sequence[Face]) -> bool:
        return any(face.score >= self.sure_score and _stands(face) for face in faces)

    def _best(self, faces: Sequence[Face]) -> Face | None:
        likely = [face for face in faces if face.score >= self.likely_score]
        return max(likely, key=lambda face: face.score, default=None)

    def _evidence(self, faces: Sequence[Face]) -> float:
        """How much speaks for an image standing as it does."""
        return sum(max(face.score - self.likely_score, 0.0) for face in faces if _stands(face))


def _beyond(looks: Sequence[float], known: float) -> int | None:
    """The orientation of the best look, if it is better than what is known."""
    best = int(np.argmax(looks))
    return QUARTERS[best] if looks[best] > known else None


def _best_standing(faces: Sequence[Face]) -> float:
    return max((face.score for face in faces if _stands(face)), default=0.0)


def _stands(face: Face) -> bool:
    """From the middle of its eyes to that of its mouth, it goes down."""
    across, down = face.landmarks[3:].mean(axis=0) - face.landmarks[:2].mean(axis=0)
    return abs(math.degrees(math.atan2(across, down))) <= STANDING
