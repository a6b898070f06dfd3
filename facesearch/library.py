"""`Library`: opens a store, picks the pipeline, and hands out the parts; it decides nothing itself.

import facesearch

with facesearch.Library("my-library") as library:
    library.index(["photos/"])
    result = library.query("face.jpg", k=5)
    clusters = library.cluster().clusters
"""

import os
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from facesearch import embedding
from facesearch.calibration import (
    Calibration,
    library_calibration,
    model_calibration,
    outdated_calibration,
    write_library_calibration,
)
from facesearch.core import settings
from facesearch.core.arguments import Paths, as_paths
from facesearch.core.checks import Distance, checked
from facesearch.core.device import picked_unless_auto
from facesearch.core.errors import LibraryError, LibraryMissingError, ModelError, ModelMismatchError
from facesearch.core.paths import default_library
from facesearch.core.results import Clustering, QueryResult, Status, Verification
from facesearch.core.settings import ANY_SIZE, DetectionConfig, DetectorSpec, ImageConfig, ModelSpec, SearchConfig
from facesearch.indexing import removal
from facesearch.indexing.targets import FIRST_DETECTOR, detector_spec, offer, target_of
from facesearch.media import Medium
from facesearch.storage import Store
from facesearch.storage.status import status_of
from facesearch.storage.values import tolerating

if TYPE_CHECKING:  # some of these import networks, and none is needed by every command
    from facesearch.indexing.folders import Folders
    from facesearch.indexing.indexer import IndexReport, Progress
    from facesearch.indexing.migration import MigrationPlan, MigrationReport
    from facesearch.people import People
    from facesearch.people.browsing import Browser
    from facesearch.people.thumbnails import Thumbnails
    from facesearch.pipeline.pipeline import Pipeline
    from facesearch.searching.searcher import Searcher
    from facesearch.storage.pending_faces import Target

__all__ = ["Library", "verify"]


