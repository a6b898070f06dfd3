"""One writer at a time: a file lock that the operating system releases when the process ends, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from facesearch.errors import LibraryLockedError

__all__ = ["WriterLock"]


class WriterLock:
    """Held while a process changes a library; may be taken again by the process that holds it."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "writer.lock")
        self._note = folder / "writer.txt"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises LibraryLockedError at once where another process holds it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise LibraryLockedError(
                f"the library is being changed by another facesearch ({self._holder()}): wait until it has ended"
            ) from None
        try:
            self._note.write_text(f"process {os.getpid()}, {Path(sys.argv[0]).name} {' '.join(sys.argv[1:2])}".strip())
            yield
        finally:
            self._lock.release()
            if not self._lock.is_locked:
                with suppress(OSError):
                    self._note.unlink()

    def _holder(self) -> str:
        try:
            return self._note.read_text()
        except OSError:
            return "a process that did not say its name"
