"""Photos of a library looked at again for a migration: what their faces will be, and which of the old ones these are.

Where the detector stays, faces are cropped again at their landmarks. Where it is another one, they are looked for anew;
an old face that is not found is embedded at its old landmarks and kept, and one that was drawn at its box.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from facesearch.core.errors import PhotoError
from facesearch.core.matching import match, without
from facesearch.core.types import Face, PhotoResult
from facesearch.media import MediaSource, Medium
from facesearch.pipeline.drawn import faces_in_boxes
from facesearch.pipeline.pipeline import Pipeline, one_thread
from facesearch.storage.pending_faces import LookedFor, PendingFace

__all__ = ["Seen", "Unseen", "look_again", "read_intact"]

# As much is decoded at a time as when photos are indexed.
MEGAPIXELS, BYTES = 6.0, 128 << 20
# The smallest face that was looked for without --min-face, up to this format: so many pixels, or this share of the
# photo's shorter side.
FORMER_LEAST_PX, FORMER_SHARE = 20, 1 / 75


@dataclass(frozen=True)
class Unseen:
    """A photo that is to be looked at. files: (path, the photo's SHA-256), those that are there first."""

    id: int
    files: tuple[tuple[str, str], ...]
    faces: tuple[Face, ...]
    before: LookedFor


@dataclass(frozen=True)
class Seen:
    """What a photo will hold; faces None where no file of it can be read, or is that photo any more."""

    id: int
    min_face_px: float = 0.0
    faces: tuple[PendingFace, ...] | None = None


def look_again(pipeline: Pipeline, source: MediaSource, anew: bool, photos: Sequence[Unseen]) -> list[Seen]:
    """Some photos, in their order. Args: anew: look for faces, instead of taking them where they are."""
    with one_thread():
        return list(_looked_for(pipeline, source, photos) if anew else _embedded(pipeline, source, photos))


def _embedded(pipeline: Pipeline, source: MediaSource, photos: Sequence[Unseen]) -> Iterator[Seen]:
    """The faces of photos where they are; the crops of all photos go through the network together."""
    cropped: list[list[Face] | None] = []
    for photo in photos:
        medium = read_intact(source, photo.files)
        cropped.append(None if medium is None else _cropped(pipeline, medium, photo.faces))
    embedded = iter(pipeline.embedded([face for faces in cropped for face in faces or ()]))
    for photo, faces in zip(photos, cropped, strict=True):
        if faces is None:
            yield Seen(photo.id)
        else:
            made = tuple(PendingFace(next(embedded), True) for _ in faces)
            yield Seen(photo.id, photo.before.min_face_px, made)


def _looked_for(pipeline: Pipeline, source: MediaSource, photos: Sequence[Unseen]) -> Iterator[Seen]:
    """The faces of photos as the pipeline finds them, those that are known under their ids."""
    for some in _portions(pipeline, source, photos):
        media = [medium for _, medium in some if medium is not None]
        results = iter(_analysed(pipeline, [photo for photo, medium in some if medium is not None], media))
        for photo, medium in some:
            yield Seen(photo.id) if medium is None else _matched(pipeline, photo, medium, next(results))


def _portions(
    pipeline: Pipeline, source: MediaSource, photos: Sequence[Unseen]
) -> Iterator[list[tuple[Unseen, Medium | None]]]:
    """Photos with what was read of them, as many as may be in memory at a time."""
    some: list[tuple[Unseen, Medium | None]] = []
    megapixels, held = 0.0, 0
    for photo in photos:
        medium = read_intact(source, photo.files)
        some.append((photo, medium))
        if medium is not None:
            megapixels += _megapixels(pipeline, medium)
            held += len(medium.data)
        if megapixels >= MEGAPIXELS or held >= BYTES:
            yield some
            some, megapixels, held = [], 0.0, 0
    if some:
        yield some


def _megapixels(pipeline: Pipeline, medium: Medium) -> float:
    try:
        return pipeline.cost(medium).megapixels
    except PhotoError:  # as is said when it is looked at
        return 0.0


def _analysed(pipeline: Pipeline, photos: Sequence[Unseen], media: Sequence[Medium]) -> list[PhotoResult]:
    """What is found in media, by the size of face that their photos were looked at with before."""
    wanted = [_least_face(pipeline, photo.before) for photo in photos]
    results: dict[int, PhotoResult] = {}
    for least in dict.fromkeys(wanted):
        rows = [row for row, one in enumerate(wanted) if one == least]
        one = pipeline if least is None else _for_faces_from(pipeline, least)
        results |= zip(rows, one.analyse([media[row] for row in rows]), strict=True)
    return [results[row] for row in range(len(media))]


def _least_face(pipeline: Pipeline, before: LookedFor) -> int | None:
    """What the user had asked for with --min-face; None where that is not known, or something else is asked for now."""
    usual = (max(FORMER_LEAST_PX, FORMER_SHARE * min(before.size)), pipeline.min_face_px(before.size))
    if pipeline.detection.min_face_px is not None or any(abs(before.min_face_px - one) < 0.01 for one in usual):
        return None
    return round(before.min_face_px)


def _for_faces_from(pipeline: Pipeline, least: int) -> Pipeline:
    """The same networks, with another size of the smallest face."""
    detection = replace(pipeline.detection, min_face_px=least)
    return Pipeline(pipeline.embedder, pipeline.detector, pipeline.images, detection, pipeline.device)


def _matched(pipeline: Pipeline, photo: Unseen, medium: Medium, result: PhotoResult) -> Seen:
    """Old faces get what was found of them, or stay as they are; what else was found is new."""
    drawn, old = _parted(photo.faces)
    new = without(result.faces, drawn)
    same = match(old, new)
    left = [face for row, face in enumerate(old) if row not in set(same.values())]
    cropped = None if result.reason else _cropped(pipeline, medium, left)
    if cropped is None:
        return Seen(photo.id)
    ids = {row: old[at].id for row, at in same.items()}
    found = [PendingFace(replace(face, id=ids.get(row, 0)), True) for row, face in enumerate(new)]
    kept = [PendingFace(face, False) for face in pipeline.embedded(cropped)]
    try:
        boxes = faces_in_boxes(pipeline, medium, [face.box for face in drawn])
    except PhotoError:
        return Seen(photo.id)
    again = [PendingFace(replace(face, id=one.id), True) for face, one in zip(boxes, drawn, strict=True)]
    return Seen(photo.id, result.min_face_px, (*found, *kept, *again))


def _parted(faces: Sequence[Face]) -> tuple[list[Face], list[Face]]:
    """Those that were drawn, and the others."""
    return [face for face in faces if face.drawn], [face for face in faces if not face.drawn]


def read_intact(source: MediaSource, files: Sequence[tuple[str, str]]) -> Medium | None:
    """The first of a photo's files that still holds it; None where none does. Args: files: as of `Unseen`."""
    for path, sha256 in files:
        try:
            medium = source.read(path)
        except PhotoError:
            continue
        if medium.sha256 == sha256:
            return medium
    return None


def _cropped(pipeline: Pipeline, medium: Medium, faces: Sequence[Face]) -> list[Face] | None:
    """Faces whose places are known, with their crops; None where the photo cannot be decoded."""
    if not faces:
        return []
    try:
        crops = pipeline.crops(pipeline.load_photo(medium), faces)
    except PhotoError:
        return None
    return [replace(face, crop=crop) for face, crop in zip(faces, crops, strict=True)]
