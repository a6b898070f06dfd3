"""Where the processor time of indexing goes, photo by photo, and what the arithmetic alone would take.

    python index/profile_indexing.py FOLDER [--photos 96]

One thread, photos in batches as indexing takes them, without storing. The floor is the multiplications and additions
of the networks on what they were given, at the rate at which this machine multiplies matrices on one core.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is imported: the floor is one core's

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from facesearch import embedding
from facesearch.detection.mtcnn import detector
from facesearch.detection.mtcnn import proposals as proposing
from facesearch.detection.mtcnn.cascade import PNET_COLUMNS, PNET_ROWS
from facesearch.indexing.indexer import BATCH_PHOTOS
from facesearch.media import LocalFiles
from facesearch.pipeline.pipeline import Pipeline

# Multiply-adds by the networks' layers: output places x filters x what a filter sees. P-Net's are those of a tile.
_ROWS, _COLUMNS = 2 * PNET_ROWS, 2 * PNET_COLUMNS
MULTIPLY_ADDS = {
    "P-Net": (_ROWS + 8) * (_COLUMNS + 8) * 10 * 27
    + (PNET_ROWS + 2) * (PNET_COLUMNS + 2) * 16 * 90
    + PNET_ROWS * PNET_COLUMNS * (32 * 144 + 5 * 32),
    "R-Net": 22**2 * 28 * 27 + 9**2 * 48 * 252 + 3**2 * 64 * 192 + 576 * 128 + 128 * 6,
    "O-Net": 46**2 * 32 * 27 + 21**2 * 64 * 288 + 8**2 * 64 * 576 + 3**2 * 128 * 256 + 1152 * 256 + 256 * 16,
    "embedding": 270_821_376,  # of a 150 x 150 crop; each face is two, itself and its mirror image
}


class Clock:
    """Time of functions by name, less that of those within them that have a name too; and what networks were given."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self._inner: list[float] = []

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Put a stop watch around a function of a module or object."""
        setattr(owner, attribute, self._timed(getattr(owner, attribute), name))

    def _timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            if name in MULTIPLY_ADDS:
                self.items[name] += len(arguments[0])
            began = time.perf_counter()
            self._inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - began
                self.seconds[name] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return timed


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Photos.")],
    photos: Annotated[int, typer.Option(min=1, help="How many of them.")] = 96,
) -> None:
    """Milliseconds of each step for a photo, and the floor."""
    files = [photo.path for photo in LocalFiles().find([str(folder)]).photos]
    chosen = sorted(random.Random(0).sample(files, min(photos, len(files))))
    pipeline = Pipeline.load(embedding.resolve(embedding.DEFAULT_MODEL), "cpu")
    clock = watched(pipeline)
    walk(pipeline, chosen)  # the first time, memory is got and caches are cold
    clock.seconds.clear()
    clock.items.clear()
    faces = walk(pipeline, chosen)
    total = sum(clock.seconds.values())
    print(f"{len(chosen)} photos, {faces} faces, {1e3 * total / len(chosen):.1f} ms of one core a photo")
    rate = multiplying_rate()
    for name, seconds in clock.seconds.most_common():
        print(
            f"{name:32} {1e3 * seconds / len(chosen):6.1f} ms {100 * seconds / total:4.0f} %{_floor(clock, name, rate)}"
        )
    floor = sum(clock.items[name] * count for name, count in MULTIPLY_ADDS.items()) / rate
    print(f"{'the networks alone, at least':32} {1e3 * floor / len(chosen):6.1f} ms, at {2 * rate / 1e9:.0f} GFLOP/s")


def watched(pipeline: Pipeline) -> Clock:
    """The pipeline's steps with stop watches."""
    clock = Clock()
    cascade = pipeline.detector.detector.cascade  # within the search for the upright orientation
    for owner, attribute, name in (
        (pipeline, "load_photo", "decoding"),
        (pipeline, "analyse", "the rest"),
        (pipeline, "crops", "aligning"),
        (pipeline.embedder, "embed", "embedding"),
        (detector, "Pyramid", "pyramid"),
        (detector, "crops", "crops for R-Net and O-Net"),
        (proposing, "_bands", "scales for P-Net"),
        (proposing, "_tiles", "tiles for P-Net"),
        (proposing, "nms_by_union", "non-maximum suppression"),
        (detector, "nms_by_union", "non-maximum suppression"),
        (detector, "nms_by_smaller", "non-maximum suppression"),
        (cascade, "pnet", "P-Net"),
        (cascade, "rnet", "R-Net"),
        (cascade, "onet", "O-Net"),
    ):
        clock.watch(owner, attribute, name)
    return clock



def walk(pipeline: Pipeline, paths: list[str]) -> int:
    """Read and analyse; the number of faces."""
    faces = 0
    for start in range(0, len(paths), BATCH_PHOTOS):
        some = paths[start : start + BATCH_PHOTOS]
        faces += sum(len(result.faces) for result in pipeline.analyse([LocalFiles().read(path) for path in some]))
    return faces


def multiplying_rate() -> float:
    """Multiply-adds a second of one core, in a product of matrices that fit its cache."""
    a = np.random.default_rng(0).random((512, 512), np.float32)
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - began)
    return 512**3 / best


def _floor(clock: Clock, name: str, rate: float) -> str:
    if name not in MULTIPLY_ADDS:
        return ""
    share = clock.items[name] * MULTIPLY_ADDS[name] / rate / clock.seconds[name]
    return f"   {100 * share:.0f} % of it arithmetic at the rate of a matrix product"


if __name__ == "__main__":
    typer.run(main)
