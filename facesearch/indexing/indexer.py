"""Photos on disk -> faces in the index: what is new is looked at, what is known is left alone.

The walk of one photo: found by its path; skipped where size and time are as they were; hashed; only linked where its
content is known already; else decoded, and in a batch with others detected, aligned and embedded; stored in one
transaction. Reading and looking happen in threads, storing in the order of the files. A run that ends early, however
it ends, has lost nothing but the batches in flight.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import PhotoError
from facesearch.core.executor import give_memory_back, ordered_map
from facesearch.core.settings import ImageConfig
from facesearch.core.types import Face
from facesearch.media import Found, FoundPhoto, content_hash, find_photos, open_photo
from facesearch.storage import (
    KnownPath,
    NewPhoto,
    Store,
    catalog,
)
from facesearch.storage import (
    dates as dating,
)

if TYPE_CHECKING:  # imports torch, and a run that finds nothing new needs none
    from facesearch.pipeline.pipeline import EmbeddedFace, LoadedPhoto, Pipeline

    _Results = list[list[EmbeddedFace] | PhotoError]

__all__ = ["IndexReport", "Progress", "index_photos"]

# A batch is full at so many photos or so many decoded megapixels, whichever comes first: enough for the networks to
# work on together, little enough to lose.
BATCH_PHOTOS, BATCH_MEGAPIXELS = 8, 6.0
# Photos that are read ahead while a batch is being looked at.
READERS, READ_AHEAD = 2, 4
# Headers that are read for the dates of photos which an earlier facesearch has indexed, in one transaction.
DATED_AT_ONCE = 500


@dataclass
class Progress:
    """How far a run is; handed to the caller's callback after every batch.

    todo: photos that have to be looked at; done: of these, looked at, linked or failed.
    """

    todo: int
    done: int = 0
    faces: int = 0


@dataclass
class IndexReport:
    """What a run did. found = indexed + unchanged + failed, unless it was stopped.

    moved, duplicates: of the unchanged, those known under another path, which is gone or still there.
    placed: faces that were put to people known already, see facesearch.people.clustering.
    missing: files below the given folders that are in the library and no longer on disk.
    """

    found: int = 0
    indexed: int = 0
    unchanged: int = 0
    failed: int = 0
    moved: int = 0
    duplicates: int = 0
    missing: int = 0
    faces: int = 0
    seconds: float = 0.0
    stopped: bool = False
    run_id: int = 0
    placed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As `facesearch index --json` prints it."""
        photos = ("found", "indexed", "unchanged", "failed", "moved", "duplicates", "missing")
        return {
            "photos": {name: getattr(self, name) for name in photos},
            "faces": self.faces,
            "placed": self.placed,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "failures": [{"path": path, "reason": reason} for path, reason in self.failures],
        }


@dataclass
class _Run:
    """A run in progress. copies: photos of the files that turned out to hold one that is known by another path."""

    id: int
    index: Store
    known: dict[str, KnownPath]
    redo: bool
    report: IndexReport
    copies: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Read:
    """A file that was read: its content is known (photo_id), or it is decoded (loaded), or it could not be (reason)."""

    file: FoundPhoto
    sha256: str = ""
    photo_id: int | None = None
    loaded: "LoadedPhoto | None" = None
    reason: str = ""

    @property
    def megapixels(self) -> float:
        return self.loaded.decoded.rgb.size / 3e6 if self.loaded else 0.0


