"""Another model for a library: every face is cropped and embedded again; none is looked for again.

Interrupted, it goes on where it was; until the last face is done the library keeps its old embeddings and stays usable.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import LibraryError, PhotoError
from facesearch.core.types import Face
from facesearch.core.wording import plural
from facesearch.indexing.absence import offline_photos
from facesearch.indexing.indexer import Progress
from facesearch.media import LocalFiles, MediaSource
from facesearch.pipeline.pipeline import Pipeline, one_thread
from facesearch.storage import Store
from facesearch.storage import pending_embeddings as pending

__all__ = ["ReembedReport", "reembed"]

BATCH_PHOTOS = 16


@dataclass
class ReembedReport:
    """photos, faces: in the library afterwards with embeddings of the new model; dropped: photos taken out."""

    photos: int = 0
    faces: int = 0
    dropped: int = 0
    seconds: float = 0.0
    stopped: bool = False

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def reembed(
    store: Store,
    pipeline: Pipeline,
    *,
    drop_missing: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    source: MediaSource | None = None,
) -> ReembedReport:
    """Give every face an embedding of the pipeline's model, then make that the library's model.

    Args:
        drop_missing: take photos out that cannot be read any more, or are no longer what was indexed.
        source: where the photos are; None for the files of this machine.

    Raises:
        LibraryError: there are such photos, and drop_missing is false, or they are only offline (see
            facesearch.indexing.absence); nothing has changed then.
        LibraryLockedError: another process is writing.
    """
    began = time.perf_counter()
    files = source or LocalFiles()
    spec = pipeline.embedder.spec
    report = ReembedReport()
    with store.writing():
        with store.transaction() as connection:
            waiting = pending.waiting(connection, spec.fingerprint)
        state = Progress(len(waiting))
        unreadable: list[int] = []
        photos = list(waiting.items())
        for start in range(0, len(photos), BATCH_PHOTOS):
            if should_stop():
                return ReembedReport(stopped=True, seconds=time.perf_counter() - began)
            batch = photos[start : start + BATCH_PHOTOS]
            faces = {photo_id: store.faces(ids) for photo_id, ids in batch}
            unreadable += _embed_batch(store, pipeline, files, faces)
            state.faces += sum(len(ids) for _, ids in batch)
            state.done += len(batch)
            progress(state)
        if unreadable and not drop_missing:
            count = "1 photo" if len(unreadable) == 1 else f"{len(unreadable):,} photos"
            raise LibraryError(
                f"{count} cannot be embedded again, being gone, damaged or edited: run `facesearch index` on what is"
                " back or edited, or repeat with --drop-missing to take the rest out"
            )
        if unreadable and (offline := offline_photos(store, unreadable, files)):
            raise LibraryError(
                f"{plural(len(offline), 'photo')} cannot be embedded again, being offline: mount that disk or, if it is"
                " gone for good, run `facesearch remove --missing --offline` first"
            )
        report.faces = store.adopt(spec, unreadable)
        report.dropped = len(unreadable)
        report.photos = store.counts().photos
    report.seconds = time.perf_counter() - began
    return report


def _embed_batch(store: Store, pipeline: Pipeline, source: MediaSource, photos: dict[int, list[Face]]) -> list[int]:
    """Keep new embeddings for the faces of some photos until all faces have one.

    Returns the ids of those that cannot be read, or are others by now.
    """
    crops: dict[int, NDArray[np.uint8]] = {}
    unreadable = []
    for photo_id, faces in photos.items():
        of_photo = _crops(store, pipeline, source, photo_id, faces)
        if of_photo is None:
            unreadable.append(photo_id)
        else:
            crops |= zip((face.id for face in faces), of_photo, strict=True)
    with one_thread():
        embeddings = pipeline.embedder.embed(list(crops.values()))
    with store.transaction() as connection:
        pending.put(connection, pipeline.embedder.spec.fingerprint, dict(zip(crops, embeddings, strict=True)))
    return unreadable


def _crops(
    store: Store, pipeline: Pipeline, source: MediaSource, photo_id: int, faces: list[Face]
) -> list[NDArray[np.uint8]] | None:
    """Crops of a photo's faces from the first of its files that still holds it; None where none does."""
    for path in store.paths_of(photo_id):
        try:
            medium = source.read(path)
            if store.photo_id(medium.sha256) == photo_id:
                return pipeline.crops(pipeline.load_photo(medium), faces)
        except PhotoError:
            continue
    return None
