"""YuNet: photos -> faces with box, five landmarks and score.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine Intelligence Research 20, 2023), with the
weights of OpenCV Zoo. The network is run on the whole photo, as small as the smallest face allows, with a low
threshold; then on a square around each face that this proposes, which says whether it is one, unless that is clear; and
on a square that is turned as the head leans, and its mirror image, for the landmarks. How good an embedding is depends
on them more than on the network: on data/photos, TAR at FAR 1e-4 is 0.81 without these looks, 0.89 with them.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.core.types import Face
from facesearch.detection.canvases import Canvas, Picture, canvases, square
from facesearch.detection.found import Found, as_faces, iou, nms
from facesearch.detection.yunet.decoding import decoded
from facesearch.detection.yunet.int8 import RANGES_SHA256
from facesearch.detection.yunet.network import load_network
from facesearch.detection.yunet.weights import WEIGHTS_SHA256

__all__ = ["Yunet", "YunetInt8"]

# Of 1,242 photos, 20 have something with this score that is neither a face nor a drawing of one; MTCNN finds 68.
MIN_SCORE = 0.65
# Side of the smallest face wanted on the canvas of the whole photo, and the score from which a face is looked at again:
# of faces that are so small there, 96 % have it. One thing more a photo has it, too, and is none.
PROPOSED_PX, PROPOSED_SCORE = 11.0, 0.1
# Boxes of small faces are a little too small or too large.
STILL_WANTED = 0.8
# The second look: a square of so many pixels, of which the face has a half, as far as it need not be enlarged more.
SQUARE, FACE_SHARE, MOST_ENLARGED = 128, 0.5, 2.0
# The same for landmarks, which need fewer pixels around the face and more in it.
LANDMARKS_SQUARE, LANDMARKS_SHARE = 96, 0.67
NMS, SAME_FACE = 0.4, 0.3
# A face of this score, so large on the canvas, is one, and stands more or less upright: heads that lean by 45 to 60
# degrees reach 0.87, with their landmarks anywhere. A face that leans needs a higher score than others.
CLEAR_SCORE, CLEAR_PX = 0.88, 40.0
LEANING, LEANING_SCORE = (-45.0, 45.0), 0.82
# What is proposed with less is small rather than leaning: of 227 faces found again, 8 lean, and none has less than 0.4.
LEANING_PROPOSED = 0.4
# YuNet's landmarks turn by 0.3 of the angle by which a head does (10 to 30 degrees, 50 photos of LFW). So the square is
# turned by what that says, and the landmarks are those of this look and of its mirror image.
ROLL_SEEN, MOST = 0.3, 45.0  # share; degrees
LANDMARKS_SCORE = 0.3  # of a look that is taken for its landmarks only
# What they still turn too little in the turned square, and where they lie beside MTCNN's, in sides of the face: (x, y)
# of each, the same on both sides. Measured on data/faces and LFW; how many looks there are was chosen on data/photos.
ROLL_LEFT = 1.0
BESIDE = np.array([(0.0055, 0.0003), (-0.0055, 0.0003), (0, -0.0026), (-0.0019, 0.0041), (0.0019, 0.0041)], np.float32)
# Pixels that the smallest face wanted has in a photo that is shrunk for detection: the second look sees them.
FACE_PX = 20.0
# See `facesearch.detection.Upright`: 82 % of the photos in data/photos have a face of SURE_SCORE as they stand; turned
# by 90, 180 and 270 degrees, 1, 0 and 3 % have one.
SURE_SCORE, LIKELY_SCORE = 0.915, 0.75
# Another version for another algorithm around the same weights: what finds other faces, or the same ones elsewhere.
VERSION = 1


class Yunet:
    """YuNet on images of any sizes, as a `facesearch.detection.Detector`."""

    int8: ClassVar[bool] = False
    spec: ClassVar[DetectorSpec] = DetectorSpec("yunet", VERSION, (WEIGHTS_SHA256,))
    face_px, sure_score, likely_score = FACE_PX, SURE_SCORE, LIKELY_SCORE

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        self.config = config or DetectionConfig()
        self._network = load_network(device, self.int8)
        self._min_score = MIN_SCORE if self.config.min_score is None else self.config.min_score
        self._clear_score = max(CLEAR_SCORE, self._min_score)
        self._leaning_score = max(LEANING_SCORE, self._min_score)

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `facesearch.detection.Detector.detect`."""
        return [self._faces(image, wanted) for image, wanted in zip(images, min_face_px, strict=True)]

    def _faces(self, image: NDArray[np.uint8], min_face_px: float) -> list[Face]:
        picture = Picture(image)
        proposed, is_clear = self._proposed(picture, min_face_px)
        clear = proposed.take(np.flatnonzero(is_clear))
        may_lean = (proposed.scores >= LEANING_PROPOSED) & ~_are_in_place(proposed.boxes, clear)
        rows = np.flatnonzero(is_clear)
        looks: list[tuple[Found, float | None]] = [(proposed.take(rows[[i]]), None) for i in range(len(rows))]
        for i in np.flatnonzero(~is_clear):
            look = self._again(picture, proposed.boxes[i], bool(may_lean[i]))
            if look is not None:
                looks.append(look)
        if not looks:
            return []
        found = Found.joined([face for face, _ in looks])
        kept = nms(found.boxes, found.scores, NMS).tolist()
        return as_faces(Found.joined([self._levelled(picture, *looks[row]) for row in kept]))

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

    def _again(self, picture: Picture, box: NDArray[np.float32], may_lean: bool) -> tuple[Found, float] | None:
        """The same face, looked at closely, and how many degrees turned; None where there is none.

        Args:
            may_lean: look at it turned, too. Where a clear face lies already, that would only give it another box.
        """
        best, turned = self._closely(picture, box, self._min_score), 0.0
        if may_lean and (best is None or best.scores[0] < self._clear_score):
            for other in LEANING:
                look = self._closely(picture, box, self._leaning_score, other)
                if look is not None and (best is None or look.scores[0] > best.scores[0]):
                    best, turned = look, other
        return None if best is None else (best, turned)

    def _levelled(self, picture: Picture, face: Found, turned: float | None) -> Found:
        """The face with its landmarks as they are seen where it stands upright.

        Args:
            turned: degrees, as it was looked at closely; None where it was not.
        """
        box, landmarks = face.boxes[0], face.landmarks[0]
        if turned is None:
            plain = _square_around(picture, box, LANDMARKS_SQUARE, LANDMARKS_SHARE)
            look = self._in_place(plain, box, LANDMARKS_SCORE)
            landmarks, turned = landmarks if look is None else look.landmarks[0], 0.0
        lean = turned + max(-MOST, min((_roll(landmarks) - turned) / ROLL_SEEN, MOST))
        canvas = _square_around(picture, box, LANDMARKS_SQUARE, LANDMARKS_SHARE, lean)
        looks = [self._in_place(each, box, LANDMARKS_SCORE) for each in (canvas, canvas.mirrored())]
        seen = [look.landmarks[0] for look in looks if look is not None]
        if not seen:
            return Found(face.boxes, landmarks[None], face.scores)
        side = float((box[2:] - box[:2]).max())
        return Found(face.boxes, _corrected(np.mean(seen, axis=0), lean, side)[None], face.scores)

    def _closely(self, picture: Picture, box: NDArray[np.float32], score: float, turned: float = 0.0) -> Found | None:
        """The face in the box's place, looked at closely; None where none has this score."""
        return self._in_place(_square_around(picture, box, SQUARE, FACE_SHARE, turned), box, score)

    def _in_place(self, canvas: Canvas, box: NDArray[np.float32], score: float) -> Found | None:
        """The best face of a canvas that is in the box's place; None where none has this score."""
        found = self._seen(canvas, score)
        rows = np.flatnonzero(iou(found.boxes, box) > SAME_FACE)
        return found.take(rows[[found.scores[rows].argmax()]]) if len(rows) else None

    def _seen(self, canvas: Canvas, threshold: float) -> Found:
        found = decoded(self._network(canvas.pixels), canvas.pixels.shape[:2], threshold)
        return found.placed(canvas.to_picture)


