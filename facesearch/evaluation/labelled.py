"""Measuring a pipeline on labelled photos, through the path that users run."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.calibration import Calibration
from facesearch.core.arguments import Strings, as_strings
from facesearch.core.checks import checked
from facesearch.core.errors import InputError, PhotoError
from facesearch.core.settings import ModelSpec
from facesearch.evaluation.calibration import fit_calibration, split_pairs
from facesearch.evaluation.datasets import EmbedPhotos
from facesearch.evaluation.searches import fit_identification
from facesearch.evaluation.shared_photos import under_several_labels
from facesearch.library import Library
from facesearch.media import LocalFiles, find_photos
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store, constraints, persons
from facesearch.storage.embeddings import embeddings_of

__all__ = [
    "LabelledFolder",
    "calibrate",
    "calibrate_named",
    "calibration_of",
    "labelled_folder",
    "left_out",
    "main_face_embedder",
    "measured_calibration",
    "named_calibration",
    "people_in",
]

# Photos done, photos to do.
Tick = Callable[[int, int], None]


def main_face_embedder(pipeline: Pipeline, tick: Tick = lambda *_: None) -> EmbedPhotos:
    """A pipeline as evaluation wants it: photos -> for each the (d,) embedding of its main face, or None."""

    def embed(photos: Sequence[Path]) -> Iterator[NDArray[np.float32] | None]:
        for done, face in enumerate(pipeline.main_faces(photos), start=1):
            tick(done, len(photos))
            yield None if face is None else face.embedding

    return embed


@dataclass(frozen=True)
class LabelledFolder:
    """Photos of people, and what was left out.

    photos: with whose they are. shared: files whose content is in the folders of several people. unreadable: files that
    are no photos by their first bytes, or cannot be opened.
    """

    photos: list[tuple[Path, str]]
    shared: int = 0
    unreadable: int = 0


def people_in(folder: Path, without: Collection[str] = ()) -> list[tuple[Path, str]]:
    """The photos of `labelled_folder`, and whose they are. Raises as it does."""
    return labelled_folder(folder, without).photos


def labelled_folder(folder: Path, without: Collection[str] = ()) -> LabelledFolder:
    """A folder that has a folder with photos for each person.

    Args:
        without: folders to leave out, as their photos are not all of one person.

    Raises InputError where there are not two people, nobody has two photos, or a folder to leave out is not there.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give one that has a folder with photos for each person")
    root = folder.resolve()
    found = find_photos([root], exported=True)
    photos = [Path(photo.path) for photo in found.photos]
    labelled = [(photo, photo.relative_to(root).parts[0]) for photo in photos if photo.parent != root]
    unknown = set(without) - {person for _, person in labelled}
    if unknown:
        raise InputError(f"{folder} has no photos of {sorted(unknown)[0]} to leave out (--without)")
    labelled = [(photo, person) for photo, person in labelled if person not in without]
    shared = under_several_labels(labelled)
    labelled = [(photo, person) for photo, person in labelled if photo not in shared]
    people = [person for _, person in labelled]
    if len(set(people)) < 2 or len(people) == len(set(people)):
        but = f", not counting {len(shared)} photos that are in the folders of several people" if shared else ""
        raise InputError(f"{folder} must have at least two people's folders, some with two photos or more{but}")
    return LabelledFolder(labelled, len(shared), len(found.failures))


def left_out(folder: LabelledFolder, pipeline: Pipeline, missed: Sequence[Path]) -> dict[str, int]:
    """Why photos of a labelled folder are not measured -> how many. Args: missed: those in which no face was found."""
    damaged = sum(not _readable(pipeline, path) for path in missed)
    counts = {
        "without a face": len(missed) - damaged,
        "unreadable": damaged + folder.unreadable,
        "in the folders of several people": folder.shared,
    }
    return {reason: count for reason, count in counts.items() if count}


