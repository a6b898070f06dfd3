"""YuNet: photos -> faces with box, five landmarks and score.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine Intelligence Research 20, 2023), with the
weights of OpenCV Zoo. The network is run twice: on the whole photo, as small as the smallest face allows, with a low
threshold; and on a square around each face that this proposes, which says whether it is one and where its landmarks
are.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.core.types import Face
from facesearch.detection.overlap import iou, nms
from facesearch.detection.yunet.canvases import Canvas, Picture, canvases, square
from facesearch.detection.yunet.decoding import Found, decoded
from facesearch.detection.yunet.network import load_network
from facesearch.detection.yunet.weights import WEIGHTS_SHA256

__all__ = ["Yunet"]

# Side of the smallest face wanted on the canvas of the whole photo, and the score from which a face is looked at again.
PROPOSED_PX, PROPOSED_SCORE = 12.0, 0.2
# The second look: a square of so many pixels, of which the face has a half, as far as it need not be enlarged more.
SQUARE, FACE_SHARE, MOST_ENLARGED = 128, 0.5, 2.0
NMS, SAME_FACE = 0.4, 0.3
# Another version for another algorithm around the same weights: what finds other faces, or the same ones elsewhere.
VERSION = 1


class Yunet:
    """YuNet on images of any sizes, as a `facesearch.detection.Detector`."""

    spec: ClassVar[DetectorSpec] = DetectorSpec("yunet", VERSION, (WEIGHTS_SHA256,))

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        self.config = config or DetectionConfig()
        self._network = load_network(device)

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `facesearch.detection.Detector.detect`."""
        return [self._faces(image, wanted) for image, wanted in zip(images, min_face_px, strict=True)]

    def _faces(self, image: NDArray[np.uint8], min_face_px: float) -> list[Face]:
        picture = Picture(image)
        proposed = self._proposed(picture, min_face_px)
        looked = [found for row in range(len(proposed)) if (found := self._again(picture, proposed.boxes[row]))]
        return _as_faces(_best(Found.joined(looked))) if looked else []

    def _proposed(self, picture: Picture, min_face_px: float) -> Found:
        scale = min(PROPOSED_PX / min_face_px, 1.0)
        return _best(Found.joined([self._seen(each, PROPOSED_SCORE) for each in canvases(picture, scale)]))

    def _again(self, picture: Picture, box: NDArray[np.float32]) -> Found | None:
        """The same face, looked at closely; None where there is none."""
        side = max(float((box[2:] - box[:2]).max()) / FACE_SHARE, SQUARE / MOST_ENLARGED)
        found = self._seen(square(picture, box, side, SQUARE), self.config.min_score)
        rows = np.flatnonzero(iou(found.boxes, box) > SAME_FACE)
        return found.take(rows[[found.scores[rows].argmax()]]) if len(rows) else None

    def _seen(self, canvas: Canvas, threshold: float) -> Found:
        found = decoded(self._network(canvas.pixels), canvas.pixels.shape[:2], threshold)
        return found.placed(canvas.scale, canvas.offset)


def _best(found: Found) -> Found:
    return found.take(nms(found.boxes, found.scores, NMS))


def _as_faces(found: Found) -> list[Face]:
    boxes, scores = found.boxes.tolist(), found.scores.tolist()
    return [Face(tuple(box), found.landmarks[i].copy(), scores[i]) for i, box in enumerate(boxes)]
