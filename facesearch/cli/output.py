"""What people and programs get to see: JSON and tables on stdout, progress and messages on stderr."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, NoReturn

from facesearch.core.errors import FacesearchError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from PIL.Image import Image
    from rich.progress import ProgressColumn

    from facesearch.indexing.indexer import Progress as IndexProgress

__all__ = [
    "MANY",
    "ReaderGoneError",
    "check_picture",
    "count_progress",
    "fail",
    "flush",
    "interruptible",
    "lose",
    "message",
    "photo_progress",
    "print_json",
    "ready_streams",
    "save_figure",
    "save_picture",
    "shown",
    "table",
    "tell_of_others",
]


# How much of a long list people get to see; --json has all of it.
MANY = 20
# Formats in which a picture cannot say that it is no photo.
_UNMARKED = {".bmp", ".dib", ".gif"}
# Drawings without pixels that name who has made them.
_SIGNED = {".svg", ".pdf", ".ps", ".eps"}


class ReaderGoneError(Exception):
    """Nobody reads what is printed any more, as behind `| head`."""


def ready_streams() -> None:
    """Standard streams that take whatever is printed: one that was closed at the start leads nowhere from now on.

    The next file that is opened, a database, would else get its number, and with it what other libraries print.
    A terminal that cannot show a character shows another; that is no reason to end.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest free number, which is this
        if getattr(sys, name) is None:
            nowhere = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush() -> None:
    """Hand over what was printed. Raises as `shown`."""
    for stream in (sys.stdout, sys.stderr):
        with _written(stream):
            stream.flush()


def lose(*streams: IO[str]) -> None:
    """What is printed from now on, and what was and could not be written, goes nowhere."""
    for stream in streams:
        with suppress(OSError):  # one of a test, that is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def _written(stream: IO[str]) -> Iterator[None]:
    """What is told about a stream that cannot be written; on stderr that cannot be told."""
    try:
        yield
    except BrokenPipeError as error:  # Typer would end with exit code 1, which for `verify` means different people
        raise ReaderGoneError from error
    except OSError as error:
        lose(stream)
        if stream is not sys.stderr:
            reason = (error.strerror or str(error)).lower()
            raise FacesearchError(f"the answer could not be written to standard output: {reason}") from error


def print_json(result: dict[str, Any]) -> None:
    """One JSON object; file names that are no valid UTF-8 keep their bytes as Python's surrogates, escaped."""
    _write(json.dumps(result, indent=2))


def message(text: str) -> None:
    """A line on stderr."""
    _write(_printable(text), sys.stderr)


def tell_of_others(path: "Path") -> None:
    """Say so where other users may look at what was written: the umask decides, and it shows faces."""
    if os.name != "nt" and path.exists() and path.stat().st_mode & 0o077:
        message(f"As your umask has it, other users of this machine may look at {path}: `chmod -R go= …` closes it.")


def shown(text: str = "") -> None:
    """A line of a command's answer. Raises ReaderGoneError, and FacesearchError where it could not be written."""
    _write(_printable(text))


def _write(text: str, stream: IO[str] | None = None) -> None:
    with _written(stream or sys.stdout):
        print(text, file=stream)


def fail(text: str) -> NoReturn:
    """One line on stderr, exit code 2."""
    message("Error: " + " ".join(text.split()))
    sys.exit(2)


def _printable(text: str) -> str:
    """File names may hold anything: control characters must not reach the terminal, nor a line break start a line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A table on stdout; paths are folded, never cut, so that they can be copied."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_printable(cell)) for cell in row))
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200
    console = Console(width=width)
    with console.capture() as captured:  # by itself rich ends the process when the reader has gone
        console.print(drawn)
    _write(captured.get().removesuffix("\n"))


def check_picture(path: "Path") -> None:
    """Raises InputError where a picture would lie over somebody else's file, or could not say that it is no photo."""
    from facesearch.core.errors import InputError
    from facesearch.media import PHOTO_SUFFIXES
    from facesearch.media.marks import require_ours

    if path.suffix.lower() in _UNMARKED:
        raise InputError(f"{path}: `index` would take a {path.suffix[1:]} for a photo; write a .png or .jpg")
    if not path.suffix:
        raise InputError(f"{path} has no suffix that says what to draw: name a .png or .jpg")
    require_ours(path, pixels=path.suffix.lower() in PHOTO_SUFFIXES)


