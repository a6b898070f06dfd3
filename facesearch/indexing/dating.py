"""The dates of photos that were indexed before dates were kept: read once, and no more than their headers."""

from collections.abc import Callable, Iterable
from itertools import islice

from facesearch.core.errors import PhotoError
from facesearch.core.types import FileFacts
from facesearch.media import LocalFiles
from facesearch.storage import Store
from facesearch.storage import dates as dating

__all__ = ["date_photos"]

# Headers that are read for one transaction.
DATED_AT_ONCE = 500


def date_photos(store: Store, files: Iterable[FileFacts], should_stop: Callable[[], bool]) -> None:
    """Args: files: as they are now; what has changed since it was indexed, and could not be read, dates nothing."""
    with store.reading() as connection:
        without = dating.undated(connection)
    if not without:  # nearly always, and the paths of all photos take long to read
        return
    known = store.known_paths()
    read = (file for file in files if file.path in known and known[file.path].looks_like(file))
    holds = {known[file.path].photo_id: file for file in read}
    waiting = iter(sorted(without & holds.keys()))
    while (some := list(islice(waiting, DATED_AT_ONCE))) and not should_stop():
        dates = {photo: _dated(holds[photo]) for photo in some}
        with store.transaction() as connection:
            dating.date_photo(connection, dates)


def _dated(file: FileFacts) -> dict[str, object]:
    try:
        return dating.dated(LocalFiles().date_taken(file.path), file.mtime_ns)
    except PhotoError:  # it was readable once; its file's time has to do
        return dating.dated(None, file.mtime_ns)
