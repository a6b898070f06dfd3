"""The command line: one file for each group of commands; parse, one call into the library, print.

May import sharing, evaluation, library and everything below; `serve` starts web.
"""

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from facesearch.cli import (
    adapting,
    checking,
    clusters,
    drawing,
    indexing,
    keeping,
    migrating,
    models,
    people,
    search,
    serve,
    sharing,
)
from facesearch.cli.app import app
from facesearch.cli.output import ReaderGoneError, fail, flush, lose, ready_streams
from facesearch.core.errors import FacesearchError
from facesearch.core.extras import EXTRAS, how_to_get

__all__ = ["app", "command", "leave_after", "main", "run"]

# Commands in the order of --help.
_FILES = [
    module.__name__
    for module in (
        *(indexing, search, people, drawing, clusters, serve, keeping),
        *(checking, migrating, sharing, models, adapting),
    )
]
app.registered_commands.sort(key=lambda known: _FILES.index(known.callback.__module__ if known.callback else ""))

# New objects after which Python looks for garbage: with its usual 700 a query spends a tenth of its time on it.
YOUNG = 200_000
# As a shell reports a process that SIGPIPE or SIGINT has ended.
READER_GONE, INTERRUPTED = 141, 130


def main() -> None:
    """What `facesearch` does."""
    run(app)


def command() -> None:
    """The program `facesearch`."""
    gc.set_threshold(YOUNG)
    leave_after(main)


def leave_after(program: Callable[[], None]) -> None:
    """Run a program, and then out at once: networks take a while to go, and their threads may not survive it."""
    code: object = 0
    try:
        program()
    except SystemExit as ended:
        code = ended.code or 0
    if sys.modules.keys().isdisjoint({"torch", "openvino"}) or not isinstance(code, int):
        sys.exit(code)  # type: ignore[arg-type]
    os._exit(code)  # `run` has flushed what was printed


def run(program: Callable[..., object]) -> None:
    """Run a Typer app, or any program: errors become one line and exit code 2. Raises SystemExit."""
    ready_streams()
    try:
        try:
            _run(program)
        finally:
            flush()  # what was printed before an error
    except (BrokenPipeError, ReaderGoneError):
        lose(sys.stdout, sys.stderr)  # nothing may be written any more, not even on the way out
        sys.exit(READER_GONE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run(program: Callable[..., object]) -> None:
    try:
        code = _code_of(program)
        flush()
        sys.exit(code)
    except FacesearchError as error:
        fail(str(error))
    except (BrokenPipeError, ReaderGoneError):
        raise
    except OSError as error:  # the disk is full, a folder may not be written, …
        fail(f"{error.filename or 'the output or a file'}: {(error.strerror or str(error)).lower()}")
    except Exception as error:  # exit code 1 would say "different people"
        if os.environ.get("FACESEARCH_DEBUG"):
            raise
        fail(_told(error))


def _code_of(program: Callable[..., object]) -> Any:
    """The exit code of a program that has ended in order: 1, which says "different people", is `verify`'s alone."""
    if not isinstance(program, typer.Typer):
        program()
        return 0
    try:
        return program(standalone_mode=False)
    except SystemExit as ended:
        if ended.code == 1:  # so Typer ends by itself where nobody reads
            raise ReaderGoneError from None
        raise
    except typer.Abort:  # the end of the input where a question was asked
        fail("there was no answer: nothing was done")
    except Exception as error:
        if not hasattr(error, "show"):
            raise
        error.show()  # Typer's own: the usage, and what was wrong with it
        return 2


def _told(error: Exception) -> str:
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package in EXTRAS:
        return f"this needs {EXTRAS[package][0]}: {how_to_get(package)}"
    return f"unexpected {type(error).__name__}: {error} (FACESEARCH_DEBUG=1 shows where; please report it)"
