"""Files -> what is in them: read once, looked up by their content, and analysed if they are new, a batch at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from facesearch.core.errors import PhotoError
from facesearch.core.executor import Executor, Room, ThreadExecutor, give_memory_back
from facesearch.core.memory import photo_budget
from facesearch.core.processes import ProcessExecutor
from facesearch.core.types import FileFacts, PhotoResult
from facesearch.indexing.executors import executor_for
from facesearch.media import Cost, MediaSource, Medium
from facesearch.media.marks import is_drawn

if TYPE_CHECKING:  # loads the networks' libraries, and a run that finds nothing new needs none
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["Item", "analysed"]

# A batch is full at so many photos, decoded megapixels or bytes, whichever comes first: enough for the networks
# to work on together, little enough to lose and to hold in memory. A GPU takes so many times as much in one go.
BATCH_PHOTOS, BATCH_MEGAPIXELS, BATCH_BYTES, MORE_ON_GPU = 8, 6.0, 128 << 20, 2
# Files that are read at a time, and ahead of those whose content is looked up; so many are looked up together.
READERS, READ_AHEAD, LOOKED_UP_AT_ONCE = 2, 4, 4
# Of the memory for photos what files take that wait for a batch, and copies of a file that is sent to another process.
READING_SHARE, COPIES_SENT = 0.25, 3
# Batches that a worker process may be ahead by: with one, 16 of them wait a quarter of their time for the slowest.
BATCHES_AHEAD = 2


@dataclass(frozen=True)
class Item:
    """A file on its way: listed, then read (medium) or not (reason), then known (photo_id) or analysed (result).

    What was read and is no photo that can be decoded has sha256 and reason: its content may be known all the same.
    drawn: it is a picture that facesearch has made, and no photo.
    """

    file: FileFacts
    sha256: str = ""
    medium: Medium | None = None
    cost: Cost = field(default=Cost(0.0, 0, 0))
    reason: str = ""
    drawn: bool = False
    photo_id: int | None = None
    result: PhotoResult | None = None


def analysed(
    pipeline: "Pipeline",
    source: MediaSource,
    todo: Sequence[FileFacts],
    known: Callable[[Sequence[str]], Mapping[str, int]],
    should_stop: Callable[[], bool],
    executor: Executor | int | None,
) -> Iterator[list[Item]]:
    """Read files, look up which are known, and analyse the rest, a batch at a time, in the files' order.

    Args:
        known: of some contents, by their SHA-256, the photos that need not be analysed.
        should_stop: asked before each file.
        executor: see `executor_for`.
    """
    give_memory_back()
    budget = photo_budget(pipeline.images.memory_bytes)
    waiting, room = budget * READING_SHARE, _room(budget * (1 - READING_SHARE))
    where = executor_for(pipeline, executor, len(todo), room)
    files = takewhile(lambda _: not should_stop(), todo)
    readers = ThreadExecutor(READERS, Room(waiting, lambda file: file.size_bytes))
    read = readers.map(lambda file: _read(source, pipeline, file), files, READ_AHEAD)
    ahead = BATCHES_AHEAD * where.workers if isinstance(where, ProcessExecutor) else None
    larger = 1 if pipeline.device == "cpu" else MORE_ON_GPU
    return where.map(partial(_analyse, pipeline), _batches(_looked_up(known, read), larger), ahead)


def _room(total: float) -> Room:
    """For batches. One with a large photo takes more than half: there is one of these at a time, others beside it."""

    def taken_by(batch: Sequence[Item]) -> float:
        bytes_read = sum(len(item.medium.data) for item in batch if item.medium is not None)
        decoded = sum(item.cost.kept_bytes for item in batch) + max(item.cost.peak_bytes for item in batch)
        taken = COPIES_SENT * bytes_read + decoded
        return max(taken, 0.51 * total) if any(item.cost.is_large for item in batch) else taken

    return Room(total, taken_by)


def _read(source: MediaSource, pipeline: "Pipeline", file: FileFacts) -> Item:
    try:
        medium = source.read(file.path)
    except PhotoError as error:
        return Item(file, reason=str(error))
    if is_drawn(medium.data):
        return Item(file, drawn=True)
    try:
        return Item(medium.file, medium.sha256, medium, pipeline.cost(medium))
    except PhotoError as error:  # however large it is, its bytes are not kept
        return Item(medium.file, medium.sha256, reason=str(error))


def _looked_up(known: Callable[[Sequence[str]], Mapping[str, int]], items: Iterator[Item]) -> Iterator[Item]:
    """The items with the photos that they hold, where these are known; known content is not kept in memory."""
    while some := list(_some(items)):
        photos = known([item.sha256 for item in some if item.sha256])
        for item in some:
            photo_id = photos.get(item.sha256)
            yield item if photo_id is None else Item(item.file, photo_id=photo_id)


def _some(items: Iterator[Item]) -> Iterator[Item]:
    """The next LOOKED_UP_AT_ONCE, or fewer where these are large files."""
    held = 0
    for item in islice(items, LOOKED_UP_AT_ONCE):
        yield item
        held += len(item.medium.data) if item.medium is not None else 0
        if held >= BATCH_BYTES:
            break


def _batches(items: Iterable[Item], larger: int) -> Iterator[list[Item]]:
    """Args: larger: how many times more than the constants say fill a batch, but for bytes."""
    batch: list[Item] = []
    megapixels, held = 0.0, 0
    for item in items:
        batch.append(item)
        megapixels += item.cost.megapixels
        held += len(item.medium.data) if item.medium is not None else 0
        if len(batch) >= larger * BATCH_PHOTOS or megapixels >= larger * BATCH_MEGAPIXELS or held >= BATCH_BYTES:
            yield batch
            batch, megapixels, held = [], 0.0, 0
    if batch:
        yield batch


def _analyse(pipeline: "Pipeline", batch: Sequence[Item]) -> list[Item]:
    """The items with results, and without the bytes that these were made from."""
    results = iter(pipeline.analyse([item.medium for item in batch if item.medium is not None]))
    return [replace(item, medium=None, result=next(results)) if item.medium is not None else item for item in batch]
