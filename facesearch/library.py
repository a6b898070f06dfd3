"""A library of photos and the people in them: what the command line does, for programs.

import facesearch

with facesearch.Library("my-library") as library:
    library.index(["photos/"])
    result = library.query("face.jpg", k=5)
    groups = library.cluster()
"""

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from facesearch import embedding
from facesearch.calibration import Calibration, library_calibration, model_calibration, write_library_calibration
from facesearch.core.errors import InputError, LibraryError, LibraryMissingError, ModelMismatchError
from facesearch.core.results import (
    Clustering,
    ImportedName,
    QueryResult,
    Status,
    Thumbnail,
    Verification,
)
from facesearch.core.settings import DetectionConfig, ImageConfig, ModelSpec, SearchConfig
from facesearch.core.types import Box, Face
from facesearch.indexing import removal as removing
from facesearch.storage import Store

if TYPE_CHECKING:  # some of these import torch, and none is needed by every command
    from facesearch.indexing.indexer import IndexReport, Progress
    from facesearch.indexing.reembedding import ReembedReport
    from facesearch.people import People
    from facesearch.people.browsing import Browser
    from facesearch.people.clusters import Party
    from facesearch.people.thumbnails import Looked, Thumbnails
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["Library", "default_folder", "verify"]


class Library:
    """One folder with an index, and the engine that fills and asks it.

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
        create: bool = True,
    ) -> None:
        """Open a library, or make an empty one.

        Args:
            folder: where it lives; None for FACESEARCH_LIBRARY, or else the user's data folder.
            model: name or file of the embedding model; None for the library's own, "dlib" for a new one.
            device: "auto", "cpu", "cuda", "cuda:1" or "mps".
            search: how many faces are compared one by one, and how carefully more are searched.
            create: make it where there is none.

        Raises:
            LibraryMissingError: there is none, and create is false.
            ModelMismatchError: it was made with another model.
            ModelError: the model is not known, or its weights are not there.
            LibraryError: the folder cannot be made.
        """
        self.folder = Path(folder) if folder is not None else default_folder()
        self.device = device
        self._detection = detection
        self._images = images
        try:
            self._index = Store.open(self.folder, search)
        except LibraryMissingError:
            if not create:
                raise
            self._index = _create(self.folder, model or embedding.DEFAULT_MODEL, device, search)
        else:
            if model is not None:
                self._index.require_model(embedding.resolve(model))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._index.close()

    @property
    def spec(self) -> ModelSpec:
        return self._index.spec

    @cached_property
    def engine(self) -> "Pipeline":
        """Detector and embedder of the library's model. Raises ModelError where its weights are gone or changed."""
        from facesearch.pipeline.pipeline import Pipeline

        at_hand = embedding.resolve(self.spec.name)
        if at_hand.fingerprint != self.spec.fingerprint:
            raise ModelMismatchError(
                f"the library was made with {self.spec.name} ({self.spec.fingerprint}), which has changed since"
                f" ({at_hand.fingerprint}): restore that file, or re-embed with `facesearch reembed`"
            )
        return Pipeline.load(self.spec, self.device, self._detection, self._images)

    @cached_property
    def calibration(self) -> Calibration | None:
        """What distances mean: the library's own calibration, else the model's; None if there is neither."""
        return library_calibration(self.folder, self.spec)

    # -- filling --------------------------------------------------------------------------------------------------

    def index(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        redo: bool = False,
        progress: "Callable[[Progress], None]" = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "IndexReport":
        """Bring the library up to date with some files and folders; see `facesearch.indexing.indexer.index_photos`.

        New faces of people of whom something has been decided are put to them at once.
        """
        from facesearch.indexing.indexer import index_photos

        report = index_photos(
            self._index,
            lambda: self.engine,
            [os.fspath(path) for path in paths],
            redo=redo,
            progress=progress,
            should_stop=should_stop,
        )
        if report.indexed and self.calibration is not None:
            from facesearch.people import clustering as grouping

            report.placed = grouping.place_new(self._index, self.calibration, report.run_id)
        return report

    def remove(self, paths: Sequence[str | os.PathLike[str]]) -> int:
        """Take files and folders out of the library; see `facesearch.indexing.removal.remove`."""
        return removing.remove(self._index, paths)

    def remove_missing(self, *, force: bool = False) -> int:
        """Take out the files that the last runs did not find; see `facesearch.indexing.removal.remove_missing`."""
        return removing.remove_missing(self._index, force=force)

    def forget_all(self) -> int:
        """Delete all faces, people and decisions for good; the number of faces that went."""
        return self._index.clear()

    def faces(self) -> list[Face]:
        """All faces, in the order of their ids."""
        return self._index.faces(self._index.embeddings()[0].tolist())

    def embeddings_of(self, faces: Sequence[int]) -> NDArray[np.float32]:
        """(n, d) float32, unit L2 norm, for faces by their ids. Raises InputError for one that is not there."""
        ids, vectors = self._index.embeddings()
        rows = np.searchsorted(ids, faces)
        if len(faces) and (not len(ids) or not np.array_equal(ids[np.minimum(rows, len(ids) - 1)], faces)):
            raise InputError("a face is not in the library")
        return vectors[rows]

    def paths(self) -> list[str]:
        """All files that hold a photo of the library, missing ones included."""
        return sorted(self._index.known_paths())

    def photo_sizes(self) -> dict[int, tuple[int, int]]:
        """Photo id -> (width, height) in pixels as displayed."""
        return self._index.photo_sizes()

    # -- for other programs ---------------------------------------------------------------------------------------

    def export_rows(self, only: Sequence[str] = ()) -> list[dict[str, object]]:
        """One row a face of everybody, or of some people; see `facesearch.sharing.exporting`."""
        from facesearch.sharing import exporting

        return exporting.export_rows(self._index, self._chosen(only) or self.people.parties())

    def export_folders(
        self, folder: str | os.PathLike[str], only: Sequence[str] = (), *, copy: bool = False
    ) -> tuple[int, list[tuple[str, str]]]:
        """A folder for each person with links to the photos, or copies: (files made, [(path, reason)] left out)."""
        from facesearch.sharing import exporting

        return exporting.export_folders(self._index, self._chosen(only), Path(folder), copy=copy)

    def export_sidecars(
        self, folder: str | os.PathLike[str] | None = None, only: Sequence[str] = (), *, naming: str = "appended"
    ) -> tuple[int, list[tuple[str, str]]]:
        """XMP sidecars beside the photos, or in a folder: (sidecars written, [(path, reason)] left out)."""
        from facesearch.sharing import exporting

        place = Path(folder) if folder is not None else None
        return exporting.export_sidecars(self._index, self._chosen(only), folder=place, naming=naming)

    def import_names(self) -> tuple[list[ImportedName], list[tuple[str, str]]]:
        """Take over the names that other programs have put into the photos or beside them."""
        from facesearch.sharing import exporting

        return exporting.import_names(self._index, self.people)

    def _chosen(self, only: Sequence[str]) -> "list[Party] | None":
        """The parties that are referred to, each once; None where none is, for everybody."""
        return list({party.group: party for party in map(self.people.find, only)}.values()) or None

    # -- looking --------------------------------------------------------------------------------------------------

    @cached_property
    def browse(self) -> "Browser":
        """People, faces and photos a page at a time."""
        from facesearch.people.browsing import Browser

        return Browser(self._index, lambda: self.calibration)

    @cached_property
    def thumbnails(self) -> "Thumbnails":
        """Small pictures of faces and photos, kept in the library's folder."""
        from facesearch.people.thumbnails import Thumbnails

        return Thumbnails(self._index)

    def face_tile(self, face: int, size: int = 96) -> "Thumbnail":
        """The square around a face. Raises InputError where there is no such face."""
        return self.thumbnails.face_tile(face, size)

    def photo_preview(self, photo: int, size: int = 480) -> "Thumbnail":
        """A photo the right way up. Raises InputError where there is no such photo."""
        return self.thumbnails.photo_preview(photo, size)

    def pictures_of(self, image: str | os.PathLike[str], boxes: Sequence[Box]) -> "Looked":
        """Small pictures of a picture that is not in the library, and of faces on it."""
        from facesearch.people.thumbnails import pictures_of

        return pictures_of(image, boxes, self._images)

    # -- asking ---------------------------------------------------------------------------------------------------

    def query(
        self, image: str | os.PathLike[str], k: int = 10, *, face: int | None = None, called: str | None = None
    ) -> QueryResult:
        """The k faces of the library nearest to each face of a picture; see `facesearch.searching.search.query`."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as beside:  # the networks and the index are loaded side by side
            opened = beside.submit(lambda: self._index.vectors)
            engine = self.engine
            opened.result()
        from facesearch.searching import search as searching

        return searching.query(self._index, engine, self.calibration, image, k, face, called)

    def verify(
        self, a: str | os.PathLike[str], b: str | os.PathLike[str], *, threshold: float | None = None
    ) -> Verification:
        """Whether the main faces of two pictures are the same person; see `facesearch.searching.search.compare`."""
        from facesearch.searching import search as searching

        return searching.compare(self.engine, self.calibration, a, b, threshold)

    @cached_property
    def people(self) -> "People":
        """Groups and names, and every decision about them."""
        from facesearch.people import People

        return People(self._index, lambda: self.calibration)

    def cluster(self, *, eps: float | None = None, min_samples: int = 2) -> Clustering:
        """Group the faces of the library by person, within what has been decided; see `facesearch.clustering`.

        Args:
            eps: plain DBSCAN at this distance instead of the method that the calibration makes possible.
            min_samples: of DBSCAN.

        Raises InputError where eps is not given and the model has no calibration to take it from.
        """
        from facesearch.people import clustering as grouping
        from facesearch.searching import search as searching

        if eps is None and self.calibration is None:
            raise InputError(searching.no_calibration(self.spec, "give --eps, or"))
        return grouping.regroup(self._index, self.calibration, eps=eps, min_samples=min_samples)

    def reembed(
        self,
        model: str,
        *,
        drop_missing: bool = False,
        progress: "Callable[[Progress], None]" = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "ReembedReport":
        """Move the library to another model; see `facesearch.indexing.reembedding.reembed`."""
        from facesearch.indexing.reembedding import reembed
        from facesearch.pipeline.pipeline import Pipeline

        # what was indexed was not too large then, whatever the limit is now
        images = self._images or ImageConfig(max_megapixels=float("inf"))
        engine = Pipeline.load(embedding.resolve(model), self.device, self._detection, images)
        report = reembed(self._index, engine, drop_missing=drop_missing, progress=progress, should_stop=should_stop)
        for stale in ("engine", "calibration"):
            self.__dict__.pop(stale, None)
        return report

    def calibrate(
        self, folder: str | os.PathLike[str], tick: Callable[[int, int], None] = lambda *_: None
    ) -> Calibration:
        """Measure what the model's distances mean, on a folder with a folder for each person; used from then on."""
        from facesearch.evaluation.labelled import calibrate

        calibration = calibrate(self.engine, Path(folder), tick)
        write_library_calibration(self.folder, calibration)
        self.__dict__.pop("calibration", None)
        return calibration

    def status(self) -> Status:
        counts = self._index.counts()
        return Status(
            library=str(self.folder),
            photos=counts.photos,
            files=counts.files,
            missing=counts.missing,
            faces=counts.faces,
            photos_without_faces=counts.photos_without_faces,
            people=counts.people,
            groups=counts.groups,
            faces_in_groups=counts.faces_in_groups,
            faces_since_clustering=counts.faces_since_clustering,
            model=self.spec.name,
            fingerprint=self.spec.fingerprint,
            dim=self.spec.dim,
            threshold=self.calibration.threshold() if self.calibration else None,
            index=self._index.kind_for(counts.faces),
            database_bytes=_size(self.folder, "library.sqlite3*"),
            index_bytes=_size(self.folder, "faces.faiss"),
            roots=tuple(self._index.roots()),
            failures=tuple(self._index.failures()),
        )


def default_folder() -> Path:
    """FACESEARCH_LIBRARY, or the platform's folder for a user's data."""
    import platformdirs

    return Path(os.environ.get("FACESEARCH_LIBRARY") or platformdirs.user_data_path("facesearch"))


def verify(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    model: str | None = None,
    device: str = "auto",
    threshold: float | None = None,
) -> Verification:
    """Whether the main faces of two pictures are the same person; needs no library.

    Args:
        model: name or file; None for the default.
        threshold: the largest distance of one person; None for the model's, at a false-accept rate of 1e-3.

    Raises:
        PhotoError, NoFaceError: one of the pictures cannot be used.
        ModelError: the model has no calibration, and no threshold is given.
    """
    from facesearch.pipeline.pipeline import Pipeline
    from facesearch.searching import search as searching

    spec = embedding.resolve(model or embedding.DEFAULT_MODEL)
    return searching.compare(Pipeline.load(spec, device), model_calibration(spec), a, b, threshold)


def _create(folder: Path, model: str, device: str, search: SearchConfig | None) -> Store:
    """An empty library; none is left behind where it could not be filled anyway."""
    spec = embedding.resolve(model)
    if device != "auto":
        embedding.pick_device(device)
    try:
        return Store.create(folder, spec, search)
    except OSError as error:
        raise LibraryError(f"no library can be made in {folder} ({error.strerror}): choose another place") from error


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))
