"""All that speed is about in one table: facesearch beside what people would use instead, measured in this run.

    make bench
    python index/benchmark.py PHOTOS LFW [--faces 1000000] [--rounds 5] [--out docs/speed.json]

PHOTOS is a folder of photos, LFW one with a folder of 250 x 250 pixel images for each person. The parts can be run
alone: benchmark_indexing.py, benchmark_growth.py, benchmark_search.py, benchmark_clustering.py in this folder, and
train/align_benchmark.py. With all sizes as they are it takes about three quarters of an hour on two cores; turn them
down for a glance.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent

Figures = dict[str, Any]

HEADER = "| what | facesearch | another tool | ratio | goal | reached |"
TABLE = re.compile(re.escape(HEADER) + r"\n(?:\|.*\n)*")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ours, peer: in a unit; peer is None where there is nobody to compare with.
    ratio: how many times better ours is than the peer.
    goal: what was aimed at; reached: whether ours is there.
    """

    what: str
    unit: str
    ours: float
    against: str
    peer: float | None
    ratio: float | None
    goal: str
    reached: bool


def main(
    photos: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder with photos.")],
    lfw: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Images in a folder for each person.")],
    faces: Annotated[int, typer.Option(min=100_000, help="Faces of the largest library.")] = 1_000_000,
    indexed: Annotated[int, typer.Option(min=1, help="Photos that are indexed, and images that are aligned.")] = 100,
    rerun: Annotated[int, typer.Option(min=1000, help="Photos of the library that is indexed again.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each side is measured; medians count.")] = 5,
    out: Annotated[Path | None, typer.Option(help="JSON file for the figures; a .md beside it gets the table.")] = None,
) -> None:
    """Measure everything, print the table."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measured(Path(scratch), photos, lfw, faces, indexed, rerun, rounds)
    table = rows(figures)
    print_table(table)
    print(f"\n{time.perf_counter() - began:.0f} s on {described(machine())}")
    if out is not None:
        result = {"machine": machine(), "table": [asdict(row) for row in table], "figures": figures}
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        update_page(out.with_suffix(".md"), table)


def measured(
    scratch: Path, photos: Path, lfw: Path, faces: int, indexed: int, rerun: int, rounds: int
) -> dict[str, Any]:
    """The figures of every part; growth holds them by the size of the library."""
    figures: dict[str, Any] = {}

    def part(name: str, script: str, *arguments: object) -> Figures:
        print(f"-- {name}", flush=True)
        answer = scratch / "answer.json"
        run(script, *arguments, "--out", answer)
        told: Figures = json.loads(answer.read_text(encoding="utf-8"))
        return told

    figures["indexing"] = part(
        "indexing", "index/benchmark_indexing.py", photos, "--photos", indexed, "--rounds", rounds
    )
    figures["memory"] = part("memory", "index/benchmark_growth.py", "memory", photos)
    figures["align"] = part(
        "aligning", "train/align_benchmark.py", lfw, "--images", 3 * indexed, "--rounds", min(rounds, 3)
    )
    figures["rerun"] = part(
        "indexing again", "index/benchmark_search.py", "rerun", "--photos", rerun, "--rounds", rounds
    )
    sizes = [faces // 100, faces // 10, faces]
    figures["growth"] = {}
    for size in sizes:
        library = ("--faces", size, "--folder", scratch / f"library-{size}")
        grown = {"search": part(f"search among {size:,}", "index/benchmark_search.py", "search", *library)}
        if size == faces:
            open_rounds = ("--rounds", rounds)
            figures["open"] = part("opening", "index/benchmark_search.py", "open", *library, *open_rounds)
            picture = next(path for path in sorted(photos.rglob("*.jpg")))
            figures["query"] = part(
                "the command", "index/benchmark_search.py", "query", picture, *library, *open_rounds
            )
        add = ("add", photos, "--faces", size, "--library", library[-1])
        grown["add"] = part(f"new photos among {size:,}", "index/benchmark_growth.py", *add)
        figures["growth"][str(size)] = grown
    dbscan = [max(faces // 20, 1000), max(faces // 10, 2000)]
    clustering = part(
        "clustering",
        "index/benchmark_clustering.py",
        *(word for size in sizes for word in ("--faces", size)),
        *(word for size in dbscan for word in ("--dbscan", size)),
        "--compared",
        dbscan[0],
    )
    figures["clustering"] = clustering
    return figures


def run(script: str, *arguments: object) -> None:
    """A benchmark as a process of its own; what it prints is seen."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, str(ROOT / script), *map(str, arguments)], env=environment, check=True)


def rows(figures: Figures) -> list[Row]:
    """The table, from the figures of all parts."""
    return [*_indexing_rows(figures), *_search_rows(figures), *_clustering_rows(figures)]


