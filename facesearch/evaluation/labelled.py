"""Measuring a pipeline on labelled photos, through the path that users run."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.core.errors import InputError
from facesearch.evaluation.calibration import fit_calibration, split_pairs
from facesearch.evaluation.datasets import EmbedPhotos
from facesearch.media import find_photos
from facesearch.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from facesearch.library import Library

__all__ = ["calibrate", "main_face_embedder", "measured_calibration", "people_in"]

# Photos done, photos to do.
Tick = Callable[[int, int], None]


def main_face_embedder(pipeline: Pipeline, tick: Tick = lambda *_: None) -> EmbedPhotos:
    """A pipeline as evaluation wants it: photos -> for each the (d,) embedding of its main face, or None."""

    def embed(photos: Sequence[Path]) -> Iterator[NDArray[np.float32] | None]:
        for done, face in enumerate(pipeline.main_faces(photos), start=1):
            tick(done, len(photos))
            yield None if face is None else face.embedding

    return embed


def people_in(folder: Path) -> list[tuple[Path, str]]:
    """Photos of a folder that has a folder for each person, and whose they are.

    Raises InputError where there are not two people, or nobody has two photos.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give one that has a folder with photos for each person")
    root = folder.resolve()
    photos = [Path(found.path) for found in find_photos([root]).photos]
    labelled = [(photo, photo.relative_to(root).parts[0]) for photo in photos if photo.parent != root]
    people = [person for _, person in labelled]
    if len(set(people)) < 2 or len(people) == len(set(people)):
        raise InputError(f"{folder} must have at least two people's folders, some with two photos or more")
    return labelled


def calibrate(library: "Library", folder: str | os.PathLike[str], tick: Tick = lambda *_: None) -> Calibration:
    """Measure what the distances of a library's model mean; the library uses it from then on.

    Args:
        folder: has a folder with photos for each person.

    Raises as `measured_calibration`.
    """
    calibration = measured_calibration(library.pipeline, Path(folder), tick)
    library.use_calibration(calibration)
    return calibration


def measured_calibration(pipeline: Pipeline, folder: Path, tick: Tick = lambda *_: None) -> Calibration:
    """False-accept rates and probabilities of a pipeline's model, on a folder with a folder for each person.

    Raises InputError where the folder is not such a one, or has too few people and photos.
    """
    labelled = people_in(folder)
    embed = main_face_embedder(pipeline, tick)
    rows = [
        (vector, person)
        for vector, (_, person) in zip(embed([p for p, _ in labelled]), labelled, strict=True)
        if vector is not None
    ]
    if not rows:
        raise InputError(f"no face was found in any of the {len(labelled)} photos in {folder}")
    people = [person for _, person in rows]
    same, different = split_pairs(np.stack([vector for vector, _ in rows]), people)
    return fit_calibration(
        pipeline.embedder.spec,
        same,
        different,
        dataset=f"{folder.resolve().name}: {len(rows)} photos of {len(set(people))} people",
        how=f"main face of every photo ({len(labelled) - len(rows)} without a face or unreadable left out);"
        " all pairs of different people, at most 100 pairs of each person",
    )
