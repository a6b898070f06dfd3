"""Photos -> faces in the library: what is new is looked at, what is known is left alone.

The way of one photo: found by its path; skipped where size and time are as they were; opened and read once, and hashed;
only linked where its content is known already; else analysed in a batch with others, and stored in one transaction.
Reading and analysing happen in other threads or processes, looking up and storing in the caller's thread, in the order
of the files. A run that ends early, however it ends, has lost nothing but the batches in flight.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import PhotoError
from facesearch.core.executor import Executor, ThreadExecutor, give_memory_back
from facesearch.core.paths import below
from facesearch.core.processes import ProcessExecutor
from facesearch.core.types import FileFacts, PhotoResult
from facesearch.indexing import absence, removal
from facesearch.indexing.executors import executor_for
from facesearch.media import Found, LocalFiles, MediaSource, Medium
from facesearch.storage import KnownPath, Store, catalog, folders, photos
from facesearch.storage import dates as dating

if TYPE_CHECKING:  # loads the networks' libraries, and a run that finds nothing new needs none
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["IndexReport", "Progress", "index_photos"]

# A batch is full at so many photos, decoded megapixels or bytes, whichever comes first: enough for the networks
# to work on together, little enough to lose and to hold in memory. A GPU takes so many times as much in one go.
BATCH_PHOTOS, BATCH_MEGAPIXELS, BATCH_BYTES, MORE_ON_GPU = 8, 6.0, 128 << 20, 2
# Files that are read at a time, and ahead of those whose content is looked up; so many are looked up together.
READERS, READ_AHEAD, LOOKED_UP_AT_ONCE = 2, 4, 4
# Batches that each worker process may be ahead by. Results are stored in order: with one, the processes that are done
# wait for the slowest, and 16 of them would be busy for three quarters of the time.
BATCHES_AHEAD = 2
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
    offline: those whose disk may not be mounted, see facesearch.indexing.absence; offline_places: where.
    """

    found: int = 0
    indexed: int = 0
    unchanged: int = 0
    failed: int = 0
    moved: int = 0
    duplicates: int = 0
    missing: int = 0
    offline: int = 0
    faces: int = 0
    seconds: float = 0.0
    stopped: bool = False
    run_id: int = 0
    placed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    offline_places: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As `facesearch index --json` prints it."""
        photos = ("found", "indexed", "unchanged", "failed", "moved", "duplicates", "missing", "offline")
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
    """A run in progress.

    started: in seconds since 1970. folders: of the files found -> the ids of their rows.
    copies: photos of the files that turned out to hold one that is known by another path.
    """

    id: int
    started: float
    store: Store
    known: dict[str, KnownPath]
    source: MediaSource
    folders: dict[str, int]
    redo: bool
    report: IndexReport
    copies: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Item:
    """A file on its way: listed, then read (medium) or not (reason), then known (photo_id) or analysed (result).

    What was read and is no photo that can be decoded has sha256 and reason: its content may be known all the same.
    """

    file: FileFacts
    sha256: str = ""
    medium: Medium | None = None
    megapixels: float = 0.0
    reason: str = ""
    photo_id: int | None = None
    result: PhotoResult | None = None


def index_photos(
    store: Store,
    load_pipeline: "Callable[[], Pipeline]",
    paths: Paths,
    *,
    redo: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    source: MediaSource | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
) -> IndexReport:
    """Bring the library up to date with the photos in some files and folders.

    Args:
        paths: one or several.
        load_pipeline: gives the pipeline, of the library's model; called only if there is something to look at.
        redo: look at photos again that are known already, as after a change of --min-face.
        progress: called after every batch.
        should_stop: asked before every photo that is read; once it says so, the run ends after those in flight.
        source: where the photos are; None for the files of this machine.
        executor, workers: where photos are analysed, see `facesearch.indexing.executors.executor_for`.

    Raises:
        InputError: a path that does not exist, is empty, or is none; workers, see `executor_for`.
        WorkerError: a worker process has ended, as for want of memory.
        LibraryLockedError: another process is writing.
    """
    began, started = time.perf_counter(), time.time()
    files = source or LocalFiles()
    with store.writing():
        places = as_paths(paths)
        found = files.find(places)
        roots = [os.path.abspath(place) for place in places]
        run_id = store.start_run("index", [root for root in roots if os.path.isdir(root)])
        known = store.known_paths()
        todo = [file for file in found.photos if redo or not _unchanged(file, known.get(file.path))]
        looked_for, unchanged = len(found.photos) + len(found.failures), len(found.photos) - len(todo)
        report = IndexReport(found=looked_for, unchanged=unchanged, run_id=run_id)
        entered = absence.enter_folders(store, found.photos, files)
        run = _Run(run_id, started, store, known, files, entered, redo, report)
        _fail(run, ((failure.path, failure.reason) for failure in found.failures))
        state = Progress(len(todo))
        progress(state)
        if todo and not should_stop():
            for batch in _analysed(run, load_pipeline(), todo, should_stop, executor or workers):
                _store(run, batch)
                state.done += len(batch)
                state.faces = report.faces
                progress(state)
        report.stopped = state.done < state.todo
        report.duplicates = len(run.copies)
        if not report.stopped:
            _settle(run, found, roots)
            _date(store, found.photos, should_stop)
        report.seconds = time.perf_counter() - began
        store.finish_run(run_id, _summary(report))
        store.pictures.sweep(store.reading)
        _ = store.vectors
    return report


def _summary(report: IndexReport) -> str:
    """As it is kept with the run: numbers only."""
    lists = {"failures": len(report.failures), "offline_places": len(report.offline_places)}
    return json.dumps(asdict(report) | lists)


def _unchanged(file: FileFacts, known: KnownPath | None) -> bool:
    return (
        known is not None
        and not known.missing
        and (known.size_bytes, known.mtime_ns) == (file.size_bytes, file.mtime_ns)
    )


def _analysed(
    run: _Run,
    pipeline: "Pipeline",
    todo: Sequence[FileFacts],
    should_stop: Callable[[], bool],
    executor: Executor | int | None,
) -> Iterator[list[_Item]]:
    """Read files, look up which are known, and analyse the rest, a batch at a time, in the files' order."""
    give_memory_back()
    where = executor_for(pipeline, executor, len(todo))
    files = takewhile(lambda _: not should_stop(), todo)
    read = ThreadExecutor(READERS).map(lambda file: _read(run.source, pipeline, file), files, READ_AHEAD)
    ahead = BATCHES_AHEAD * where.workers if isinstance(where, ProcessExecutor) else None
    larger = 1 if pipeline.device == "cpu" else MORE_ON_GPU
    return where.map(partial(_analyse, pipeline), _batches(_looked_up(run, read), larger), ahead)


