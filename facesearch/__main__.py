"""The program: `facesearch …`, which is also `python -m facesearch …`."""

import signal
from collections.abc import Callable

__all__ = ["command", "start"]


def command() -> None:
    """The program `facesearch`."""
    start(_command)


def start(load: Callable[[], Callable[[], None]]) -> None:
    """Run a program. Args: load: imports it.

    Ctrl-C while it is being imported ends the process as it ends other programs, without a traceback.
    """
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:  # else somebody wants it ignored, as `nohup` and `&` do
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    program = load()
    signal.signal(signal.SIGINT, interrupted)
    program()


def _command() -> Callable[[], None]:
    from facesearch.cli import command

    return command


if __name__ == "__main__":
    command()
