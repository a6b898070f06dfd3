"""Stand-ins for the ports, one of each, that need no time: a detector, a network, files in memory, one thread."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.settings import DetectionConfig, DetectorSpec, ModelSpec, Preprocessing
from facesearch.core.types import Face, FileFacts
from facesearch.media import Found, Medium
from facesearch.media.source import read_medium

__all__ = ["FAKE_SPEC", "FakeDetector", "FakeNetwork", "MemoryFiles", "OtherDetector", "SerialExecutor"]

Item = TypeVar("Item")
Result = TypeVar("Result")

FAKE_SPEC = ModelSpec(
    name="fake",
    network="fake",
    dim=8,
    preprocessing=Preprocessing((16, 16), ((4, 4), (11, 4), (8, 8), (5, 12), (10, 12)), (0, 0, 0), (1, 1, 1)),
    weights_sha256="0" * 64,
)


class FakeNetwork:
    """The mean colours of the four quarters of a crop, turned about: alike crops are near, others are not."""

    spec = FAKE_SPEC

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        quarters = batch.reshape(len(batch), 3, 2, 8, 2, 8).mean(axis=(3, 5)).reshape(len(batch), 12)
        mixing = np.random.default_rng(0).normal(size=(12, self.spec.dim)).astype(np.float32)
        # not `@`, of which the last bits depend on how many crops there are
        return ((quarters - 127)[:, :, None] * mixing).sum(axis=1) + np.float32(1e-3)


class FakeDetector:
    """A Detector: one face in every picture, its middle; none in a picture that is black."""

    spec: ClassVar[DetectorSpec] = DetectorSpec("fake", 1, ())
    face_px, sure_score, likely_score = 20.0, 0.9, 0.8

    def __init__(self, config: DetectionConfig | None = None, device: str = "cpu") -> None:
        pass

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        if not image.any():
            return []
        box = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
        shares = np.array([(0.4, 0.4), (0.6, 0.4), (0.5, 0.5), (0.42, 0.6), (0.58, 0.6)], np.float32)
        return [Face(box, shares * np.array([width, height], np.float32), 0.99)]


class OtherDetector(FakeDetector):
    """Draws the middle face larger and 2 pixels on, misses it in reddish pictures, and sees one in bright corners."""

    spec: ClassVar[DetectorSpec] = DetectorSpec("other", 1, ())

    def _faces(self, image: NDArray[np.uint8]) -> list[Face]:
        faces = []
        for face in super()._faces(image) if image[..., 0].mean() < 150 else ():
            x1, y1, x2, y2 = face.box
            box = (0.9 * x1 + 2, 0.9 * y1 + 2, 1.1 * x2 + 2, 1.1 * y2 + 2)
            faces.append(Face(box, face.landmarks + np.float32(1), 0.95))
        if image[:4, :4].mean() > 128:
            landmarks = np.array([(2, 2), (6, 2), (4, 4), (3, 6), (6, 6)], np.float32)
            faces.append(Face((0.0, 0.0, 9.0, 9.0), landmarks, 0.9))
        return faces


class MemoryFiles:
    """A MediaSource: files in a dictionary, by their absolute paths."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self._files: dict[str, tuple[bytes, int]] = {}
        self._clock = 0
        for path, data in (files or {}).items():
            self.write(path, data)

    def write(self, path: str, data: bytes) -> None:
        self._clock += 1
        self._files[path] = (data, self._clock)

    def find(self, paths: Iterable[str]) -> Found:
        listed = set()
        for given in paths:
            below = {path for path in self._files if path == given or path.startswith(given.rstrip("/") + "/")}
            if not below:
                raise InputError(f"{given!r} does not exist")
            listed |= {path for path in below if path == given or os.path.splitext(path)[1] in (".jpg", ".png")}
        return Found([self.stat(path) for path in sorted(listed)])

    def stat(self, path: str) -> FileFacts:
        data, mtime_ns = self._held(path)
        return FileFacts(path, len(data), mtime_ns)

    def read(self, path: str) -> Medium:
        return read_medium(BytesIO(self._held(path)[0]), self.stat(path))

    def identify(self, path: str) -> str:
        return hashlib.sha256(self._held(path)[0]).hexdigest()

    def device(self, folder: str) -> str | None:
        holds = any(path.startswith(folder.rstrip("/") + "/") for path in self._files)
        return '{"dev": 1}' if holds else None

    def _held(self, path: str) -> tuple[bytes, int]:
        if path not in self._files:
            raise PhotoError("no longer there")
        return self._files[path]


class SerialExecutor:
    """An Executor: one item after another, in the caller's thread."""

    workers = 1

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None
    ) -> Iterator[Result]:
        return map(function, items)