def _readable(pipeline: Pipeline, path: Path) -> bool:
    try:
        pipeline.load_photo(LocalFiles().read(str(path)))
    except PhotoError:
        return False
    return True


@checked
def calibrate(
    library: Library, folder: str | os.PathLike[str], tick: Tick = lambda *_: None, without: Strings = ()
) -> Calibration:
    """Measure what the distances of a library's model mean; the library uses it from then on.

    Args:
        folder: has a folder with photos for each person. without: as of `people_in`.

    Raises as `measured_calibration`.
    """
    library.store.require_writable()
    calibration = measured_calibration(library.pipeline, Path(folder), tick, as_strings(without))
    library.use_calibration(calibration)
    return calibration


def measured_calibration(
    pipeline: Pipeline, folder: Path, tick: Tick = lambda *_: None, without: Collection[str] = ()
) -> Calibration:
    """False-accept rates and probabilities of a pipeline's model, on a folder with a folder for each person.

    Args:
        without: as of `people_in`.

    Raises InputError where the folder is not such a one, or has too few people and photos.
    """
    found = labelled_folder(folder, without)
    labelled, embed = found.photos, main_face_embedder(pipeline, tick)
    embeddings = list(embed([photo for photo, _ in labelled]))
    measured = list(zip(embeddings, labelled, strict=True))
    rows = [(vector, person) for vector, (_, person) in measured if vector is not None]
    if not rows:
        raise InputError(f"no face was found in any of the {len(labelled)} photos in {folder}")
    people = [person for _, person in rows]
    skipped = left_out(found, pipeline, [photo for vector, (photo, _) in measured if vector is None])
    counted = ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "none"
    others = f", without the folders {', '.join(sorted(without))}" if without else ""
    return calibration_of(
        pipeline.embedder.spec,
        np.stack([vector for vector, _ in rows]),
        people,
        dataset=f"{folder.resolve().name}: {len(rows)} photos of {len(set(people))} people",
        how=f"main face of every photo (left out: {counted})" + others,
    )


@checked
def calibrate_named(library: Library) -> Calibration:
    """Measure what the distances of a library's model mean on its own named people; it uses that from then on.

    Raises as `named_calibration`.
    """
    calibration = named_calibration(library.store)
    library.use_calibration(calibration)
    return calibration


def named_calibration(store: Store) -> Calibration:
    """False-accept rates and probabilities of a library's model, on the confirmed faces of its named people.

    Raises InputError where too few people have a name, or too few faces are confirmed.
    """
    with store.reading() as connection:
        faces, people = constraints.confirmed(connection)
        chosen = np.isin(people, persons.named_ids(connection))
        ids, vectors = embeddings_of(connection, faces[chosen].tolist(), store.spec.dim)
    whose = people[chosen][np.isin(faces[chosen], ids)]
    count = len(np.unique(whose))
    try:
        return calibration_of(
            store.spec,
            vectors,
            whose,
            dataset=f"this library's named people: {len(whose)} confirmed faces of {count} people",
            how="confirmed faces, as clustering proposed them or the user chose them",
        )
    except InputError as error:
        raise InputError(
            f"{count} named people with {len(whose)} confirmed faces are too few to measure ({error}): name more people"
        ) from error


def calibration_of(
    spec: ModelSpec, embeddings: NDArray[np.float32], people: ArrayLike, *, dataset: str, how: str
) -> Calibration:
    """What distances between faces mean, for pairs and for searches; the latter where there are people enough.

    It holds in every precision of the model.

    Args:
        embeddings: (n, d) float32, unit L2 norm. people: (n,) whose they are.
        dataset, how: what the faces are and how they were chosen, in words.

    Raises InputError where there are too few pairs.
    """
    same, different = split_pairs(embeddings, people)
    pairs = f"{how}; all pairs of different people, at most 100 pairs of each person"
    calibration = fit_calibration(spec.in_float32, same, different, dataset=dataset, how=pairs)
    return replace(calibration, identification=fit_identification(calibration, embeddings, people, dataset=dataset))
