"""Does the quality of faces tell where errors come from? Photos of labelled people, as they are and spoiled.

The curve is ISO/IEC 29794-1's error versus discard: the threshold is fixed, faces of the lowest quality are left out
step by step, and of the pairs that are left the shares of false non-matches and false matches are counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.errors import InputError
from facesearch.core.types import Face, FileFacts
from facesearch.detection.main_face import main_face
from facesearch.evaluation.spoiling import DEFECTS, spoiled
from facesearch.media.source import read_medium
from facesearch.pipeline.pipeline import Pipeline

__all__ = ["error_versus_discard", "quality_of_spoiled"]

Tick = Callable[[int, int], None]

# Photos of each person that are looked at, and of how many people.
PHOTOS, MOST_PEOPLE = 2, 60
# The share of strangers' pairs that the threshold accepts; shares of the faces that are left out.
FMR, DISCARDED = 1e-3, (0.0, 0.05, 0.1, 0.2, 0.3)
# A face is the one that was there before if their boxes share this much.
SAME_PLACE = 0.3


@dataclass(frozen=True)
class _Seen:
    """A face that was found in a copy of a photo."""

    photo: str
    person: str
    defect: str
    face: Face


def quality_of_spoiled(pipeline: Pipeline, people: Mapping[Path, str], tick: Tick = lambda *_: None) -> dict[str, Any]:
    """Figures on spoiled copies of the main faces of some photos.

    Args:
        people: whose each photo is.

    Raises:
        InputError: there are not two people with two photos each that show them.
    """
    photos = _chosen(people)
    seen: list[_Seen] = []
    for done, (photo, person) in enumerate(photos, start=1):
        seen += _copies(pipeline, photo, person)
        tick(done, len(photos))
    copies = len({one.photo for one in seen}) * len(DEFECTS)
    if len({one.person for one in seen}) < 2:
        raise InputError(f"{PHOTOS} photos each of at least two people are needed: label more photos (--photos)")
    embeddings, quality, person_of, photo_of = _columns(seen)
    curve = error_versus_discard(embeddings, quality, person_of, photo_of)
    return {
        "people": len(set(person_of.tolist())),
        "copies": copies,
        "copies_with_the_face": len(seen),
        "fmr": FMR,
        "fnmr_at_discarded": {f"{share:g}": missed for share, (missed, _) in zip(DISCARDED, curve, strict=True)},
        "fmr_at_discarded": {f"{share:g}": taken for share, (_, taken) in zip(DISCARDED, curve, strict=True)},
        "defects": {defect: _of_defect([one for one in seen if one.defect == defect]) for defect in DEFECTS},
    }


def error_versus_discard(
    embeddings: NDArray[np.float32],
    quality: NDArray[np.float64],
    people: NDArray[np.str_],
    photos: NDArray[np.str_],
    fmr: float = FMR,
    discarded: Sequence[float] = DISCARDED,
) -> list[tuple[float, float]]:
    """The shares of false non-matches and of false matches that are left when faces of the lowest quality are left out.

    Args:
        embeddings: (n, d) float32, unit L2 norm.
        quality: (n,) the higher the better.
        people, photos: (n,) whose each is, and of which photo; copies of one photo are not compared.
        fmr: the threshold accepts this share of the strangers' pairs, of all faces.
        discarded: shares of the faces that are left out.
    """
    rows, columns = np.triu_indices(len(people), 1)
    apart = photos[rows] != photos[columns]
    rows, columns = rows[apart], columns[apart]
    near = (embeddings @ embeddings.T)[rows, columns]
    same = people[rows] == people[columns]
    strangers = np.sort(near[~same])[::-1]
    threshold = strangers[min(int(fmr * len(strangers)), len(strangers) - 1)]
    pair, accepted = np.minimum(quality[rows], quality[columns]), near >= threshold
    left = [pair >= np.quantile(quality, share) for share in discarded]
    return [(float(1 - accepted[kept & same].mean()), float(accepted[kept & ~same].mean())) for kept in left]


def _chosen(people: Mapping[Path, str]) -> list[tuple[Path, str]]:
    """The first photos of each of the first people that have as many."""
    of_person: dict[str, list[Path]] = {}
    for photo in sorted(people):
        of_person.setdefault(people[photo], []).append(photo)
    whole = [person for person in sorted(of_person) if len(of_person[person]) >= PHOTOS]
    return [(photo, person) for person in whole[:MOST_PEOPLE] for photo in of_person[person][:PHOTOS]]


def _copies(pipeline: Pipeline, photo: Path, person: str) -> list[_Seen]:
    rgb = np.asarray(Image.open(photo).convert("RGB"))
    (before,) = _analysed(pipeline, [rgb])
    whole = main_face(before, (rgb.shape[1], rgb.shape[0]))
    if whole is None:
        return []
    pictures = [spoiled(defect, rgb, whole) for defect in DEFECTS]
    found = []
    for defect, picture, faces in zip(DEFECTS, pictures, _analysed(pipeline, pictures), strict=True):
        place = whole.scaled(picture.shape[1] / rgb.shape[1])
        there = [face for face in faces if _overlap(face, place) >= SAME_PLACE]
        if there:
            best = max(there, key=lambda face: _overlap(face, place))
            found.append(_Seen(str(photo), person, defect, best))
    return found


def _analysed(pipeline: Pipeline, pictures: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
    media = []
    for picture in pictures:
        file = BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        facts = FileFacts("copy.png", file.tell(), 0)
        file.seek(0)
        media.append(read_medium(file, facts))
    return [result.faces for result in pipeline.analyse(media)]


def _overlap(a: Face, b: Face) -> float:
    """Intersection over union of two boxes."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(face.box[2] - face.box[0]) * (face.box[3] - face.box[1]) for face in (a, b)]
    return shared / max(sum(areas) - shared, 1e-9)


def _of_defect(seen: Sequence[_Seen]) -> dict[str, Any]:
    quality = np.array([one.face.quality for one in seen])
    if not len(seen):
        return {"faces": 0}
    return {
        "faces": len(seen),
        "median_quality": float(np.median(quality)),
        "weak": float(np.mean([one.face.weak for one in seen])),
        "too_poor": float(np.mean([one.face.too_poor for one in seen])),
    }


def _columns(
    seen: Sequence[_Seen],
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.str_], NDArray[np.str_]]:
    embeddings = np.stack([one.face.embedding for one in seen if one.face.embedding is not None])
    quality = np.array([one.face.quality for one in seen])
    return embeddings, quality, np.array([one.person for one in seen]), np.array([one.photo for one in seen])