@checked
class Library:
    """One folder with photos' faces and people.

    store: where it is kept. pipeline: what photos go through. people: clusters, names and every decision.
    search: identification and verification. browse: a page at a time. thumbnails: small pictures.

    Nothing heavy is loaded before it is needed: `status` needs no network, `query` on a path does.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        device: str = "auto",
        detection: DetectionConfig | None = None,
        images: ImageConfig | None = None,
        search: SearchConfig | None = None,
        detector: str | None = None,
        precision: str | None = None,
        create: bool = True,
    ) -> None:
        """Open a library, or make an empty one.

        Args:
            folder: where it lives; None for FACESEARCH_LIBRARY, or else the user's data folder.
            model: name or file of the embedding model; None for the library's own, the default for a new one.
            device: "auto", "cpu", "cuda", "cuda:1" or "mps".
            search: how many faces are compared one by one, and how carefully more are searched.
            detector: by name; None for the library's own, "yunet" for a new one.
            precision: "float32", "int8" or "float16"; None or "auto" for the library's own, or for what gains.
            create: make it where there is none.

        Raises:
            LibraryMissingError: there is none, and create is false.
            ModelMismatchError: it was made with another model or detector.
            ModelError: the model or detector is not known, or its weights are not there.
            LibraryError: the folder cannot be made.
        """
        self.folder = Path(folder) if folder is not None else default_library()
        self.device = device
        self._detection = detection
        self._images = images
        self._loading = threading.RLock()
        try:
            self.store = Store.open(self.folder, search)
        except LibraryMissingError:
            if not create:
                raise
            spec = embedding.resolve(model or embedding.DEFAULT_MODEL, precision, device)
            self.store = _create(self.folder, spec, device, search, detector)
        else:
            try:
                if model is not None or precision not in (None, "auto"):
                    self.store.require_model(self._model(model, precision))
                if detector is not None:
                    self.store.require_detector(detector_spec(detector))
            except BaseException:
                self.store.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()

    @property
    def spec(self) -> ModelSpec:
        return self.store.spec

    @cached_property
    def pipeline(self) -> "Pipeline":
        """Detector and embedder of the library's model. Raises ModelError where its weights are gone or changed."""
        with self._loading:  # once, however many threads ask at the same time
            known: Pipeline | None = self.__dict__.get("pipeline")
            self.__dict__["pipeline"] = pipeline = known or self._load_pipeline()
            return pipeline

    def _load_pipeline(self) -> "Pipeline":
        from facesearch.pipeline.pipeline import Pipeline

        at_hand = self._model(None, None)
        if at_hand.fingerprint != self.spec.fingerprint:
            raise ModelMismatchError(
                f"the library was made with {self.spec.name} ({self.spec.fingerprint}), which has changed since"
                f" ({at_hand.fingerprint}): restore that file, or move the library with `facesearch migrate`"
            )
        detector = self._detector()
        self.store.require_detector(detector)
        return Pipeline.load(self.spec, self.device, self._detection, self._images, detector=detector.name)

    def _model(self, name: str | None, precision: str | None) -> ModelSpec:
        """A model as it is at hand; in the library's precision, of the library's, where not said otherwise."""
        if precision in (None, "auto") and name in (None, self.spec.name):
            precision = self.spec.precision
        return embedding.resolve(name or self.spec.name, precision, self.device)

    def _detector(self) -> DetectorSpec:
        """The library's own, as it is at hand. Raises ModelError where there is none of that name."""
        return detector_spec(self.store.detector.name if self.store.detector else FIRST_DETECTOR)

    @cached_property
    def calibration(self) -> Calibration | None:
        """What distances mean: the library's own calibration, else the model's; None if there is neither."""
        return library_calibration(self.folder, self.spec, embedding.own_calibration)

    @cached_property
    def people(self) -> "People":
        """Clusters and names, and every decision about them."""
        from facesearch.people import People

        return People(self.store, lambda: self.calibration, lambda: self.pipeline)

    @cached_property
    def search(self) -> "Searcher":
        """Who is near a picture's faces; whether two pictures show one person."""
        from facesearch.searching.searcher import Searcher

        return Searcher(self.store, lambda: self.pipeline, lambda: self.calibration)

    @cached_property
    def folders(self) -> "Folders":
        """What `index` looks at, pauses, and has left out."""
        from facesearch.indexing.folders import Folders

        return Folders(self.store)

    @cached_property
    def browse(self) -> "Browser":
        """People, faces and photos a page at a time."""
        from facesearch.people.browsing import Browser

        return Browser(self.store, lambda: self.calibration)

    @cached_property
    def thumbnails(self) -> "Thumbnails":
        """Small pictures of faces and photos, kept in the library's folder."""
        from facesearch.people.thumbnails import Thumbnails

        return Thumbnails(self.store, self._images)

    def index(
        self,
        paths: Paths,
        *,
        redo: bool = False,
        progress: "Callable[[Progress], None]" = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
        workers: int | None = None,
        cluster: bool = False,
    ) -> "IndexReport":
        """Bring the library up to date with one or some files and folders; see `indexing.indexer.index_photos`.

        New faces of people of whom something has been decided are put to them at once.

        Args:
            cluster: cluster while photos come in, and at the end; see `people.growing`.
            workers: processes that analyse photos; 1 for threads of this one, None for what is faster.

        Raises:
            InputError: a path or a number of workers that cannot be meant.
            WorkerError: a worker process has ended, as for want of memory; what was stored is kept.
        """
        from facesearch.indexing.indexer import index_photos
        from facesearch.people.growing import Growing

        growing = Growing(self.store, self.calibration, picked_unless_auto(self.device)) if self.calibration else None
        report = index_photos(
            self.store,
            lambda: self.pipeline,
            as_paths(paths),
            redo=redo,
            progress=progress,
            should_stop=should_stop,
            between_batches=growing.between_batches if growing and cluster else lambda run, faces: None,
            workers=workers,
        )
        if growing is not None:
            report.placed = growing.finish(cluster)
        return report

    def remove(self, paths: Paths) -> int:
        """Take one or some files and folders out of the library; see `facesearch.indexing.removal.remove`."""
        return removal.remove(self.store, paths)

    def remove_missing(self, *, offline: bool = False, force: bool = False) -> int:
        """Take out the files that the last runs did not find; see `facesearch.indexing.removal.remove_missing`."""
        return removal.remove_missing(self.store, offline=offline, force=force)

    def query(
        self,
        image: str | os.PathLike[str] | Medium,
        k: int = 10,
        *,
        face: int | None = None,
        called: str | None = None,
    ) -> QueryResult:
        """The k faces of the library nearest to each face of a picture; see `facesearch.searching.search.query`."""
        return self.search.query(image, k, face=face, called=called)

    def verify(
        self, a: str | os.PathLike[str], b: str | os.PathLike[str], *, threshold: Distance | None = None
    ) -> Verification:
        """Whether the main faces of two pictures are the same person; see `facesearch.searching.search.compare`."""
        return self.search.verify(a, b, threshold=threshold)

    def cluster(self, *, eps: float | None = None, min_samples: int = 2) -> Clustering:
        """Put the faces of the library together by person, within what has been decided; see `facesearch.clustering`.

        Args:
            eps: plain DBSCAN at this distance instead of the method that the calibration makes possible.
            min_samples: of DBSCAN.

        Raises InputError where eps is not given and the model has no calibration to take it from, and for a device that
        is not there.
        """
        from facesearch.people.clustering import recluster

        device = picked_unless_auto(self.device)
        return recluster(self.store, self.calibration, eps=eps, min_samples=min_samples, device=device)

    def migrate(
        self,
        model: str | None = None,
        *,
        detector: str | None = None,
        precision: str | None = None,
        drop_missing: bool = False,
        progress: "Callable[[Progress], None]" = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "MigrationReport":
        """Move the library to another model or detector; see `facesearch.indexing.migration.migrate`.

        Args:
            model, detector: by name or file; of one alone the library keeps the other. Neither: to the defaults.
            precision: "float32", "int8" or "float16"; alone, the library keeps both. None for the library's own, of
                another model for what gains on the device.
        """
        from facesearch.indexing.migration import migrate

        target = self._target(model, detector, precision)
        report = migrate(
            *(self.store, lambda: self._pipeline_of(target), target),
            drop_missing=drop_missing,
            progress=progress,
            should_stop=should_stop,
        )
        for stale in ("pipeline", "calibration"):
            self.__dict__.pop(stale, None)
        report.calibration = outdated_calibration(self.folder, self.spec)
        return report

    def plan_migration(
        self, model: str | None = None, *, detector: str | None = None, precision: str | None = None
    ) -> "MigrationPlan":
        """What `migrate` would do, and how long that would take; changes nothing."""
        from facesearch.indexing.migration import plan

        target = self._target(model, detector, precision)
        planned = plan(self.store, lambda: self._pipeline_of(target), target)
        planned.calibration = outdated_calibration(self.folder, target.model)
        return planned

    def _target(self, model: str | None, detector: str | None, precision: str | None) -> "Target":
        if model is None and detector is None and precision is None:
            return target_of(self.store, *self._defaults())
        spec = self._model(model, precision)
        return target_of(self.store, spec, self._detector() if detector is None else detector_spec(detector))

    def _pipeline_of(self, target: "Target") -> "Pipeline":
        from facesearch.pipeline.pipeline import Pipeline

        images, name = self._images or ANY_SIZE, target.detector.name
        return Pipeline.load(target.model, self.device, self._detection, images, detector=name)

    def use_calibration(self, calibration: Calibration) -> None:
        """Judge distances by this calibration from now on; it is kept in the library's folder."""
        write_library_calibration(self.folder, calibration)
        self.__dict__.pop("calibration", None)

    def status(self) -> Status:
        """How much the library holds, and what could not be read."""
        threshold = self.calibration.threshold() if self.calibration else None
        return status_of(self.store, threshold, self._offer())

    def _offer(self) -> str | None:
        """That the library can be moved to the defaults; None where it has them, or their weights are not here."""
        try:
            return offer(self.store, self._model(embedding.DEFAULT_MODEL, None), settings.DEFAULT_DETECTOR)
        except ModelError:
            return None

    def _defaults(self) -> tuple[ModelSpec, DetectorSpec]:
        """What a new library gets, in this one's precision. Raises ModelError where the weights are not there."""
        return self._model(embedding.DEFAULT_MODEL, None), detector_spec(None)

    @tolerating()
    def forget_all(self) -> int:
        """Delete all faces, people and decisions for good; the number of faces that went."""
        return self.store.clear()


@checked
def verify(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    model: str | None = None,
    device: str = "auto",
    threshold: Distance | None = None,
    precision: str | None = None,
) -> Verification:
    """Whether the main faces of two pictures are the same person; needs no library.

    Args:
        model: name or file; None for the default.
        threshold: the largest distance of one person; None for the model's, at a false-accept rate of 1e-3.
        precision: "float32", "int8" or "float16"; None or "auto" for what gains on the device.

    Raises:
        PhotoError, NoFaceError: one of the pictures cannot be used.
        ModelError: the model has no calibration, and no threshold is given.
    """
    from facesearch.pipeline.pipeline import Pipeline
    from facesearch.searching.search import compare

    spec = embedding.resolve(model or embedding.DEFAULT_MODEL, precision, device)
    calibration = model_calibration(spec, embedding.own_calibration)
    return compare(Pipeline.load(spec, device), calibration, a, b, threshold)


def _create(folder: Path, spec: ModelSpec, device: str, search: SearchConfig | None, detector: str | None) -> Store:
    """An empty library; none is left behind where it could not be filled anyway."""
    if device != "auto" or spec.is_float16:
        embedding.device_for(spec, device)
    try:
        return Store.create(folder, spec, search, detector_spec(detector))
    except OSError as error:
        raise LibraryError(f"no library can be made in {folder} ({error.strerror}): choose another place") from error
