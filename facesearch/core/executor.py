"""Work on many items at a time, with results in order and no more of it in memory than needed."""

import ctypes
import os
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

__all__ = ["CORES", "CORES_OF_A_WORKER", "Executor", "Room", "ThreadExecutor", "give_memory_back"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# In the environment of a worker process: its share of the cores.
CORES_OF_A_WORKER = "FACESEARCH_CORES_OF_A_WORKER"
# Those that this process may use.
CORES = int(os.environ.get(CORES_OF_A_WORKER, "0")) or (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
# mallopt's numbers of its parameters in glibc's malloc.h, and what they are set to: blocks of 16 MB and more, which are
# photos, go back to the system as soon as they are freed, and threads share two heaps.
MALLOC_SETTINGS = {"M_TRIM_THRESHOLD": (-1, 16 << 20), "M_MMAP_THRESHOLD": (-3, 16 << 20), "M_ARENA_MAX": (-8, 2)}


class Executor(Protocol):
    """Where work is done: in threads, or in processes and on machines, where function and items can be pickled."""

    @property
    def workers(self) -> int:
        """How many items are worked on at a time."""
        ...

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None
    ) -> Iterator[Result]:
        """What the built-in `map` gives, in its order, with several items worked on at a time.

        The items are taken in the caller's thread, as they are needed. An exception of the function comes out in its
        item's place; what was waiting then is dropped, what was being worked on is finished.

        Args:
            ahead: so many results at most are made before the one that is asked for; None for as many as workers.
        """
        ...


@dataclass(frozen=True)
class Room:
    """How much an executor has in hand: items that wait, are worked on, or whose results were not taken yet.

    total: what all may take together; an item that takes more is in hand alone. taken_by: what an item takes.
    """

    total: float
    taken_by: Callable[[Any], float]


@dataclass(frozen=True)
class ThreadExecutor:
    """An Executor: threads of this process, started for each `map`."""

    workers: int = CORES
    room: Room | None = None

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None = None
    ) -> Iterator[Result]:
        """As `Executor.map`."""
        most = self.workers if ahead is None else ahead
        pending: deque[tuple[Future[Result], float]] = deque()
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                for item in items:
                    taken = self.room.taken_by(item) if self.room else 0.0
                    while pending and self._is_full(pending, taken):
                        yield pending.popleft()[0].result()
                    pending.append((pool.submit(function, item), taken))
                    if len(pending) > most:
                        yield pending.popleft()[0].result()
                while pending:
                    yield pending.popleft()[0].result()
            finally:
                for future, _ in pending:
                    future.cancel()

    def _is_full(self, pending: Iterable[tuple[Future[Any], float]], more: float) -> bool:
        return self.room is not None and sum(taken for _, taken in pending) + more > self.room.total


def give_memory_back() -> None:
    """Have this process return the memory of large photos when they are done; nothing where the C library is not glibc.

    glibc keeps what was freed once in each thread's own heap, for blocks up to 32 MB: indexing photos of 24 megapixels
    then takes 200 MB more, and more the longer it runs.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in MALLOC_SETTINGS.values():
            mallopt(parameter, value)
