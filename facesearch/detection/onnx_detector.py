"""Any SCRFD or RetinaFace in an ONNX file, run by OpenVINO on the CPU.

SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", ICLR 2022), as insightface
exports it with landmarks: for strides of 8, 16 and 32 probabilities, distances from an anchor to the four sides of the
box, and landmarks from the anchor, in units of the stride; RGB, (value - 127.5) / 128.

RetinaFace (Deng et al., CVPR 2020), as Pytorch_Retinaface exports it: boxes, two classes and landmarks for priors of
16 to 512 pixels; BGR, value - (104, 117, 123).

Which of them a file holds is told by its outputs.
"""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import ModelError, WeightsError
from facesearch.core.paths import absolute
from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.core.types import Face
from facesearch.core.weights import check_sha256, sha256_of
from facesearch.detection.canvases import Canvas, Picture, canvases
from facesearch.detection.found import Found, as_faces, nms

__all__ = ["OnnxDetector", "OnnxFile", "retinaface_found", "scrfd_found"]

Floats = NDArray[np.float32]
# (outputs in the file's order, (height, width) of the canvas, least score) -> what was found, in pixels of the canvas
Decoder = Callable[[list[Floats], tuple[int, int], float], Found]
STRIDES = (8, 16, 32)
PRIOR_SIDES = ((16, 32), (64, 128), (256, 512))  # of RetinaFace, at each position of each stride
VARIANCE_PLACE, VARIANCE_SIZE = 0.1, 0.2
MIN_SCORE, NMS = 0.5, 0.4
# Both were trained on faces of about this size and more.
SMALLEST_PX = 12.0
# Not measured, as files differ: what both give for faces that stand, and rarely for others.
FACE_PX, SURE_SCORE, LIKELY_SCORE = 20.0, 0.85, 0.6
VERSION = 1


@dataclass(frozen=True)
class OnnxFile:
    """What the registry has of a detector, of a file that the user names."""

    path: Path

    @property
    def spec(self) -> DetectorSpec:
        """Raises ModelError where there is no such file."""
        path = Path(absolute(os.path.expanduser(self.path)))
        if not path.is_file():
            raise ModelError(f"there is no file {path}: give the path of a SCRFD or RetinaFace in ONNX, or a name")
        return DetectorSpec(str(path), VERSION, (sha256_of(path),))

    def __call__(self, config: DetectionConfig, device: str) -> "OnnxDetector":
        """Raises WeightsError where the file is no such detector; ModelError on other devices than the CPU."""
        if device != "cpu":
            raise ModelError(f"a detector in an ONNX file runs on the CPU only, not on {device}: use --device cpu")
        return OnnxDetector(self.spec, config)


class OnnxDetector:
    """A Detector of a file; every image is looked at alone."""

    face_px, sure_score, likely_score = FACE_PX, SURE_SCORE, LIKELY_SCORE

    def __init__(self, spec: DetectorSpec, config: DetectionConfig) -> None:
        self.spec = spec
        self._network = _network(spec.name, spec.weights_sha256[0])
        self._min_score = MIN_SCORE if config.min_score is None else config.min_score

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        """As `facesearch.detection.Detector.detect`."""
        return [self._faces(image, wanted) for image, wanted in zip(images, min_face_px, strict=True)]

    def _faces(self, image: NDArray[np.uint8], min_face_px: float) -> list[Face]:
        scale = min(SMALLEST_PX / min_face_px, 1.0)
        found = Found.joined([self._seen(canvas) for canvas in canvases(Picture(image), scale)])
        return as_faces([found.take(nms(found.boxes, found.scores, NMS))])

    def _seen(self, canvas: Canvas) -> Found:
        return self._network(canvas.pixels, self._min_score).placed(canvas.to_picture)


@lru_cache(maxsize=2)
def _network(path: str, sha256: str) -> "_Network":
    check_sha256(Path(path), sha256)
    return _Network(path, sha256)


