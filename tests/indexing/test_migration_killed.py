"""Migrations that are killed at any moment leave a library as it was or as it was to be, and the next run ends them."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FakeDetector, FakeNetwork, OtherDetector
from interrupted_run import migrate_slowly
from killing import processes, start  # noqa: F401  (a fixture)
from library_states import check_vectors
from migration_samples import Move, decide, indexed, pictures, pipeline_of
from storage.library_rows import everything

from facesearch.indexing.indexer import index_photos
from facesearch.storage import Store

PHOTOS = 40
move = Move(FakeNetwork(), OtherDetector())
PENDING = ("pending_faces", "pending_photos")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return pictures(tmp_path / "photos", PHOTOS)


@pytest.fixture
def library(tmp_path: Path, photos: Path) -> Path:
    """A library with decisions, closed."""
    store = indexed(tmp_path / "killed", photos)
    decide(store)
    store.close()
    return tmp_path / "killed"


@pytest.fixture
def straight(tmp_path: Path, library: Path) -> Iterator[Store]:
    """A copy of it, moved without an interruption."""
    store = Store.open(shutil.copytree(library, tmp_path / "straight"))
    report = move(store)
    assert min(report.matched, report.added, len(report.unmatched)) > 3  # or this shows little
    yield store
    store.close()


def held(library: Path) -> dict[str, list[dict[str, object]]]:
    store = Store.open(library)
    check_vectors(store)
    rows = everything(store, but=PENDING)
    store.close()
    return rows


def test_killed_at_twenty_moments(
    library: Path,
    straight: Store,
    processes: ForkServerContext,  # noqa: F811
) -> None:
    before, after = held(library), everything(straight, but=PENDING)
    moments = random.Random(0)
    for _ in range(20):
        process = start(processes, migrate_slowly, library, 0.05, "")
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.join()
        assert held(library) in (before, after)  # all or nothing
    store = Store.open(library)
    move(store)
    assert everything(store) == everything(straight)
    check_vectors(store)
    store.close()


@pytest.mark.parametrize(
    ("moment", "is_moved"),
    [
        ("facesearch.indexing.migration:look_again:1", False),
        ("facesearch.storage.pending_faces:put:1", False),
        ("facesearch.storage.pending_faces:put:6", False),
        ("facesearch.storage.pending_faces:_add:1", False),
        ("facesearch.storage.pending_faces:_record:1", False),
        ("facesearch.storage.pending_faces:adopt:1", False),
        ("facesearch.storage.unfinished:empty_log:1", True),
        ("facesearch.storage.vectors:FaissIndex.save:1", True),
    ],
)
def test_killed_at_the_worst_moments(
    moment: str,
    is_moved: bool,
    library: Path,
    straight: Store,
    processes: ForkServerContext,  # noqa: F811
) -> None:
    """Behind some step, most of them before the transaction around it has ended."""
    before = held(library)
    process = start(processes, migrate_slowly, library, 0, moment)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert held(library) == (everything(straight, but=PENDING) if is_moved else before)
    store = Store.open(library)
    assert move(store).already == is_moved
    assert everything(store) == everything(straight)
    check_vectors(store)
    store.close()


def test_photos_that_come_behind_a_killed_migration_are_moved_too(
    library: Path,
    photos: Path,
    tmp_path: Path,
    processes: ForkServerContext,  # noqa: F811
) -> None:
    process = start(processes, migrate_slowly, library, 0, "facesearch.storage.pending_faces:put:10")
    process.join(60)
    Picture.save(photos / "new.png", "new")
    Picture.save(photos / "05.png", "edited")
    store, never = Store.open(library), indexed(tmp_path / "never", photos)
    index_photos(store, pipeline_of, [str(photos)])
    assert (store.spec, store.detector) == (FakeNetwork.spec, FakeDetector.spec)  # as before
    report = move(store)
    assert report.photos == PHOTOS + 1
    assert report.faces == PHOTOS + 1 + report.added
    expected = move(never)
    assert (report.added, len(report.unmatched)) == (expected.added, len(expected.unmatched))
    check_vectors(store)
    for one in (store, never):
        one.close()
