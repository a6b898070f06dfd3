"""A folder of crops with its manifest: one run writes to it at a time, and a later one goes on where it ended.

What fills it: train/aligning.py from photos, train/importing.py from data sets whose crops are aligned already.
"""

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from PIL import Image

from facesearch import __version__
from facesearch.core.errors import InputError
from facesearch.core.executor import ThreadExecutor
from facesearch.core.files import make_folders, replace_file
from facesearch.media.marks import EXIF
from train.manifest import SETTINGS, Entry, ManifestWriter, read_manifest

__all__ = ["BATCH_IMAGES", "CropsReport", "CropsRun", "finished", "writing"]

Batch = TypeVar("Batch")

BATCH_IMAGES = 16
PART, LOCK = ".part", ".lock"


@dataclass(frozen=True)
class CropsReport:
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
        several = f" ({self.several:,} show several faces)" if self.several else ""
        return (
            f"{self.aligned:,} of {self.found:,} images aligned{several}, {self.already:,} done before,"
            f" {sum(self.skipped.values()):,} skipped{reasons and f' ({reasons})'};"
            f" {self.seconds:.1f} s, {self.images_per_second:.1f} images/s"
        )


@dataclass
class CropsRun:
    """One run, and what has become of its images so far."""

    out: Path
    began: float = field(default_factory=time.perf_counter)
    aligned: int = 0
    several: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Images that this run has looked at."""
        return self.aligned + self.skipped.total()

    def fill(
        self,
        make: Callable[[Batch], list[Entry]],
        batches: Iterable[Batch],
        workers: int,
        after: Callable[[], None],
    ) -> None:
        """Make the crops of all batches, and a line in the manifest about each image.

        Args:
            make: writes the crops of a batch with `save`; called by several threads.
            batches: taken one by one, as they are needed, in this thread.
            after: called after each batch.

        Raises OSError.
        """
        with ManifestWriter(self.out) as manifest:
            for entries in ThreadExecutor(workers).map(make, batches):
                for entry in entries:
                    manifest.add(entry)
                    self._count(entry)
                after()

    def _count(self, entry: Entry) -> None:
        if entry.file is None:
            self.skipped[entry.reason] += 1
        else:
            self.aligned += 1
            self.several += entry.faces > 1

    def save(self, name: str, rgb: NDArray[np.uint8]) -> None:
        """Write a crop as JPEG, relative to the folder. Raises OSError."""
        _write(self.out, name, _jpeg(rgb))

    def report(self, already: int) -> CropsReport:
        seconds = time.perf_counter() - self.began
        return CropsReport(self.done + already, self.aligned, already, dict(self.skipped), self.several, seconds)


def finished(out: Path) -> dict[str, str | None]:
    """Source -> its crop, None if it was skipped: what the manifest's last word says is done, and whose crop is there.

    Raises InputError where the manifest is damaged.
    """
    done: dict[str, str | None] = {}
    for entry in read_manifest(out):
        # one string for both where they are equal: there may be millions
        done[entry.source] = entry.source if entry.file == entry.source else entry.file
    return {source: file for source, file in done.items() if file is None or _intact(out / file)}


def _intact(path: Path) -> bool:
    """Whether a crop is there: not removed, and not emptied by a power cut."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


@contextmanager
def writing(out: Path, settings: dict[str, Any]) -> Iterator[None]:
    """The folder, made if need be, and for nobody else to write to.

    Args:
        settings: how the crops are made; all of it must be the same in a run that goes on with them.

    Raises:
        InputError: it holds something else or crops made in another way, another run is writing to it, or the system
            refuses what is done to it within.
    """
    try:
        make_folders(out)
        others = [entry.name for entry in out.iterdir() if entry.name != LOCK and entry.suffix != PART]
        if others and SETTINGS not in others:
            raise InputError(f"{out} holds other files ({min(others)}) and no {SETTINGS}: give a new folder")
        with FileLock(out / LOCK, timeout=0):
            for left in out.glob(f".*{PART}"):  # a killed run's
                left.unlink()
            _settle(out, settings)
            yield
    except Timeout as error:
        raise InputError(f"another run is writing to {out}: wait until it has ended") from error
    except OSError as error:
        reason = f"cannot be written: {error.strerror or error}"
        raise InputError(f"{out} {reason}; what is done so far is kept, the same command goes on from there") from error


def _settle(out: Path, wanted: dict[str, Any]) -> None:
    """Write align.json, or see that the crops that are there were made in the same way."""
    path = out / SETTINGS
    if not path.exists():
        _write(out, SETTINGS, json.dumps(wanted | {"facesearch": __version__}, indent=2).encode() + b"\n")
        return
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): give another folder") from error
    for key, now in wanted.items():
        if there.get(key) != now:
            before = json.dumps(there.get(key))
            raise InputError(f"{out} holds crops with {key} {before}, not {json.dumps(now)}: give another folder")


def _jpeg(rgb: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=95, subsampling=0, exif=EXIF)
    return buffer.getvalue()


def _write(out: Path, name: str, content: bytes) -> None:
    """A whole file or none; what a power cut leaves half is made again, see `_intact`. Raises OSError."""
    make_folders((out / name).parent)
    replace_file(out / name, content, part=out / f".{threading.get_ident()}{PART}", durable=False)
