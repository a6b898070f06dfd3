"""A packed data set of aligned crops -> the folder of wide crops that `train align` writes, so that `fit` reads it.

The sets: InsightFace's .rec with .idx (train/recordio.py) and WebDataset shards (train/shards.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.executor import CORES
from train.crops import BATCH_IMAGES, CropsReport, CropsRun, finished, writing
from train.looking import WIDE, wide_settings
from train.manifest import Entry
from train.packed import PackedImage, PackedSet
from train.prealigned import recut
from train.recordio import InsightFaceSet
from train.shards import ShardSet

__all__ = ["import_crops"]

# Bytes of the data set that were read, and all of them.
Tick = Callable[[int, int], None]


def import_crops(source: Path, out: Path, *, workers: int | None = None, tick: Tick = lambda *_: None) -> CropsReport:
    """Write a wide crop of every image that has none yet, and a line about each in the manifest.

    May end at any moment, as `train.aligning.align`: what the manifest says is there, the same call goes on from there.

    Args:
        source: a .rec file with its .idx beside it, a .tar shard, or a folder of shards.
        out: for crops (PERSON/NAME.jpg, 224 x 224 px, landmarks where WIDE says), manifest.jsonl and align.json.
        workers: threads that make crops; None for one a core.

    Raises:
        InputError: source is no such set, or damaged; out holds something else or crops of another set, is being
            written by another run, or cannot be written.
    """
    source, out = source.resolve(), out.resolve()
    packed, run = _opened(source), CropsRun(out)
    size_bytes = packed.size_bytes
    named = source.name if source.is_dir() else f"{source.parent.name}/{source.name}"  # most are called train.rec
    with writing(out, wide_settings() | {"source": named, "made_from": "crops aligned to ArcFace's template"}):
        reading = _Reading(packed, finished(out))
        run.fill(
            lambda batch: [_entry(run, image) for image in batch],
            reading.batches(),
            workers or CORES,
            lambda: tick(reading.at_byte, size_bytes),
        )
    return run.report(reading.already)


def _opened(source: Path) -> PackedSet:
    if not source.exists():
        raise InputError(f"{source} does not exist: give a .rec file, a .tar shard, or a folder of shards")
    if source.suffix == ".rec":
        return InsightFaceSet(source)
    if source.suffix == ".tar" or source.is_dir():
        return ShardSet(source)
    raise InputError(f"{source.name} is of no kind that can be imported: give a .rec file, a .tar, or a folder of .tar")


@dataclass
class _Reading:
    """Takes from a data set what is not done yet; how far it is, and how much was done before."""

    packed: PackedSet
    done: dict[str, str | None]
    at_byte: int = 0
    already: int = 0

    def batches(self) -> Iterator[list[PackedImage]]:
        images = self._left()
        while batch := list(islice(images, BATCH_IMAGES)):
            yield batch

    def _left(self) -> Iterator[PackedImage]:
        for image in self.packed.images():
            self.at_byte = image.start
            if image.source in self.done:
                self.already += 1
            else:
                yield image


def _entry(run: CropsRun, image: PackedImage) -> Entry:
    """Makes the crop of an image; called by several threads."""
    if image.problem:
        return Entry(image.source, None, reason=image.problem)
    try:
        rgb, landmarks = recut(image.data, WIDE)
    except PhotoError as error:
        return Entry(image.source, None, reason=str(error))
    run.save(image.source, rgb)
    points = tuple((float(x), float(y)) for x, y in landmarks)
    return Entry(image.source, image.source, points, score=1.0, faces=1)
