"""MTCNN: photos -> faces with box, five landmarks and score.

The cascade of Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks"
(https://arxiv.org/abs/1604.02878), with the weights that facenet-pytorch ships: P-Net proposes 12-pixel windows on an
image pyramid, R-Net and O-Net look at each at 24 and 48 pixels, O-Net adds the landmarks.

Coordinates are continuous: x is 0 at the left edge of the first pixel and the width at the right edge of the last.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.ops import batched_nms, roi_align

from facesearch.config import DetectionConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Detector", "Face"]

PNET_WINDOW, PNET_STRIDE = 12, 2
RNET_SIDE, ONET_SIDE = 24, 48
# Overlaps above which the weaker of two boxes goes, as in the authors' MATLAB code: per scale, per image, after O-Net.
NMS_SCALE, NMS_IMAGE, NMS_FINAL = 0.5, 0.7, 0.7
# Of 100 photos of people, 96 have a face of SURE_SCORE as they stand, and 2 turned by 90 degrees. Where there is one,
# the other ways are not looked at; elsewhere, likely faces are weighed.
SURE_SCORE, LIKELY_SCORE = 0.995, 0.97
# Crops that a network sees at once; bounds memory on photos of crowds.
MAX_CROPS = 1024


@dataclass(frozen=True)
class Face:
    """One face found.

    box: (x1, y1, x2, y2) in pixels of the image; may reach over its edge.
    landmarks: (5, 2) float32, (x, y) of left eye, right eye, nose tip, left and right mouth corner, as seen.
    score: O-Net's probability that this is a face.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    score: float

    def scaled(self, factor: float) -> "Face":
        """The same face in an image `factor` times as large."""
        x1, y1, x2, y2 = self.box
        box = (x1 * factor, y1 * factor, x2 * factor, y2 * factor)
        return Face(box, (self.landmarks * np.float32(factor)), self.score)

    def turned_back(self, quarters: int, width: int, height: int) -> "Face":
        """The face in an image, when it was found in that image turned counterclockwise by quarters, as np.rot90 does.

        The landmarks keep their order: the left eye is still the one that is left where the face stands upright.

        Args:
            width, height: of the image, not of the turned one.
        """
        x1, y1, x2, y2 = self.box
        corners = _turn_back(np.array([(x1, y1), (x2, y2)]), quarters, width, height)
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        box = (float(left), float(top), float(right), float(bottom))
        return Face(box, _turn_back(self.landmarks, quarters, width, height).astype(np.float32), self.score)


@dataclass
class _Candidates:
    """n boxes in a batch of images: boxes (n, 4), scores (n,), image (n,) int64 index into the batch."""

    boxes: Tensor
    scores: Tensor
    image: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: Tensor) -> "_Candidates":
        return _Candidates(self.boxes[rows], self.scores[rows], self.image[rows])


