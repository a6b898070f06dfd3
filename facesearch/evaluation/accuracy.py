"""`facesearch evaluate`: the accuracy figures of the README, through the path that users run.

Verification is measured on what the pipeline makes of the photos, identification and clusters on what `index` and
`cluster` make of them in a library of their own. A face that is not found counts as an error, never as a pair less.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch import embedding
from facesearch.calibration import Calibration
from facesearch.core.errors import InputError
from facesearch.core.files import replace_file
from facesearch.core.results import Clustering
from facesearch.core.types import Face
from facesearch.detection.main_face import prominence
from facesearch.evaluation.baselines import baseline_reports
from facesearch.evaluation.calibration import split_pairs
from facesearch.evaluation.clustering import ClusteringReport, clustering_report
from facesearch.evaluation.datasets import read_labels, read_lfw_pairs
from facesearch.evaluation.identification import recall_at_k
from facesearch.evaluation.labelled import LabelledFolder, labelled_folder, main_face_embedder
from facesearch.evaluation.open_set import MOST_SEARCHES, Labelled, open_set
from facesearch.evaluation.quality import quality_of_spoiled
from facesearch.evaluation.shared_photos import under_several_labels
from facesearch.evaluation.verification import verification_report
from facesearch.library import Library
from facesearch.media import find_photos
from facesearch.pipeline.pipeline import Pipeline

__all__ = ["clusters", "merge_into", "quality", "read_results", "verification"]

Tick = Callable[[int, int], None]

# Identification: so many photos of each person are the gallery, drawn with this seed, and the others the probes.
GALLERY_PHOTOS, GALLERY_SEED = 10, 0
# Open set: with fewer people there are no strangers to speak of.
FEWEST_PEOPLE = 9
# A cluster is mixed that holds so many faces of each of two people.
MIXED_FACES = 5


def verification(
    lfw: Path, pairs_file: Path, model: str | None, device: str, tick: Tick, precision: str | None = None
) -> dict[str, Any]:
    """LFW's ten-fold protocol. Raises InputError where the files are not such a data set."""
    pipeline = Pipeline.load(embedding.resolve(model or embedding.DEFAULT_MODEL, precision, device), device)
    pairs = read_lfw_pairs(pairs_file, lfw)
    report = asdict(verification_report(main_face_embedder(pipeline, tick), pairs))
    report["tar_at_far"] = {f"{far:g}": tar for far, tar in report["tar_at_far"].items()}
    return {"model": pipeline.embedder.spec.name, **report}


def quality(
    folder: Path, labels: Path | None, model: str | None, device: str, tick: Tick, precision: str | None = None
) -> dict[str, Any]:
    """Whether the quality of faces tells where errors come from, see `facesearch.evaluation.quality`.

    Args:
        labels: as of `clusters`.

    Raises:
        InputError: there are no labels for these photos, or too few.
    """
    pipeline = Pipeline.load(embedding.resolve(model or embedding.DEFAULT_MODEL, precision, device), device)
    people = dict(_people(folder, labels).photos)
    return {"model": pipeline.embedder.spec.name, **quality_of_spoiled(pipeline, people, tick)}


def _people(folder: Path, labels: Path | None) -> LabelledFolder:
    """Args: as of `clusters`."""
    if labels is None:
        return labelled_folder(folder)
    known = read_labels(labels)
    found = find_photos([folder.resolve()], exported=True)
    photos = [Path(photo.path) for photo in found.photos]
    labelled = [(photo, known[photo.name]) for photo in photos if photo.name in known]
    shared = under_several_labels(labelled)
    kept = [(photo, person) for photo, person in labelled if photo not in shared]
    return LabelledFolder(kept, len(shared), len(found.failures))


