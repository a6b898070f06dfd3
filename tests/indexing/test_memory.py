"""How much of the photos that are read ahead is held in memory."""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any, TypeVar

import pytest
from fakes import MemoryFiles
from PIL import Image

from facesearch.core.settings import ImageConfig
from facesearch.indexing import indexer
from facesearch.indexing.indexer import index_photos
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
    monkeypatch.setattr(indexer, "BATCH_BYTES", 2_000)
    photos = {f"/p/{n}.png": png(64, n) + bytes(1_000) for n in range(4)}
    watch = WatchingExecutor()
    index_photos(index, lambda: fake_pipeline, ["/p"], source=MemoryFiles(photos), executor=watch)
    assert [len(batch) for batch in watch.batches] == [2, 2]
