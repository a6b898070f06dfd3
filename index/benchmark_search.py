"""Search, opening and re-runs at sizes that nobody's photos have, each beside what it is compared with.

    python index/benchmark_search.py search --faces 1000000
    python index/benchmark_search.py open --faces 1000000
    python index/benchmark_search.py change --faces 1000000
    python index/benchmark_search.py query IMAGE --faces 1000000
    python index/benchmark_search.py rerun --photos 100000

Rounds alternate between the two sides, and medians are compared. A library takes a minute or two to fill; with
--folder it is kept, and the next command takes it as it is.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from filling import add_face, library_of_faces, library_of_photos
from numpy.typing import NDArray
from synthetic import synthetic_faces

from facesearch.core.settings import SearchConfig
from facesearch.storage import Store
from facesearch.storage.vectors import FILE_NAME, STAMP_NAME

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

K, QUERIES, MOST_QUERIES = 10, 200, 1000

Faces = Annotated[int, typer.Option(min=1000, help="How many faces the library holds.")]
Folder = Annotated[Path | None, typer.Option(help="Where the library is, or is made and kept.")]
Rounds = Annotated[int, typer.Option(min=1, help="How often each side is measured.")]
Out = Annotated[Path | None, typer.Option(help="Write the figures there, as JSON.")]

ROOT = Path(__file__).resolve().parent.parent
OPEN_OURS = """
import sys; from pathlib import Path; from facesearch.storage import Store; import faiss
import time; began = time.perf_counter()
vectors = Store.open(Path(sys.argv[1])).vectors; print(time.perf_counter() - began)
"""
OPEN_FLAT = """
import sys, faiss
import time; began = time.perf_counter()
index = faiss.read_index(sys.argv[1]); print(time.perf_counter() - began)
"""


@app.command()
def search(
    faces: Faces = 1_000_000,
    folder: Folder = None,
    queries: Annotated[int, typer.Option(min=1, max=MOST_QUERIES)] = QUERIES,
    out: Out = None,
) -> None:
    """One query among many faces, the library open: against FAISS's flat index in the same process."""
    import faiss

    with _place(folder) as place:
        embeddings, probes = _embeddings(faces, queries)
        store = library_of_faces(place, embeddings)
        building = _seconds(lambda: store.vectors)
        careful = Store.open(place, SearchConfig(probed=1.0))
        flat = faiss.IndexFlatL2(embeddings.shape[1])
        flat.add(embeddings)
        sides: dict[str, Callable[[NDArray[np.float32]], Any]] = {
            "flat": lambda probe: (flat.search(probe[None], K)[1][0] + 1).tolist(),
            "ours": lambda probe: [face for face, _ in store.search(probe, K)],
            "exact": lambda probe: [face for face, _ in careful.search(probe, K)],
        }
        times, answers = _alternating({name: _each(side, probes) for name, side in sides.items()}, queries)
        recall = {name: _recall(answers[name], answers["flat"]) for name in ("ours", "exact")}
        figures = {
            "faces": faces,
            "opened_or_built_s": building,
            "file_mb": (place / FILE_NAME).stat().st_size / 1e6,
            **{f"{name}_p50_ms": 1e3 * statistics.median(some) for name, some in times.items()},
            "ours_p95_ms": 1e3 * float(np.percentile(times["ours"], 95)),
            "recall_at_10": recall["ours"],
            "recall_at_10_exact": recall["exact"],
        }
        _report({**figures, "flat_over_ours": figures["flat_p50_ms"] / figures["ours_p50_ms"]}, out)


@app.command("open")
def open_(faces: Faces = 1_000_000, folder: Folder = None, rounds: Rounds = 5, out: Out = None) -> None:
    """Opening a library until it can be searched, in a new process: against reading a flat FAISS file."""
    import faiss

    with _place(folder) as place:
        embeddings, _ = _embeddings(faces, 1)
        store = library_of_faces(place, embeddings)
        _ = store.vectors
        flat = faiss.IndexFlatL2(embeddings.shape[1])
        flat.add(embeddings)
        with tempfile.TemporaryDirectory() as other:
            faiss.write_index(flat, f"{other}/flat.faiss")
            del flat
            sides = {
                "ours": lambda: float(_python("-c", OPEN_OURS, str(place))),
                "flat": lambda: float(_python("-c", OPEN_FLAT, f"{other}/flat.faiss")),
            }
            _, told = _alternating(sides, rounds)
        figures = {f"{name}_s": statistics.median(some) for name, some in told.items()}
        _report({"faces": faces, **figures, "flat_over_ours": figures["flat_s"] / figures["ours_s"]}, out)