class YunetInt8(Yunet):
    """YuNet in int8, on CPUs only."""

    int8 = True
    spec = DetectorSpec("yunet-int8", VERSION, (WEIGHTS_SHA256, RANGES_SHA256))


def _square_around(picture: Picture, box: NDArray[np.float32], size: int, share: float, turned: float = 0.0) -> Canvas:
    """A square of so many pixels around a face that has this share of its side, or less where it is small."""
    side = max(float((box[2:] - box[:2]).max()) / share, size / MOST_ENLARGED)
    return square(picture, box, side, size, turned)


def _are_in_place(boxes: NDArray[np.float32], faces: Found) -> NDArray[np.bool_]:
    """Which boxes have their centre in the box of one of the faces, or a face's centre in them."""
    ours, theirs = boxes[:, None], faces.boxes[None]
    return np.asarray(np.any(_centred_in(ours, theirs) | _centred_in(theirs, ours), axis=1))


def _centred_in(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    inside: NDArray[np.bool_] = (centres > others[..., :2]) & (centres < others[..., 2:])
    return np.asarray(np.all(inside, axis=-1))


def _roll(landmarks: NDArray[np.float32]) -> float:
    """Degrees by which (5, 2) landmarks are turned clockwise: of the eyes' line, and of that down to the mouth."""
    (across, over), (aside, down) = landmarks[1] - landmarks[0], landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0)
    return math.degrees(math.atan2(over - aside, across + down))


def _corrected(landmarks: NDArray[np.float32], lean: float, side: float) -> NDArray[np.float32]:
    """(5, 2) landmarks from a square turned by so many degrees, turned on and moved as ROLL_LEFT and BESIDE say.

    Args:
        side: of the face, in pixels.
    """
    more = math.radians((_roll(landmarks) - lean) * ROLL_LEFT)
    middle = landmarks.mean(axis=0)
    turned = (landmarks - middle) @ _rotation(more).T + middle
    return np.asarray(turned + side * BESIDE @ _rotation(math.radians(lean)).T, np.float32)


def _rotation(angle: float) -> NDArray[np.float64]:
    """(2, 2), clockwise in a picture, in radians."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
