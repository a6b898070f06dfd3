"""An executor of worker processes, each with one thread that computes and its own lock of Python.

A worker is another Python that runs `facesearch.core.worker`: it imports nothing of the program that starts it, so a
script needs no `if __name__ == "__main__"`. Over its stdin come pickled requests, over its stdout go answers, see
`send` and `receive` there; both are pipes that nobody else holds.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from facesearch.core.errors import WorkerError
from facesearch.core.executor import CORES, CORES_OF_A_WORKER, Room, ThreadExecutor
from facesearch.core.worker import receive, send

__all__ = ["ProcessExecutor"]

Item = TypeVar("Item")
Result = TypeVar("Result")

START = "import sys; sys.path[:] = {path!r}; from facesearch.core.worker import serve; serve()"
# Libraries would start a thread for each core, in each worker.
ONE_THREAD = dict.fromkeys((CORES_OF_A_WORKER, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
END_S = 10.0


@dataclass(frozen=True)
class ProcessExecutor:
    """An Executor: processes, started for each `map` as there is work for them, and ended with it or with this process.

    Function, items and results are pickled; the function is found by its module's name, and not in `__main__`.
    """

    workers: int = CORES
    room: Room | None = None

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None
    ) -> Iterator[Result]:
        """As `Executor.map`. Raises WorkerError in the place of an item whose process has ended."""
        crew = _Crew(self.workers)
        try:
            yield from ThreadExecutor(self.workers, self.room).map(partial(crew.call, function), items, ahead)
        finally:
            crew.end()


class _Crew:
    """Workers, of which each thread that calls gets one that is idle, or a new one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: list[_Worker] = []
        self._idle: deque[_Worker] = deque()

    def call(self, function: Callable[[Item], Result], item: Item) -> Result:
        request = pickle.dumps((function, item), pickle.HIGHEST_PROTOCOL)  # what cannot be pickled costs no worker
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = _Worker()
            self._all.append(worker)
        try:
            done, result = worker.call(request)
        except (OSError, EOFError):
            fewer = max(1, self._most // 2)
            raise WorkerError(
                f"a worker process {worker.how_it_ended()}, perhaps for want of memory: run it again with"
                f" --workers {fewer}; what was stored is kept"
            ) from None
        self._idle.append(worker)
        if not done:
            raise result
        return result  # type: ignore[no-any-return]

    def end(self) -> None:
        for worker in self._all:
            worker.dismiss()
        for worker in self._all:
            worker.gone()


class _Worker:
    """A process, from this side."""

    def __init__(self) -> None:
        # In a process group of its own it is spared the terminal's Ctrl-C, which is for this process to handle.
        self._process = subprocess.Popen(
            [sys.executable, "-c", START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_THREAD,
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def call(self, request: bytes) -> tuple[bool, Any]:
        """Whether it was done, and the result or the exception. Raises OSError or EOFError where the process ended."""
        send(self._requests, request)
        del request  # photos of many megabytes
        answer: tuple[bool, Any] = pickle.loads(receive(self._answers))
        return answer

    def how_it_ended(self) -> str:
        code = self.gone()
        if code >= 0:
            return f"has ended with exit code {code}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"

    def dismiss(self) -> None:
        """It ends where its requests do."""
        with suppress(OSError):
            self._requests.close()

    def gone(self) -> int:
        """Wait until it has ended; its exit code."""
        self.dismiss()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._answers.close()
        return self._process.wait()