def save_picture(picture: "Image", path: "Path") -> None:
    """Raises InputError where the picture cannot be written there; see `check_picture`, which long work begins with."""
    from facesearch.core.errors import InputError
    from facesearch.media.marks import EXIF

    check_picture(path)
    try:
        picture.save(path, exif=EXIF)
    except (OSError, ValueError) as error:
        raise InputError(f"the picture {path} cannot be written: {error}") from error
    message(f"The clusters are drawn in {path}.")
    tell_of_others(path)


def save_figure(figure: "Figure", path: "Path") -> None:
    """As `save_picture`, for matplotlib's figures; drawings without pixels say in their metadata whose they are."""
    from facesearch.core.errors import InputError
    from facesearch.media import PHOTO_SUFFIXES
    from facesearch.media.marks import EXIF, SOFTWARE

    check_picture(path)
    try:
        if path.suffix.lower() in PHOTO_SUFFIXES:
            figure.savefig(path, dpi=120, pil_kwargs={"exif": EXIF})
        else:
            figure.savefig(path, dpi=120, metadata={"Creator": SOFTWARE} if path.suffix.lower() in _SIGNED else None)
    except (OSError, ValueError) as error:
        raise InputError(f"the picture {path} cannot be written: {error}") from error
    message(f"The curves are drawn in {path}.")


@contextmanager
def photo_progress() -> "Iterator[Callable[[IndexProgress], None]]":
    """A bar on stderr: photos done, rate, time left, faces so far."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),  # knows what to write while the folders are still being listed
        _rate("photos"),
        TextColumn("{task.fields[faces]} faces"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, speed_estimate_period=30) as bar:
        task = bar.add_task("Detecting", total=None, faces=0)
        plain = _PlainProgress("photos") if not console.is_terminal else None

        def update(state: "IndexProgress") -> None:
            bar.update(task, completed=state.done, total=state.todo, faces=state.faces)
            if plain:
                plain.update(state.done, state.todo, f"{state.faces} faces, ")

        yield update


def _rate(unit: str) -> "ProgressColumn":
    """How many a second."""
    from rich.progress import ProgressColumn
    from rich.progress import Task as RichTask
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: RichTask) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} {unit}/s" if speed else f"- {unit}/s")

    return Rate()


@contextmanager
def count_progress(what: str, *, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for anything that is counted: hand (done, total) to the function handed out.

    A count that falls begins anew, with a rate of its own.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    counted = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(), _rate(unit))
    columns = (TextColumn("{task.description}"), BarColumn(), *counted, TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        plain = _PlainProgress(unit) if not console.is_terminal else None

        def update(done: int, total: int) -> None:
            if done < bar.tasks[task].completed:
                bar.reset(task)
            bar.update(task, completed=done, total=total)
            if plain:
                plain.update(done, total)

        yield update


class _PlainProgress:
    """Progress where stderr is a file: a line now and then instead of a bar that redraws itself."""

    EVERY_S = 10.0

    def __init__(self, unit: str) -> None:
        import time

        self._unit, self._clock = unit, time.monotonic
        self._began = self._last = self._clock()
        self._done = 0

    def update(self, done: int, total: int, more: str = "") -> None:
        now = self._clock()
        if done < self._done:
            self._began = self._last = now
        self._done = done
        if now - self._last < self.EVERY_S or not done:
            return
        self._last = now
        rate = done / (now - self._began)
        left = (total - done) / rate
        message(f"{done}/{total} {self._unit}, {rate:.1f} {self._unit}/s, {more}{left:.0f} s left")


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C once asks for an orderly end: the function handed out then says True. Twice is the usual Ctrl-C."""
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, previous)
        message("Stopping after the photos in flight; once more Ctrl-C stops at once.")

    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, previous)