class Detector:
    """MTCNN on batches of images of any sizes.

    P-Net sees the images one by one; R-Net and O-Net see the candidates of the whole batch together.
    """

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        self.config = config or DetectionConfig()
        self.device = torch.device(device)
        self.pnet, self.rnet, self.onet = (_load_net(name, self.device) for name in ("PNet", "RNet", "ONet"))

    @torch.inference_mode()
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
        if not self.config.turned:
            return found
        return [
            faces if _best(faces) >= SURE_SCORE else self._detect_turned(image, size, faces)
            for image, size, faces in zip(images, min_face_px, found, strict=True)
        ]

    def _detect_turned(self, image: NDArray[np.uint8], min_face_px: float, upright: list[Face]) -> list[Face]:
        """The faces of an image the way it stands best; as it is unless another way shows likely faces, and more."""
        chosen = upright
        for quarters in (1, 3, 2):
            turned = np.ascontiguousarray(np.rot90(image, quarters))
            faces = self._detect_upright([turned], [min_face_px])[0]
            if _evidence(faces) > _evidence(chosen):
                height, width = image.shape[:2]
                chosen = [face.turned_back(quarters, width, height) for face in faces if face.score >= LIKELY_SCORE]
        return chosen

    def _detect_upright(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        octaves = [_octaves(image, self.device) for image in images]
        proposed = [
            self._propose(levels, i, size) for i, (levels, size) in enumerate(zip(octaves, min_face_px, strict=True))
        ]
        candidates = _concatenate(proposed, self.device)
        candidates = self._refine(candidates, octaves)
        candidates, landmarks = self._locate(candidates, octaves)
        return _faces(candidates, landmarks, len(images))

    def _propose(self, octaves: list[Tensor], index: int, min_face_px: float) -> _Candidates:
        """P-Net on every scale of one image."""
        found = []
        for scale in _scales(octaves[0].shape[-2:], min_face_px, self.config.pyramid_factor):
            pixels, (ratio_x, ratio_y) = _resized(octaves, scale)
            regression, probability = self.pnet(pixels)
            ys, xs = torch.nonzero(probability[0, 1] >= self.config.thresholds[0], as_tuple=True)
            corner = torch.stack([xs, ys], dim=1) * PNET_STRIDE
            ratio = corner.new_tensor([ratio_x, ratio_y] * 2, dtype=torch.float32)
            windows = torch.cat([corner, corner + PNET_WINDOW], dim=1) / ratio
            boxes = _regressed(windows, regression[0, :, ys, xs].T)
            scores = probability[0, 1, ys, xs]
            keep = batched_nms(windows, scores, torch.zeros_like(ys), NMS_SCALE)
            found.append(_Candidates(boxes[keep], scores[keep], torch.full_like(keep, index)))
        together = _concatenate(found, self.device)
        keep = batched_nms(together.boxes, together.scores, together.image, NMS_IMAGE)
        return together.take(keep)

    def _refine(self, candidates: _Candidates, octaves: list[list[Tensor]]) -> _Candidates:
        """R-Net: throws most candidates away and moves the rest."""
        candidates.boxes = _squared(candidates.boxes)
        regression, probability = _in_chunks(self.rnet, _crops(candidates, octaves, RNET_SIDE), (4, 2))
        passed = torch.nonzero(probability[:, 1] > self.config.thresholds[1])[:, 0]
        kept = _Candidates(candidates.boxes[passed], probability[passed, 1], candidates.image[passed])
        keep = batched_nms(kept.boxes, kept.scores, kept.image, NMS_IMAGE)
        kept = kept.take(keep)
        kept.boxes = _regressed(kept.boxes, regression[passed][keep])
        return kept

    def _locate(self, candidates: _Candidates, octaves: list[list[Tensor]]) -> tuple[_Candidates, Tensor]:
        """O-Net: the last word on score and box, and the landmarks (n, 5, 2)."""
        boxes = candidates.boxes = _squared(candidates.boxes)
        crops = _crops(candidates, octaves, ONET_SIDE)
        regression, points, probability = _in_chunks(self.onet, crops, (4, 10, 2))
        points = torch.stack([points[:, :5], points[:, 5:]], dim=2)  # five x, then five y, in units of the box
        landmarks = boxes[:, None, :2] + points * (boxes[:, None, 2:] - boxes[:, None, :2])
        passed = torch.nonzero(probability[:, 1] > self.config.thresholds[2])[:, 0]
        kept = _Candidates(_regressed(boxes, regression)[passed], probability[passed, 1], candidates.image[passed])
        keep = _nms_by_smaller(kept, NMS_FINAL)
        return kept.take(keep), landmarks[passed][keep]


def _best(faces: Sequence[Face]) -> float:
    return max((face.score for face in faces), default=0.0)


def _evidence(faces: Sequence[Face]) -> float:
    """How much speaks for an image standing as it does."""
    return sum(face.score for face in faces if face.score >= LIKELY_SCORE)


def _turn_back(points: NDArray[np.floating], quarters: int, width: int, height: int) -> NDArray[np.floating]:
    """Args: points (n, 2) in an image turned counterclockwise by quarters. Returns (n, 2) in the image itself."""
    x, y = points[:, 0], points[:, 1]
    turned = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
    return np.stack(turned, axis=1)


def _load_net(name: str, device: torch.device) -> Any:
    """P-, R- or O-Net with the weights inside facenet-pytorch's wheel."""
    import facenet_pytorch
    from facenet_pytorch.models import mtcnn

    # weights_only: the files are tensors, and nothing else is ever unpickled.
    path = Path(facenet_pytorch.__file__).parent / "data" / f"{name.lower()}.pt"
    net = getattr(mtcnn, name)(pretrained=False)
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net.eval().to(device, memory_format=torch.channels_last)


def _octaves(image: NDArray[np.uint8], device: torch.device) -> list[Tensor]:
    """The image at scales 1, 1/2, 1/4, ... as (1, 3, h, w) float32, scaled as MTCNN expects.

    Every smaller version is made from the nearest larger octave: area-averaged throughout, and cheaper than from the
    original each time.
    """
    # a copy, since torch wants neither read-only arrays nor negative strides
    pixels = torch.from_numpy(np.array(image, order="C")).to(device).permute(2, 0, 1)[None].float()
    octaves = [((pixels - 127.5) / 128).contiguous(memory_format=torch.channels_last)]
    while min(octaves[-1].shape[-2:]) >= 2 * PNET_WINDOW:
        octaves.append(functional.avg_pool2d(octaves[-1], 2))
    return octaves


def _scales(shape: Sequence[int], min_face_px: float, factor: float) -> "Iterator[float]":
    """Scales at which a window of P-Net is a face of min_face_px, and larger ones up to the whole image."""
    scale = PNET_WINDOW / max(min_face_px, PNET_WINDOW)
    while min(shape) * scale >= PNET_WINDOW - 1e-6:  # 12 / side * side may fall short of 12 by its rounding
        yield scale
        scale *= factor


def _resized(octaves: list[Tensor], scale: float) -> tuple[Tensor, tuple[float, float]]:
    """The image at a scale of at most 1, from the smallest octave that is at least as large.

    Returns:
        The image, and the scale in x and in y that it has: sides are whole numbers of pixels, and near P-Net's 12 that
        makes a difference of percents.
    """
    height, width = octaves[0].shape[-2:]
    level = min(int(math.log2(1 / scale) + 1e-9), len(octaves) - 1)
    octave = octaves[level]
    octave_height, octave_width = octave.shape[-2:]
    if scale * 2**level == 1:
        return octave, (scale, scale)
    size = (round(height * scale), round(width * scale))
    pixels = functional.interpolate(octave, size=size, mode="bilinear", antialias=True, align_corners=False)
    # an octave may lack the last odd row or column of the one before
    return pixels, (size[1] / (octave_width * 2**level), size[0] / (octave_height * 2**level))


def _crops(candidates: _Candidates, octaves: list[list[Tensor]], side: int) -> Tensor:
    """Every candidate's square as (n, 3, side, side), area-averaged; what lies outside the image is mid-grey."""
    out = torch.empty((len(candidates), 3, side, side), device=candidates.boxes.device)
    widths = candidates.boxes[:, 2] - candidates.boxes[:, 0]
    wanted = torch.log2((widths / side).clamp(min=1)).floor().long()
    for image, levels in enumerate(octaves):
        for level, pixels in enumerate(levels):
            here = candidates.image == image
            last = level == len(levels) - 1
            rows = torch.nonzero(here & ((wanted >= level) if last else (wanted == level)))[:, 0]
            if len(rows):
                # at this octave a side of the box has 1 to 2 pixels a sample: two samples a side see them all
                out[rows] = roi_align(pixels, [candidates.boxes[rows]], (side, side), 0.5**level, 2, aligned=True)
    return out


def _in_chunks(net: Any, crops: Tensor, widths: tuple[int, ...]) -> tuple[Tensor, ...]:
    """The net on any number of crops, none included; widths are the columns of its outputs."""
    if not len(crops):
        return tuple(crops.new_zeros((0, width)) for width in widths)
    parts = [net(chunk) for chunk in crops.split(MAX_CROPS)]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def _regressed(boxes: Tensor, regression: Tensor) -> Tensor:
    """Boxes moved by a net's regression, which is in units of the box's own sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + regression * torch.cat([sides, sides], dim=1)


def _squared(boxes: Tensor) -> Tensor:
    """The squares around the same centres, as large as the longer side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True) / 2
    return torch.cat([centre - half, centre + half], dim=1)


