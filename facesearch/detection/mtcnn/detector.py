"""MTCNN: photos -> faces with box, five landmarks and score.

The cascade of Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks"
(https://arxiv.org/abs/1604.02878), with the weights that facenet-pytorch ships: P-Net proposes 12-pixel windows on an
image pyramid, R-Net and O-Net look at each at 24 and 48 pixels, O-Net adds the landmarks.

Coordinates are continuous: x is 0 at the left edge of the first pixel and the width at the right edge of the last.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Face
from facesearch.detection.mtcnn.candidates import Candidates, nms_by_smaller, nms_by_union, regressed, squared
from facesearch.detection.mtcnn.cascade import load_cascade
from facesearch.detection.mtcnn.proposals import NMS_IMAGE, propose
from facesearch.detection.mtcnn.pyramid import Pyramid, crops, halved

__all__ = ["LIKELY_SCORE", "SURE_SCORE", "Detector"]

RNET_SIDE, ONET_SIDE = 24, 48
NMS_FINAL = 0.7  # after O-Net
# Of 100 photos of people, 96 have a face of SURE_SCORE as they stand, and 2 turned by 90 degrees. Where there is one,
# the other ways are not looked at; elsewhere, likely faces are weighed.
SURE_SCORE, LIKELY_SCORE = 0.995, 0.97
QUARTERS = (1, 3, 2)  # the other ways


class Detector:
    """MTCNN on batches of images of any sizes.

    Every stage sees the whole batch; what is found in an image does not depend on its company.
    """

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        self.config = config or DetectionConfig()
        self.device = device
        self.cascade = load_cascade(device)

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """Find the faces of each image, best score first.

        An image without a sure face may lie on its side, or head down: it is then looked at in those ways too, and the
        way with most likely faces is believed, if there is one.

        Args:
            images: each (h, w, 3) uint8 RGB.
            min_face_px: for each image, the side of the smallest face to look for, in its pixels; at least 12.

        Returns:
            For each image its faces; none is an empty list.
        """
        found = self._detect_upright(images, min_face_px)
        if self.config.turned:
            unsure = [i for i, faces in enumerate(found) if _best(faces) < SURE_SCORE]
            glances = self._glances([images[i] for i in unsure], [min_face_px[i] for i in unsure])
            for i, glanced in zip(unsure, glances, strict=True):
                found[i] = self._detect_turned(images[i], min_face_px[i], found[i], glanced)
        return found

    def _glances(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[float]]:
        """How much speaks for each image standing in each of the other ways, by its larger faces.

        These are there in all but pictures of crowds; looked for in images of half the size, they take a quarter of
        the time and memory.
        """
        ways = [np.rot90(small, quarters) for small in map(halved, images) for quarters in QUARTERS]
        found = self._detect_upright(ways, np.repeat(min_face_px, len(QUARTERS)).tolist())
        evidence = list(map(_evidence, found))
        return [evidence[first : first + len(QUARTERS)] for first in range(0, len(ways), len(QUARTERS))]

    def _detect_turned(
        self, image: NDArray[np.uint8], min_face_px: float, upright: list[Face], glanced: Sequence[float]
    ) -> list[Face]:
        """The faces of an image the way it stands best; as it is unless another way shows likely faces, and more."""
        best = int(np.argmax(glanced))
        if glanced[best] <= _evidence(upright):
            return upright
        faces = self._detect_upright([np.rot90(image, QUARTERS[best])], [min_face_px])[0]
        if _evidence(faces) <= _evidence(upright):
            return upright
        height, width = image.shape[:2]
        return [face.turned_back(QUARTERS[best], width, height) for face in faces if face.score >= LIKELY_SCORE]

    def _detect_upright(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        pyramids = [Pyramid(image) for image in images]
        candidates = propose(self.cascade, pyramids, min_face_px, self.config)
        candidates = self._refine(candidates, pyramids)
        candidates, landmarks = self._locate(candidates, pyramids)
        return _faces(candidates, landmarks, len(images))

    def _refine(self, candidates: Candidates, pyramids: Sequence[Pyramid]) -> Candidates:
        """R-Net: throws most candidates away and moves the rest."""
        candidates.boxes = squared(candidates.boxes)
        regression, scores = self.cascade.rnet(crops(candidates, pyramids, RNET_SIDE))
        passed = np.flatnonzero(scores > self.config.thresholds[1])
        kept = Candidates(candidates.boxes[passed], scores[passed], candidates.image[passed])
        keep = nms_by_union(kept.boxes, kept.scores, kept.image, NMS_IMAGE)
        kept = kept.take(keep)
        kept.boxes = regressed(kept.boxes, regression[passed][keep])
        return kept

    def _locate(self, candidates: Candidates, pyramids: Sequence[Pyramid]) -> tuple[Candidates, NDArray[np.float32]]:
        """O-Net: the last word on score and box, and the landmarks (n, 5, 2)."""
        boxes = candidates.boxes = squared(candidates.boxes)
        regression, points, scores = self.cascade.onet(crops(candidates, pyramids, ONET_SIDE))
        points = np.stack([points[:, :5], points[:, 5:]], axis=2)  # five x, then five y, in units of the box
        landmarks = boxes[:, None, :2] + points * (boxes[:, None, 2:] - boxes[:, None, :2])
        passed = np.flatnonzero(scores > self.config.thresholds[2])
        kept = Candidates(regressed(boxes, regression)[passed], scores[passed], candidates.image[passed])
        keep = nms_by_smaller(kept, NMS_FINAL)
        return kept.take(keep), landmarks[passed][keep]


def _best(faces: Sequence[Face]) -> float:
    return max((face.score for face in faces), default=0.0)


def _evidence(faces: Sequence[Face]) -> float:
    """How much speaks for an image standing as it does."""
    return sum(face.score for face in faces if face.score >= LIKELY_SCORE)


def _faces(candidates: Candidates, landmarks: NDArray[np.float32], images: int) -> list[list[Face]]:
    """Candidates, best first, handed back to their images."""
    faces: list[list[Face]] = [[] for _ in range(images)]
    boxes = candidates.boxes.tolist()
    for row, (image, score) in enumerate(zip(candidates.image.tolist(), candidates.scores.tolist(), strict=True)):
        faces[image].append(Face(tuple(boxes[row]), landmarks[row].copy(), score))
    return faces
