"""A folder of images for each person -> aligned crops and a manifest, through the product's own detector.

Decode, detect and align are facesearch's (`facesearch.pipeline`; train/looking.py says how): what a
network is trained on is what it will see.
"""

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from PIL import Image

from facesearch import __version__
from facesearch.core.errors import InputError, PhotoError
from facesearch.core.executor import ThreadExecutor
from facesearch.core.files import make_folders, replace_file
from facesearch.media import LocalFiles
from facesearch.pipeline.pipeline import one_thread
from train.looking import (
    BOX_MARGIN_PX,
    BOX_SIDE,
    QUICK_MIN_FACE_SHARE,
    WIDE,
    Eyes,
    Seen,
    box_crop,
    wide_crop,
)
from train.manifest import SETTINGS, Entry, ManifestWriter, read_manifest

__all__ = ["AlignReport", "align"]

# Images done, images to do.
Tick = Callable[[int, int], None]

BATCH_IMAGES = 16
PART, LOCK = ".part", ".lock"


@dataclass(frozen=True)
class AlignReport:
    """What a run has done: found = aligned + already + all that were skipped.

    already: images that an earlier run has looked at.
    skipped: reason -> how many images.
    several: how many of the aligned ones show more than one face; the quick look passes over small and doubtful ones.
    """

    found: int
    aligned: int
    already: int
    skipped: dict[str, int]
    several: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        return (self.found - self.already) / max(self.seconds, 1e-9)

    def __str__(self) -> str:
        """One line for people."""
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
        return (
            f"{self.aligned:,} of {self.found:,} images aligned ({self.several:,} show several faces), {self.already:,}"
            f" done before, {sum(self.skipped.values()):,} skipped{reasons and f' ({reasons})'};"
            f" {self.seconds:.1f} s, {self.images_per_second:.1f} images/s"
        )


def align(
    dataset: Path,
    out: Path,
    *,
    style: str = "aligned",
    device: str = "auto",
    workers: int | None = None,
    tick: Tick = lambda *_: None,
) -> AlignReport:
    """Write a crop of the labelled face of every image that has none yet, and a line about each in the manifest.

    May end at any moment: what the manifest says is there, the images in flight are done again by the next run.

    Args:
        dataset: has a folder with images for each person.
        out: for crops (the images' relative paths with .jpg), manifest.jsonl and align.json.
        style: "aligned" for 224 x 224 px, landmarks where WIDE says; "box" for 182 x 182 px as davidsandberg/facenet.
        workers: threads that look at images; None for as many as keep the machine busy.

    Raises:
        InputError: dataset is no such folder; out lies in it, holds something else, crops of another style or of
            another data set, is being written by another run, or cannot be written.
        ModelError: the device is not there.
    """
    began = time.perf_counter()
    dataset, out = dataset.resolve(), out.resolve()
    settings, sources = _settings(dataset, style), _sources(dataset, out)
    with _writing(out):
        _settle(out, settings)
        job = _Job.plan(dataset, out, style, sources)
        if job.todo:
            job.run(Eyes.open(device), workers, tick)
    already = len(sources) - len(job.todo)
    return AlignReport(len(sources), job.aligned, already, dict(job.skipped), job.several, time.perf_counter() - began)


def _sources(dataset: Path, out: Path) -> dict[str, str]:
    """Every image, relative to the data set -> why it cannot be looked at, mostly empty."""
    if not dataset.is_dir():
        raise InputError(f"{dataset} is not a folder: give one that has a folder with images for each person")
    if dataset == out or dataset in out.parents or out in dataset.parents:
        raise InputError(f"the crops' folder {out} and the data set {dataset} must not lie within each other")
    found = LocalFiles().find([str(dataset)])
    sources = {_relative(photo.path, dataset): "" for photo in found.photos}
    sources = {source: "" if "/" in source else "not in a person's folder" for source in sources}
    if not any("/" in source for source in sources):
        raise InputError(f"{dataset} has no folders with images in them: each person needs one")
    return sources | {_relative(failure.path, dataset): failure.reason for failure in found.failures}


def _relative(path: str, root: Path) -> str:
    return PurePosixPath(Path(path).relative_to(root)).as_posix()


def _settings(dataset: Path, style: str) -> dict[str, Any]:
    """How the crops are made; all of it but the version must be the same in a run that goes on with them."""
    how: dict[str, dict[str, Any]] = {
        "aligned": {"size": list(WIDE.size), "landmarks": [list(point) for point in WIDE.landmarks]},
        "box": {"size": [BOX_SIDE, BOX_SIDE], "margin_px": BOX_MARGIN_PX},
    }
    if style not in how:
        raise InputError(f"style must be 'aligned' or 'box', not {style!r}")
    looks = {"pick": "prominent", "min_face": f"{QUICK_MIN_FACE_SHARE:g} of the shorter side, else as indexing"}
    return {"style": style, "source": dataset.name} | how[style] | looks | {"facesearch": __version__}


