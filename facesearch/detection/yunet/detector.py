"""YuNet: photos -> faces with box, five landmarks and score.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (Machine Intelligence Research 20, 2023), with the
weights of OpenCV Zoo. The network is run on the whole photo, as small as the smallest face allows, with a low
threshold; then on a square around each face that this proposes, which says whether it is one, unless that is clear; and
on a square that is turned as the head leans, and its mirror image, for the landmarks. How good an embedding is depends
on them more than on the network: on data/photos, TAR at FAR 1e-4 is 0.81 without these looks, 0.89 with them.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.core.types import Face
from facesearch.detection.canvases import Canvas, Picture, canvases, square
from facesearch.detection.found import Found, as_faces, iou, nms
from facesearch.detection.main_face import prominence
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
# Pixels of canvases of whole photos that are made and looked at together: those of a batch, unless photos are large.
CANVASES_PX = 8_000_000
# Boxes of small faces are a little too small or too large.
STILL_WANTED = 0.8
# The second look: a square of so many pixels, of which the face has a half, as far as it need not be enlarged more.
SQUARE, FACE_SHARE, MOST_ENLARGED = 128, 0.5, 2.0
# The same for landmarks, which need fewer pixels around the face and more in it.
LANDMARKS_SQUARE, LANDMARKS_SHARE = 96, 0.67
NMS, SAME_FACE = 0.4, 0.3
# How much more prominent a face may be than its first look says, its score aside.
AT_MOST = 1.5
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


@dataclass(frozen=True)
class _Look:
    """One face of a picture, as it has been seen.

    turned: degrees by which it was turned when it was looked at closely; None where it was not.
    """

    picture: Picture
    found: Found
    turned: float | None = None

    @property
    def score(self) -> float:
        return float(self.found.scores[0])

    @property
    def side(self) -> float:
        """Of the box, the longer one, in pixels of the picture."""
        box = self.found.boxes[0]
        return float((box[2:] - box[:2]).max())

    @property
    def prominence(self) -> float:
        height, width = self.picture.size
        return prominence(as_faces([self.found])[0], (width, height))


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
        """As `facesearch.detection.Detector.detect`.

        Every step is taken for the faces of all images before the next one is: the network is fastest where it runs
        several times on end.
        """
        pictures = [Picture(image) for image in images]
        proposed = self._proposed(pictures, min_face_px)
        faces = [_without_weaker(looks) for looks in self._closely(proposed, pictures)]
        wanted = [look for looks in faces for look in (_main(looks) if self.config.only_main else looks)]
        levelled = {id(look): found for look, found in zip(wanted, self._levelled(wanted), strict=True)}
        return [as_faces([levelled.get(id(look), look.found) for look in looks]) for looks in faces]

    def _proposed(
        self, pictures: Sequence[Picture], min_face_px: Sequence[float]
    ) -> list[tuple[Found, NDArray[np.bool_]]]:
        """What may be faces of each picture, and of which of them there is no doubt."""
        looks: list[list[Found]] = [[] for _ in pictures]
        are_large: list[list[NDArray[np.bool_]]] = [[] for _ in pictures]
        for some in _so_many(_whole(pictures, min_face_px)):
            for (number, canvas), found in zip(some, self._each_seen([canvas for _, canvas in some]), strict=True):
                looks[number].append(found)
                widths = found.boxes[:, 2] - found.boxes[:, 0]
                are_large[number].append(widths >= CLEAR_PX * canvas.to_picture[0, 0])
        return [
            self._wanted(picture, Found.joined(found), np.concatenate(large), px)
            for picture, found, large, px in zip(pictures, looks, are_large, min_face_px, strict=True)
        ]

    def _wanted(
        self, picture: Picture, found: Found, is_large: NDArray[np.bool_], min_face_px: float
    ) -> tuple[Found, NDArray[np.bool_]]:
        """Of what was seen in a picture, what is large enough, once each; and of which there is no doubt."""
        rows = nms(found.boxes, found.scores, NMS)
        longer = (found.boxes[rows, 2:] - found.boxes[rows, :2]).max(axis=1)
        rows = rows[longer >= STILL_WANTED * min_face_px]
        found, is_clear = found.take(rows), is_large[rows] & (found.scores[rows] >= self._clear_score)
        if self.config.only_main:
            rows = _may_be_main(found, is_clear, picture)
            return found.take(rows), is_clear[rows]
        return found, is_clear

    def _closely(
        self, proposed: Sequence[tuple[Found, NDArray[np.bool_]]], pictures: Sequence[Picture]
    ) -> list[list[_Look]]:
        """The faces of each picture: those that are clear, and of the others those that are one, looked at closely."""
        looks: list[list[_Look]] = []
        doubtful: list[tuple[int, _Look, bool]] = []  # the picture's number; whether the face may lean
        for number, ((found, is_clear), picture) in enumerate(zip(proposed, pictures, strict=True)):
            each = [_Look(picture, found.take(np.array([row]))) for row in range(len(found))]
            looks.append([look for look, clear in zip(each, is_clear, strict=True) if clear])
            # where a clear face lies already, a turned look would only give it another box
            in_place = _are_in_place(found.boxes, found.take(np.flatnonzero(is_clear)))
            may_lean = (found.scores >= LEANING_PROPOSED) & ~in_place
            doubtful += [(number, each[row], bool(may_lean[row])) for row in np.flatnonzero(~is_clear)]
        best = self._again([look for _, look, _ in doubtful], [leans for _, _, leans in doubtful])
        for (number, _, _), look in zip(doubtful, best, strict=True):
            if look is not None:
                looks[number].append(look)
        return looks

    def _again(self, looks: Sequence[_Look], may_lean: Sequence[bool]) -> list[_Look | None]:
        """The same faces, looked at closely; None for what is none.

        Args:
            may_lean: look at it turned, too, where it is not clear.
        """
        best = self._turned(looks, 0.0, self._min_score)
        leaning = [i for i, look in enumerate(best) if may_lean[i] and (look is None or look.score < self._clear_score)]
        for degrees in LEANING:
            turned = self._turned([looks[i] for i in leaning], degrees, self._leaning_score)
            for i, look in zip(leaning, turned, strict=True):
                before = best[i]
                if look is not None and (before is None or look.score > before.score):
                    best[i] = look
        return best

    def _turned(self, looks: Sequence[_Look], degrees: float, threshold: float) -> list[_Look | None]:
        """The faces in a close look that is turned so; None where none has this score."""
        squares = [_square_around(look, SQUARE, FACE_SHARE, degrees) for look in looks]
        found = self._in_place(squares, looks, threshold)
        return [
            None if face is None else _Look(look.picture, face, degrees)
            for look, face in zip(looks, found, strict=True)
        ]

    def _levelled(self, looks: Sequence[_Look]) -> list[Found]:
        """The faces with their landmarks as they are seen where they stand upright."""
        plain = [look for look in looks if look.turned is None]
        squares = [_square_around(look, LANDMARKS_SQUARE, LANDMARKS_SHARE) for look in plain]
        seen_plainly = iter(self._in_place(squares, plain, LANDMARKS_SCORE))
        known, squares, leans = [], [], []
        for look in looks:
            face = (next(seen_plainly) if look.turned is None else None) or look.found
            turned = look.turned or 0.0
            lean = turned + max(-MOST, min((_roll(face.landmarks[0]) - turned) / ROLL_SEEN, MOST))
            upright = _square_around(look, LANDMARKS_SQUARE, LANDMARKS_SHARE, lean)
            known.append(face.landmarks[0])
            squares += [upright, upright.mirrored()]
            leans.append(lean)
        seen = self._in_place(squares, [look for look in looks for _ in range(2)], LANDMARKS_SCORE)
        levelled = []
        for i, (look, lean) in enumerate(zip(looks, leans, strict=True)):
            both = [face.landmarks[0] for face in seen[2 * i : 2 * i + 2] if face is not None]
            landmarks = _corrected(np.mean(both, axis=0), lean, look.side) if both else known[i]
            levelled.append(Found(look.found.boxes, landmarks[None], look.found.scores))
        return levelled

    def _in_place(self, squares: Sequence[Canvas], looks: Sequence[_Look], threshold: float) -> list[Found | None]:
        """The best face on each canvas that is where the look has it; None where none has this score."""
        if not squares:
            return []
        found, canvas = self._seen(squares, threshold)
        boxes = np.concatenate([look.found.boxes for look in looks])
        rows = np.flatnonzero(iou(found.boxes, boxes[canvas]) > SAME_FACE)
        rows = rows[np.argsort(-found.scores[rows], kind="stable")]
        _, first = np.unique(canvas[rows], return_index=True)
        faces: list[Found | None] = [None] * len(squares)
        for row in rows[first]:
            faces[canvas[row]] = found.take(np.array([row]))
        return faces

    def _each_seen(self, some: Sequence[Canvas]) -> list[Found]:
        """What may be faces on each canvas, in its picture; canvases of one size go through the network together."""
        of_size: dict[tuple[int, ...], list[int]] = {}
        for number, canvas in enumerate(some):
            of_size.setdefault(canvas.pixels.shape, []).append(number)
        each: dict[int, Found] = {}
        for numbers in of_size.values():
            found, canvas_of = self._seen([some[number] for number in numbers], PROPOSED_SCORE)
            ends = np.searchsorted(canvas_of, np.arange(1, len(numbers)))
            each |= zip(numbers, (found.take(rows) for rows in np.split(np.arange(len(found)), ends)), strict=True)
        return [each[number] for number in range(len(some))]

    def _seen(self, some: Sequence[Canvas], threshold: float) -> tuple[Found, NDArray[np.int64]]:
        """All faces on canvases of one size, in their pictures, and the number of each one's canvas, ascending."""
        maps = self._network([canvas.pixels for canvas in some])
        found, canvas = decoded(maps, some[0].pixels.shape[:2], threshold)
        return found.placed(np.stack([each.to_picture for each in some])[canvas]), canvas