def _read(source: MediaSource, pipeline: "Pipeline", file: FileFacts) -> _Item:
    try:
        medium = source.read(file.path)
    except PhotoError as error:
        return _Item(file, reason=str(error))
    try:
        return _Item(medium.file, medium.sha256, medium, pipeline.decoded_megapixels(medium))
    except PhotoError as error:  # however large it is, its bytes are not kept
        return _Item(medium.file, medium.sha256, reason=str(error))


def _looked_up(run: _Run, items: Iterator[_Item]) -> Iterator[_Item]:
    """The items with the photos that they hold, where these are known; known content is not kept in memory."""
    while some := list(islice(items, LOOKED_UP_AT_ONCE)):
        known = run.store.photo_ids([item.sha256 for item in some if item.sha256])
        for item in some:
            photo_id = known.get(item.sha256)
            yield item if photo_id is None or run.redo else _Item(item.file, photo_id=photo_id)


def _batches(items: Iterable[_Item], larger: int) -> Iterator[list[_Item]]:
    """Args: larger: how many times more than the constants say fill a batch, but for bytes."""
    batch: list[_Item] = []
    megapixels, held = 0.0, 0
    for item in items:
        batch.append(item)
        megapixels += item.megapixels
        held += len(item.medium.data) if item.medium is not None else 0
        if len(batch) >= larger * BATCH_PHOTOS or megapixels >= larger * BATCH_MEGAPIXELS or held >= BATCH_BYTES:
            yield batch
            batch, megapixels, held = [], 0.0, 0
    if batch:
        yield batch


def _analyse(pipeline: "Pipeline", batch: Sequence[_Item]) -> list[_Item]:
    """The items with results, and without the bytes that these were made from."""
    results = iter(pipeline.analyse([item.medium for item in batch if item.medium is not None]))
    return [replace(item, medium=None, result=next(results)) if item.medium is not None else item for item in batch]


