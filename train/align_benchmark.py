"""`train align` beside facenet-pytorch's MTCNN as the lineage ran it: images per second from files to saved crops.

    python -m train.align_benchmark LFW_DIR [--images 500] [--rounds 3] [--out FILE]

The ways take turns in one process, and the median of their rounds counts, so that whatever else the machine does
falls on all of them. facenet-pytorch is given a torch thread for each core, as it comes, and one thread alone, since
several threads wait for one another where something else runs.
"""

import json
import os
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image

from facesearch.core.errors import InputError
from facesearch.media import find_photos
from train.aligning import align

__all__ = ["compare", "pick_images"]

# How many images CASIA-WebFace has, on which this network is usually trained.
CASIA_IMAGES = 491_542
BATCH = 32
Way = Callable[[Path, Path], None]


def pick_images(folder: Path, count: int) -> list[Path]:
    """So many images of a folder, the same ones every time. Raises InputError where there are none."""
    images = [Path(photo.path) for photo in find_photos(folder).photos]
    if not images:
        raise InputError(f"{folder} has no images")
    return sorted(random.Random(0).sample(images, min(count, len(images))))


def compare(images: list[Path], rounds: int) -> dict[str, list[float]]:
    """Way -> images per second in each round."""
    ways: dict[str, Way] = {"train align, aligned": _ours("aligned"), "train align, box": _ours("box")}
    for threads in sorted({torch.get_num_threads(), 1}, reverse=True):
        on = f"{threads} thread{'s' * (threads > 1)}"
        ways[f"facenet-pytorch, one at a time, min face 20, {on}"] = _theirs(20, 1, threads)
        ways[f"facenet-pytorch, batches of {BATCH}, min face 40, {on}"] = _theirs(40, BATCH, threads)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as scratch:
        dataset = _linked(images, Path(scratch) / "people")
        for turn in range(rounds):
            for number, (name, way) in enumerate(ways.items()):
                rates[name].append(len(images) / _timed(way, dataset, Path(scratch) / f"{turn}-{number}"))
    return rates


def _linked(images: list[Path], root: Path) -> Path:
    """The images, as a data set of their own; all ways read the same files."""
    for image in images:
        person = root / image.parent.name
        person.mkdir(parents=True, exist_ok=True)
        (person / image.name).symlink_to(image.resolve())
    return root


def _timed(way: Way, dataset: Path, out: Path) -> float:
    began = time.perf_counter()
    way(dataset, out)
    return time.perf_counter() - began


def _ours(style: str) -> Way:
    def run(dataset: Path, out: Path) -> None:
        align(dataset, out, style=style, device="cpu")

    return run


def _theirs(min_face: int, batch: int, threads: int) -> Way:
    """MTCNN as in facenet-pytorch's examples, with the size and margin of davidsandberg/facenet."""

    def run(dataset: Path, out: Path) -> None:
        from facenet_pytorch import MTCNN

        mtcnn = MTCNN(image_size=182, margin=44, min_face_size=min_face, keep_all=False)
        images = sorted(dataset.rglob("*.jpg"))
        with _threads(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is of NumPy 1's time
            for start in range(0, len(images), batch):
                _crop(mtcnn, images[start : start + batch], dataset, out)

    return run


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _crop(mtcnn: Any, paths: list[Path], dataset: Path, out: Path) -> None:
    targets = [str(out / path.relative_to(dataset)) for path in paths]
    pictures = [Image.open(path).convert("RGB") for path in paths]
    if len(paths) == 1:
        mtcnn(pictures[0], save_path=targets[0])
        return
    # mtcnn(pictures) ends with a ValueError from NumPy 1.24 on where one of them shows no face (facenet-pytorch 2.5.3
    # makes an array of None and arrays); its two halves, without the choice between them, do not: largest comes first.
    boxes, _ = mtcnn.detect(pictures)
    mtcnn.extract(pictures, boxes, targets)


def _report(rates: dict[str, list[float]], images: int) -> dict[str, Any]:
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ours = next(iter(medians.values()))
    rows = {
        name: {"images_per_s": round(rate, 2), "casia_h": round(CASIA_IMAGES / rate / 3600, 1), "ratio": ours / rate}
        for name, rate in medians.items()
    }
    return {"images": images, "cores": os.cpu_count(), "load": os.getloadavg(), "rates": rates, "ways": rows}


def _print(report: dict[str, Any]) -> None:
    print(f"{report['images']} images, {report['cores']} cores; ratio: the first row's rate over this row's")
    print(f"{'':62} {'images/s':>9} {'ratio':>6} {'CASIA, h':>9}")
    for name, row in report["ways"].items():
        print(f"{name:62} {row['images_per_s']:9.2f} {row['ratio']:6.1f} {row['casia_h']:9.1f}")


def main(
    folder: Annotated[Path, typer.Argument(help="Images of one size in a folder for each person, such as LFW.")],
    images: Annotated[int, typer.Option(min=1, help="How many of them.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, help="How often; the medians count.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Write the figures there as JSON.")] = None,
) -> None:
    """Images per second of `train align` and of facenet-pytorch's MTCNN."""
    chosen = pick_images(folder, images)
    report = _report(compare(chosen, rounds), len(chosen))
    _print(report)
    if out is not None:
        out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
