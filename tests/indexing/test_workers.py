"""Indexing in worker processes: the same library as with threads, and nothing lost whoever is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest
from conftest import Answer, Picture
from fakes import FAKE_SPEC
from interrupted_run import SlowPipeline, index_in_processes
from killing import processes, start  # noqa: F401  (a fixture)
from library_states import check_vectors, faces_by_content, files

from facesearch.core.errors import InputError, WorkerError
from facesearch.core.executor import ThreadExecutor
from facesearch.core.processes import ProcessExecutor
from facesearch.core.types import PhotoResult
from facesearch.indexing import analysis, executors
from facesearch.indexing.executors import executor_for
from facesearch.indexing.indexer import index_photos
from facesearch.media import Medium
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

PHOTOS = 60
Demo = tuple[Path, dict[str, tuple[str, ...]]]

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(PHOTOS):
        Picture.save(tmp_path / "photos" / f"{i:02}.png", str(i))
    return tmp_path / "photos"


def undisturbed(folder: Path, photos: Path) -> Store:
    index = Store.create(folder, FAKE_SPEC)
    index_photos(index, lambda: SlowPipeline(0), [str(photos)])
    return index


def workers_of(parent: int | None) -> list[int]:
    """The worker processes that a process has started."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            parts = (place / "stat").read_text().rpartition(")")[2].split()
            if int(parts[1]) == parent and b"facesearch.core.worker" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except (OSError, ValueError):
            continue
    return found


def test_bit_for_bit_what_threads_give(tmp_path: Path, demo: Demo, pipeline: Pipeline) -> None:
    stores = [Store.create(tmp_path / name, pipeline.embedder.spec) for name in ("threads", "processes")]
    reports = [
        index_photos(store, lambda: pipeline, [str(demo[0])], workers=workers)
        for store, workers in zip(stores, (1, 2), strict=True)
    ]
    assert reports[0].faces == reports[1].faces > 20
    (ids, vectors), (other_ids, others) = (store.embeddings() for store in stores)
    assert ids.tolist() == other_ids.tolist()
    assert np.asarray(vectors).tobytes() == np.asarray(others).tobytes()
    assert list(stores[0].faces(ids.tolist())) == list(stores[1].faces(ids.tolist()))


@needs_proc
def test_a_worker_that_is_killed_loses_nothing_that_was_stored(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "BATCH_PHOTOS", 4)
    store, moments, kept = Store.create(tmp_path / "library", FAKE_SPEC), random.Random(0), 0
    for _ in range(5):
        done = threading.Event()
        killer = threading.Thread(target=kill_one, args=(moments.uniform(0, 2), moments, done))
        killer.start()
        with suppress(WorkerError):
            index_photos(store, lambda: SlowPipeline(0.3), [str(photos)], workers=2)
        done.set()
        killer.join()
        assert store.counts().photos >= kept
        kept = store.counts().photos
        assert not workers_of(os.getpid())
    index_photos(store, lambda: SlowPipeline(0), [str(photos)])
    same(store, undisturbed(tmp_path / "undisturbed", photos))


def kill_one(seconds: float, chance: random.Random, done: threading.Event) -> None:
    """So long after there are workers, one of those that there are then."""
    while not workers_of(os.getpid()) and not done.is_set():
        time.sleep(0.01)
    if not done.wait(seconds) and (found := workers_of(os.getpid())):
        with suppress(ProcessLookupError):
            os.kill(chance.choice(found), signal.SIGKILL)


@needs_proc
def test_killed_at_any_moment(
    tmp_path: Path,
    photos: Path,
    processes: ForkServerContext,  # noqa: F811
) -> None:
    moments, kept, library = random.Random(0), 0, tmp_path / "killed"
    for _ in range(6):
        process = start(processes, index_in_processes, library, photos, 0.1)
        time.sleep(moments.uniform(0, 3))
        workers = workers_of(process.pid)
        process.kill()
        process.join()
        wait_for(lambda workers=workers: not any(Path(f"/proc/{one}/exe").exists() for one in workers))  # type: ignore[misc]
        with closing(Store.open(library)) as index:
            assert index.counts().photos >= kept
            kept = index.counts().photos
    index = Store.open(library)
    index_photos(index, lambda: SlowPipeline(0), [str(photos)])
    same(index, undisturbed(tmp_path / "undisturbed", photos))


def same(index: Store, expected: Store) -> None:
    check_vectors(index)
    assert faces_by_content(index) == faces_by_content(expected)
    assert files(index) == files(expected)


def wait_for(come: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not come():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.01)


def test_a_script_needs_no_guard_and_the_command_takes_the_option(
    tmp_path: Path, demo: Demo, command: Callable[..., Answer]
) -> None:
    script = tmp_path / "script.py"
    some = [str(demo[0] / name) for name in list(demo[1])[:3]]
    script.write_text(
        f"import facesearch\nwith facesearch.Library({str(tmp_path / 'mine')!r}) as library:\n"
        f"    print(library.index({some!r}, workers=2).indexed)\n"
    )
    made = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert made.stdout == "3\n"
    answer = command("index", *some, "--library", tmp_path / "other", "--workers", 2, "--json")
    assert (answer.code, answer.json["photos"]["indexed"]) == (0, 3)
    assert command("index", *some, "--workers", 0).code == 2


