"""Another model or detector for a library: `facesearch migrate`.

What will be waits beside what is (see facesearch.storage.pending_faces), a batch of photos at a time; interrupted, it
goes on where it was. Until the last photo is done the library is what it was, and then it changes in one transaction.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import takewhile
from typing import Any

from facesearch.core.errors import LibraryError, PhotoError
from facesearch.core.executor import Executor, ThreadExecutor
from facesearch.core.results import person_row
from facesearch.core.types import Face
from facesearch.core.wording import plural
from facesearch.indexing.absence import offline_photos
from facesearch.indexing.indexer import Progress
from facesearch.indexing.looking_again import Seen, Unseen, look_again
from facesearch.indexing.targets import is_current
from facesearch.media import LocalFiles, MediaSource
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store, face_pages
from facesearch.storage import pending_faces as pending
from facesearch.storage.pending_faces import Target

__all__ = ["MigrationPlan", "MigrationReport", "migrate", "plan"]

BATCH_PHOTOS = 16
# Photos whose looking at tells how long all will take.
TRIED = 16


@dataclass
class MigrationReport:
    """What a migration has done.

    model, detector: what the library has now. already: it had them before, and nothing was done.
    photos, faces: in the library afterwards. matched: faces that kept their ids, and are where the detector finds them;
    added: new ones; unmatched: those that the new detector did not find, which kept id and place; with their photos
    and people. dropped: photos taken out. calibration: what to know about it; "" for nothing.
    """

    model: str = ""
    detector: str = ""
    photos: int = 0
    faces: int = 0
    matched: int = 0
    added: int = 0
    unmatched: list[Face] = field(default_factory=list)
    dropped: int = 0
    seconds: float = 0.0
    stopped: bool = False
    already: bool = False
    calibration: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `facesearch migrate --json` prints it."""
        named = {name: value for name, value in vars(self).items() if name != "unmatched"}
        return named | {"seconds": round(self.seconds, 3), "unmatched": [_row(face) for face in self.unmatched]}


def _row(face: Face) -> dict[str, Any]:
    return {"photo": face.path, "face": face.id, "box": face.box, "person": person_row(face.person)}


