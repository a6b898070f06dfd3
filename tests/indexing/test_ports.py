"""Indexing with another source of media and another executor gives what local files and threads give."""

from pathlib import Path

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
