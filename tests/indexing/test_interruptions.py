"""Runs that are ended from outside, at any moment: what was done is kept, and the next run does the rest."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FAKE_SPEC
from interrupted_run import index_slowly
from killing import processes, start  # noqa: F401  (a fixture)
from library_states import check_vectors, faces_by_content, files

from facesearch.core.errors import LibraryError
from facesearch.indexing.indexer import IndexReport, index_photos
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 60


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for i in range(PHOTOS):
        Picture.save(folder / f"{i:02}.png", str(i))
    return folder


@pytest.fixture
def undisturbed(tmp_path: Path, photos: Path, fake_pipeline: Pipeline) -> Store:
    index = Store.create(tmp_path / "undisturbed", FAKE_SPEC)
    index_photos(index, lambda: fake_pipeline, [str(photos)])
    return index


def finish(library: Path, photos: Path, pipeline: Pipeline) -> tuple[Store, IndexReport]:
    index = Store.open(library)
    report = index_photos(index, lambda: pipeline, [str(photos)])
    check_vectors(index)
    return index, report


def same_faces(index: Store, expected: Store) -> None:
    found, wanted = faces_by_content(index), faces_by_content(expected)
    assert {sha256: len(faces) for sha256, faces in found.items()} == {s: len(faces) for s, faces in wanted.items()}
    assert found == wanted
    assert files(index) == files(expected)


def test_killed_at_twenty_moments(
    tmp_path: Path,
    photos: Path,
    undisturbed: Store,
    fake_pipeline: Pipeline,
    processes: ForkServerContext,  # noqa: F811
) -> None:
    library = tmp_path / "killed"
    moments = random.Random(0)
    kept = 0
    for _ in range(20):
        process = start(processes, index_slowly, library, photos, 0.05, "")
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        process.join()
        index = Store.open(library)
        assert index.counts().photos >= kept  # nothing that was done is lost
        kept = index.counts().photos
        index.close()
    index, report = finish(library, photos, fake_pipeline)
    assert (report.indexed, report.unchanged) == (PHOTOS - kept, kept)
    same_faces(index, undisturbed)


@pytest.mark.parametrize(
    "moment",
    [
        "facesearch.storage.catalog:put_photo:7",
        "facesearch.storage.catalog:settle:1",
        "facesearch.storage:Store.start_run:1",
        "facesearch.storage:Store.record_failures:1",
        "facesearch.storage:Store.finish_run:1",
        "facesearch.storage.vectors:FaissIndex.save:1",
    ],
)
def test_killed_at_the_worst_moments(
    moment: str,
    tmp_path: Path,
    photos: Path,
    undisturbed: Store,
    fake_pipeline: Pipeline,
    processes: ForkServerContext,  # noqa: F811
) -> None:
    """Behind some step, most of them before the transaction around it has ended."""
    (photos / "bad.png").touch()
    process = start(processes, index_slowly, tmp_path / "killed", photos, 0, moment)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    index, report = finish(tmp_path / "killed", photos, fake_pipeline)
    assert [path for path, _ in index.failures()] == [path for path, _ in report.failures] == [str(photos / "bad.png")]
    same_faces(index, undisturbed)


def test_photos_moved_and_edited_behind_a_killed_run_keep_their_ids(
    tmp_path: Path, photos: Path, undisturbed: Store, fake_pipeline: Pipeline
) -> None:
    index = undisturbed
    before = index.embeddings()[0].tolist()
    renamed = photos / "renamed"
    renamed.mkdir()
    for path in sorted(photos.glob("*.png")):
        path.rename(renamed / path.name)
    asked = iter([False] * 5)
    stopped = index_photos(index, lambda: fake_pipeline, [str(photos)], should_stop=lambda: next(asked, True))
    assert stopped.stopped
    report = index_photos(index, lambda: fake_pipeline, [str(photos)])
    assert (report.indexed, report.missing) == (0, 0)
    assert index.embeddings()[0].tolist() == before
    assert set(files(index)) == {str(path) for path in renamed.iterdir()}


def test_full_disk_is_one_clear_error(tmp_path: Path, photos: Path, fake_pipeline: Pipeline) -> None:
    index = Store.create(tmp_path / "library", FAKE_SPEC)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(path.stat().st_size for path in (tmp_path / "library").iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, before[1]))
    try:
        with pytest.raises(LibraryError):
            index_photos(index, lambda: fake_pipeline, [str(photos)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    report = index_photos(index, lambda: fake_pipeline, [str(photos)])
    assert report.found == PHOTOS
    check_vectors(index)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_the_command_in_an_orderly_way(workers: str, tmp_path: Path, pipeline: Pipeline) -> None:
    photos, place = tmp_path / "photos", tmp_path / "library"
    for i in range(1000):
        Picture.save(photos / f"{i:04}.jpg", str(i), (96, 96))
    command = [
        sys.executable,
        str(ROOT / "cli.py"),
        "index",
        str(photos),
        "--library",
        str(place),
        "--json",
        "--workers",
        workers,
    ]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: photos_in(place) > 0 or first.poll() is not None)
    os.killpg(first.pid, signal.SIGINT)  # as a terminal does
    out, err = first.communicate(timeout=120)
    assert first.returncode == 130, err
    assert "Stopping after the photos in flight" in err
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["stopped"]
    assert 0 < report["photos"]["indexed"] == photos_in(place) < 1000
    index = Store.open(place)
    check_vectors(index)
    second = index_photos(index, lambda: pipeline, [str(photos)])
    assert (second.indexed, second.unchanged) == (1000 - report["photos"]["indexed"], report["photos"]["indexed"])


def photos_in(library: Path) -> int:
    try:
        index = Store.open(library)
    except LibraryError:
        return 0
    count = index.counts().photos
    index.close()
    return count


def wait_for(come: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.01)