@dataclass
class MigrationPlan:
    """What a migration would do.

    anew: faces are looked for again, as the detector changes. photos, faces: in the library. photos_done: looked at by
    a migration that was interrupted. photos_to_read, faces_to_embed: left; with another detector it may find more.
    missing: of these photos, those of which no file is there; offline: of the missing, those whose disk may be away.
    seconds: that it will take, by the rate of some photos; None where there are none.
    """

    model: str
    detector: str
    anew: bool
    photos: int
    faces: int
    photos_done: int
    photos_to_read: int
    faces_to_embed: int
    missing: int
    offline: int
    seconds: float | None
    calibration: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `facesearch migrate --dry-run --json` prints it."""
        return {"dry_run": True} | asdict(self)


def migrate(
    store: Store,
    load_pipeline: Callable[[], Pipeline],
    target: Target,
    *,
    drop_missing: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    source: MediaSource | None = None,
    executor: Executor | None = None,
) -> MigrationReport:
    """Give every face what the target's pipeline makes of it, then make these the library's.

    Args:
        load_pipeline: gives the target's pipeline; called only if there is something to look at.
        drop_missing: take photos out that cannot be read any more, or are no longer what was indexed.
        should_stop: asked before every batch of photos.
        source, executor: as for `facesearch.indexing.indexer.index_photos`.

    Raises:
        LibraryError: there are such photos, and drop_missing is false, or they are only offline (see
            facesearch.indexing.absence); nothing has changed then.
        LibraryLockedError: another process is writing.
    """
    began = time.perf_counter()
    files = source or LocalFiles()
    report = MigrationReport(target.model.name, target.detector.name)
    with store.writing():
        if is_current(store, target):
            counts = store.counts()
            report.already, report.photos, report.faces = True, counts.photos, counts.faces
            return report
        with store.reading() as connection:
            waiting = pending.waiting(connection, target)
        absent = _absent(store, waiting, files)
        _check(store, absent, files, drop_missing)
        there = [photo for photo in waiting if photo not in set(absent)]
        unreadable = _look(store, load_pipeline, target, there, files, executor, progress, should_stop)
        if unreadable is None:
            return MigrationReport(stopped=True, seconds=time.perf_counter() - began)
        _check(store, [*absent, *unreadable], files, drop_missing)
        adopted = store.adopt(target, [*absent, *unreadable])
        report.unmatched = _described(store, adopted.unmatched)
        report.faces, report.matched, report.added = adopted.faces, adopted.matched, adopted.added
        report.dropped, report.photos = len(absent) + len(unreadable), store.counts().photos
    report.seconds = time.perf_counter() - began
    return report


def _described(store: Store, faces: Sequence[int]) -> list[Face]:
    """Some faces with a file that shows them, and whose they are."""
    paths = {face.id: face.path for face in store.faces(faces)}
    with store.reading() as connection:
        return [replace(face, path=paths[face.id]) for face in face_pages.by_ids(connection, faces)]


def plan(
    store: Store, load_pipeline: Callable[[], Pipeline], target: Target, *, source: MediaSource | None = None
) -> MigrationPlan:
    """What `migrate` would do, and how long it would take; nothing is changed."""
    files, counts = source or LocalFiles(), store.counts()
    with store.reading() as connection:
        waiting = [] if is_current(store, target) else pending.waiting(connection, target)
        faces = pending.face_counts(connection, waiting)
        done = pending.done(connection, target)
    absent = _absent(store, waiting, files)
    there = [photo for photo in waiting if photo not in set(absent)]
    return MigrationPlan(
        *(target.model.name, target.detector.name, target.anew, counts.photos, counts.faces),
        photos_done=done,
        photos_to_read=len(waiting),
        faces_to_embed=faces,
        missing=len(absent),
        offline=len(offline_photos(store, absent, files)) if absent else 0,
        seconds=len(there) * _seconds_each(store, load_pipeline(), target, there, files) if there else None,
    )


def _look(
    store: Store,
    load_pipeline: Callable[[], Pipeline],
    target: Target,
    photos: Sequence[int],
    source: MediaSource,
    executor: Executor | None,
    progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> list[int] | None:
    """Look at photos, and keep what is found; the ids of those that cannot be read, or None where it was stopped."""
    state, unreadable = Progress(len(photos)), []
    progress(state)
    if photos and not should_stop():
        for batch in _seen(store, load_pipeline(), target, photos, source, executor, should_stop):
            with store.transaction() as connection:
                for photo in batch:
                    if photo.faces is not None:
                        pending.put(connection, target, photo.id, photo.min_face_px, photo.faces)
            unreadable += [photo.id for photo in batch if photo.faces is None]
            state.done += len(batch)
            state.faces += sum(len(photo.faces or ()) for photo in batch)
            progress(state)
    return unreadable if state.done == state.todo else None


def _seen(
    store: Store,
    pipeline: Pipeline,
    target: Target,
    photos: Sequence[int],
    source: MediaSource,
    executor: Executor | None,
    should_stop: Callable[[], bool] = lambda: False,
    batch_photos: int | None = None,
) -> Iterator[list[Seen]]:
    """What photos will hold, a batch at a time and in their order."""
    size = batch_photos or BATCH_PHOTOS
    starts = takewhile(lambda _: not should_stop(), range(0, len(photos), size))
    batches = (_unseen(store, photos[start : start + size]) for start in starts)
    executor = executor or ThreadExecutor(pipeline.workers)
    return executor.map(partial(look_again, pipeline, source, target.anew), batches)


def _unseen(store: Store, photos: Sequence[int]) -> list[Unseen]:
    faces = store.faces_of_photos(photos)
    with store.reading() as connection:
        before = pending.looked_for(connection, photos)
    return [Unseen(photo, tuple(store.files_of(photo)), tuple(faces[photo]), before[photo]) for photo in photos]


def _absent(store: Store, photos: Sequence[int], source: MediaSource) -> list[int]:
    """Those of some photos of which no file is there."""
    present, wanted = set(), set(photos)
    for path, known in store.known_paths().items() if photos else ():
        if known.photo_id in wanted and known.photo_id not in present and _is_there(source, path):
            present.add(known.photo_id)
    return [photo for photo in photos if photo not in present]


def _is_there(source: MediaSource, path: str) -> bool:
    try:
        source.stat(path)
    except PhotoError:
        return False
    return True


def _check(store: Store, unreadable: Sequence[int], source: MediaSource, drop_missing: bool) -> None:
    """Raises LibraryError where photos cannot be looked at, unless they may be dropped."""
    if unreadable and not drop_missing:
        raise LibraryError(
            f"{plural(len(unreadable), 'photo')} cannot be looked at again, being gone, damaged or edited: run"
            " `facesearch index` on what is back or edited, or repeat with --drop-missing to take the rest out"
        )
    if unreadable and (offline := offline_photos(store, unreadable, source)):
        raise LibraryError(
            f"{plural(len(offline), 'photo')} cannot be looked at again, being offline: mount that disk or, if it is"
            " gone for good, run `facesearch remove --missing --offline` first"
        )


def _seconds_each(
    store: Store, pipeline: Pipeline, target: Target, photos: Sequence[int], source: MediaSource
) -> float:
    """How long a photo takes, by some from all over the library; the first one warms up, where there are more."""
    tried = photos[:: max(1, len(photos) // TRIED)][:TRIED]
    for some in (tried[:1], tried[1:]):
        began = time.perf_counter()
        seen = _seen(store, pipeline, target, some or tried, source, None, batch_photos=2)
        count = sum(map(len, seen))
        each = (time.perf_counter() - began) / count
    return each
