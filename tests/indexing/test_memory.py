"""How much of the photos that are read ahead is held in memory."""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any, TypeVar

import pytest
from fakes import MemoryFiles
from PIL import Image

from facesearch.core.executor import Room
from facesearch.core.memory import LARGE_BYTES
from facesearch.core.settings import ImageConfig
from facesearch.core.types import FileFacts
from facesearch.indexing import analysis
from facesearch.indexing.executors import executor_for
from facesearch.indexing.indexer import index_photos
from facesearch.media import Cost
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

Result = TypeVar("Result")


class WatchingExecutor:
    """An Executor that notes how many bytes of each photo come to it, batch by batch."""

    workers = 1

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def map(
        self, function: Callable[[Any], Result], items: Iterable[Any], ahead: int | None = None
    ) -> Iterator[Result]:
        for batch in items:
            self.batches.append([len(item.medium.data) if item.medium else 0 for item in batch])
            yield function(batch)


def png(side: int, shade: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side, side), (shade, 90, 30)).save(file, "PNG")
    return file.getvalue()


def test_bytes_of_a_photo_that_is_refused_are_dropped_once_it_is_read(index: Store, fake_pipeline: Pipeline) -> None:
    small, large, damaged = png(64, 1), png(400, 2), png(64, 3)[:20]
    source = MemoryFiles({"/p/a.png": small, "/p/b.png": large, "/p/c.png": damaged})
    watch = WatchingExecutor()
    fake_pipeline.images = ImageConfig(max_megapixels=0.01)
    report = index_photos(index, lambda: fake_pipeline, ["/p"], source=source, executor=watch)
    assert watch.batches == [[len(small), 0, 0]]
    assert report.indexed == 1
    assert [path for path, _ in report.failures] == ["/p/b.png", "/p/c.png"]
    assert "0.2 megapixels" in report.failures[0][1]


def test_content_that_is_known_is_linked_even_where_it_would_be_refused_now(
    index: Store, fake_pipeline: Pipeline
) -> None:
    source = MemoryFiles({"/p/a.png": png(400, 1)})
    index_photos(index, lambda: fake_pipeline, ["/p"], source=source)
    source.write("/p/copy.png", png(400, 1))
    fake_pipeline.images = ImageConfig(max_megapixels=0.01)
    report = index_photos(index, lambda: fake_pipeline, ["/p"], source=source)
    assert (report.unchanged, report.duplicates, report.failed) == (2, 1, 0)


def test_a_batch_is_full_at_so_many_bytes(
    index: Store, fake_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "BATCH_BYTES", 2_000)
    photos = {f"/p/{n}.png": png(64, n) + bytes(1_000) for n in range(4)}
    watch = WatchingExecutor()
    index_photos(index, lambda: fake_pipeline, ["/p"], source=MemoryFiles(photos), executor=watch)
    assert [len(batch) for batch in watch.batches] == [2, 2]


def test_of_large_photos_one_is_in_hand_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    room = analysis._room(1000)
    ordinary, large = Cost(1.0, 100, 50), Cost(100.0, LARGE_BYTES + 1, 50)

    def taken(*costs: Cost) -> float:
        return room.taken_by([analysis.Item(FileFacts("/p/a.png", 1, 1), cost=cost) for cost in costs])

    assert taken(ordinary, ordinary) == 200
    assert 2 * taken(large) > 1000
    small_of_large = Cost(1.0, 100, 50)
    monkeypatch.setattr(Cost, "is_large", True)
    assert taken(small_of_large) + 400 <= 1000  # ordinary ones go beside it


@pytest.mark.parametrize("workers", [1, 2])
def test_the_budget_holds_over_threads_and_worker_processes(
    index: Store, fake_pipeline: Pipeline, workers: int
) -> None:
    fake_pipeline.images = ImageConfig(memory_bytes=8_000_000)
    seen: list[Room | None] = []

    def watch(pipeline: Pipeline, wanted: Any, photos: int, room: Room | None = None) -> WatchingExecutor:
        made = executor_for(pipeline, wanted, photos, room)
        seen.append(made.room)  # type: ignore[attr-defined]
        return WatchingExecutor()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "executor_for", watch)
        index_photos(
            *(index, lambda: fake_pipeline, ["/p"]), source=MemoryFiles({"/p/a.png": png(9, 1)}), workers=workers
        )
    assert [room.total for room in seen if room] == [6_000_000]


def test_a_photo_that_needs_more_than_the_budget_is_left_out_and_the_others_are_not(
    index: Store, fake_pipeline: Pipeline
) -> None:
    file = BytesIO()
    Image.new("RGB", (9_000, 9_000)).save(file, "PNG", compress_level=1)
    fake_pipeline.images = ImageConfig(memory_bytes=200_000_000)
    source = MemoryFiles({"/p/a.png": png(64, 1), "/p/b.png": file.getvalue(), "/p/c.png": png(64, 2)})
    report = index_photos(index, lambda: fake_pipeline, ["/p"], source=source)
    reason = "81 megapixels of this format need 0.3 GB of memory, more than 0.2 GB (--memory)"
    assert (report.indexed, report.failures) == (2, [("/p/b.png", reason)])