def clusters(
    folder: Path,
    labels: Path | None,
    model: str | None,
    device: str,
    tick: Tick,
    *,
    baselines: bool = False,
    strangers: Path | None = None,
    precision: str | None = None,
) -> dict[str, Any]:
    """Index a labelled folder, cluster it with the defaults, and compare; search it, closed set and open set.

    Args:
        labels: CSV with the columns photo (file name) and person; None where every person has a folder.
        strangers: a folder with photos of people who are not in the first; more searches for nobody.
        baselines: measure on the same embeddings what others would use, see `facesearch.evaluation.baselines`.

    Raises:
        InputError: there are no labels for these photos.
    """
    folder = folder.resolve()  # as people_in does, so that the paths are the same
    found = _people(folder, labels)
    people = {str(path): person for path, person in found.photos}
    with (
        TemporaryDirectory(prefix="facesearch-") as scratch,
        Library(scratch, model=model, device=device, precision=precision) as library,
    ):
        report = library.index([folder], progress=lambda state: tick(state.done, state.todo))
        clustering = library.cluster()
        labelled = _labelled(library, clustering, people)
        if labelled is None:
            raise InputError(f"none of the faces found in {folder} is in a labelled photo: give --labels")
        status = library.status()
        results = {
            "model": library.spec.name,
            "photos": report.found,
            "photos_with_a_face": status.photos - status.photos_without_faces,
            "photos_unreadable": len(report.failures),
            "photos_of_several_people": found.shared,
            "seconds": round(clustering.seconds, 1),
            **labelled.scores(),
            **labelled.identification(),
        }
        if library.calibration is not None:
            results["thresholds"] = labelled.thresholds(library.calibration)
        if baselines:
            results["baselines"] = labelled.baselines()
        if library.calibration is not None and len(set(labelled.names[labelled.main])) >= FEWEST_PEOPLE:
            results["open_set"] = open_set(library, labelled.searched(), _strangers(library, strangers, tick))
        return results


@dataclass(frozen=True)
class _Labelled:
    """n labelled faces, those that were not found included: in no cluster, and with an embedding of NaN.

    names, clusters: (n,) who each is and what cluster it is in, -1 for none. faces: (n,) themselves.
    main: (n,) whether it is the main face of its photo.
    embeddings: (n, d) float32, unit L2 norm.
    """

    names: NDArray[np.str_]
    clusters: NDArray[np.int64]
    main: NDArray[np.bool_]
    embeddings: NDArray[np.float32]
    faces: tuple[Face, ...]

    def searched(self) -> list[Labelled]:
        """The main faces that were found, to be searched for."""
        found = np.flatnonzero(self.main & ~np.isnan(self.embeddings).any(axis=1))
        faces = (replace(self.faces[i], embedding=self.embeddings[i]) for i in found)
        return [Labelled(face.path, str(self.names[i]), face) for i, face in zip(found, faces, strict=True)]

    def scores(self) -> dict[str, Any]:
        """Of the main faces, and of all with bystanders as people of their own."""
        return {
            "main_faces": _described(clustering_report(self.names[self.main], self.clusters[self.main])),
            "all_faces": _described(clustering_report(self.names, self.clusters)),
            "mixed_groups": self._mixed(),
        }

    def _mixed(self) -> int:
        """Clusters that hold at least MIXED_FACES main faces of each of two people."""
        mixed = 0
        for cluster in np.unique(self.clusters[self.main & (self.clusters >= 0)]):
            counts = np.unique(self.names[self.main & (self.clusters == cluster)], return_counts=True)[1]
            mixed += int((counts >= MIXED_FACES).sum() > 1)
        return mixed

    def identification(self) -> dict[str, Any]:
        """Share of the probes whose nearest gallery face is the same person's; probes are people of the gallery."""
        vectors, names = self.embeddings[self.main], self.names[self.main]
        generator = np.random.default_rng(GALLERY_SEED)
        gallery: list[int] = []
        for name in np.unique(names):
            gallery += generator.permutation(np.flatnonzero(names == name))[:GALLERY_PHOTOS].tolist()
        probes = np.setdiff1d(np.arange(len(names)), gallery)
        if not len(probes):
            return {"rank_1": None, "probes": 0}
        share = recall_at_k(vectors[gallery], names[gallery], vectors[probes], names[probes], 1)
        return {"rank_1": float(share), "probes": len(probes)}

    def thresholds(self, calibration: Calibration) -> dict[str, Any]:
        """What the calibration promises of strangers, and what these people's main faces do."""
        found = self.main & ~np.isnan(self.embeddings).any(axis=1)
        same, different = split_pairs(self.embeddings[found], self.names[found], same_per_person=10**9)
        strangers = int(different.counts.sum())
        steps = (different.edges[:-1] + different.edges[1:]) / 2
        return {
            f"{far:g}": {
                "distance": distance,
                "false_accepts": float(different.counts[steps <= distance].sum() / strangers) if strangers else None,
                "true_accepts": float((same <= distance).mean()) if len(same) else None,
            }
            for far, distance in calibration.thresholds
        }

    def baselines(self) -> dict[str, Any]:
        reports = baseline_reports(self.embeddings, self.names, self.main)
        return {name: _described(report) for name, report in reports.items()}


