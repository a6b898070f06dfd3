"""One long piece of work at a time, indexing or clustering: in a thread, watched and stopped from pages."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from facesearch.core.errors import FacesearchError, LibraryLockedError
from facesearch.core.wording import span

__all__ = ["Jobs", "Work"]

# The rate is that of the last so many seconds: photos of one folder are often large, and small in the next.
RATE_OVER_S = 30.0


@dataclass(frozen=True)
class Work:
    """What is being done, or was done last.

    kind: "index" or "cluster". about: the folder. todo: None while that is not known.
    rate: photos a second; left_s: how long it will take. ended: how it came to an end, empty while it runs.
    report: what the library has answered.
    """

    number: int
    kind: str
    about: str
    began: float
    todo: int | None = None
    done: int = 0
    faces: int = 0
    rate: float | None = None
    left_s: float | None = None
    stopping: bool = False
    ended: str = ""
    error: str = ""
    report: Any = None

    @property
    def running(self) -> bool:
        return not self.ended

    @property
    def title(self) -> str:
        """What is going on, in a few words."""
        far = f": {self.done:,} of {self.todo:,}" if self.todo else ""
        return f"{'Clustering faces' if self.kind == 'cluster' else 'Indexing'}{far} …"

    def to_dict(self) -> dict[str, Any]:
        """As pages get it while they watch."""
        return {
            "todo": self.todo,
            "done": self.done,
            "faces": self.faces,
            "rate": f"{self.rate:.1f}" if self.rate else "",
            "left": span(self.left_s) if self.left_s is not None else "",
            "stopping": self.stopping,
            "title": self.title,
        }


@dataclass
class Jobs:
    """The work of one server; threads may share it."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _work: Work | None = None
    _thread: threading.Thread | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _marks: list[tuple[float, int]] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        work = self.state()
        return work is not None and work.running

    def state(self) -> Work | None:
        with self._lock:
            return self._work

    def start(self, kind: str, about: str, do: "Callable[[Jobs], Any]") -> Work:
        """Begin something in a thread. Args: do: the work; its result is the report.

        Raises LibraryLockedError where something is being done already.
        """
        with self._lock:
            if self._work is not None and self._work.running:
                raise LibraryLockedError("something is being done already: wait until it has ended, or stop it")
            number = self._work.number + 1 if self._work else 1
            self._stop = threading.Event()
            self._marks = []
            self._work = work = Work(number, kind, about, time.time())
            self._thread = threading.Thread(target=self._run, args=(do,), name=f"facesearch-{kind}")
            self._thread.start()
        return work

    def stop(self) -> None:
        """Ask the work to end soon."""
        self._stop.set()
        self._change(stopping=True)

    def should_stop(self) -> bool:
        return self._stop.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until the work has ended, or some time is over; whether it has."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def progress(self, todo: int, done: int, faces: int) -> None:
        """How far it is."""
        now = time.monotonic()
        self._marks = [mark for mark in self._marks if now - mark[0] < RATE_OVER_S or mark is self._marks[-1]]
        self._marks.append((now, done))
        then, before = self._marks[0]
        rate = (done - before) / (now - then) if done > before and now > then else None
        left_s = (todo - done) / rate if rate else None
        self._change(todo=todo, done=done, faces=faces, rate=rate, left_s=left_s)

    def _run(self, do: "Callable[[Jobs], Any]") -> None:
        try:
            report = do(self)
        except FacesearchError as error:
            self._change(ended="failed", error=str(error))
        except Exception as error:  # the thread is not the server's: whatever it is, the page has to say it
            self._change(ended="failed", error=f"unexpected {type(error).__name__}: {error}")
        else:
            self._change(ended="stopped" if getattr(report, "stopped", False) else "done", report=report)

    def _change(self, **values: Any) -> None:
        with self._lock:
            if self._work is not None and self._work.running:
                self._work = replace(self._work, **values)