class _Network:
    """The file's network, compiled for each size of canvas when it is first needed; threads may share it."""

    def __init__(self, path: str, sha256: str) -> None:
        from facesearch.core.openvino_cpu import CompiledNetwork

        self._path, self._sha256 = Path(path), sha256
        self._compiled: dict[tuple[int, ...], CompiledNetwork] = {}
        self._compiling = threading.Lock()
        self._decode, self._mean, self._scale, self._is_rgb = self._kind(self._graph(64, 64))

    def __call__(self, canvas: NDArray[np.uint8], min_score: float) -> Found:
        height, width = canvas.shape[:2]
        pixels = canvas if self._is_rgb else canvas[:, :, ::-1]
        values = (pixels.astype(np.float32) - self._mean) * self._scale
        outputs = self._on((height, width))(values.transpose(2, 0, 1)[None])
        return self._decode([each[0] for each in outputs], (height, width), min_score)

    def _on(self, size: tuple[int, int]) -> Any:
        from facesearch.core.openvino_cpu import CompiledNetwork

        with self._compiling:
            if size not in self._compiled:
                kept_as = f"detector-{size[0]}x{size[1]}/{self._sha256}"
                self._compiled[size] = CompiledNetwork(lambda: self._graph(*size), kept_as)
            return self._compiled[size]

    def _graph(self, height: int, width: int) -> Any:
        """The graph for canvases of this size, with a batch of one in all outputs. Raises WeightsError."""
        from facesearch.core.openvino_cpu import openvino, read_onnx

        try:
            graph = read_onnx(self._path.read_bytes())
            graph.reshape([1, 3, height, width])
            openvino()
            from openvino import opset13 as op

            outputs = [op.reshape(each.node.input_value(0), [1, -1, each.shape[-1]], False) for each in graph.outputs]
            return openvino().Model(outputs, graph.get_parameters(), "detector")
        except (RuntimeError, OSError, IndexError) as error:
            why = str(error).strip().splitlines()[-1][:120] if str(error).strip() else "no more is said"
            raise WeightsError(
                f"{self._path} cannot be used as a detector ({why}): it needs one input (1, 3, height, width)"
                " of any height and width"
            ) from error

    def _kind(self, graph: Any) -> tuple[Decoder, Floats, np.float32, bool]:
        """How its outputs are decoded; its input's mean and factor; whether it wants RGB. Raises WeightsError."""
        shapes = [tuple(output.shape)[1:] for output in graph.outputs]
        positions = [64 // stride * 64 // stride for stride in STRIDES]
        anchors = {rows // of for (rows, _), of in zip(sorted(shapes, reverse=True)[::3], positions, strict=False)}
        if sorted(columns for _, columns in shapes) == [1] * 3 + [4] * 3 + [10] * 3 and len(anchors) == 1:
            return scrfd_found, np.full(3, 127.5, np.float32), np.float32(1 / 128), True
        if sorted(shapes) == [(2 * sum(positions), columns) for columns in (2, 4, 10)]:
            return retinaface_found, np.array([104, 117, 123], np.float32), np.float32(1), False
        raise WeightsError(
            f"{self._path} is neither a SCRFD with landmarks nor a RetinaFace: its outputs are"
            f" {', '.join(map(str, shapes))} for 64 x 64 pixels"
        )


def scrfd_found(outputs: list[Floats], size: tuple[int, int], min_score: float) -> Found:
    """SCRFD's outputs -> faces, without suppression.

    Args:
        outputs: three each of (n, 1), (n, 4) and (n, 10), in any order.
        size: (height, width) of the canvas.
    """
    parts = []
    by_columns = [sorted((o for o in outputs if o.shape[1] == columns), key=len)[::-1] for columns in (1, 4, 10)]
    for stride, scores, sides, points in zip(STRIDES, *by_columns, strict=True):
        rows, columns = np.mgrid[0 : size[0] : stride, 0 : size[1] : stride]
        places = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
        passed = np.flatnonzero(scores[:, 0] >= min_score)
        at = places[passed // (len(scores) // len(places))]  # anchors of one place follow each other
        box = sides[passed] * stride
        boxes = np.concatenate([at - box[:, :2], at + box[:, 2:]], axis=1)
        landmarks = at[:, None] + points[passed].reshape(-1, 5, 2) * stride
        parts.append(Found(boxes, landmarks, scores[passed, 0]))
    return Found.joined(parts)


def retinaface_found(outputs: list[Floats], size: tuple[int, int], min_score: float) -> Found:
    """RetinaFace's outputs -> faces, without suppression.

    Args:
        outputs: (n, 2) probabilities or logits of none and face, (n, 4) and (n, 10), in any order.
        size: (height, width) of the canvas.
    """
    by_columns = {output.shape[1]: output for output in outputs}
    classes = by_columns[2]
    is_probability = bool((classes >= 0).all() and np.allclose(classes.sum(axis=1), 1, atol=1e-3))
    scores = classes[:, 1] if is_probability else 1 / (1 + np.exp(classes[:, 0] - classes[:, 1]))
    passed = np.flatnonzero(scores >= min_score)
    centres, sides = (each[passed] for each in _priors(*size))
    centre = centres + by_columns[4][passed, :2] * VARIANCE_PLACE * sides[:, None]
    half = sides[:, None] * np.exp(by_columns[4][passed, 2:] * VARIANCE_SIZE) / 2
    offsets = by_columns[10][passed].reshape(-1, 5, 2) * VARIANCE_PLACE * sides[:, None, None]
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return Found(boxes, centres[:, None] + offsets, np.asarray(scores[passed], np.float32))


@lru_cache(maxsize=16)
def _priors(height: int, width: int) -> tuple[Floats, Floats]:
    """RetinaFace's priors in pixels: centres (n, 2) and sides (n,)."""
    centres, sides = [], []
    for stride, lengths in zip(STRIDES, PRIOR_SIDES, strict=True):
        rows, columns = np.mgrid[0:height:stride, 0:width:stride]
        places = np.stack([columns.ravel(), rows.ravel()], axis=1) + stride / 2
        centres.append(np.repeat(places, len(lengths), axis=0))
        sides.append(np.tile(lengths, len(places)))
    return np.concatenate(centres).astype(np.float32), np.concatenate(sides).astype(np.float32)