@app.command()
def change(faces: Faces = 1_000_000, folder: Folder = None, rounds: Rounds = 3, out: Out = None) -> None:
    """One face more, one photo less, until the library can be searched again: against building the index anew."""
    with _place(folder) as place:
        embeddings, probes = _embeddings(faces, 1)
        store = library_of_faces(place, embeddings)
        _ = store.vectors

        def rebuild() -> None:
            for name in (FILE_NAME, STAMP_NAME):
                (place / name).unlink()
            _ = Store.open(place).vectors

        def add() -> None:
            add_face(store, probes[0])
            _ = store.vectors

        def remove() -> None:
            with store.reading() as connection:
                path = connection.exec_driver_sql("SELECT max(path) FROM paths").scalar_one()
            store.forget_paths([path])

        times, _ = _alternating({"add": add, "remove": remove, "rebuild": rebuild}, rounds)
        figures = {f"{name}_s": statistics.median(some) for name, some in times.items()}
        _report({"faces": faces, **figures, "rebuild_over_add": figures["rebuild_s"] / figures["add_s"]}, out)


@app.command()
def query(
    image: Annotated[Path, typer.Argument(help="A picture with a face.")],
    faces: Faces = 1_000_000,
    folder: Folder = None,
    rounds: Rounds = 5,
    out: Out = None,
) -> None:
    """The whole command `facesearch query IMAGE`, from cold: beside a process that only imports PyTorch."""
    with _place(folder) as place:
        store = library_of_faces(place, _embeddings(faces, 1)[0])
        _ = store.vectors
        store.close()
        command = (str(ROOT / "cli.py"), "query", str(image), "--library", str(place), "--json")
        sides = {
            "ours": lambda: _python(*command),
            "import_torch": lambda: _python("-c", "import torch"),
            "help": lambda: _python(str(ROOT / "cli.py"), "--help"),
        }
        times, _ = _alternating(sides, rounds)
        _report({"faces": faces, **{f"{name}_s": statistics.median(some) for name, some in times.items()}}, out)


@app.command()
def rerun(
    photos: Annotated[int, typer.Option(min=1000, help="How many files there are.")] = 100_000,
    folder: Folder = None,
    rounds: Rounds = 5,
    out: Out = None,
) -> None:
    """`facesearch index` where nothing has changed: beside listing the files and asking for their sizes."""
    with _place(folder) as place:
        files = place / "photos"
        store = library_of_photos(place / "library", files, photos)
        _ = store.vectors
        store.close()
        command = (str(ROOT / "cli.py"), "index", str(files), "--library", str(place / "library"), "--json")
        sides = {"ours": lambda: json.loads(_python(*command)), "listing": lambda: _listing(files)}
        times, told = _alternating(sides, rounds)
        assert all(report["photos"]["unchanged"] == photos for report in told["ours"])
        figures = {
            "photos": photos,
            "command_s": statistics.median(times["ours"]),
            "index_s": statistics.median(report["seconds"] for report in told["ours"]),
            "listing_s": statistics.median(times["listing"]),
        }
        per_s = {f"photos_per_s_{name}": photos / figures[f"{name}_s"] for name in ("command", "index", "listing")}
        _report({**figures, **per_s}, out)


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """The folder, or one that goes afterwards."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)


def _embeddings(faces: int, queries: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Those of a library, and other photos of the same people."""
    drawn, _ = synthetic_faces(faces + MOST_QUERIES)  # the same, however many are asked
    return drawn[:faces], drawn[faces : faces + queries]


def _alternating(
    sides: dict[str, Callable[[], Any]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[Any]]]:
    """Each side once a round: what it took, in seconds, and what it returned."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    answers: dict[str, list[Any]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            began = time.perf_counter()
            answers[name].append(side())
            times[name].append(time.perf_counter() - began)
    return times, answers


def _each(side: Callable[[NDArray[np.float32]], Any], probes: NDArray[np.float32]) -> Callable[[], Any]:
    """A side that takes the next probe each time."""
    left = iter(probes)
    return lambda: side(next(left))


def _recall(found: list[list[int]], true: list[list[int]]) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, true, strict=True)]))


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _listing(folder: Path) -> int:
    return sum(entry.stat().st_size for part in os.scandir(folder) for entry in os.scandir(part.path))


def _python(*arguments: str) -> str:
    """What a new process prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def _report(figures: dict[str, float], out: Path | None) -> None:
    for name, value in figures.items():
        typer.echo(f"{name:24}{value:14,.4g}" if value < 1000 else f"{name:24}{value:14,.0f}")
    if out is not None:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()}
        out.write_text(json.dumps({**figures, "machine": machine}, indent=2) + "\n")


if __name__ == "__main__":
    app()
