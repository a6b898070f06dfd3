"""Media in, `PhotoResult`s out: decode -> detect -> align -> embed.

This is the only place that chains them; indexing, query, verify, evaluation and training all come through here, so
that what is measured is what runs.
"""

import math
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import PhotoError
from facesearch.core.executor import CORES, ThreadExecutor
from facesearch.core.forks import hold_native_threads
from facesearch.core.settings import DetectionConfig, ImageConfig, ModelSpec
from facesearch.core.types import Face, PhotoResult
from facesearch.detection import DEFAULT_DETECTOR, Detector
from facesearch.detection import load as load_detector
from facesearch.detection.main_face import main_face
from facesearch.embedding import Embedder, device_for, load_embedder
from facesearch.media import Cost, DecodedPhoto, LocalFiles, MediaSource, Medium, PhotoFile
from facesearch.pipeline.alignment import align, similarity
from facesearch.pipeline.quality import rated, sharpness

__all__ = ["LoadedPhoto", "Pipeline", "PipelineSpec", "analyse", "one_thread"]

# Without --min-face, faces are wanted from this side on, or from this share of the photo's shorter side; a panorama
# is not a larger picture of the same people, it is a wider one.
AUTO_MIN_FACE_PX, AUTO_MIN_FACE_SHARE = 20, 1 / 75
# On pictures with a shorter side nobody can be seen, however long they are: see DetectionConfig.min_face_px.
LEAST_SIDE_PX = 12
MAIN_FACES_AT_ONCE = 16
# Threads that decode photos and prepare work for a GPU, at most: more would wait for Python's lock.
GPU_WORKERS = 8


@dataclass(frozen=True)
class PipelineSpec:
    """All that a pipeline is set up from; can be pickled.

    device: as for `facesearch.core.device.pick_device`.
    """

    model: ModelSpec
    detector: str = DEFAULT_DETECTOR
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    images: ImageConfig = field(default_factory=ImageConfig)
    device: str = "auto"


def analyse(spec: PipelineSpec, media: Sequence[Medium]) -> list[PhotoResult]:
    """`Pipeline.analyse` as a function of plain data, for other processes and machines.

    The networks are loaded once in each process. Raises ModelError where the weights or the device are not there.
    """
    return _pipeline(spec).analyse(media)


@cache
def _pipeline(spec: PipelineSpec) -> "Pipeline":
    return Pipeline.from_spec(spec)


