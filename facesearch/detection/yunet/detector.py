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
# Boxes of small faces are a little too small or too large.
STILL_WANTED = 0.8
# The second look: a square of so many pixels, of which the face has a half, as far as it need not be enlarged more.
SQUARE, FACE_SHARE, MOST_ENLARGED = 128, 0.5, 2.0
NMS, SAME_FACE = 0.4, 0.3
# A face of this score stands more or less upright, and of so many pixels on the canvas its landmarks are as good as any
# (LFW, SFace: the same accuracy from 50 pixels on): there is no need for a second look, nor for one that is turned.
# Heads that lean by 45 to 60 degrees reach 0.87, with their landmarks anywhere. A face that leans needs a higher score.
CLEAR_SCORE, CLEAR_PX = 0.88, 40.0
LEANING, LEANING_SCORE = (-45.0, 45.0), 0.82
# Pixels that the smallest face wanted has in a photo that is shrunk for detection: the second look sees them.
FACE_PX = 20.0
# See `facesearch.detection.Upright`: 82 % of the photos in data/photos have a face of SURE_SCORE as they stand; turned
# by 90, 180 and 270 degrees, 1, 0 and 3 % have one.
SURE_SCORE, LIKELY_SCORE = 0.915, 0.75
# Another version for another algorithm around the same weights: what finds other faces, or the same ones elsewhere.
VERSION = 1


class Yunet:
    """YuNet on images of any sizes, as a `facesearch.detection.Detector`."""

    spec: ClassVar[DetectorSpec] = DetectorSpec("yunet", VERSION, (WEIGHTS_SHA256,))
    face_px, sure_score, likely_score = FACE_PX, SURE_SCORE, LIKELY_SCORE

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        self.config = config or DetectionConfig()
        self._network = load_network(device)
        self._clear_score = max(CLEAR_SCORE, self.config.min_score)
        self._leaning_score = max(LEANING_SCORE, self.config.min_score)

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `facesearch.detection.Detector.detect`."""
        return [self._faces(image, wanted) for image, wanted in zip(images, min_face_px, strict=True)]

    def _faces(self, image: NDArray[np.uint8], min_face_px: float) -> list[Face]:
        picture = Picture(image)
        proposed, is_clear = self._proposed(picture, min_face_px)
        clear = proposed.take(np.flatnonzero(is_clear))
        again = [self._again(picture, box, _is_within(box, clear)) for box in proposed.boxes[~is_clear]]
        return _as_faces(_best(Found.joined([clear, *(look for look in again if look is not None)])))

    def _proposed(self, picture: Picture, min_face_px: float) -> tuple[Found, NDArray[np.bool_]]:
        """What may be faces, and of which of them there is no doubt."""
        looks, are_large = [], []
        for canvas in canvases(picture, min(PROPOSED_PX / min_face_px, 1.0)):
            found = self._seen(canvas, PROPOSED_SCORE)
            looks.append(found)
            are_large.append((found.boxes[:, 2] - found.boxes[:, 0]) >= CLEAR_PX * canvas.to_picture[0, 0])
        found, is_large = Found.joined(looks), np.concatenate(are_large)
        rows = nms(found.boxes, found.scores, NMS)
        longer = (found.boxes[rows, 2:] - found.boxes[rows, :2]).max(axis=1)
        rows = rows[longer >= STILL_WANTED * min_face_px]
        return found.take(rows), is_large[rows] & (found.scores[rows] >= self._clear_score)

    def _again(self, picture: Picture, box: NDArray[np.float32], is_known: bool) -> Found | None:
        """The same face, looked at closely; None where there is none.

        Args:
            is_known: a clear face lies here; turned looks would only give it another box.
        """
        upright = self._closely(picture, box, self.config.min_score)
        if is_known or (upright is not None and upright.scores[0] >= self._clear_score):
            return upright
        leaning = (self._closely(picture, box, self._leaning_score, turned) for turned in LEANING)
        looks = [look for look in (upright, *leaning) if look is not None]
        return max(looks, key=lambda look: float(look.scores[0]), default=None)

    def _closely(self, picture: Picture, box: NDArray[np.float32], score: float, turned: float = 0.0) -> Found | None:
        """The face in the box's place; None where none has this score."""
        side = max(float((box[2:] - box[:2]).max()) / FACE_SHARE, SQUARE / MOST_ENLARGED)
        found = self._seen(square(picture, box, side, SQUARE, turned), score)
        rows = np.flatnonzero(iou(found.boxes, box) > SAME_FACE)
        return found.take(rows[[found.scores[rows].argmax()]]) if len(rows) else None

    def _seen(self, canvas: Canvas, threshold: float) -> Found:
        found = decoded(self._network(canvas.pixels), canvas.pixels.shape[:2], threshold)
        return found.placed(canvas.to_picture)


def _is_within(box: NDArray[np.float32], faces: Found) -> bool:
    """The box's centre lies in the box of one of the faces."""
    centre = (box[:2] + box[2:]) / 2
    return bool(((centre > faces.boxes[:, :2]) & (centre < faces.boxes[:, 2:])).all(axis=1).any())


def _best(found: Found) -> Found:
    return found.take(nms(found.boxes, found.scores, NMS))


def _as_faces(found: Found) -> list[Face]:
    boxes, scores = found.boxes.tolist(), found.scores.tolist()
    return [Face(tuple(box), found.landmarks[i].copy(), scores[i]) for i, box in enumerate(boxes)]