def _store(run: _Run, batch: Sequence[_Item]) -> None:
    """Write a batch in one transaction."""
    same: list[tuple[str, int]] = []  # files that hold a photo that is known, and which
    failures: list[tuple[str, str]] = []
    with run.store.transaction() as connection:
        for item in batch:
            reason = item.result.reason if item.result else item.reason
            if reason:
                failures.append((item.file.path, reason))
            elif item.result is not None:
                count = catalog.put_photo(connection, item.file, item.result, run.id, redo=run.redo)
                if count is not None:
                    run.report.faces += count
                    run.report.indexed += 1
                elif (known_as := photos.by_content(connection, item.result.sha256)) is not None:
                    same.append((item.file.path, known_as))
            elif item.photo_id is not None:
                file = item.file
                catalog.link_path(connection, file.path, item.photo_id, file.size_bytes, file.mtime_ns)
                same.append((file.path, item.photo_id))
        folders.assign(connection, _folders_of(run, (item.file.path for item in batch)))
    run.report.unchanged += len(same)
    run.copies += [photo_id for path, photo_id in same if not _held(run.known.get(path), photo_id)]
    _fail(run, failures)


def _folders_of(run: _Run, paths: Iterable[str]) -> dict[str, int]:
    """Path -> the row of its folder, for those files of which the library does not know that yet."""
    folder_of = {path: run.folders.get(os.path.dirname(path)) for path in paths}
    return {
        path: folder
        for path, folder in folder_of.items()
        if folder is not None and (path not in run.known or run.known[path].folder_id != folder)
    }


def _held(before: KnownPath | None, photo_id: int) -> bool:
    """Whether a file held this photo already: then it was only touched, or is back."""
    return before is not None and before.photo_id == photo_id


def _fail(run: _Run, failures: Iterable[tuple[str, str]]) -> None:
    failures = list(failures)
    if failures:
        run.store.record_failures(run.id, failures)
        run.report.failures += failures
        run.report.failed += len(failures)


def _settle(run: _Run, found: Found, roots: Sequence[str]) -> None:
    """The end of a run that met everything: what is no longer below its folders is noted.

    Files that moved are told from files that are missing or offline, edited photos take over from what they were, and
    failures of files that are mended or gone are forgotten.
    """
    below_roots, unread = below(roots), below(failure.path for failure in found.failures)

    def judged(path: str) -> bool:
        """What could not be read may well be there."""
        return below_roots(path) and not unread(path)

    met = {file.path for file in found.photos}
    vanished = _vanished(met, [path for path in run.known if path not in met and judged(path)])
    gone = set(vanished)
    there = [path for path, row in run.known.items() if path in met or not (path in gone or row.missing)]
    offline = absence.offline_among(vanished, there, run.known, run.source)
    failing = {path for path, _ in run.report.failures}
    mended = [path for path, _ in run.store.failures() if judged(path) and path not in failing]
    with run.store.transaction() as connection:
        folders.assign(connection, _folders_of(run, met & run.known.keys()))
        settled = catalog.settle(connection, vanished, offline, run.started)
        catalog.forget_failures(connection, mended)
    if empty := removal.empty_roots(run.store):
        run.store.forget_roots(empty)
    run.report.missing, run.report.offline = settled.missing, settled.offline
    if settled.offline:
        run.report.offline_places = absence.offline_places(run.store, roots)
    left = Counter(run.known[path].photo_id for path in vanished)
    run.report.moved = (Counter(run.copies) & left).total()
    run.report.duplicates = len(run.copies) - run.report.moved


def _date(store: Store, files: Iterable[FileFacts], should_stop: Callable[[], bool]) -> None:
    """Read the dates of photos that were indexed before dates were kept; once, and no more than their headers."""
    with store.reading() as connection:
        without = dating.undated(connection)
    if not without:  # nearly always, and the paths of all photos take long to read
        return
    known = store.known_paths()
    holds = {known[file.path].photo_id: file for file in files if file.path in known}
    waiting = iter(sorted(without & holds.keys()))
    while (some := list(islice(waiting, DATED_AT_ONCE))) and not should_stop():
        dates = {photo: _dated(holds[photo]) for photo in some}
        with store.transaction() as connection:
            dating.date_photo(connection, dates)


def _dated(file: FileFacts) -> dict[str, object]:
    try:
        return dating.dated(LocalFiles().date_taken(file.path), file.mtime_ns)
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