@dataclass(frozen=True)
class LoadedPhoto:
    """A photo in memory, at the scale that detection needs."""

    file: PhotoFile
    decoded: DecodedPhoto
    min_face_px: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as displayed."""
        return self.file.size


class Pipeline:
    """Decoder, detector, aligner and embedder, set up once; threads may share it.

    One that was made from a spec can be pickled: where it arrives, its networks are loaded once in each process.
    """

    def __init__(
        self,
        embedder: Embedder,
        detector: Detector,
        images: ImageConfig | None = None,
        detection: DetectionConfig | None = None,
        device: str = "cpu",
    ) -> None:
        self.embedder = embedder
        self.detector = detector
        self.images = images or ImageConfig()
        self.detection = detection or DetectionConfig()
        self.device = device
        self._spec: PipelineSpec | None = None
        # Whole photos are the largest thing in memory: one is decoded at a time, however many threads look at photos.
        self._whole_photo = threading.Lock()

    @classmethod
    def load(
        cls,
        model: ModelSpec,
        device: str = "auto",
        detection: DetectionConfig | None = None,
        images: ImageConfig | None = None,
        detector: str = DEFAULT_DETECTOR,
    ) -> "Pipeline":
        """Raises ModelError where the weights or the device are not there."""
        return cls.from_spec(
            PipelineSpec(model, detector, detection or DetectionConfig(), images or ImageConfig(), device)
        )

    @classmethod
    def from_spec(cls, spec: PipelineSpec) -> "Pipeline":
        """Raises ModelError where the weights or the device are not there, ForkedError in a forked process."""
        hold_native_threads()
        device = device_for(spec.model, spec.device)
        embedder = load_embedder(spec.model, device)
        detector = load_detector(spec.detector, spec.detection, device)
        pipeline = cls(embedder, detector, spec.images, spec.detection, device)
        pipeline._spec = spec
        return pipeline

    def __reduce__(self) -> tuple[Callable[[PipelineSpec], "Pipeline"], tuple[PipelineSpec]]:
        if self._spec is None:
            raise TypeError("a pipeline that was not made from a spec cannot be pickled")
        # the device as it was chosen here, so that no worker looks for one and warns of it again
        return _pipeline, (replace(self._spec, device=self.device),)

    @property
    def can_be_pickled(self) -> bool:
        """Whether it was made from a spec, as worker processes need it."""
        return self._spec is not None

    @property
    def workers(self) -> int:
        """How many threads may call `analyse` at a time to keep the machine busy.

        One more than there are cores: while one waits for Python's lock, or for what it needs, another computes.
        """
        return CORES + 1 if self.device == "cpu" else min(CORES + 1, GPU_WORKERS)

    # -- all steps ------------------------------------------------------------------------------------------------

    def analyse(self, media: Sequence[Medium], *, keep_crops: bool = False) -> list[PhotoResult]:
        """What is found in each medium; they may be of any sizes, and crops of several are embedded together.

        What cannot be read gets a result with the reason. Raises ForkedError in a forked process.
        """
        hold_native_threads()
        with one_thread():
            photos = [self._load_or_reason(medium) for medium in media]
            loaded = [photo for photo in photos if isinstance(photo, LoadedPhoto)]
            found = iter(self.detect(loaded))
            del loaded
            results: list[PhotoResult] = []
            for index, medium in enumerate(media):
                photo = photos[index]
                faces = next(found) if isinstance(photo, LoadedPhoto) else []
                results.append(self._cropped(medium, photo, faces))
                photos[index] = ""  # its pixels are not needed any more
            return self._embedded(results, keep_crops)

    def cost(self, medium: Medium) -> Cost:
        """What decoding takes that `analyse` does at first. Raises PhotoError for what cannot be read."""
        file = PhotoFile.parse(medium.data, self.images)
        return file.cost(self._scale(file.size))

    def main_faces(self, paths: Paths, source: MediaSource | None = None) -> Iterator[Face | None]:
        """For each photo, in order, the face that it is of, with its crop.

        None where none is found or the file cannot be read.
        """
        files = source or LocalFiles()
        executor = ThreadExecutor(self.workers)
        chunks = _chunks(as_paths(paths), MAIN_FACES_AT_ONCE)
        for some in executor.map(lambda chunk: self._main_faces(chunk, files), chunks):
            yield from some

    # -- one by one -----------------------------------------------------------------------------------------------

    def min_face_px(self, size: tuple[int, int]) -> float:
        """Side of the smallest face to look for. Args: size: (width, height) of the photo in pixels."""
        wanted = self.detection.min_face_px
        return float(wanted or max(AUTO_MIN_FACE_PX, AUTO_MIN_FACE_SHARE * min(size)))

    def load_photo(self, medium: Medium) -> LoadedPhoto:
        """Decode a photo as small as detection allows. Raises PhotoError."""
        file = PhotoFile.parse(medium.data, self.images, medium.file.path)
        scale = self._scale(file.size)
        with self._whole_photo if file.cost(scale).is_large else nullcontext():
            return LoadedPhoto(file, file.decode(scale), self.min_face_px(file.size))

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[list[Face]]:
        """The faces of each photo, best score first, in pixels of the photo as displayed."""
        seen = [photo for photo in photos if min(photo.size) >= LEAST_SIDE_PX]
        found = iter(self._detected(seen))
        return [next(found) if min(photo.size) >= LEAST_SIDE_PX else [] for photo in photos]

    def _detected(self, photos: Sequence[LoadedPhoto]) -> list[list[Face]]:
        shrunk, scales = zip(*(self._shrunk(photo) for photo in photos), strict=True) if photos else ((), ())
        min_faces = [photo.min_face_px * scale for photo, scale in zip(photos, scales, strict=True)]
        found = self.detector.detect(shrunk, min_faces)
        return [[face.scaled(1 / scale) for face in faces] for faces, scale in zip(found, scales, strict=True)]

    def crops(self, photo: LoadedPhoto, faces: Sequence[Face]) -> list[NDArray[np.uint8]]:
        """Aligned crops, from the best pixels there are.

        A photo that was decoded at a reduced size is decoded again, larger, if one of its faces would have to be
        enlarged otherwise.

        Raises:
            PhotoError: it cannot be decoded again.
        """
        if not faces:
            return []
        pre = self.embedder.spec.preprocessing
        with self.at_scale(photo, max(self._detail(face) for face in faces)) as decoded:
            return [align(decoded.rgb, face.landmarks * np.float32(decoded.scale), pre) for face in faces]

    @contextmanager
    def at_scale(self, photo: LoadedPhoto, scale: float) -> Iterator[DecodedPhoto]:
        """A photo at least at some scale, or whole; decoded again where it has to be. Raises PhotoError."""
        if photo.decoded.scale >= min(scale, 1.0):
            yield photo.decoded
            return
        with self._whole_photo:
            yield photo.file.decode(min(scale, 1.0))

    def embedded(self, faces: Sequence[Face], *, keep_crops: bool = False) -> list[Face]:
        """Faces with their crops -> the same with embedding, sharpness, quality and defect."""
        crops = [face.crop for face in faces if face.crop is not None]
        found = []
        for face, crop, embedding, norm in zip(faces, crops, *self.embedder.embed_with_norms(crops), strict=True):
            quality, defect = rated(face, self.embedder.spec, float(norm))
            measured = replace(face, sharpness=sharpness(crop), quality=quality, defect=defect)
            found.append(replace(measured, embedding=embedding, crop=crop if keep_crops else None))
        return found

    # -- inside ---------------------------------------------------------------------------------------------------

    def _scale(self, size: tuple[int, int]) -> float:
        """The scale at which a photo of (width, height) pixels is decoded for detection, at most 1."""
        return min(1.0, self.detector.face_px / self.min_face_px(size))

    def _shrunk(self, photo: LoadedPhoto) -> tuple[NDArray[np.uint8], float]:
        """The photo no larger than detection needs, and its scale.

        What reduced decoding has not done, averaging does.
        """
        rgb, scale = photo.decoded.rgb, photo.decoded.scale
        factor = math.floor(scale * photo.min_face_px / self.detector.face_px + 1e-6)
        if factor < 2:
            return rgb, scale
        return np.array(Image.fromarray(rgb).reduce(factor)), scale / factor

    def _load_or_reason(self, medium: Medium) -> LoadedPhoto | str:
        try:
            return self.load_photo(medium)
        except PhotoError as error:
            return str(error)

    def _cropped(self, medium: Medium, photo: LoadedPhoto | str, faces: Sequence[Face]) -> PhotoResult:
        """A result whose faces have crops and no embeddings yet."""
        if isinstance(photo, str):
            return PhotoResult(medium.sha256, reason=photo)
        try:
            crops = self.crops(photo, faces)
        except PhotoError as error:
            return PhotoResult(medium.sha256, reason=str(error))
        cut = tuple(replace(face, crop=crop) for face, crop in zip(faces, crops, strict=True))
        return PhotoResult(medium.sha256, photo.size, photo.min_face_px, photo.file.taken, cut)

    def _embedded(self, results: Sequence[PhotoResult], keep_crops: bool) -> list[PhotoResult]:
        """The crops of all photos go through the network together."""
        done = iter(self.embedded([face for result in results for face in result.faces], keep_crops=keep_crops))
        return [replace(result, faces=tuple(next(done) for _ in result.faces)) for result in results]

    def _main_faces(self, paths: list[str], source: MediaSource) -> list[Face | None]:
        media = [_read_or_none(source, path) for path in paths]
        results = iter(self.analyse([medium for medium in media if medium is not None], keep_crops=True))
        found = (next(results) if medium is not None else None for medium in media)
        return [main_face(result.faces, result.size) if result is not None else None for result in found]

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


def _read_or_none(source: MediaSource, path: str) -> Medium | None:
    try:
        return source.read(path)
    except PhotoError:
        return None


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