def _indexing_rows(figures: Figures) -> list[Row]:
    ways, aligned = figures["indexing"]["ways"], figures["align"]["ways"]
    rates = {name: way["photos_per_s"] for name, way in ways.items()}
    theirs, peer = ways["facenet-pytorch"], "facenet-pytorch, batches of 32"
    batches = next(way["images_per_s"] for name, way in aligned.items() if name.startswith(peer))  # on all cores
    return [
        _faster("indexing", "photos/s", rates["facesearch"], "facenet-pytorch", rates["facenet-pytorch"], 8),
        _faster("indexing", "photos/s", rates["facesearch"], "face_recognition", rates["face_recognition"], 10),
        _at_least(
            "facenet-pytorch's faces found too", "%", 100 * theirs["sure_faces_ours"] / theirs["sure_faces"], 100
        ),
        *(
            _faster(
                f"aligning, {style}", "images/s", aligned[f"train align, {style}"]["images_per_s"], peer, batches, 10
            )
            for style in ("box", "aligned")
        ),
        _at_most("memory of indexing, some photos of 24 MP", "GB", _gb(figures["memory"]["peak_mb"]), 1.5),
        _at_least("indexing again, nothing new", "photos/s", figures["rerun"]["photos_per_s_index"], 20_000),
        _at_most("facesearch --help", "s", figures["query"]["help_s"], 0.3),
    ]


def _search_rows(figures: Figures) -> list[Row]:
    largest = max(figures["growth"], key=int)
    search, faces = figures["growth"][largest]["search"], f"{int(largest):,} faces"
    return [
        _quicker(f"one query in {faces}", "ms", search["ours_p50_ms"], "FAISS flat", search["flat_p50_ms"], 12),
        _at_least("recall@10 of that query", "%", 100 * search["recall_at_10"], 99),
        _at_most("facesearch query, from cold", "s", figures["query"]["ours_s"], 2.5),
        _at_most(f"opening a library of {faces}", "s", figures["open"]["ours_s"], 1),
    ]


def _clustering_rows(figures: Figures) -> list[Row]:
    clustered, same = figures["clustering"]["cluster"][-1], figures["clustering"]["same_groups"][0]
    peer = clustered["dbscan_extrapolated_seconds"]
    return [
        _quicker(f"cluster, {clustered['faces']:,} faces", "s", clustered["seconds"], "DBSCAN, extrapolated", peer, 13),
        _at_most("memory of that clustering", "GB", _gb(clustered["peak_mb"]), 4),
        _at_least(f"ARI to exact clusters, {same['faces']:,} faces", "%", 100 * same["ari"], 99.5),
        _at_most("placing 1,000 new faces", "s", clustered["place_seconds"], 5),
    ]


def _gb(mebibytes: float) -> float:
    return mebibytes * 2**20 / 1e9


def _faster(what: str, unit: str, ours: float, against: str, peer: float, goal: float) -> Row:
    return Row(what, unit, ours, against, peer, ours / peer, f"{goal:g} times", ours / peer >= goal)


def _quicker(what: str, unit: str, ours: float, against: str, peer: float, goal: float) -> Row:
    return Row(what, unit, ours, against, peer, peer / ours, f"{goal:g} times", peer / ours >= goal)


def _at_most(what: str, unit: str, ours: float, goal: float) -> Row:
    return Row(what, unit, ours, "", None, None, f"at most {goal:g}", ours <= goal)


def _at_least(what: str, unit: str, ours: float, goal: float) -> Row:
    return Row(what, unit, ours, "", None, None, f"at least {goal:,g}", ours >= goal)


def print_table(table: list[Row]) -> None:
    print(f"\n{'':44} {'ours':>10} {'':9} {'peer':>10} {'ratio':>6}  goal")
    for row in table:
        peer = "" if row.peer is None else number(row.peer)
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        missed = "" if row.reached else "   missed"
        against = f" ({row.against})" if row.against else ""
        print(f"{row.what:44} {number(row.ours):>10} {row.unit:9} {peer:>10} {ratio:>6}  {row.goal}{missed}{against}")


def update_page(page: Path, table: list[Row]) -> None:
    """Put the table in the place of the one that a page holds; nothing happens where there is no such page."""
    if page.exists():
        text = page.read_text(encoding="utf-8")
        page.write_text(TABLE.sub(lambda _: markdown_table(table), text), encoding="utf-8")


def markdown_table(table: list[Row]) -> str:
    """The table as docs/speed.md has it; a comment before each figure says where it is in docs/speed.json."""
    lines = [HEADER, "|---|---|---|---|---|---|"]
    for i, row in enumerate(table):
        ours = f"<!-- table/{i}/ours --> {number(row.ours)} {row.unit}"
        peer = "" if row.peer is None else f"{row.against}: <!-- table/{i}/peer --> {number(row.peer)}"
        ratio = "" if row.ratio is None else f"<!-- table/{i}/ratio --> {row.ratio:.1f}"
        lines.append(f"| {row.what} | {ours} | {peer} | {ratio} | {row.goal} | {'yes' if row.reached else 'no'} |")
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def machine() -> Figures:
    """What it was measured on."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), processor)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def described(machine: Figures) -> str:
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, {machine['system']},"
        f" Python {machine['python']}, no GPU used"
    )


if __name__ == "__main__":
    typer.run(main)