def read_results(path: Path) -> dict[str, Any]:
    """What a JSON file of results holds; nothing where there is none yet.

    Raises InputError where it is no JSON object, or has no folder.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be added to: {error}") from error
    if not isinstance(known, dict):
        raise InputError(f"{path} cannot be added to: it holds no JSON object")
    return known


def merge_into(path: Path, results: dict[str, Any]) -> None:
    """Add results to a JSON file, keeping what else is in it. Raises as `read_results` does."""
    replace_file(path, json.dumps(read_results(path) | results, indent=2).encode() + b"\n")


def _labelled(library: Library, clustering: Clustering, people: dict[str, str]) -> _Labelled | None:
    """The faces in labelled photos; None where there are none.

    Args:
        people: path or file name of a photo -> who is on it.
    """
    ids, vectors = library.store.embeddings()
    faces = library.store.faces(ids.tolist())
    main = _main_faces(faces, library.store.photo_sizes())
    truth = _truth(faces, main, people)
    if not truth:
        return None
    cluster_of = {face.id: cluster.id for cluster in clustering.clusters for face in cluster.faces}
    face_of = {face.id: face for face in faces}
    with_face = {face.path for face in faces}
    unseen = [path for path in sorted(library.store.known_paths()) if path not in with_face]
    unseen = [path for path in unseen if _person_on(path, people)]
    missed = [str(_person_on(path, people)) for path in unseen]
    nothing = np.full((len(missed), library.spec.dim), np.nan, np.float32)
    return _Labelled(
        names=np.array([*truth.values(), *missed]),
        clusters=np.array([*(cluster_of.get(face, -1) for face in truth), *(-1 for _ in missed)]),
        main=np.array([*(face in main for face in truth), *(True for _ in missed)]),
        embeddings=np.concatenate([vectors[np.searchsorted(ids, list(truth))], nothing]),
        faces=(*(face_of[face] for face in truth), *(Face((0.0, 0.0, 0.0, 0.0), path=path) for path in unseen)),
    )


def _strangers(library: Library, folder: Path | None, tick: Tick) -> list[Labelled]:
    """The main faces of a folder's photos, evenly chosen if there are more than are searched for."""
    if folder is None:
        return []
    photos = [found.path for found in find_photos([folder.resolve()], exported=True).photos]
    photos = photos[:: max(1, -(-len(photos) // MOST_SEARCHES))]
    found = []
    for done, (path, face) in enumerate(zip(photos, library.pipeline.main_faces(photos), strict=True), start=1):
        tick(done, len(photos))
        if face is not None:
            found.append(Labelled(path, f"stranger on {path}", face))
    return found


def _main_faces(faces: list[Face], sizes: dict[int, tuple[int, int]]) -> set[int]:
    """The id of each photo's main face."""
    best: dict[int, tuple[float, int]] = {}
    for face in faces:
        rated = (prominence(face, sizes[face.photo_id]), face.id)
        best[face.photo_id] = max(best.get(face.photo_id, rated), rated)
    return {face for _, face in best.values()}


def _person_on(path: str, people: dict[str, str]) -> str | None:
    """Whom a photo is of, by its path or its file name."""
    return people.get(path) or people.get(Path(path).name)


def _truth(faces: list[Face], main: set[int], people: dict[str, str]) -> dict[int, str]:
    """Whose each face is; all but the main face of a photo are people of whom nothing is known."""
    truth = {}
    for face in faces:
        person = _person_on(face.path, people)
        if person is not None:
            truth[face.id] = person if face.id in main else f"bystander {face.id}"
    return truth


def _described(report: ClusteringReport) -> dict[str, Any]:
    scores = {
        name: {"precision": s.precision, "recall": s.recall, "f": s.f}
        for name, s in (("pairwise", report.pairwise), ("bcubed", report.bcubed))
    }
    return asdict(report) | scores
