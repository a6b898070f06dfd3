"""The store of a library: SQLite, which is the truth, and FAISS, which follows it.

Nothing here knows how an embedding is made. A face row's id is its vector's id. Whatever changes a face raises the
library's generation, by a trigger in the database; vectors of another generation are built again from SQLite.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from facesearch.core.arguments import as_ids, as_strings
from facesearch.core.errors import LibraryError, LibraryFormatError, LibraryMissingError, ModelMismatchError
from facesearch.core.files import make_private_folder
from facesearch.core.forks import hold, let_go
from facesearch.core.settings import DetectorSpec, ModelSpec, SearchConfig
from facesearch.core.types import Face
from facesearch.storage import catalog, faces, identity, pending_faces, photos, runs, undo_log, unfinished
from facesearch.storage import facts as facts_of
from facesearch.storage import roots as roots_of
from facesearch.storage.counts import LibraryCounts, count_all
from facesearch.storage.database import FILE_NAME, open_database
from facesearch.storage.embeddings import Vectors, all_embeddings, embedding_blocks, embeddings_of, scan
from facesearch.storage.holding import holds
from facesearch.storage.lock import WriterLock, cache_lock
from facesearch.storage.pending_faces import Adopted, Target
from facesearch.storage.photos import KnownPath
from facesearch.storage.privacy import require_not_lost, tighten_library
from facesearch.storage.thumbnails import PictureStore
from facesearch.storage.vectors import FaissIndex, Stamp, VectorIndex

__all__ = ["Store"]


class Store:
    """Photos, faces and their embeddings in one folder. Make one with `create` or `open`."""

    def __init__(
        self,
        folder: Path,
        search: SearchConfig | None = None,
        *,
        _created: ModelSpec | None = None,
        _detector: DetectorSpec | None = None,
    ) -> None:
        self.folder, self.search_config = folder, search or SearchConfig()
        self._closed = False
        hold(self)
        tighten_library(folder)
        self._lock, self._cache_lock = WriterLock(folder), cache_lock(folder)
        self._engine = open_database(folder)
        self.pictures = PictureStore(folder)
        self._cache: tuple[Stamp, FaissIndex] | None = None
        self._stale: FaissIndex | None = None  # of an earlier generation, to be brought up to date
        try:
            self.uuid, self._model, self.detector = self._identity(_created, _detector)
            self.spec = ModelSpec.from_json(self._model)
            self._take_up()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(
        cls,
        folder: Path,
        spec: ModelSpec,
        search: SearchConfig | None = None,
        detector: DetectorSpec | None = None,
    ) -> "Store":
        """A new, empty library for the embeddings of one model; an existing one is opened and must be of that model.

        Args:
            detector: by which the faces will be found, and those of an existing library must have been; None where that
                does not matter.

        Raises ModelMismatchError, LibraryFormatError.
        """
        require_not_lost(folder)
        make_private_folder(folder)
        store = cls(folder, search, _created=spec, _detector=detector)
        try:
            store.require_model(spec)
            store.require_detector(detector)
        except ModelMismatchError:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path, search: SearchConfig | None = None) -> "Store":
        """Raises LibraryMissingError, LibraryFormatError."""
        require_not_lost(folder)
        if not cls.exists(folder):
            raise LibraryMissingError(f"there is no library in {folder}: make one with `facesearch index FOLDER`")
        return cls(folder, search)

    @staticmethod
    def exists(folder: Path) -> bool:
        return (folder / FILE_NAME).is_file()

    def close(self) -> None:
        self._closed = True
        self.pictures.close()
        self._engine.dispose()
        let_go(self)

    def require_model(self, spec: ModelSpec) -> None:
        """Raises ModelMismatchError unless the library's embeddings are this model's."""
        identity.require_model(self.spec, spec)

    def require_detector(self, spec: DetectorSpec | None) -> None:
        """Raises ModelMismatchError where the library's faces were found by another detector, as far as is known."""
        identity.require_detector(self.detector, spec)

    # -- transactions ---------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self, *, briefly: bool = False, guests: bool = False) -> Iterator[None]:
        """Be the only writer, or one that lets guests in; see `WriterLock.held`.

        Raises LibraryLockedError where another process is, ModelMismatchError where one has changed the model.
        """
        self._database()
        with self._lock.held(briefly=briefly, guests=guests) as outermost:
            with self.reading() as connection:
                self._current_stamp(connection)
            yield
            if outermost and self.bytes_left:
                self._overwrite(wait=True)
                with suppress(LibraryFormatError):  # damaged embeddings keep none back from going: a search says so
                    _ = self.vectors

    def require_writable(self) -> None:
        """Raises LibraryError where nothing can be written; for what writes only after long work."""
        with self.writing():
            pass

    @contextmanager
    def transaction(self, *, guest: bool = False) -> Iterator[Connection]:
        """One transaction as the only writer. Raises LibraryError where the disk is full or read-only.

        Args:
            guest: also while this process does something long that lets guests in. Whoever deletes photos is none.
        """
        writes = self._database().execution_options(writes=True)
        with self.writing(briefly=True, guests=guest), writes.begin() as connection:
            yield connection
            if unfinished.is_noted(connection):  # what is about deleted faces goes with them
                undo_log.prune(connection)

    def alone(self) -> AbstractContextManager[None]:
        """While something long lets guests in: let them wait."""
        return self._lock.alone()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._database().connect() as connection:
            yield connection

    def _database(self) -> Engine:
        """Raises LibraryError where the store is closed, ForkedError in a process that was forked since."""
        if self._closed:
            raise LibraryError(f"the library {self.folder} is closed: open it again with facesearch.Library")
        hold(self)
        return self._engine

    # -- runs -----------------------------------------------------------------------------------------------------

    def start_run(self, kind: str, roots: Iterable[str] = ()) -> int:
        with self.transaction() as connection:
            return runs.start(connection, kind, as_strings(roots))

    def finish_run(self, run_id: int, summary: str) -> None:
        with self.transaction() as connection:
            runs.finish(connection, run_id, summary)

    def record_failures(self, run_id: int, failures: Iterable[tuple[str, str]]) -> None:
        """Args: failures: (path, reason)."""
        with self.transaction() as connection:
            runs.record_failures(connection, run_id, failures)

    def set_skipped(self, judged: Callable[[str], bool], found: Mapping[str, str]) -> None:
        """What is skipped now of the paths that are judged; path -> kind."""
        with self.transaction() as connection:
            runs.set_skipped(connection, judged, found)

    # -- reading --------------------------------------------------------------------------------------------------

    def known_paths(self) -> dict[str, KnownPath]:
        with self.reading() as connection:
            return photos.known_paths(connection)

    def photo_ids(self, sha256s: Sequence[str]) -> dict[str, int]:
        """Of some contents, by their SHA-256, those that are known, and their photos."""
        with self.reading() as connection:
            return photos.by_contents(connection, sha256s)

    def photo_sizes(self) -> dict[int, tuple[int, int]]:
        """Photo id -> (width, height) in pixels as displayed."""
        with self.reading() as connection:
            return photos.sizes(connection)

    def photo_size(self, photo_id: int) -> tuple[int, int]:
        """(width, height) of a photo that is there, in pixels as displayed."""
        with self.reading() as connection:
            return photos.size_of(connection, photo_id)

    def files_of(self, photo_id: int) -> list[tuple[str, str]]:
        """The files that hold a photo, those that are not missing first: (path, the photo's sha256)."""
        with self.reading() as connection:
            return photos.files_of(connection, photo_id)

    def roots(self) -> list[str]:
        """The folders that `index` was given."""
        with self.reading() as connection:
            return roots_of.paths(connection)

    def failures(self) -> list[tuple[str, str]]:
        """(path, reason) of the files that could not be read when they were last tried."""
        with self.reading() as connection:
            return runs.failures(connection)

    def skipped(self) -> dict[str, str]:
        """Path -> kind of the files and folders that the last runs did not look at, see `facesearch.media.finding`."""
        with self.reading() as connection:
            return runs.skipped(connection)

    def counts(self) -> LibraryCounts:
        with self.reading() as connection:
            return count_all(connection)

    def faces(self, ids: Sequence[int]) -> list[Face]:
        """The faces with these ids, in their order; ids that are not there are left out."""
        with self.reading() as connection:
            return faces.by_ids(connection, as_ids(ids))

    def faces_of_photos(self, photo_ids: Sequence[int]) -> dict[int, list[Face]]:
        """For each of some photos its faces; an empty list for one without."""
        with self.reading() as connection:
            return faces.by_photos(connection, photo_ids)

    def embedding(self, face: int) -> NDArray[np.float32]:
        """(d,) float32, unit L2 norm, of a face that is there."""
        with self.reading() as connection:
            vectors = embeddings_of(connection, [face], self.spec.dim)[1]
        return np.asarray(vectors[0], np.float32)

    def embeddings(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """All faces: ids (n,) int64, ascending, and embeddings (n, d) float32 in the same order."""
        with self.reading() as connection:
            return self._read_embeddings(connection)

    # -- search ---------------------------------------------------------------------------------------------------

    @property
    def vectors(self) -> VectorIndex:
        """The vectors of the library as it is now: from memory, from the cache file, or built again from SQLite."""
        with self.reading() as connection:
            stamp = self._current_stamp(connection)
        cache = self._cache  # read once: another thread may be doing the same
        if cache is not None and cache[0] == stamp:
            return cache[1]
        vectors = FaissIndex.load(self.folder, stamp, self._read_exact, self.search_config)
        if vectors is None or not self._is_ours(vectors):
            stamp, vectors = self._made_anew()
            self._save(stamp, vectors)
        self._cache = (stamp, vectors)
        return vectors

    def search(self, query: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        """The k faces nearest to an embedding (d,): (face id, L2 distance), nearest first."""
        ids, distances = self.vectors.search(query, k)
        return list(zip(ids.tolist(), distances.tolist(), strict=True))

    def within(self, query: NDArray[np.float32], radius: float) -> list[tuple[int, float]]:
        """All faces at an L2 distance of at most radius from an embedding (d,), nearest first."""
        if (vectors := self.vectors).exact:
            ids, distances = vectors.within(query, radius)
        else:
            with self.reading() as connection:
                ids, distances = scan(connection, query, radius)
        return list(zip(ids.tolist(), distances.tolist(), strict=True))

    # -- another model or detector ----------------------------------------------------------------------------------

    def adopt(self, target: Target, unreadable: Sequence[int]) -> Adopted:
        """Make what is pending for another model or detector the library's; see `pending_faces.adopt`."""
        with self.writing():
            with self.transaction() as connection:
                adopted = pending_faces.adopt(connection, target, unreadable)
            self.spec, self._model, self.detector = target.model, target.model.to_json(), target.detector
        return adopted

    # -- removal --------------------------------------------------------------------------------------------------

    @property
    def bytes_left(self) -> bool:
        """Whether bytes of what was deleted may still be in the files: another process is reading, or was killed."""
        with self.reading() as connection:
            return unfinished.is_noted(connection)

    def forget_paths(self, paths: Sequence[str], roots: Sequence[str] = ()) -> None:
        """Drop files and roots, and the photos and faces that only they held; all bytes are overwritten on disk."""
        with self.transaction() as connection:
            catalog.forget_paths(connection, paths)
            roots_of.forget(connection, as_strings(roots))

    def clear(self) -> int:
        """Forget all photos, faces, people and decisions; the number of faces that went."""
        with self.transaction() as connection:
            unfinished.note(connection)
            return catalog.clear(connection)

    def forget_roots(self, roots: Sequence[str]) -> None:
        with self.transaction() as connection:
            roots_of.forget(connection, as_strings(roots))

    # -- inside ---------------------------------------------------------------------------------------------------

    def _take_up(self) -> None:
        """Do what a killed run has left, unless somebody writes or nothing can be written."""
        if self.bytes_left and self._lock.is_free():
            with suppress(LibraryError, OSError), self._lock.held():
                with self._engine.execution_options(writes=True).begin() as connection:
                    undo_log.prune(connection)
                self._overwrite(wait=False)

    def _overwrite(self, *, wait: bool) -> None:
        """Empty the write-ahead logs, sweep the pictures, discard stale vectors. Args: wait: for readers."""
        done = self.pictures.sweep(self.reading, force=True) & unfinished.empty_log(self._engine, wait)
        with self.reading() as connection:
            stamp = self._current_stamp(connection)
        with self._cache_lock.acquire():  # a reader may still be writing what it has read before
            if not stamp.describes(self.folder):
                self._stale = self._load_stale()
                FaissIndex.discard(self.folder)
                self._cache = None
        if done:
            unfinished.settle(self._engine)

    def _identity(
        self, created: ModelSpec | None, detector: DetectorSpec | None
    ) -> tuple[str, str, DetectorSpec | None]:
        """The library's uuid, model and detector, given to it now if it has none and is being created."""
        with self.reading() as connection:
            facts = facts_of.read(connection)
        if "model" not in facts and created is None:  # whoever made it was killed in the middle of it
            raise LibraryMissingError(
                f"{self.folder} holds no finished library: make one with `facesearch index FOLDER`"
            )
        if "model" not in facts and created is not None:
            with self._lock.held(), self._database().execution_options(writes=True).begin() as connection:
                facts = identity.found(connection, created, detector)
        return facts["uuid"], facts["model"], identity.detector_of(facts)

    def _current_stamp(self, connection: Connection) -> Stamp:
        """Raises ModelMismatchError where another process has moved the library to another model or detector since."""
        facts = facts_of.read(connection)
        identity.require_unmoved(facts, self.spec, self._model, self.detector)
        return Stamp(self.uuid, facts["generation"])

    def _read_embeddings(self, connection: Connection) -> Vectors:
        self._current_stamp(connection)
        return all_embeddings(connection, self.spec.dim)

    def _read_exact(self, ids: NDArray[np.int64]) -> Vectors:
        with self.reading() as connection:
            return embeddings_of(connection, ids.tolist(), self.spec.dim)

    def _is_ours(self, vectors: FaissIndex) -> bool:
        """Whether a cache whose stamp is right holds this library's faces; not what somebody has put in its place."""
        with self.reading() as connection:
            return holds(vectors, connection, self.spec.dim)

    def _made_anew(self) -> tuple[Stamp, FaissIndex]:
        """The vectors as they are now, from stale ones and what has changed since, or from nothing."""
        stale, self._stale = self._stale or self._load_stale(), None
        with self.reading() as connection:  # no longer than needed: the write-ahead log grows meanwhile
            stamp = self._current_stamp(connection)
            if stale is not None and stale.follow(embedding_blocks(connection, self.spec.dim)):
                return stamp, stale
            ids, embeddings = self._read_embeddings(connection)
        return stamp, FaissIndex.build(ids, embeddings, self._read_exact, self.search_config)

    def _load_stale(self) -> FaissIndex | None:
        return FaissIndex.stale(self.folder, self.uuid, self._read_exact, self.search_config)

    def _save(self, stamp: Stamp, vectors: FaissIndex) -> None:
        """Keep what was built, if that is possible and not stale already or, while somebody writes, soon."""
        with suppress(LibraryError, OSError):  # OSError: a full disk, or another reader is keeping the same
            if self._lock.is_free():
                with self._cache_lock.acquire(timeout=0):
                    with self.reading() as connection:
                        current = self._current_stamp(connection)
                    if current == stamp:
                        vectors.save(self.folder, stamp)
