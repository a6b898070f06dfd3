"""One writer at a time: a file lock that the operating system releases when the process ends, however it ends."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from facesearch.core.errors import LibraryError, LibraryLockedError
from facesearch.core.files import FILE_MODE, open_private

__all__ = ["WriterLock", "cache_lock"]

# Long enough for a reader that only asks whether there is a writer; short enough to count as "at once".
GRACE_S, POLL_S = 0.3, 0.02


class WriterLock:
    """Held while a thread of a process changes a library; may be taken again by that thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "writer.lock", mode=FILE_MODE)
        self._note = folder / "writer.txt"
        self._turn = threading.Lock()
        self._lets_in = False  # whether who holds it for long lets guests in

    @contextmanager
    def held(self, *, briefly: bool = False, guests: bool = False) -> Iterator[bool]:
        """Be the only writer. Gives whether this is the outermost of its thread's.

        Args:
            briefly: for milliseconds, so that other threads that share this lock wait until it is their turn.
            guests: of one that holds it for long: brief writers of other threads that say the same may write between
                its transactions. They keep out of each other's way by the database's own lock.

        Raises LibraryLockedError at once where another holds it, LibraryError where the folder is read-only.
        """
        if self._lock.is_locked:  # by this thread: each has its own view of the lock
            yield False
            return
        with ExitStack() as turn:
            turn.enter_context(self._turn)
            lent = False
            if briefly and guests and self._lets_in:
                yield False
                return
            self._acquire()
            try:
                self._sign()
                if not briefly:
                    self._lets_in = guests
                    lent = True
                    turn.close()  # nobody is to wait for hours: whoever comes is told at once
                yield True
            finally:
                if lent:
                    turn.enter_context(self._turn)  # a guest is still writing under this lock
                self._lets_in = False
                with suppress(OSError):  # while it is still ours: after the release the note may be the next one's
                    self._note.unlink()
                self._lock.release()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let guests wait for a while, by the thread that has let them in."""
        with self._turn:
            yield

    def is_free(self) -> bool:
        """Whether this thread could be the writer, or is."""
        try:
            with self._lock.acquire(timeout=0):
                return True
        except OSError:  # Timeout is one
            return False

    def _acquire(self) -> None:
        try:
            self._lock.acquire(timeout=GRACE_S, poll_interval=POLL_S)
        except Timeout:
            raise LibraryLockedError(
                f"the library is being changed by {self._holder()}: wait until it has ended"
            ) from None
        except OSError as error:
            raise LibraryError(
                f"nothing can be written to the library {self._folder} ({error.strerror}): check who may write there"
            ) from error

    def _sign(self) -> None:
        with suppress(OSError):  # it is only a courtesy to those who wait
            note = f"process {os.getpid()}, {Path(sys.argv[0]).name} {' '.join(sys.argv[1:2])}".strip()
            with open_private(self._note) as file:
                file.write(note.encode(errors="replace"))

    def _holder(self) -> str:
        try:
            note = self._note.read_text(encoding="utf-8", errors="replace")
        except OSError:
            note = ""
        if note.startswith(f"process {os.getpid()},"):
            return f"this program itself (process {os.getpid()})"
        return f"another facesearch ({note or 'a process that did not say its name'})"


def cache_lock(folder: Path) -> FileLock:
    """Held while the vectors' file is replaced; not the writer's lock, so that a search never keeps a writer away."""
    return FileLock(folder / "faces.lock", mode=FILE_MODE)