class YunetInt8(Yunet):
    """YuNet in int8, on CPUs only."""

    int8 = True
    spec = DetectorSpec("yunet-int8", VERSION, (WEIGHTS_SHA256, RANGES_SHA256))


def _whole(pictures: Sequence[Picture], min_face_px: Sequence[float]) -> Iterator[tuple[int, Canvas]]:
    """The canvases of each picture as a whole, with its number."""
    for number, (picture, wanted) in enumerate(zip(pictures, min_face_px, strict=True)):
        for canvas in canvases(picture, min(PROPOSED_PX / wanted, 1.0)):
            yield number, canvas


def _so_many(numbered: Iterable[tuple[int, Canvas]]) -> Iterator[list[tuple[int, Canvas]]]:
    """The same in lists of CANVASES_PX or a little more; of a picture of many tiles not all are in memory at once."""
    some: list[tuple[int, Canvas]] = []
    pixels = 0
    for number, canvas in numbered:
        some.append((number, canvas))
        pixels += canvas.pixels.shape[0] * canvas.pixels.shape[1]
        if pixels >= CANVASES_PX:
            yield some
            some, pixels = [], 0
    if some:
        yield some


def _without_weaker(looks: list[_Look]) -> list[_Look]:
    """Of looks at the same place the best."""
    found = Found.joined([look.found for look in looks])
    return [looks[row] for row in nms(found.boxes, found.scores, NMS)]


def _main(looks: Sequence[_Look]) -> list[_Look]:
    """The most prominent one, if there is any."""
    return sorted(looks, key=lambda look: -look.prominence)[:1]


def _may_be_main(found: Found, is_clear: NDArray[np.bool_], picture: Picture) -> NDArray[np.int64]:
    """The rows of those that are clear, and of those that may be a more prominent face."""
    looks = [_Look(picture, found.take(np.array([row]))) for row in range(len(found))]
    known = max((look.prominence for look, clear in zip(looks, is_clear, strict=True) if clear), default=0.0)
    most = np.array([look.prominence / look.score**2 for look in looks]) * AT_MOST
    return np.flatnonzero(is_clear | (most > known))


def _square_around(look: _Look, size: int, share: float, degrees: float = 0.0) -> Canvas:
    """A square of so many pixels around a face that has this share of its side, or less where it is small."""
    side = max(look.side / share, size / MOST_ENLARGED)
    return square(look.picture, look.found.boxes[0], side, size, degrees)


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
