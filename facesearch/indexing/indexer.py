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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import InputError
from facesearch.core.executor import Executor
from facesearch.core.paths import absolute, below, spelled
from facesearch.core.types import Face, FileFacts
from facesearch.core.wording import by_kind
from facesearch.indexing import absence, removal
from facesearch.indexing.analysis import Item, analysed
from facesearch.indexing.changed import to_look_at
from facesearch.indexing.dating import date_photos
from facesearch.indexing.folders import paused_folders
from facesearch.media import OWN, Found, LocalFiles, MediaSource
from facesearch.storage import KnownPath, Store, catalog, drawn_faces, folders, photos, runs

if TYPE_CHECKING:  # loads the networks' libraries, and a run that finds nothing new needs none
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["IndexReport", "Progress", "index_photos"]


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
    skipped: kind -> how many files and folders were not looked at, see facesearch.media.finding.
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
    skipped: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """As `facesearch index --json` prints it."""
        photos = ("found", "indexed", "unchanged", "failed", "moved", "duplicates", "missing", "offline")
        return {
            "photos": {name: getattr(self, name) for name in photos} | {"skipped": self.skipped},
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
    skipped: path -> kind of what is not looked at.
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
    skipped: dict[str, str] = field(default_factory=dict)


def index_photos(
    store: Store,
    load_pipeline: "Callable[[], Pipeline]",
    paths: Paths,
    *,
    redo: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    between_batches: Callable[[int, int], None] = lambda run, faces: None,
    source: MediaSource | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
) -> IndexReport:
    """Bring the library up to date with the photos in some files and folders.

    Args:
        paths: one or several. redo: look at photos again that are known already, as after a change of --min-face.
        load_pipeline: gives the pipeline, of the library's model; called only if there is something to look at.
        progress: called after every batch.
        should_stop: asked before every photo that is read; once it says so, the run ends after those in flight.
        between_batches: called after every batch with the run's id and how many faces it has stored, for what may be
            done with these meanwhile. Decisions are taken at any time.
        source: where the photos are; None for the files of this machine.
        executor, workers: where photos are analysed, see `facesearch.indexing.executors.executor_for`.

    Raises:
        InputError: a path that does not exist, is empty, is none, or is paused; workers, see `executor_for`.
        WorkerError: a worker process has ended, as for want of memory.
        LibraryLockedError: another process is writing.
    """
    began, started = time.perf_counter(), time.time()
    files = source or LocalFiles()
    with store.writing(guests=True):
        places = as_paths(paths)
        given = [absolute(place) for place in places]
        roots = [spelled(place) for place in given]
        paused = paused_folders(store, [*roots, *given])
        found = _found(store, files, places, paused)
        run_id = store.start_run("index", [root for root in roots if os.path.isdir(root)])
        run, todo = _begun(store, run_id, found, files, started, redo=redo)
        report = run.report
        progress(state := Progress(len(todo)))
        if todo and not should_stop():
            new = (lambda _: {}) if redo else store.photo_ids
            for batch in analysed(load_pipeline(), files, todo, new, should_stop, executor or workers):
                _store(run, batch)
                state.done += len(batch)
                state.faces = report.faces
                progress(state)
                between_batches(run_id, report.faces)
        report.stopped, report.duplicates = state.done < state.todo, len(run.copies)
        report.skipped = by_kind(run.skipped.values())
        if not report.stopped:
            _settle(run, found, [*roots, *given], paused, load_pipeline)
            date_photos(store, found.photos, should_stop)
        report.seconds = time.perf_counter() - began
        store.finish_run(run_id, _summary(report))
        store.pictures.sweep(store.reading)
        _ = store.vectors
    return report


def _begun(
    store: Store, run_id: int, found: Found, files: MediaSource, started: float, *, redo: bool
) -> tuple[_Run, list[FileFacts]]:
    """A run, and what it looks at; what it does not look at is noted."""
    known = store.known_paths()
    todo = found.photos if redo else to_look_at(store, found.photos, known)
    looked_for, unchanged = len(found.photos) + len(found.failures), len(found.photos) - len(todo)
    report = IndexReport(found=looked_for, unchanged=unchanged, run_id=run_id)
    entered = absence.enter_folders(store, found.photos, files)
    run = _Run(run_id, started, store, known, files, entered, redo, report)
    _note_others(run, found)
    return run, todo


def _note_others(run: _Run, found: Found) -> None:
    """What cannot be read, and what is not looked at; a file that was once given by name is known, and is neither."""
    _fail(run, ((failure.path, failure.reason) for failure in found.failures))
    run.skipped = {one.path: one.kind for one in found.skipped if one.path not in run.known}


def _found(store: Store, files: MediaSource, places: Sequence[str], paused: Sequence[str]) -> Found:
    """Raises InputError for a path that is not there, and says whether the library knows it."""
    try:
        return files.find(places, paused=paused)
    except InputError:
        absence.tell_gone(store, places)
        raise


def _summary(report: IndexReport) -> str:
    """As it is kept with the run: numbers only."""
    lists = {"failures": len(report.failures), "offline_places": len(report.offline_places)}
    return json.dumps(asdict(report) | lists)


def _store(run: _Run, batch: Sequence[Item]) -> None:
    """Write a batch in one transaction."""
    same: list[tuple[str, int]] = []  # files that hold a photo that is known, and which
    failures: list[tuple[str, str]] = []
    with run.store.transaction() as connection:
        for item in batch:
            reason = item.result.reason if item.result else item.reason
            if item.drawn:
                run.skipped[item.file.path] = OWN
                run.report.found -= 1
            elif reason:
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
                catalog.link_path(connection, file, item.photo_id)
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


def _settle(
    run: _Run, found: Found, roots: Sequence[str], paused: Sequence[str], load_pipeline: "Callable[[], Pipeline]"
) -> None:
    """The end of a run that met everything: what is no longer below its folders is noted.

    Files that moved are told from files that are missing or offline, edited photos take over from what they were, and
    failures of files that are mended or gone are forgotten.
    """
    below_roots = below(roots)
    unread = below([*paused, *(failure.path for failure in found.failures)])

    def judged(path: str) -> bool:
        """What could not be read, or is passed over for a while, may well be there."""
        return below_roots(path) and not unread(path)

    met = {file.path for file in found.photos} - run.skipped.keys()
    vanished = _vanished(met, [path for path in run.known if path not in met and judged(path)])
    gone = set(vanished)
    there = [path for path, row in run.known.items() if path in met or not (path in gone or row.missing)]
    offline = absence.offline_among(vanished, there, run.known, run.source)
    vanished += [path for path in run.skipped if path in run.known]  # a picture of ours has taken its place
    failing = {path for path, _ in run.report.failures}
    mended = [path for path, _ in run.store.failures() if judged(path) and path not in failing]
    drawn = _drawn_on_edited(run, load_pipeline)
    with run.store.transaction() as connection:
        folders.assign(connection, _folders_of(run, met & run.known.keys()))
        settled = catalog.settle(connection, vanished, offline, run.started, drawn)
        catalog.forget_failures(connection, mended)
        runs.set_skipped(connection, judged, run.skipped)
    if empty := removal.empty_roots(run.store):
        run.store.forget_roots(empty)
    run.report.missing, run.report.offline = settled.missing, settled.offline
    if settled.offline:
        run.report.offline_places = absence.offline_places(run.store, roots)
    left = Counter(run.known[path].photo_id for path in vanished)
    run.report.moved = (Counter(run.copies) & left).total()
    run.report.duplicates = len(run.copies) - run.report.moved


def _drawn_on_edited(run: _Run, load_pipeline: "Callable[[], Pipeline]") -> dict[tuple[int, int], list[Face]]:
    """See `facesearch.indexing.edited`; nothing is imported for the run that has met no such edit."""
    with run.store.reading() as connection:
        if not drawn_faces.edited(connection, run.store.spec.dim):
            return {}
    from facesearch.indexing.edited import drawn_on_edited

    return drawn_on_edited(run.store, load_pipeline, run.source)


def _vanished(met: set[str], unmet: Sequence[str]) -> list[str]:
    """Files of the library that were not met, and are not there, or only a link to or another spelling of one that was.

    What else is there is a file that the walk passes over, being hidden or of another suffix, and was once given by
    its name.
    """
    there = {path: spelled(os.path.realpath(path)) for path in unmet if os.path.isfile(path)}
    resolved = {os.path.realpath(path) for path in met} if there else set()
    return [path for path in unmet if path not in there or there[path] in resolved]
