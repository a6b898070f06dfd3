"""Indexing with another source of media and another executor gives what local files and threads give."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from conftest import Picture
from fakes import FAKE_SPEC, MemoryFiles, OtherDetector, SerialExecutor
from library_states import faces_by_content

from facesearch.core.executor import Executor
from facesearch.indexing.indexer import index_photos
from facesearch.indexing.migration import migrate
from facesearch.indexing.targets import target_of
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

Item = TypeVar("Item")
Result = TypeVar("Result")


class ProcessExecutor:
    """An Executor: two other processes, which import and load everything anew."""

    workers = 2

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None
    ) -> Iterator[Result]:
        with multiprocessing.get_context("spawn").Pool(self.workers) as pool:
            yield from pool.imap(function, items)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "trip/c.png", "trip/d.png"):
        Picture.save(tmp_path / "photos" / name, name)
    (tmp_path / "photos/bad.png").write_bytes(b"no photo")
    return tmp_path / "photos"


@pytest.fixture
def expected(tmp_path: Path, photos: Path, fake_pipeline: Pipeline) -> Store:
    store = Store.create(tmp_path / "expected", FAKE_SPEC)
    index_photos(store, lambda: fake_pipeline, [str(photos)])
    return store


def test_files_in_memory(tmp_path: Path, photos: Path, expected: Store, fake_pipeline: Pipeline) -> None:
    source = MemoryFiles({f"/memory/{path.name}": path.read_bytes() for path in photos.rglob("*.png")})
    with_memory = Store.create(tmp_path / "memory", FAKE_SPEC)
    report = index_photos(with_memory, lambda: fake_pipeline, ["/memory"], source=source)
    assert (report.indexed, report.failures) == (4, [("/memory/bad.png", expected.failures()[0][1])])
    assert faces_by_content(with_memory) == faces_by_content(expected)
    source.write("/memory/copy.png", (photos / "a.png").read_bytes())
    again = index_photos(with_memory, lambda: fake_pipeline, ["/memory"], source=source)
    assert (again.indexed, again.unchanged, again.duplicates) == (0, 5, 1)
    other = Pipeline(fake_pipeline.embedder, OtherDetector())
    target = target_of(with_memory, other.embedder.spec, other.detector.spec)
    moved = migrate(with_memory, lambda: other, target, source=source, executor=SerialExecutor())
    assert (moved.photos, moved.matched + len(moved.unmatched)) == (4, 4)


def test_one_thread(tmp_path: Path, photos: Path, expected: Store, fake_pipeline: Pipeline) -> None:
    one_by_one = Store.create(tmp_path / "serial", FAKE_SPEC)
    executor: Executor = SerialExecutor()
    assert index_photos(one_by_one, lambda: fake_pipeline, [str(photos)], executor=executor).indexed == 4
    assert faces_by_content(one_by_one) == faces_by_content(expected)


def test_other_processes(tmp_path: Path, demo: tuple[Path, dict[str, tuple[str, ...]]], pipeline: Pipeline) -> None:
    stores = [Store.create(tmp_path / name, pipeline.embedder.spec) for name in ("threads", "processes")]
    paths = [str(demo[0] / name) for name in list(demo[1])[:6]]
    reports = [
        index_photos(store, lambda: pipeline, paths, executor=executor)
        for store, executor in zip(stores, (None, ProcessExecutor()), strict=True)
    ]
    assert reports[0].faces == reports[1].faces > 3
    assert faces_by_content(stores[0]) == faces_by_content(stores[1])
