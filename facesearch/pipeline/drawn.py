"""Boxes that a user has drawn on a photo -> faces with embeddings: the detector looks into each box once more.

Where it finds no face there, the face is aligned by the box alone, as if it looked straight at us.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facesearch.core.types import Box, Face
from facesearch.media import Medium
from facesearch.pipeline.pipeline import LoadedPhoto, Pipeline, one_thread

__all__ = ["LEAST_SIDE_PX", "faces_in_boxes", "inside"]

# A smaller box holds nothing that tells anybody apart.
LEAST_SIDE_PX = 8
# Eyes, nose tip and mouth corners in shares of a box: means over 125 good faces on 70 photos of YuNet and MTCNN, which
# agree to 0.015; single faces differ from them by 0.04 to 0.11.
IN_BOX = np.array([(0.285, 0.41), (0.715, 0.41), (0.5, 0.607), (0.305, 0.756), (0.695, 0.756)], np.float32)
# The detector looks at the box with half its longer side around it, enlarged so that the face has so many pixels.
AROUND, WANTED_PX = 0.5, 128
# A face found is the one meant where its landmarks lie in the box, and its own box is at least this share of it.
LEAST_SHARE = 0.2


def inside(box: Box, size: tuple[int, int]) -> Box | None:
    """The part of a box that lies on a photo of (width, height); None where that is too small for a face."""
    x1, y1, x2, y2 = box
    left, top, right, bottom = max(x1, 0.0), max(y1, 0.0), min(x2, float(size[0])), min(y2, float(size[1]))
    return (left, top, right, bottom) if min(right - left, bottom - top) >= LEAST_SIDE_PX else None


def faces_in_boxes(pipeline: Pipeline, medium: Medium, boxes: Sequence[Box]) -> list[Face]:
    """The faces in some boxes on a photo, each with the box as it was drawn, landmarks and embedding.

    Args:
        boxes: in pixels of the photo as displayed, and on it.

    Raises PhotoError where the photo cannot be read.
    """
    if not boxes:
        return []
    with one_thread():
        photo = pipeline.load_photo(medium)
        faces = [_found(pipeline, photo, box) or _by_box(box) for box in boxes]
        crops = pipeline.crops(photo, faces)
        return pipeline.embedded([replace(face, crop=crop) for face, crop in zip(faces, crops, strict=True)])


def _by_box(box: Box) -> Face:
    x1, y1, x2, y2 = box
    landmarks = np.array((x1, y1), np.float32) + IN_BOX * np.array((x2 - x1, y2 - y1), np.float32)
    return Face(box, landmarks.astype(np.float32), drawn=True)


def _found(pipeline: Pipeline, photo: LoadedPhoto, box: Box) -> Face | None:
    """The face in a box as the detector sees it; None where it sees none there."""
    side = max(box[2] - box[0], box[3] - box[1])
    wanted = WANTED_PX / side
    with pipeline.at_scale(photo, min(wanted, 1.0)) as decoded:
        part, left, top = _part(decoded.rgb, box, decoded.scale)
    scale = wanted / decoded.scale
    size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
    seen = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    (faces,) = pipeline.detector.detect([np.ascontiguousarray(seen, np.uint8)], [WANTED_PX / 3])
    offset = np.array((left, top), np.float64) / decoded.scale
    best = max((_on_photo(face, wanted, offset) for face in faces), key=lambda one: _share(one, box), default=None)
    if best is None or _share(best, box) < LEAST_SHARE:
        return None
    return replace(best, box=box, drawn=True)


def _part(rgb: NDArray[np.uint8], box: Box, scale: float) -> tuple[NDArray[np.uint8], int, int]:
    """The box and what is around it, and where that begins."""
    margin = AROUND * max(box[2] - box[0], box[3] - box[1])
    height, width = rgb.shape[:2]
    left, top = (int(max((value - margin) * scale, 0)) for value in box[:2])
    right, bottom = (int(np.ceil((value + margin) * scale)) for value in box[2:])
    left, top = min(left, width - 1), min(top, height - 1)
    return rgb[top : max(min(bottom, height), top + 1), left : max(min(right, width), left + 1)], left, top


def _on_photo(face: Face, scale: float, offset: NDArray[np.float64]) -> Face:
    x, y = float(offset[0]), float(offset[1])
    x1, y1, x2, y2 = face.scaled(1 / scale).box
    landmarks = (face.landmarks / scale + offset).astype(np.float32)
    return replace(face, box=(x1 + x, y1 + y, x2 + x, y2 + y), landmarks=landmarks)


def _share(face: Face, box: Box) -> float:
    """Which part of the box the face fills; 0 where one of its landmarks lies outside."""
    x1, y1, x2, y2 = box
    if (face.landmarks < (x1, y1)).any() or (face.landmarks > (x2, y2)).any():
        return 0.0
    width = min(face.box[2], x2) - max(face.box[0], x1)
    height = min(face.box[3], y2) - max(face.box[1], y1)
    return max(width, 0.0) * max(height, 0.0) / ((x2 - x1) * (y2 - y1))