def _settle(out: Path, wanted: dict[str, Any]) -> None:
    """Write align.json, or see that the crops that are there were made in the same way."""
    path = out / SETTINGS
    if not path.exists():
        _write(out, SETTINGS, json.dumps(wanted, indent=2).encode() + b"\n")
        return
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): give another folder") from error
    for key, now in wanted.items():
        if key != "facesearch" and there.get(key) != now:
            before = json.dumps(there.get(key))
            raise InputError(f"{out} holds crops with {key} {before}, not {json.dumps(now)}: give another folder")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """The folder, made if need be, and for nobody else to write to; what the system refuses is an InputError."""
    try:
        make_folders(out)
        others = [entry.name for entry in out.iterdir() if entry.name != LOCK and entry.suffix != PART]
        if others and SETTINGS not in others:
            raise InputError(f"{out} holds other files ({min(others)}) and no {SETTINGS}: give a new folder")
        with FileLock(out / LOCK, timeout=0):
            for left in out.glob(f".*{PART}"):  # a killed run's
                left.unlink()
            yield
    except Timeout as error:
        raise InputError(f"another run is writing to {out}: wait until it has ended") from error
    except OSError as error:
        reason = f"cannot be written: {error.strerror or error}"
        raise InputError(f"{out} {reason}; what is done so far is kept, the same command goes on from there") from error


@dataclass
class _Job:
    """One run: what is to be done, and what has become of it."""

    dataset: Path
    out: Path
    style: str
    todo: list[tuple[str, str, str]]  # source, crop, why it cannot be looked at (mostly empty)
    aligned: int = 0
    several: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def plan(cls, dataset: Path, out: Path, style: str, sources: dict[str, str]) -> "_Job":
        """All but what the manifest's last word says is done, and whose crop is there."""
        last = {entry.source: entry for entry in read_manifest(out)}
        done = {source: entry for source, entry in last.items() if entry.file is None or _intact(out / entry.file)}
        left = [source for source in sources if source not in done]
        names = _crop_names(left, (entry.file for entry in done.values() if entry.file))
        return cls(dataset, out, style, [(source, names[source], sources[source]) for source in left])

    def run(self, eyes: Eyes, workers: int | None, tick: Tick) -> None:
        def work(batch: list[tuple[str, str, str]]) -> list[Entry]:
            return self._make(eyes, batch)

        workers, done = workers or eyes.usual.workers, 0
        with ManifestWriter(self.out) as manifest:
            batches = (self.todo[i : i + BATCH_IMAGES] for i in range(0, len(self.todo), BATCH_IMAGES))
            for entries in ThreadExecutor(workers).map(work, batches):
                for entry in entries:
                    manifest.add(entry)
                    self._count(entry)
                done += len(entries)
                tick(done, len(self.todo))

    def _count(self, entry: Entry) -> None:
        if entry.file is None:
            self.skipped[entry.reason] += 1
        else:
            self.aligned += 1
            self.several += entry.faces > 1

    def _make(self, eyes: Eyes, batch: list[tuple[str, str, str]]) -> list[Entry]:
        """The crops of a batch, written; called by several threads."""
        with one_thread():
            seen = iter(eyes.look([str(self.dataset / source) for source, _, problem in batch if not problem]))
            return [
                Entry(source, None, reason=problem) if problem else self._save(eyes, source, crop, next(seen))
                for source, crop, problem in batch
            ]

    def _save(self, eyes: Eyes, source: str, name: str, seen: Seen | PhotoError) -> Entry:
        if isinstance(seen, PhotoError):
            return Entry(source, None, reason=str(seen))
        face = seen.labelled
        if face is None:
            return Entry(source, None, reason="no face found")
        try:
            rgb, landmarks = (
                wide_crop(eyes, seen.loaded, face) if self.style == "aligned" else box_crop(seen.loaded, face)
            )
        except PhotoError as error:
            return Entry(source, None, reason=str(error))
        _write(self.out, name, _jpeg(rgb))
        return Entry(source, name, tuple((float(x), float(y)) for x, y in landmarks), face.score, len(seen.faces))


def _intact(path: Path) -> bool:
    """Whether a crop is there: not removed, and not emptied by a power cut."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _crop_names(sources: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A file for each source: none twice, none that is a folder; case aside, because some file systems know none."""
    names: dict[str, str] = {}
    ordered = sorted(sources, key=lambda source: (not source.endswith(".jpg"), source))  # these keep their names
    used = {name.casefold() for name in taken}
    used |= {str(folder).casefold() for source in ordered for folder in PurePosixPath(source).parents}
    for source in ordered:
        tries = chain([str(PurePosixPath(source).with_suffix(".jpg"))], (source + ".jpg" * n for n in count(1)))
        names[source] = next(name for name in tries if name.casefold() not in used)
        used.add(names[source].casefold())
    return names


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _write(out: Path, name: str, content: bytes) -> None:
    """A whole file or none; what a power cut leaves half is made again, see `_intact`. Raises OSError."""
    make_folders((out / name).parent)
    replace_file(out / name, content, part=out / f".{threading.get_ident()}{PART}", durable=False)
