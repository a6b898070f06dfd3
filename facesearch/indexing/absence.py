"""What it means that a file is not there: it is missing, or only offline.

A disk that is not mounted, at whatever depth, looks like photos that were deleted. So the folder of a file is
asked. A file is missing where its folder is there, lies on the device on which the file was last seen, and still holds
another file that was in the library before this one went. Else - the folder is gone, is empty, holds other things
only, or lies on another device - the file is offline: it is kept, counted apart, and taken out by nothing that does not
say so. In doubt a file is offline. So it is with the last photo of a folder, and with a folder that was deleted:
nobody can tell these from a disk that is away.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache

from facesearch.core.errors import InputError
from facesearch.core.paths import absolute, below, has_name
from facesearch.core.types import FileFacts
from facesearch.media import MediaSource
from facesearch.media.devices import same_device
from facesearch.storage import KnownPath, Store, folders

__all__ = ["enter_folders", "offline_among", "offline_photos", "offline_places", "places_of", "tell_gone"]


def offline_among(
    absent: Iterable[str], there: Iterable[str], known: Mapping[str, KnownPath], source: MediaSource
) -> set[str]:
    """Those of some files that are not there which may only be out of reach.

    Args:
        absent: files of the library that are not there.
        there: files of the library that are.
        known: what the library knows of both.
    """
    device_of = cache(source.device)
    oldest: dict[str, float] = defaultdict(lambda: float("inf"))  # of the files that are there, by folder
    for path in there:
        folder = os.path.dirname(path)
        oldest[folder] = min(oldest[folder], known[path].added_at)

    def is_missing(path: str) -> bool:
        folder, row = os.path.dirname(path), known[path]
        device = device_of(folder) if oldest[folder] < row.missing_since else None
        return device is not None and same_device(row.device, device)

    return {path for path in absent if not is_missing(path)}


def offline_photos(store: Store, photos: Collection[int], source: MediaSource) -> set[int]:
    """Those of some photos of which no file is there, and one at least is offline."""
    wanted = frozenset(photos)
    known = store.known_paths()
    files = [path for path, row in known.items() if row.photo_id in wanted]
    there = {path for path in files if has_name(path)}
    places = {os.path.dirname(path) for path in files}
    beside = (path for path in known if os.path.dirname(path) in places and os.path.lexists(path))
    offline = offline_among(set(files) - there, beside, known, source)
    return {known[path].photo_id for path in offline} - {known[path].photo_id for path in there}


def offline_places(store: Store, roots: Sequence[str]) -> list[str]:
    """Where the files are that the library has as offline, those below some folders."""
    known, inside = store.known_paths(), below(roots)
    offline = [path for path, row in known.items() if row.offline and inside(path)]
    there = (path for path, row in known.items() if not row.missing)
    return places_of(offline, there, {*store.roots(), *roots})


def places_of(offline: Iterable[str], there: Iterable[str], roots: Collection[str]) -> list[str]:
    """Where offline files are, in few words: the highest folders, roots at most, in which no file of the library is."""
    alive: set[str] = set()
    for folder in {os.path.dirname(path) for path in there}:
        while folder not in alive:
            alive.add(folder)
            folder = os.path.dirname(folder)
    places = set()
    for place in {os.path.dirname(path) for path in offline}:
        while place not in roots and (above := os.path.dirname(place)) not in alive and above != place:
            place = above
        places.add(place)
    return sorted(places)


def tell_gone(store: Store, places: Iterable[str]) -> None:
    """Raises InputError for the first of some places that is not there any more, and from which there are photos."""
    known = store.known_paths()
    for place in places:
        path = absolute(place)
        if not os.path.lexists(path) and any(map(below([path]), known)):
            raise InputError(
                f"{place!r} is not there any more, and the library still has its photos: put it back, or take them out"
                f" with `facesearch remove {place}`"
            )


def enter_folders(store: Store, files: Iterable[FileFacts], source: MediaSource) -> dict[str, int]:
    """The folders of files that are there, and the ids of their rows for the devices that they lie on now."""
    with store.reading() as connection:
        known = folders.known(connection)
    entered: dict[str, int] = {}
    changed: list[tuple[str, str, int | None]] = []
    for folder in sorted({os.path.dirname(file.path) for file in files}):
        device = source.device(folder)
        if device is None:  # gone meanwhile
            continue
        number, before = next((row for row in known.get(folder, []) if same_device(row[1], device)), (None, ""))
        if number is not None:
            entered[folder] = number
        if before != device:
            changed.append((folder, device, number))
    if changed:
        with store.transaction() as connection:
            for folder, device, number in changed:
                if number is None:
                    entered[folder] = folders.add(connection, folder, device)
                else:
                    folders.renew(connection, number, device)
    return entered
