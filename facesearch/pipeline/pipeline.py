"""The walk of a photo up to its embeddings: decode -> detect -> align -> embed.

This is the only place that chains them; indexing, query, verify, evaluation and training all come through here, so
that what is measured is what runs.
"""

import math
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import PhotoError
from facesearch.core.executor import CORES, ordered_map
from facesearch.core.settings import DetectionConfig, ImageConfig, ModelSpec
from facesearch.core.types import Face
from facesearch.detection import Detector
from facesearch.embedding.embedder import Embedder
from facesearch.media import DecodedPhoto, Photo, open_photo
from facesearch.pipeline.alignment import align, similarity
from facesearch.pipeline.quality import sharpness

__all__ = ["EmbeddedFace", "LoadedPhoto", "Pipeline", "main_face", "one_thread", "prominence"]

# Side that the smallest face wanted must have in the pixels that the detector sees: O-Net's 48 would be better, R-Net
# looks at 24, and below 20 recall falls.
DETECTOR_FACE_PX = 20
# Without --min-face, faces are wanted from this side on, or from this share of the photo's shorter side; a panorama
# is not a larger picture of the same people, it is a wider one.
AUTO_MIN_FACE_PX, AUTO_MIN_FACE_SHARE = 20, 1 / 75
MAIN_FACES_AT_ONCE = 16
# Crops that a GPU's network sees at once, and threads that prepare work for it.
GPU_BATCH_SIZE, GPU_WORKERS = 128, 2


class _Boxed(Protocol):
    """A face as the detector found it, or as the index keeps it."""

    @property
    def box(self) -> tuple[float, float, float, float]: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True)
class LoadedPhoto:
    """A photo in memory, at the scale that detection needs."""

    photo: Photo
    decoded: DecodedPhoto
    min_face_px: float


@dataclass(frozen=True)
class EmbeddedFace:
    """A face with everything that is known of it.

    face: in pixels of the photo as displayed.
    crop: (h, w, 3) uint8, as the network saw it.
    sharpness: see facesearch.pipeline.quality.
    embedding: (d,) float32, unit L2 norm.
    """

    face: Face
    crop: NDArray[np.uint8]
    sharpness: float
    embedding: NDArray[np.float32]


