"""How cost grows with the library, as a picture, from what `benchmark.py` has written.

python index/growth_plot.py docs/speed.json docs/growth.png
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

OURS, PEER = "tab:blue", "tab:gray"


def main(
    figures: Annotated[Path, typer.Argument(exists=True, help="JSON of benchmark.py.")],
    picture: Annotated[Path, typer.Argument(help="PNG to write.")],
) -> None:
    """Draw search, new photos, clustering and memory over the number of faces."""
    from matplotlib.figure import Figure

    measured = json.loads(figures.read_text(encoding="utf-8"))["figures"]
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axes, draw in zip(figure.subplots(1, 4), (search, new_photos, clustering, memory), strict=True):
        draw(axes, measured)
        axes.set(xscale="log", xlabel="faces in the library")
        axes.grid(True, alpha=0.3)
    figure.savefig(picture, dpi=110)


def search(axes: Any, measured: dict[str, Any]) -> None:
    sizes = _sizes(measured)
    found = [measured["growth"][str(size)]["search"] for size in sizes]
    axes.plot(sizes, [one["flat_p50_ms"] for one in found], "s--", color=PEER, label="FAISS flat")
    axes.plot(sizes, [one["ours_p50_ms"] for one in found], "o-", color=OURS, label="facesearch")
    axes.set(title="one query, ms", yscale="log")
    axes.legend()


def new_photos(axes: Any, measured: dict[str, Any]) -> None:
    sizes = _sizes(measured)
    rates = [measured["growth"][str(size)]["add"]["photos_per_s"] for size in sizes]
    axes.plot(sizes, rates, "o-", color=OURS)
    axes.set(title="60 new photos, photos/s", ylim=(0, None))


def clustering(axes: Any, measured: dict[str, Any]) -> None:
    ours, peer = measured["clustering"]["cluster"], measured["clustering"]["dbscan"]
    largest = max(peer, key=lambda one: one["faces"])
    there = [one["faces"] for one in ours]
    axes.plot(
        there, [largest["seconds"] * (n / largest["faces"]) ** 2 for n in there], "--", color=PEER, label="DBSCAN, n²"
    )
    axes.plot([one["faces"] for one in peer], [one["seconds"] for one in peer], "s", color=PEER)
    axes.plot(there, [one["seconds"] for one in ours], "o-", color=OURS, label="facesearch")
    axes.set(title="cluster, s", yscale="log")
    axes.legend()


def memory(axes: Any, measured: dict[str, Any]) -> None:
    sizes, ours = _sizes(measured), measured["clustering"]["cluster"]
    added = [measured["growth"][str(size)]["add"]["peak_mb"] / 1024 for size in sizes]
    axes.plot(sizes, added, "o-", color=OURS, label="index")
    axes.plot(
        [one["faces"] for one in ours], [one["peak_mb"] / 1024 for one in ours], "^-", color=OURS, label="cluster"
    )
    axes.set(title="peak memory, GB", ylim=(0, None))
    axes.legend()


def _sizes(measured: dict[str, Any]) -> list[int]:
    return sorted(map(int, measured["growth"]))


if __name__ == "__main__":
    typer.run(main)
