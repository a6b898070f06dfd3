"""The faces of a library cut out of its photos again, wide, as `python -m train align` makes its crops."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.files import FOLDER_MODE, make_folders
from facesearch.detection import load as load_detector
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing.looking_again import read_intact
from facesearch.media import LocalFiles
from facesearch.pipeline.pipeline import Pipeline, one_thread
from facesearch.storage import Store
from train.adapt.people import OwnFace
from train.crops import CropsRun
from train.dataset import FaceImage, FaceSet
from train.looking import WIDE, NoNetwork, wide_crop
from train.manifest import Entry, read_manifest

__all__ = ["cut_out", "face_of"]

BATCH_PHOTOS = 4

Tick = Callable[[int, int], None]


def cut_out(store: Store, faces: Sequence[OwnFace], folder: Path, tick: Tick = lambda *_: None) -> FaceSet:
    """The crops of some faces, in a new folder that only its owner can read; photos that have changed are left out.

    Nothing is detected: where the faces are is known. Args: tick: photos done, photos in all.

    Raises InputError where no photo is there any more.
    """
    of_photo: dict[int, list[OwnFace]] = defaultdict(list)
    for face in faces:
        of_photo[face.face.photo_id].append(face)
    photos = [_Photo(tuple(store.files_of(photo)), tuple(of_photo[photo])) for photo in sorted(of_photo)]
    pipeline = Pipeline(NetworkEmbedder(NoNetwork(WIDE)), load_detector())
    make_folders(folder, FOLDER_MODE)
    run, done = CropsRun(folder), 0

    def make(batch: list[_Photo]) -> list[Entry]:
        with one_thread():
            return [entry for photo in batch for entry in _cut(pipeline, photo, run)]

    def after() -> None:
        nonlocal done
        done += BATCH_PHOTOS
        tick(min(done, len(photos)), len(photos))

    batches = (photos[start : start + BATCH_PHOTOS] for start in range(0, len(photos), BATCH_PHOTOS))
    run.fill(make, batches, pipeline.workers, after)
    images = [FaceImage(folder / e.file, e.person, e.landmarks) for e in read_manifest(folder) if e.file]
    if not images:
        raise InputError(f"none of {len(photos)} photos is there as it was indexed: run `facesearch index` on them")
    return FaceSet(tuple(sorted(images, key=lambda image: (image.person, image.path))))


def face_of(image: FaceImage) -> int:
    """The id of the face that a crop of `cut_out` shows."""
    return int(image.path.stem)


@dataclass(frozen=True)
class _Photo:
    files: tuple[tuple[str, str], ...]
    faces: tuple[OwnFace, ...]


def _cut(pipeline: Pipeline, photo: _Photo, run: CropsRun) -> list[Entry]:
    medium = read_intact(LocalFiles(), photo.files)
    if medium is None:
        return [Entry(_name(face), None, reason="its photo is gone or has changed") for face in photo.faces]
    try:
        loaded = pipeline.load_photo(medium)
        cut = [wide_crop(pipeline, loaded, face.face) for face in photo.faces]
    except PhotoError as error:
        return [Entry(_name(face), None, reason=str(error)) for face in photo.faces]
    entries = []
    for face, (rgb, landmarks) in zip(photo.faces, cut, strict=True):
        run.save(_name(face), rgb)
        points = tuple((float(x), float(y)) for x, y in landmarks)
        entries.append(Entry(_name(face), _name(face), points, face.face.score, len(photo.faces)))
    return entries


def _name(face: OwnFace) -> str:
    return f"{face.person:08}/{face.face.id}.jpg"
