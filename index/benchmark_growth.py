"""What indexing needs as photos get larger and libraries fill: peak memory, and the rate among many faces.

    python index/benchmark_growth.py memory FOLDER [--photos 100] [--large 60]
    python index/benchmark_growth.py add FOLDER [--faces 1000000] [--photos 60]

Every measurement is a process of its own.
"""

import json
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from filling import library_of_faces
from PIL import Image
from synthetic import synthetic_faces

from facesearch.indexing.indexer import Progress
from facesearch.library import Library
from facesearch.media import find_photos

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

LARGE = (6000, 4000)
# Of the first photos, memory is still growing to what it takes.
SETTLED = 1 / 3

Photos = Annotated[Path, typer.Argument(help="A folder with photos.")]
Out = Annotated[Path | None, typer.Option(help="Write the figures there, as JSON.")]


@app.command()
def memory(
    folder: Photos,
    photos: Annotated[int, typer.Option(min=1, help="Photos as they are.")] = 100,
    large: Annotated[int, typer.Option(min=1, help="Photos enlarged to 24 megapixels.")] = 60,
    out: Out = None,
) -> None:
    """Peak memory of indexing with 24-megapixel photos among others, and whether it grows on the way."""
    files = _some(folder, photos + large)
    with tempfile.TemporaryDirectory() as scratch:
        mixed = _mixed(files, large, Path(scratch) / "photos")
        figures = _alone(_indexed, str(Path(scratch) / "library"), mixed)
    held = figures.pop("rss_mb")
    settled = held[int(len(held) * SETTLED) :]
    half = len(settled) // 2
    figures |= {"first_half_mb": max(settled[:half]), "second_half_mb": max(settled[half:])}
    _report({"photos": photos, "large_photos": large} | figures, out)


@app.command()
def add(
    folder: Photos,
    faces: Annotated[int, typer.Option(min=1000, help="Faces that the library holds before.")] = 1_000_000,
    photos: Annotated[int, typer.Option(min=1)] = 60,
    library: Annotated[Path | None, typer.Option(help="A library of so many made-up faces; it is added to.")] = None,
    out: Out = None,
) -> None:
    """Indexing some photos into a library that holds many faces, to the searchable index."""
    with tempfile.TemporaryDirectory() as scratch:
        place = library or Path(scratch)
        if library is None:
            store = library_of_faces(place, synthetic_faces(faces)[0])
            _ = store.vectors
            store.close()
        figures = _alone(_indexed, str(place), _some(folder, photos))
    _report({"faces_before": faces, "photos": photos, "peak_mb": figures["peak_mb"]} | figures["rate"], out)


def _some(folder: Path, count: int) -> list[str]:
    files = [photo.path for photo in find_photos([folder]).photos]
    return sorted(random.Random(0).sample(files, min(count, len(files))))


def _mixed(files: list[str], large: int, folder: Path) -> list[str]:
    """Some of the photos enlarged, spread among the others."""
    folder.mkdir()
    step = max(len(files) // large, 1)
    mixed = list(files)
    for place in list(range(0, len(files), step))[:large]:
        enlarged = folder / f"{place:04}.jpg"
        with Image.open(files[place]) as photo:
            size = LARGE if photo.width >= photo.height else LARGE[::-1]
            photo.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(enlarged, quality=90)
        mixed[place] = str(enlarged)
    return mixed


def _alone(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run in a fresh process, whose peak memory is then the function's own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(function, *arguments).result()


def _indexed(library: str, paths: list[str]) -> dict[str, Any]:
    """Index photos in the order that is given; memory is noted after each batch, and all the time in between."""
    noted: list[int] = []
    with Library(library, device="cpu") as opened, _watched() as seen:
        _ = opened.pipeline
        began = time.perf_counter()

        def note(_: Progress) -> None:
            noted.append(max(seen, default=0))
            seen.clear()

        opened.index(paths, progress=note)
        seconds = time.perf_counter() - began
    return {
        "rss_mb": noted[1:],
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**10 if _linux() else 2**20)),
        "rate": {"seconds": round(seconds, 2), "photos_per_s": round(len(paths) / seconds, 2)},
    }


@contextmanager
def _watched() -> Iterator[list[int]]:
    """Megabytes that this process holds, every fifth of a second; nothing where there is no /proc."""
    seen: list[int] = []
    stop = threading.Event()
    page, statm = os.sysconf("SC_PAGE_SIZE"), Path("/proc/self/statm")

    def watch() -> None:
        while not stop.wait(0.2):
            seen.append(int(statm.read_text().split()[1]) * page >> 20)

    watcher = threading.Thread(target=watch, daemon=True)
    if statm.exists():
        watcher.start()
    try:
        yield seen
    finally:
        stop.set()


def _linux() -> bool:
    return platform.system() == "Linux"


def _report(figures: dict[str, Any], out: Path | None) -> None:
    figures = {name: statistics.median(v) if isinstance(v, list) else v for name, v in figures.items()}
    for name, value in figures.items():
        typer.echo(f"{name:24}{value!s:>14}")
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    app()