class Pipeline:
    """Decoder, detector, aligner and embedder, set up once."""

    def __init__(
        self,
        embedder: Embedder,
        detector: Detector,
        images: ImageConfig | None = None,
    ) -> None:
        self.embedder = embedder
        self.detector = detector
        self.images = images or ImageConfig()
        # Whole photos are the largest thing in memory: there is one at a time, however many threads look at photos.
        self._decoding_again = threading.Lock()

    @classmethod
    def load(
        cls,
        spec: ModelSpec,
        device: str = "auto",
        detection: DetectionConfig | None = None,
        images: ImageConfig | None = None,
    ) -> "Pipeline":
        """Raises ModelError where the weights or the device are not there."""
        from facesearch import embedding

        network, place = embedding.load(spec, device), embedding.pick_device(device)
        embedder = Embedder(network) if place == "cpu" else Embedder(network, GPU_BATCH_SIZE)
        return cls(embedder, Detector(detection, place), images)

    @property
    def workers(self) -> int:
        """How many threads may call `try_analyse` at a time to keep the machine busy.

        One more than there are cores: while one waits for Python's lock, or for what it needs, another computes.
        """
        return CORES + 1 if self.detector.device == "cpu" else GPU_WORKERS

    def min_face_px(self, photo: Photo) -> float:
        wanted = self.detector.config.min_face_px
        return float(wanted or max(AUTO_MIN_FACE_PX, AUTO_MIN_FACE_SHARE * min(photo.size)))

    def load_photo(self, path: str) -> LoadedPhoto:
        """Raises PhotoError. Safe to call from several threads."""
        photo = open_photo(path, self.images)
        min_face = self.min_face_px(photo)
        return LoadedPhoto(photo, photo.decode(min(1.0, DETECTOR_FACE_PX / min_face)), min_face)

    def analyse(self, photos: Sequence[LoadedPhoto]) -> list[list[EmbeddedFace]]:
        """The faces of each photo, best detection first; the photos may be of any sizes.

        Raises:
            PhotoError: one of the photos cannot be decoded again; see try_analyse.
        """
        results: list[list[EmbeddedFace]] = []
        for result in self.try_analyse(photos):
            if isinstance(result, PhotoError):
                raise result
            results.append(result)
        return results

    def try_analyse(self, photos: Sequence[LoadedPhoto]) -> list[list[EmbeddedFace] | PhotoError]:
        """As analyse; where a photo was removed or changed since it was loaded, the reason takes its faces' place."""
        with one_thread():
            found = self.detect(photos)
            crops = [self._try_crops(photo, faces) for photo, faces in zip(photos, found, strict=True)]
            embeddings = iter(self.embedder.embed([crop for row in crops if isinstance(row, list) for crop in row]))
        return [
            row
            if isinstance(row, PhotoError)
            else [EmbeddedFace(f, crop, sharpness(crop), next(embeddings)) for f, crop in zip(faces, row, strict=True)]
            for faces, row in zip(found, crops, strict=True)
        ]

    def main_faces(self, paths: Paths) -> Iterator[EmbeddedFace | None]:
        """For each photo, in order, the face that it is of; None where none is found or the file cannot be read."""
        chunks = _chunks(as_paths(paths), MAIN_FACES_AT_ONCE)
        for some in ordered_map(self._main_faces, chunks, self.workers, self.workers):
            yield from some

    def _main_faces(self, paths: list[str]) -> list[EmbeddedFace | None]:
        photos = [self._load_or_none(path) for path in paths]
        results = iter(self.try_analyse([photo for photo in photos if photo is not None]))
        found: list[EmbeddedFace | None] = []
        for photo in photos:
            faces = None if photo is None else next(results)
            if photo is None or faces is None or isinstance(faces, PhotoError):
                found.append(None)
            else:
                found.append(main_face(faces, photo.photo.size))
        return found

    def _load_or_none(self, path: str) -> LoadedPhoto | None:
        try:
            return self.load_photo(path)
        except PhotoError:
            return None

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[list[Face]]:
        """The faces of each photo, in pixels of the photo as displayed."""
        shrunk, scales = zip(*(_shrunk(photo) for photo in photos), strict=True) if photos else ((), ())
        min_faces = [photo.min_face_px * scale for photo, scale in zip(photos, scales, strict=True)]
        found = self.detector.detect(shrunk, min_faces)
        return [[face.scaled(1 / scale) for face in faces] for faces, scale in zip(found, scales, strict=True)]

    def crops(self, photo: LoadedPhoto, faces: Sequence[Face]) -> list[NDArray[np.uint8]]:
        """Aligned crops, from the best pixels there are.

        A photo that was decoded at a reduced size is decoded again, larger, if one of its faces would have to be
        enlarged otherwise.

        Raises:
            PhotoError: it cannot be decoded again: removed or changed since.
        """
        if not faces:
            return []
        decoded = photo.decoded
        needed = max(self._detail(face) for face in faces)
        pre = self.embedder.spec.preprocessing
        if decoded.scale < min(needed, 1.0):
            with self._decoding_again:
                decoded = photo.photo.decode(min(needed, 1.0))
                return [align(decoded.rgb, face.landmarks * np.float32(decoded.scale), pre) for face in faces]
        return [align(decoded.rgb, face.landmarks * np.float32(decoded.scale), pre) for face in faces]

    def _try_crops(self, photo: LoadedPhoto, faces: Sequence[Face]) -> list[NDArray[np.uint8]] | PhotoError:
        try:
            return self.crops(photo, faces)
        except PhotoError as error:
            return error

    def _detail(self, face: Face) -> float:
        """Pixels of the crop for every pixel of the photo: the scale at which the crop loses nothing."""
        return similarity(face.landmarks, np.array(self.embedder.spec.preprocessing.landmarks)).scale


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one core in this thread; several threads are several batches.

    Two batches on a core each are looked at faster than one on two, and where something else runs on the machine,
    OpenMP's threads wait for one another, which costs ten times the time. And the results do not depend on the
    number of cores. Where PyTorch is not imported, nothing here runs in it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main_face(faces: Sequence[EmbeddedFace], size: tuple[int, int]) -> EmbeddedFace | None:
    """The face that a photo is of: the most prominent one.

    Args:
        size: (width, height) of the photo.
    """
    return max(faces, key=lambda found: prominence(found.face, size), default=None)


def prominence(face: _Boxed, size: tuple[int, int]) -> float:
    """How much a face is what a photo is of: its area, less the nearer it is to a corner, and the less sure it is.

    davidsandberg/facenet subtracts squared pixels from the area, which depends on the size of the photo: right for
    LFW's tight crops, it takes bystanders for the main face in whole photos. A share of the diagonal does for both.
    """
    x1, y1, x2, y2 = face.box
    across, down = (x1 + x2) / size[0] - 1, (y1 + y2) / size[1] - 1
    to_corner = min((across**2 + down**2) / 2, 1.0)  # 0 at the centre, 1 in a corner
    return (x2 - x1) * (y2 - y1) * (1 - to_corner) ** 2 * face.score**2


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _shrunk(photo: LoadedPhoto) -> tuple[NDArray[np.uint8], float]:
    """The photo no larger than detection needs, and its scale: what reduced decoding has not done, averaging does."""
    rgb, scale = photo.decoded.rgb, photo.decoded.scale
    factor = math.floor(scale * photo.min_face_px / DETECTOR_FACE_PX + 1e-6)
    if factor < 2:
        return rgb, scale
    return np.array(Image.fromarray(rgb).reduce(factor)), scale / factor
