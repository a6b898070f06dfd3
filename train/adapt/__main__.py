"""What `facesearch adapt` starts: one argument, a JSON object with the options; see facesearch/cli/adapting.py."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facesearch.cli import leave_after, run
from facesearch.cli.output import count_progress, message, print_json
from train.adapt.run import Job, Tick, adapt
from train.adapt.telling import tell

__all__ = ["main"]

STOPPED = 130


def main() -> None:
    """Raises as `adapt`; Ctrl-C ends the process with its usual code, and the library is as it was."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    as_json, library = options.pop("as_json"), options["library"]
    paths = {name: Path(options[name]) if options[name] else None for name in ("library", "out")}
    stopped: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: _stop(stopped, number))
    try:
        report = adapt(Job(**options | paths), lambda what, unit: _progress(what, unit, stopped))
    except KeyboardInterrupt:
        message("Stopped; the library is as it was. Run the same command again to begin anew.")
        sys.exit(STOPPED)
    print_json(report.to_dict()) if as_json else tell(report, library)


def _stop(stopped: list[int], number: int) -> None:
    stopped.append(number)
    raise KeyboardInterrupt


@contextmanager
def _progress(what: str, unit: str, stopped: list[int]) -> Iterator[Tick]:
    """A bar. Ctrl-C that came where Python ignores exceptions, as in a destructor, is raised at the next step."""
    with count_progress(what, unit=unit) as tick:

        def told(done: int, count: int) -> None:
            if stopped:
                raise KeyboardInterrupt
            tick(done, count)

        yield told


if __name__ == "__main__":
    leave_after(lambda: run(main))
