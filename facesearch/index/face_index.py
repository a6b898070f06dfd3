"""The index of a library: SQLite, which is the truth, and FAISS, which follows it.

Nothing here knows how an embedding is made. A face row's id is its vector's id. Whatever changes a face raises the
library's generation, by a trigger in the database; vectors of another generation are built again from SQLite.
"""

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.config import ModelSpec
from facesearch.errors import LibraryFormatError, LibraryLockedError, LibraryMissingError, ModelMismatchError
from facesearch.index import catalog, staging
from facesearch.index import schema as db
from facesearch.index.database import FILE_NAME, new_id, open_database
from facesearch.index.lock import WriterLock
from facesearch.index.records import FaceRecord, IndexCounts, KnownPath
from facesearch.index.vectors import Stamp, VectorIndex

__all__ = ["FaceIndex"]

CHUNK = 500


class FaceIndex:
    """Photos, faces and their embeddings in one folder. Make one with `create` or `open`."""

    def __init__(self, folder: Path, *, _created: ModelSpec | None = None) -> None:
        self.folder = folder
        self._lock = WriterLock(folder)
        self._engine = open_database(folder)
        self._vectors: VectorIndex | None = None
        self._stamp: Stamp | None = None
        if _created:
            self._write_identity(_created)
        facts = self._facts()
        if "model" not in facts:
            raise LibraryFormatError(f"{folder} holds no finished library: delete the folder and index again")
        self.uuid = facts["uuid"]
        self.spec = ModelSpec.from_json(facts["model"])

    @classmethod
    def create(cls, folder: Path, spec: ModelSpec) -> "FaceIndex":
        """A new, empty index for the embeddings of one model; an existing one is opened and must be of that model.

        Raises ModelMismatchError, LibraryFormatError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        index = cls(folder, _created=spec)
        index.require_model(spec)
        return index

    @classmethod
    def open(cls, folder: Path) -> "FaceIndex":
        """Raises LibraryMissingError, LibraryFormatError."""
        if not cls.exists(folder):
            raise LibraryMissingError(f"there is no library in {folder}: make one with `facesearch index FOLDER`")
        return cls(folder)

    @staticmethod
    def exists(folder: Path) -> bool:
        return (folder / FILE_NAME).is_file()

    def close(self) -> None:
        self._engine.dispose()

    def require_model(self, spec: ModelSpec) -> None:
        """Raises ModelMismatchError unless the library's embeddings are this model's."""
        if spec.fingerprint != self.spec.fingerprint:
            raise ModelMismatchError(
                f"the library was made with the model {self.spec.name} ({self.spec.fingerprint}), not with {spec.name}"
                f" ({spec.fingerprint}): use it without --model, choose another --library, or re-embed it with"
                f" `facesearch reembed --model {spec.name}`"
            )

    # -- transactions ---------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer. Raises LibraryLockedError where another process is."""
        with self._lock.held():
            yield

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction as the only writer."""
        with self.writing(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection

    # -- runs -----------------------------------------------------------------------------------------------------

    def start_run(self, kind: str, roots: Iterable[str] = ()) -> int:
        with self.transaction() as connection:
            for root in roots:
                connection.execute(upsert(db.roots).values(path=root).on_conflict_do_nothing())
            values = {"kind": kind, "started_at": time.time()}
            return new_id(connection.execute(insert(db.runs).values(values)))

    def finish_run(self, run_id: int, summary: str) -> None:
        with self.transaction() as connection:
            values = {"finished_at": time.time(), "summary": summary}
            connection.execute(update(db.runs).where(db.runs.c.id == run_id).values(values))

    def record_failures(self, run_id: int, failures: Iterable[tuple[str, str]]) -> None:
        """Args: failures: (path, reason)."""
        with self.transaction() as connection:
            for path, reason in failures:
                values = {"reason": reason, "run_id": run_id}
                statement = upsert(db.failures).values(path=path, **values)
                connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=values))

    # -- reading --------------------------------------------------------------------------------------------------

    def known_paths(self) -> dict[str, KnownPath]:
        with self.reading() as connection:
            return catalog.known_paths(connection)

    def photo_id(self, sha256: str) -> int | None:
        with self.reading() as connection:
            return catalog.photo_id_of(connection, sha256)

    def photo_sizes(self) -> dict[int, tuple[int, int]]:
        """Photo id -> (width, height) in pixels as displayed."""
        with self.reading() as connection:
            query = select(db.photos.c.id, db.photos.c.width, db.photos.c.height)
            return {photo: (width, height) for photo, width, height in connection.execute(query)}

    def paths_of(self, photo_id: int) -> list[str]:
        """The files that hold a photo, those that are not missing first."""
        query = select(db.paths.c.path).where(db.paths.c.photo_id == photo_id)
        with self.reading() as connection:
            ordered = query.order_by(db.paths.c.missing_since.is_not(None), db.paths.c.path)
            return list(connection.execute(ordered).scalars())

    def roots(self) -> list[str]:
        with self.reading() as connection:
            return list(connection.execute(select(db.roots.c.path).order_by(db.roots.c.path)).scalars())

    def failures(self) -> list[tuple[str, str]]:
        """(path, reason) of the files that could not be read when they were last tried."""
        with self.reading() as connection:
            query = select(db.failures.c.path, db.failures.c.reason).order_by(db.failures.c.path)
            return [(path, reason) for path, reason in connection.execute(query)]

    def counts(self) -> IndexCounts:
        missing = db.paths.c.missing_since.is_not(None)
        empty = db.photos.c.id.not_in(select(db.faces.c.photo_id))
        queries = [
            select(func.count()).select_from(db.photos),
            select(func.count()).select_from(db.paths),
            select(func.count()).select_from(db.paths).where(missing),
            select(func.count()).select_from(db.faces),
            select(func.count()).select_from(db.photos).where(empty),
            select(func.count()).select_from(db.failures),
            select(func.count()).select_from(db.people),
        ]
        with self.reading() as connection:
            return IndexCounts(*(int(connection.execute(query).scalar_one()) for query in queries))

    def faces(self, ids: Sequence[int]) -> list[FaceRecord]:
        """The faces with these ids, in their order; ids that are not there are left out."""
        found: dict[int, FaceRecord] = {}
        with self.reading() as connection:
            for start in range(0, len(ids), CHUNK):
                chunk = [int(i) for i in ids[start : start + CHUNK]]
                rows = connection.execute(select(db.faces).where(db.faces.c.id.in_(chunk))).all()
                files = _present_paths(connection, {row.photo_id for row in rows})
                found |= {row.id: _face_record(row, files) for row in rows}
        return [found[int(i)] for i in ids if int(i) in found]

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
            if self._vectors is None or stamp != self._stamp:
                cached = VectorIndex.load(self.folder, stamp)
                self._vectors = cached or VectorIndex.build(*self._read_embeddings(connection))
                self._stamp = stamp
                rebuilt = cached is None
            else:
                rebuilt = False
        if rebuilt:
            self._save_vectors(stamp)
        return self._vectors

    def search(self, query: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        """The k faces nearest to an embedding (d,): (face id, L2 distance), nearest first."""
        ids, distances = self.vectors.search(query, k)
        return list(zip(ids.tolist(), distances.tolist(), strict=True))

    def within(self, query: NDArray[np.float32], radius: float) -> list[tuple[int, float]]:
        """All faces at an L2 distance of at most radius from an embedding (d,), nearest first."""
        ids, distances = self.vectors.within(query, radius)
        return list(zip(ids.tolist(), distances.tolist(), strict=True))

    # -- another model ----------------------------------------------------------------------------------------------

    def adopt(self, spec: ModelSpec, unreadable: Sequence[int]) -> int:
        """Make the staged embeddings of another model the library's; see `staging.adopt`."""
        with self.transaction() as connection:
            faces = staging.adopt(connection, spec, unreadable)
        self.spec = spec
        self.scrub()
        return faces

    # -- removal --------------------------------------------------------------------------------------------------

    def forget_paths(self, paths: Sequence[str]) -> None:
        """Drop files, and the photos and faces that only they held; what was deleted is overwritten on disk."""
        with self.transaction() as connection:
            catalog.forget_paths(connection, paths)
        self.scrub()

    def forget_roots(self, roots: Sequence[str]) -> None:
        with self.transaction() as connection:
            connection.execute(delete(db.roots).where(db.roots.c.path.in_(list(roots))))

    def scrub(self) -> None:
        """Leave no trace of deleted rows: empty the write-ahead log and write the vectors anew."""
        with self.writing():
            with self._engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
            _ = self.vectors

    # -- inside ---------------------------------------------------------------------------------------------------

    def _write_identity(self, spec: ModelSpec) -> None:
        with self.writing(), self._engine.begin() as connection:
            facts = {"uuid": uuid.uuid4().hex, "model": spec.to_json(), "generation": "0"}
            rows = [{"key": key, "value": value} for key, value in facts.items()]
            connection.execute(upsert(db.library).on_conflict_do_nothing(), rows)

    def _facts(self) -> dict[str, str]:
        with self.reading() as connection:
            rows = connection.execute(select(db.library.c.key, db.library.c.value)).all()
            return {row.key: row.value for row in rows}

    def _current_stamp(self, connection: Connection) -> Stamp:
        generation = connection.execute(select(db.library.c.value).where(db.library.c.key == "generation"))
        count = connection.execute(select(func.count()).select_from(db.faces)).scalar_one()
        return Stamp(self.uuid, int(generation.scalar_one()), count)

    def _read_embeddings(self, connection: Connection) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        rows = connection.execute(select(db.faces.c.id, db.faces.c.embedding).order_by(db.faces.c.id)).all()
        ids = np.array([row.id for row in rows], np.int64)
        joined = np.frombuffer(b"".join(row.embedding for row in rows), "<f4")
        return ids, joined.reshape(len(rows), self.spec.dim).astype(np.float32)

    def _save_vectors(self, stamp: Stamp) -> None:
        """Keep what was built, unless somebody is writing: then it would be stale at once."""
        assert self._vectors is not None
        try:
            with self.writing():
                self._vectors.save(self.folder, stamp)
        except LibraryLockedError:
            pass


def _present_paths(connection: Connection, photo_ids: Iterable[int]) -> dict[int, str]:
    """For each photo one of its files, not a missing one where there is a choice."""
    query = select(db.paths.c.photo_id, db.paths.c.path).where(db.paths.c.photo_id.in_(list(photo_ids)))
    # the last one wins: present files come after missing ones, and the order is the same every time
    ordered = query.order_by(db.paths.c.missing_since.is_(None), db.paths.c.path.desc())
    return {row.photo_id: row.path for row in connection.execute(ordered)}


def _face_record(row: Row[tuple[object, ...]], files: dict[int, str]) -> FaceRecord:
    landmarks = np.frombuffer(row.landmarks, "<f4").reshape(5, 2)
    box = (row.x1, row.y1, row.x2, row.y2)
    return FaceRecord(row.id, row.photo_id, files.get(row.photo_id, ""), box, landmarks, row.score, row.sharpness)
