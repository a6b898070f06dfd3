"""How long questions about the people of a large library take, and a decision, and how much memory.

    python index/benchmark_people.py measure [--faces 100000] [--folder LIBRARY] [--rounds 5]

The library is made up (synthetic.py), with a name for every other one of the largest clusters; it is made in the folder
unless there is one. A copy is measured, whose index is built and whose files have been read. Each measurement is a
process of its own: `seconds` are those of the call alone, in an open library with its people imported; `process` those
of the whole process, from its start to its end. Both are medians; the memory is the largest peak.
"""

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from facesearch import Library

NAMED = 300
# Of the made-up clusters every other one has a name, from the first on; the lower the number, the larger.
UNNAMED, KNOWN = "2", "3"

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


def all_people(library: "Library", _: int) -> int:
    """The list of all people and clusters."""
    return len(library.people.all())


def explanation(library: "Library", face: int) -> int:
    """Why a face is where it is; one without a decision, whose answer depends on all clusters."""
    return library.people.explain(face).face.id


def page(library: "Library", _: int) -> int:
    """What a person's page shows: who it is, and the first faces."""
    return library.browse.cluster(KNOWN).size + len(library.browse.faces(KNOWN).items)


def naming(library: "Library", _: int) -> int:
    """Say who a cluster is, which confirms all its faces."""
    decision = library.people.name(UNNAMED, "X")
    assert decision is not None
    return decision.id


OPERATIONS: dict[str, Callable[["Library", int], int]] = {
    "people": all_people,
    "explain": explanation,
    "page": page,
    "name": naming,
}


@app.command()
def measure(
    faces: Annotated[int, typer.Option(min=1000, help="How many faces the library holds.")] = 100_000,
    folder: Annotated[Path | None, typer.Option(help="Where the library is, or is made and kept.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    out: Annotated[Path | None, typer.Option(help="Write the figures there, as JSON.")] = None,
) -> None:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as temporary:
        place, copy = folder or Path(temporary) / "made", Path(temporary) / "copy"
        if not (place / "library.sqlite3").exists():
            _process("make", str(place), str(faces))
        shutil.copytree(place, copy)  # opening it may bring it to another format, and naming changes it
        size = _process("warm", str(copy))
        face = str(size.pop("face"))
        figures = {name: _measured(name, copy, face, rounds) for name in OPERATIONS}
    typer.echo(f"{size['faces']:,} faces in {size['clusters']:,} clusters, the largest of {size['largest']}")
    typer.echo(f"{'':10}{'seconds':>10}{'process':>10}{'peak MB':>10}")
    for name, row in figures.items():
        typer.echo(f"{name:10}{row['seconds']:>10.4f}{row['process_seconds']:>10.2f}{row['peak_mb']:>10.0f}")
    if out is not None:
        machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        out.write_text(json.dumps(machine | size | figures, indent=2) + "\n", encoding="utf-8")


def _measured(operation: str, folder: Path, face: str, rounds: int) -> dict[str, float]:
    once = []
    for _ in range(rounds):
        once.append(_process("once", operation, str(folder), face))
        if operation == "name":
            _process("back", str(folder))
    return {
        "seconds": round(statistics.median(one["seconds"] for one in once), 4),
        "process_seconds": round(statistics.median(one["process_seconds"] for one in once), 2),
        "peak_mb": round(max(one["peak_mb"] for one in once)),
    }


def _process(*arguments: str) -> dict[str, Any]:
    """Run a command of this file and read what it prints. This process stays small: a peak is handed down on Linux."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer | {"process_seconds": time.perf_counter() - began}


# -- in processes of their own


@app.command(hidden=True)
def make(folder: Path, faces: int) -> None:
    """A library of made-up faces in their clusters."""
    from filling import cluster_by_label, library_of_faces
    from synthetic import synthetic_faces

    vectors, labels = synthetic_faces(faces)
    store = library_of_faces(folder, vectors)
    cluster_by_label(store, labels, NAMED)
    store.close()
    with _opened(folder) as library:
        explanation(library, 1)  # builds the vector index
    typer.echo("{}")


@app.command(hidden=True)
def warm(folder: Path) -> None:
    """Open a library, so that it has its format and its index, and the disk's cache has its files."""
    with _opened(folder) as library:
        face = library.browse.faces(UNNAMED, limit=1).items[0].id
        explanation(library, face)
        sizes = [one.size for one in library.people.all(ignored=True)]
        held = library.status().faces
    typer.echo(json.dumps({"face": face, "faces": held, "clusters": len(sizes), "largest": max(sizes)}))


@app.command(hidden=True)
def once(operation: str, folder: Path, face: int) -> None:
    """One operation."""
    with _opened(folder) as library:
        began = time.perf_counter()
        OPERATIONS[operation](library, face)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**10 if sys.platform == "linux" else 2**20)
    typer.echo(json.dumps({"seconds": seconds, "peak_mb": peak}))


@app.command(hidden=True)
def back(folder: Path) -> None:
    """Take the latest decision back."""
    with _opened(folder) as library:
        library.people.undo()
    typer.echo("{}")


def _opened(folder: Path) -> "Library":
    """A library whose people have been imported, which else happens on first use."""
    from facesearch import Library

    library = Library(folder, create=False)
    assert library.people, library.browse
    return library


if __name__ == "__main__":
    app()