def index_photos(
    index: Store,
    load_engine: "Callable[[], Pipeline]",
    paths: Paths,
    *,
    redo: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> IndexReport:
    """Bring the index up to date with the photos in some files and folders.

    Args:
        paths: one or several.
        load_engine: gives the engine, of the index's model; called only if there is something to look at.
        redo: look at photos again that are known already, as after a change of --min-face.
        progress: called after every batch.
        should_stop: asked before every photo that is read; once it says so, the run ends after those in flight.

    Raises:
        InputError: a path that does not exist, is empty, or is none.
        LibraryLockedError: another process is writing.
    """
    began = time.perf_counter()
    with index.writing():
        places = as_paths(paths)
        found = find_photos(places)
        roots = [os.path.abspath(place) for place in places]
        run_id = index.start_run("index", [root for root in roots if os.path.isdir(root)])
        known = index.known_paths()
        todo = [file for file in found.photos if redo or not _unchanged(file, known.get(file.path))]
        report = IndexReport(found=len(found.photos) + len(found.failures), unchanged=len(found.photos) - len(todo))
        report.run_id = run_id
        run = _Run(run_id, index, known, redo, report)
        _fail(run, ((failure.path, failure.reason) for failure in found.failures))
        state = Progress(len(todo))
        progress(state)
        if todo and not should_stop():
            give_memory_back()
            engine = load_engine()
            reads = _read_ahead(index, engine, todo, redo, should_stop)
            for batch, results in _analysed(engine, _batches(reads)):
                _store(run, batch, results)
                state.done += len(batch)
                state.faces = report.faces
                progress(state)
        report.stopped = state.done < state.todo
        report.duplicates = len(run.copies)
        if not report.stopped:
            _settle(run, found, roots)
            _date(index, found.photos, should_stop)
        report.seconds = time.perf_counter() - began
        index.finish_run(run_id, json.dumps(asdict(report) | {"failures": len(report.failures)}))
        index.pictures.sweep(index.reading)
        _ = index.vectors
    return report


def _unchanged(file: FoundPhoto, known: KnownPath | None) -> bool:
    return (
        known is not None
        and not known.missing
        and (known.size_bytes, known.mtime_ns) == (file.size_bytes, file.mtime_ns)
    )


def _read_ahead(
    index: Store, engine: "Pipeline", files: Iterable[FoundPhoto], redo: bool, should_stop: Callable[[], bool]
) -> Iterator[_Read]:
    """Read files in threads, a few ahead of the one that is asked for; results come in the files' order."""
    wanted = takewhile(lambda _: not should_stop(), files)
    return ordered_map(lambda file: _read(index, engine, file, redo), wanted, READERS, READ_AHEAD)


def _analysed(engine: "Pipeline", batches: Iterable[list[_Read]]) -> Iterator[tuple[list[_Read], "_Results"]]:
    """Look at the photos of each batch, several batches at a time."""

    def analyse(batch: list[_Read]) -> tuple[list[_Read], "_Results"]:
        return batch, engine.try_analyse([read.loaded for read in batch if read.loaded is not None])

    return ordered_map(analyse, batches, engine.workers, engine.workers)


def _read(index: Store, engine: "Pipeline", file: FoundPhoto, redo: bool) -> _Read:
    try:
        sha256 = content_hash(file.path)
        photo_id = index.photo_id(sha256)
        if photo_id is not None and not redo:
            return _Read(file, sha256, photo_id)
        return _Read(file, sha256, photo_id, engine.load_photo(file.path))
    except PhotoError as error:
        return _Read(file, reason=str(error))


def _batches(reads: Iterable[_Read]) -> Iterator[list[_Read]]:
    batch: list[_Read] = []
    megapixels = 0.0
    for read in reads:
        batch.append(read)
        megapixels += read.megapixels
        if len(batch) >= BATCH_PHOTOS or megapixels >= BATCH_MEGAPIXELS:
            yield batch
            batch, megapixels = [], 0.0
    if batch:
        yield batch


def _store(run: _Run, batch: list[_Read], results: "_Results") -> None:
    """Write a batch in one transaction; results are those of its decoded photos."""
    loaded = [read for read in batch if read.loaded is not None]
    failures = [(read.file.path, read.reason) for read in batch if read.reason]
    analysed = []
    for read, result in zip(loaded, results, strict=True):
        if isinstance(result, PhotoError):
            failures.append((read.file.path, str(result)))
        else:
            analysed.append(_new_photo(read, result))
    same: list[tuple[str, int]] = []  # files that hold a photo that is known, and which
    with run.index.transaction() as connection:
        counts = [catalog.put_photo(connection, photo, run.id, redo=run.redo) for photo in analysed]
        for read in batch:
            if read.photo_id is not None and read.loaded is None:
                file = read.file
                catalog.link_path(connection, file.path, read.photo_id, file.size_bytes, file.mtime_ns)
                same.append((file.path, read.photo_id))
        for photo, count in zip(analysed, counts, strict=True):
            if count is None and (known_as := catalog.photo_id_of(connection, photo.sha256)) is not None:
                same.append((photo.path, known_as))
    new = [count for count in counts if count is not None]
    run.report.faces += sum(new)
    run.report.indexed += len(new)
    run.report.unchanged += len(same)
    run.copies += [photo_id for path, photo_id in same if not _held(run.known.get(path), photo_id)]
    _fail(run, failures)


def _held(before: KnownPath | None, photo_id: int) -> bool:
    """Whether a file held this photo already: then it was only touched, or is back."""
    return before is not None and before.photo_id == photo_id


def _new_photo(read: _Read, faces: "list[EmbeddedFace]") -> NewPhoto:
    assert read.loaded is not None
    photo = read.loaded.photo
    return NewPhoto(
        path=read.file.path,
        size_bytes=read.file.size_bytes,
        mtime_ns=read.file.mtime_ns,
        sha256=read.sha256,
        width=photo.size[0],
        height=photo.size[1],
        min_face_px=read.loaded.min_face_px,
        taken=photo.taken,
        faces=tuple(Face(f.face.box, f.face.landmarks, f.face.score, f.sharpness, f.embedding) for f in faces),
    )


def _fail(run: _Run, failures: Iterable[tuple[str, str]]) -> None:
    failures = list(failures)
    if failures:
        run.index.record_failures(run.id, failures)
        run.report.failures += failures
        run.report.failed += len(failures)


def _settle(run: _Run, found: Found, roots: Sequence[str]) -> None:
    """The end of a run that met everything: what is no longer below its folders is noted.

    Files that moved are told from files that are missing, edited photos take over from what they were, and failures
    of files that are mended or gone are forgotten.
    """
    below_roots, unread = catalog.below(roots), catalog.below(failure.path for failure in found.failures)

    def judged(path: str) -> bool:
        """What could not be read may well be there."""
        return below_roots(path) and not unread(path)

    met = {file.path for file in found.photos}
    vanished = _vanished(met, [path for path in run.known if path not in met and judged(path)])
    failing = {path for path, _ in run.report.failures}
    mended = [path for path, _ in run.index.failures() if judged(path) and path not in failing]
    with run.index.transaction() as connection:
        _, run.report.missing = catalog.settle(connection, vanished)
        catalog.forget_failures(connection, mended)
    left = Counter(run.known[path].photo_id for path in vanished)
    run.report.moved = (Counter(run.copies) & left).total()
    run.report.duplicates = len(run.copies) - run.report.moved


def _date(index: Store, files: Iterable[FoundPhoto], should_stop: Callable[[], bool]) -> None:
    """Read the dates of photos that were indexed before dates were kept; once, and no more than their headers."""
    with index.reading() as connection:
        without = dating.undated(connection)
    if not without:  # nearly always, and the paths of all photos take long to read
        return
    known = index.known_paths()
    holds = {known[file.path].photo_id: file for file in files if file.path in known}
    waiting = iter(sorted(without & holds.keys()))
    while (some := list(islice(waiting, DATED_AT_ONCE))) and not should_stop():
        dates = {photo: _dated(holds[photo]) for photo in some}
        with index.transaction() as connection:
            dating.date_photo(connection, dates)


def _dated(file: FoundPhoto) -> dict[str, object]:
    try:
        return dating.dated(open_photo(file.path, ImageConfig(max_megapixels=float("inf"))).taken, file.mtime_ns)
    except PhotoError:  # it was readable once; its file's time has to do
        return dating.dated(None, file.mtime_ns)


def _vanished(met: set[str], unmet: Sequence[str]) -> list[str]:
    """Files of the library that were not met, and are not there or only a link to one that was met.

    What else is there is a file that the walk passes over, being hidden or of another suffix, and was once given by
    its name.
    """
    there = {path: os.path.realpath(path) for path in unmet if os.path.isfile(path)}
    resolved = {os.path.realpath(path) for path in met} if there else set()
    return [path for path in unmet if path not in there or there[path] in resolved]
