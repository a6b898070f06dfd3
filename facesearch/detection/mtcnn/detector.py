"""MTCNN: photos -> faces with box, five landmarks and score.

The cascade of Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks"
(https://arxiv.org/abs/1604.02878), with the weights that facenet-pytorch ships: P-Net proposes 12-pixel windows on an
image pyramid, R-Net and O-Net look at each at 24 and 48 pixels, O-Net adds the landmarks.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.core.types import Face
from facesearch.detection.mtcnn.candidates import Candidates, nms_by_smaller, nms_by_union, regressed, squared
from facesearch.detection.mtcnn.cascade import load_cascade
from facesearch.detection.mtcnn.proposals import NMS_IMAGE, propose
from facesearch.detection.mtcnn.pyramid import Pyramid, crops
from facesearch.detection.mtcnn.weights import WEIGHTS_SHA256

__all__ = ["Mtcnn"]

RNET_SIDE, ONET_SIDE = 24, 48
NMS_FINAL = 0.7  # after O-Net
# Side of the smallest face wanted in photos that are shrunk for detection: O-Net's 48 would be better, R-Net looks at
# 24, and below 20 recall falls.
FACE_PX = 20.0
# See `facesearch.detection.Upright`: of 100 photos of people, 96 have a face of SURE_SCORE as they stand, and 2 turned
# by 90 degrees.
SURE_SCORE, LIKELY_SCORE = 0.995, 0.97
# Another version for another algorithm around the same weights: what finds other faces, or the same ones elsewhere.
VERSION = 1


class Mtcnn:
    """MTCNN on batches of images of any sizes, as a `facesearch.detection.Detector`; every stage sees all images."""

    spec: ClassVar[DetectorSpec] = DetectorSpec("mtcnn", VERSION, tuple(WEIGHTS_SHA256.values()))
    face_px, sure_score, likely_score = FACE_PX, SURE_SCORE, LIKELY_SCORE

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        self.config = config or DetectionConfig()
        self.cascade = load_cascade(device)

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `facesearch.detection.Detector.detect`; of faces that stand more or less upright."""
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
        """O-Net: final score and box, and the landmarks (n, 5, 2)."""
        boxes = candidates.boxes = squared(candidates.boxes)
        regression, points, scores = self.cascade.onet(crops(candidates, pyramids, ONET_SIDE))
        points = np.stack([points[:, :5], points[:, 5:]], axis=2)  # five x, then five y, in units of the box
        landmarks = boxes[:, None, :2] + points * (boxes[:, None, 2:] - boxes[:, None, :2])
        passed = np.flatnonzero(scores > self.config.thresholds[2])
        kept = Candidates(regressed(boxes, regression)[passed], scores[passed], candidates.image[passed])
        keep = nms_by_smaller(kept, NMS_FINAL)
        return kept.take(keep), landmarks[passed][keep]


def _faces(candidates: Candidates, landmarks: NDArray[np.float32], images: int) -> list[list[Face]]:
    """Candidates, best first, handed back to their images."""
    faces: list[list[Face]] = [[] for _ in range(images)]
    boxes = candidates.boxes.tolist()
    for row, (image, score) in enumerate(zip(candidates.image.tolist(), candidates.scores.tolist(), strict=True)):
        faces[image].append(Face(tuple(boxes[row]), landmarks[row].copy(), score))
    return faces