def test_a_slow_batch_does_not_have_the_other_processes_wait(
    index: Store, fake_pipeline: Pipeline, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int | None]] = []
    for executor in (ProcessExecutor, ThreadExecutor):

        def note(self, function, items, ahead=None):  # type: ignore[no-untyped-def]
            asked.append((type(self).__name__, ahead))
            return map(function, items)

        monkeypatch.setattr(executor, "map", note)
    for workers in (3, 1):
        index_photos(index, lambda: fake_pipeline, [str(photos)], redo=True, workers=workers)
    assert [ahead for name, ahead in asked if name == "ProcessExecutor"] == [2 * 3]
    assert [ahead for name, ahead in asked if name == "ThreadExecutor"] == [analysis.READ_AHEAD] * 2 + [None]


def test_fewer_than_one_is_refused(index: Store, fake_pipeline: Pipeline, photos: Path) -> None:
    with pytest.raises(InputError, match="0 workers"):
        index_photos(index, lambda: fake_pipeline, [str(photos)], workers=0)


@pytest.mark.parametrize(
    ("cores", "gigabytes", "photos", "workers"),
    [
        (4, 100, 10_000, 0),
        (5, 100, 10_000, 5),
        (16, 100, 10_000, 16),
        (16, 100, 499, 0),
        (16, 8, 10_000, 9),
        (16, 3, 10_000, 0),
    ],
)
def test_how_many(
    cores: int,
    gigabytes: int,
    photos: int,
    workers: int,
    tmp_path: Path,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executors, "CORES", cores)
    monkeypatch.setattr(executors, "MEMORY_INFO", tmp_path / "meminfo")
    monkeypatch.setattr(executors, "MEMORY_LIMIT", tmp_path / "memory.max")
    (tmp_path / "meminfo").write_text(f"MemTotal: 999999999 kB\nMemAvailable: {gigabytes << 20} kB\n")
    chosen = executor_for(pipeline, None, photos)
    assert chosen == (ProcessExecutor(workers) if workers else ThreadExecutor(pipeline.workers))
    (tmp_path / "memory.max").write_text(f"{2 << 30}\n")
    assert executor_for(pipeline, None, photos) == ThreadExecutor(pipeline.workers)


def test_a_pipeline_that_cannot_be_pickled_goes_to_threads(
    fake_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "CORES", 16)
    assert executor_for(fake_pipeline, None, 10_000) == ThreadExecutor(fake_pipeline.workers)


@pytest.mark.parametrize(
    ("cores", "gigabytes", "on_gpu", "photos", "workers"),
    [
        (16, 200, 80, 10_000, 13),  # half of the GPU's memory
        (16, 200, 140, 10_000, 16),
        (16, 60, 140, 10_000, 10),  # half of the machine's
        (16, 200, 80, 1_999, 0),
        (4, 200, 80, 10_000, 0),
        (16, 200, 8, 10_000, 0),
    ],
)
def test_a_gpu_is_fed_by_as_many_processes_as_fit(
    cores: int,
    gigabytes: int,
    on_gpu: int,
    photos: int,
    workers: int,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executors, "CORES", cores)
    monkeypatch.setattr(executors, "_memory_bytes", lambda: gigabytes << 30)
    monkeypatch.setattr(executors, "free_bytes", lambda _: on_gpu << 30)
    monkeypatch.setattr(pipeline, "device", "cuda")
    expected = ProcessExecutor(workers) if workers else ThreadExecutor(pipeline.workers)
    assert executor_for(pipeline, None, photos) == expected
    assert executor_for(pipeline, 3, photos) == ProcessExecutor(3)


def test_one_process_uses_other_devices(fake_pipeline: Pipeline) -> None:
    fake_pipeline.device = "mps"
    assert executor_for(fake_pipeline, None, 10_000) == ThreadExecutor(fake_pipeline.workers)
    with pytest.raises(InputError, match=r"--workers 2 is for CPUs and CUDA.*--device mps"):
        executor_for(fake_pipeline, 2, 10_000)


def test_batches_for_a_gpu_are_larger(
    index: Store, fake_pipeline: Pipeline, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def note(media: Sequence[Medium]) -> list[PhotoResult]:
        seen.append(len(media))
        return [PhotoResult(medium.sha256, reason="not looked at") for medium in media]

    monkeypatch.setattr(analysis, "BATCH_PHOTOS", 1)
    monkeypatch.setattr(fake_pipeline, "analyse", note)
    for device in ("cpu", "cuda"):
        monkeypatch.setattr(fake_pipeline, "device", device)
        index_photos(index, lambda: fake_pipeline, [str(photos)], workers=1)
    assert max(seen[: len(seen) // 2]) == 1
    assert max(seen) == analysis.MORE_ON_GPU
