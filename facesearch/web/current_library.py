"""The library that is shown: there may be none yet, and one may be made while the server runs."""

import threading
from pathlib import Path

from facesearch.core.errors import LibraryMissingError
from facesearch.library import Library

__all__ = ["CurrentLibrary"]


class CurrentLibrary:
    """Where the library is, or will be. Threads share the one that is opened.

    Args:
        model: as in `Library`; for a library that does not exist yet.
    """

    def __init__(self, folder: Path, *, model: str | None = None, device: str = "auto") -> None:
        self.folder = folder
        self._model, self._device = model, device
        self._lock = threading.Lock()
        self._library: Library | None = None

    def get(self) -> Library:
        """The library. Raises LibraryMissingError where there is none."""
        return self._open(create=False)

    def made(self) -> Library:
        """The library, made where there is none. Raises as `Library`."""
        return self._open(create=True)

    def find(self) -> Library | None:
        try:
            return self.get()
        except LibraryMissingError:
            return None

    def with_pipeline(self) -> Library:
        """The library with its networks loaded."""
        library = self.made()
        _ = library.pipeline
        return library

    def close(self) -> None:
        with self._lock:
            if self._library is not None:
                self._library.close()
                self._library = None

    def _open(self, *, create: bool) -> Library:
        with self._lock:
            if self._library is None:
                self._library = Library(self.folder, model=self._model, device=self._device, create=create)
            return self._library
