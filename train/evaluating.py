"""Verification with pictures, for any embedder, through the path that users run: decode, detect, align, embed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch import embedding
from facesearch.core.errors import InputError
from facesearch.core.executor import CORES, ThreadExecutor
from facesearch.evaluation import (
    Pairs,
    embed_photos,
    equal_error_rate,
    pair_distances,
    read_labels,
    read_lfw_pairs,
    report_of,
    roc_auc,
    tar_at_far,
)
from facesearch.evaluation.labelled import LabelledFolder, labelled_folder, left_out, main_face_embedder
from facesearch.evaluation.plots import require_matplotlib
from facesearch.evaluation.shared_photos import under_several_labels
from facesearch.media.marks import EXIF, require_ours
from facesearch.pipeline.pipeline import Pipeline, one_thread
from train.curves import distance_figure, roc_figure
from train.pair_sets import read_pair_set
from train.validation import PairDistances, pairs_of

__all__ = ["evaluate_lfw", "evaluate_pair_set", "evaluate_people"]

Tick = Callable[[int, int], None]
FARS = (1e-4, 1e-3, 1e-2)
# Of a pair set, that go through the network together.
CROPS_AT_ONCE = 128


def evaluate_lfw(
    model: str, lfw: Path, pairs_file: Path, plots: Path | None, device: str, tick: Tick
) -> dict[str, Any]:
    """LFW's ten folds.

    Args:
        plots: a folder for roc_lfw.png and distances_lfw.png; made where it is missing.

    Raises:
        InputError: the files are not LFW, or the pictures cannot be written.
        ModelError: there is no such model.
    """
    pairs = read_lfw_pairs(pairs_file, lfw)
    pipeline = _pipeline(model, device, plots)
    distances, without_face = pair_distances(main_face_embedder(pipeline, tick), pairs)
    _draw(PairDistances(distances, pairs.same), model, "lfw", "LFW", plots)
    return _described(pipeline.embedder.spec.name, distances, without_face, pairs)


def evaluate_pair_set(model: str, path: Path, plots: Path | None, device: str, tick: Tick) -> dict[str, Any]:
    """One of InsightFace's .bin files, in ten folds: the figures of `evaluate_lfw`, without detection.

    Args:
        plots: a folder for roc_NAME.bin.png and distances_NAME.bin.png; made where it is missing.

    Raises:
        InputError: the file is no such set or damaged, or the pictures cannot be written.
        ModelError: there is no such model.
    """
    found, spec = read_pair_set(path), embedding.resolve(model)
    _prepare(plots)
    place = embedding.device_for(spec, device)
    embedder = embedding.load_embedder(spec, place)

    def embedded(names: Sequence[Path]) -> NDArray[np.float32]:
        with one_thread():
            return embedder.embed([found.crop(name, spec.preprocessing) for name in names])

    def embed(names: Sequence[Path]) -> Iterator[NDArray[np.float32]]:
        chunks = [names[i : i + CROPS_AT_ONCE] for i in range(0, len(names), CROPS_AT_ONCE)]
        done = 0
        for vectors in ThreadExecutor(CORES).map(embedded, chunks):
            yield from vectors
            done += len(vectors)
            tick(done, len(names))

    distances, without_face = pair_distances(embed, found.pairs)
    _draw(PairDistances(distances, found.same), model, path.name, path.name, plots)
    return _described(spec.name, distances, without_face, found.pairs)


def evaluate_people(
    model: str, folder: Path, labels: Path | None, plots: Path | None, device: str, tick: Tick
) -> dict[str, Any]:
    """All pairs of the main faces of labelled photos. A photo without a face is left out, and counted.

    Args:
        labels: CSV with the columns photo (file name) and person; None where every person has a folder.
        plots: a folder for roc_people.png and distances_people.png; made where it is missing.

    Raises:
        InputError: there are no labels for these photos, or the pictures cannot be written.
        ModelError: there is no such model.
    """
    if labels is None:
        found = labelled_folder(folder)
    else:
        photos = [(folder / photo, person) for photo, person in sorted(read_labels(labels).items())]
        shared = under_several_labels(photos)
        found = LabelledFolder([photo for photo in photos if photo[0] not in shared], len(shared))
    labelled = found.photos
    pipeline = _pipeline(model, device, plots)
    embeddings = embed_photos(main_face_embedder(pipeline, tick), [photo for photo, _ in labelled])
    found_faces = ~np.isnan(embeddings).any(axis=1)
    missed = [labelled[i][0] for i in np.flatnonzero(~found_faces)]
    skipped = left_out(found, pipeline, missed)
    people = np.unique([person for _, person in labelled], return_inverse=True)[1]
    pairs = pairs_of(embeddings[found_faces], people[found_faces])
    _draw(pairs, model, "people", folder.name, plots)
    return {
        "model": pipeline.embedder.spec.name,
        "photos": len(labelled),
        "photos_without_face": len(missed),
        "left_out": skipped,
        "people": int(people.max()) + 1,
        "pairs_of_one_person": int(pairs.same.sum()),
        "pairs_of_two": int((~pairs.same).sum()),
        "auc": roc_auc(pairs.distances, pairs.same),
        "eer": equal_error_rate(pairs.distances, pairs.same),
        "tar_at_far": {f"{far:g}": tar_at_far(pairs.distances, pairs.same, far) for far in FARS},
    }


def _pipeline(model: str, device: str, plots: Path | None) -> Pipeline:
    _prepare(plots)
    return Pipeline.load(embedding.resolve(model), device)


def _prepare(plots: Path | None) -> None:
    if plots is not None:
        require_matplotlib()
        plots.mkdir(parents=True, exist_ok=True)


def _described(model: str, distances: NDArray[np.float64], without_face: int, pairs: Pairs) -> dict[str, Any]:
    report = asdict(report_of(distances, without_face, pairs))
    report["tar_at_far"] = {f"{far:g}": tar for far, tar in report["tar_at_far"].items()}
    return {"model": model, **report}


def _draw(pairs: PairDistances, model: str, name: str, what: str, folder: Path | None) -> None:
    if folder is None:
        return
    shown = {Path(model).name: pairs}
    figures = {f"roc_{name}.png": roc_figure(shown, what), f"distances_{name}.png": distance_figure(shown, what)}
    try:
        for called, figure in figures.items():
            require_ours(folder / called)
            figure.savefig(folder / called, dpi=120, pil_kwargs={"exif": EXIF})
    except OSError as error:
        raise InputError(f"the pictures cannot be written into {folder}: {error.strerror}") from error
