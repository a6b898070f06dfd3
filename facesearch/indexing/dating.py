"""The dates of photos that were indexed before dates were kept: read once, and no more than their headers."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice

from facesearch.core.errors import PhotoError
from facesearch.core.types import FileFacts
from facesearch.media import LocalFiles
from facesearch.storage import KnownPath, Store
from facesearch.storage import dates as dating

__all__ = ["date_photos"]

# Headers that are read for one transaction.
DATED_AT_ONCE = 500


def date_photos(store: Store, files: Iterable[FileFacts], should_stop: Callable[[], bool]) -> None:
    """Args: files: as they are now; what has changed since it was indexed, and cannot be read, has its time of then."""
    with store.reading() as connection:
        without = dating.undated(connection)
    if not without:  # nearly always, and the paths of all photos take long to read
        return
    known = store.known_paths()
    holds = {row.photo_id: (row, file) for file in files if (row := known.get(file.path)) is not None}
    waiting = iter(sorted(without & holds.keys()))
    while (some := list(islice(waiting, DATED_AT_ONCE))) and not should_stop():
        dates = {photo: _dated(*holds[photo]) for photo in some}
        with store.transaction() as connection:
            dating.date_photo(connection, dates)


def _dated(row: KnownPath, file: FileFacts) -> dict[str, object]:
    taken = None
    with suppress(PhotoError):  # it was readable once; its file's time has to do
        taken = LocalFiles().date_taken(file.path) if row.looks_like(file) else None
    return dating.dated(taken, row.mtime_ns)