def _nms_by_smaller(candidates: _Candidates, threshold: float) -> Tensor:
    """Non-maximum suppression by the overlap's share of the smaller box, so that a box inside another goes."""
    order = candidates.scores.argsort(descending=True, stable=True)
    boxes, image = candidates.boxes[order], candidates.image[order]
    corner = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    overlap = (torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner).clamp(min=0).prod(dim=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    clash = (overlap > threshold * torch.minimum(area[:, None], area[None])) & (image[:, None] == image[None])
    keep: list[int] = []
    rows = clash.cpu().numpy()
    for i in range(len(rows)):
        if not rows[i, keep].any():
            keep.append(i)
    return order[torch.tensor(keep, dtype=torch.long, device=order.device)]


def _concatenate(parts: list[_Candidates], device: torch.device) -> _Candidates:
    empty = _Candidates(
        torch.zeros((0, 4), device=device),
        torch.zeros(0, device=device),
        torch.zeros(0, dtype=torch.long, device=device),
    )
    parts = [empty, *parts]
    return _Candidates(
        torch.cat([p.boxes for p in parts]), torch.cat([p.scores for p in parts]), torch.cat([p.image for p in parts])
    )


def _faces(candidates: _Candidates, landmarks: Tensor, images: int) -> list[list[Face]]:
    """Candidates, best first, handed back to their images."""
    faces: list[list[Face]] = [[] for _ in range(images)]
    boxes = candidates.boxes.cpu().tolist()
    points = landmarks.float().cpu().numpy()
    for row, (image, score) in enumerate(zip(candidates.image.tolist(), candidates.scores.tolist(), strict=True)):
        faces[image].append(Face(tuple(boxes[row]), points[row].copy(), score))
    return faces
