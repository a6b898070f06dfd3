"""Indexing with threads beside worker processes: photos per second, memory of a worker, and whether results are equal.

    python index/benchmark_indexing.py FOLDER --workers 1,2,4,8,16 [--photos 200] [--rounds 3] [--out FILE]

Every measurement is a process of its own, and the ways take turns. "whole" holds the start of the workers, not that of
the program and its networks; "steady" is the rate without the first and the last two batches of each worker: take at
least 64 photos a worker for it. "CPU ms" is processor time of all processes for a photo, start of the workers included.
"""

import hashlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, this folder's parent is the checkout

# In the table, instead of a number of processes.
THREADS = 0
ROW = "{:>12} {:>9} {:>6} {:>10} {:>6} {:>8} {:>12}"


def measure(workers: int, paths: list[str]) -> dict[str, Any]:
    """One run in this process. Args: workers: processes; THREADS for threads."""
    from facesearch.core.executor import CORES, ThreadExecutor
    from facesearch.core.processes import ProcessExecutor
    from facesearch.indexing.analysis import BATCH_PHOTOS
    from facesearch.indexing.indexer import Progress, index_photos
    from facesearch.library import Library

    stored: list[tuple[float, int]] = []

    def note(progress: Progress) -> None:
        stored.append((time.perf_counter(), progress.done))

    with tempfile.TemporaryDirectory() as folder, Library(folder, device="cpu") as library:
        pipeline = library.pipeline
        list(pipeline.main_faces(paths[:1]))  # the networks are there
        executor = ProcessExecutor(workers) if workers else ThreadExecutor(pipeline.workers)
        began, cpu_before = time.perf_counter(), _cpu_seconds()
        index_photos(library.store, lambda: pipeline, paths, progress=note, executor=executor)
        seconds, cpu_s = time.perf_counter() - began, _cpu_seconds() - cpu_before
        ids, vectors = library.store.embeddings()
        faces = hashlib.sha256(ids.tobytes() + vectors.tobytes()).hexdigest()
    edge = 2 * BATCH_PHOTOS * (workers or CORES)
    inner = [(when, done) for when, done in stored if edge <= done <= len(paths) - edge]
    (first, before), (last, after) = (inner[0], inner[-1]) if len(inner) > 1 else ((0.0, 0), (1.0, 0))
    unit = 1024 if platform.system() == "Linux" else 1024**2  # kilobytes there, bytes on macOS
    return {
        "whole": len(paths) / seconds,
        "steady": (after - before) / (last - first),
        "cpu_ms": 1e3 * cpu_s / len(paths),
        "worker_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit if workers else 0,
        "faces": faces,
    }


def _cpu_seconds() -> float:
    """Of this process and of those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_a_process(workers: int, paths: list[str], scratch: Path) -> dict[str, Any]:
    """As `measure`, in a process of its own."""
    request, answer = scratch / "request.json", scratch / "answer.json"
    request.write_text(json.dumps([workers, paths, str(answer)]))
    subprocess.run([sys.executable, __file__, str(request)], check=True)
    result: dict[str, Any] = json.loads(answer.read_text())
    return result


def compare(workers: list[int], paths: list[str], rounds: int) -> dict[str, Any]:
    """Medians by number of processes, threads first; shown as a table."""
    turns: dict[int, list[dict[str, Any]]] = {count: [] for count in [THREADS, *workers]}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(rounds):
            for count, some in turns.items():
                some.append(in_a_process(count, paths, Path(scratch)))
    names = ("whole", "steady", "cpu_ms", "worker_mb")
    rows = {
        count: {name: statistics.median(turn[name] for turn in some) for name in names} for count, some in turns.items()
    }
    equal = len({turn["faces"] for some in turns.values() for turn in some}) == 1
    print(
        f"{len(paths)} photos, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f};"
        f" ids and embeddings {'equal' if equal else 'NOT EQUAL'}"
    )
    print(ROW.format("processes", "whole/s", "ratio", "steady/s", "ratio", "CPU ms", "MB a worker"))
    for count, row in rows.items():
        whole, steady = (_ratio(row[name], rows[THREADS][name]) for name in names[:2])
        cells = (
            f"{row['whole']:.2f}",
            whole,
            f"{row['steady']:.2f}",
            steady,
            f"{row['cpu_ms']:.0f}",
            f"{row['worker_mb']:.0f}",
        )
        print(ROW.format(count or "threads", *cells))
    return {"photos": len(paths), "cores": os.cpu_count(), "equal": equal, "processes": rows, "rounds": turns}


def _ratio(rate: float, of_threads: float) -> str:
    return f"{rate / of_threads:.2f}" if of_threads else "-"


if __name__ == "__main__":
    count, photos, place = json.loads(Path(sys.argv[1]).read_text())
    Path(place).write_text(json.dumps(measure(count, photos)))
