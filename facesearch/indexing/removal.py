"""Taking files out of a library; the files themselves are not touched."""

import os
from collections.abc import Collection
from dataclasses import asdict, dataclass

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import InputError, LibraryError
from facesearch.core.paths import absolute, below, has_name, spelled
from facesearch.core.wording import plural
from facesearch.indexing.absence import offline_among, places_of
from facesearch.media import LocalFiles
from facesearch.storage import Store, clusters, roots
from facesearch.storage.values import tolerating

__all__ = ["Absent", "Loss", "absent_files", "empty_roots", "loss_of", "remove", "remove_missing"]

# How many places a message names.
NAMED = 3


@dataclass(frozen=True)
class Absent:
    """Files that the last runs did not find and that are still not there: missing ones, and offline ones with places.

    See facesearch.indexing.absence for which is which.
    """

    missing: tuple[str, ...]
    offline: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def offline_where(self) -> str:
        """How many files are offline, and where, in words."""
        named = ", ".join(self.places[:NAMED])
        more = f" and {len(self.places) - NAMED:,} other folders" if len(self.places) > NAMED else ""
        return f"{plural(len(self.offline), 'file')} in {named}{more}"


@dataclass(frozen=True)
class Loss:
    """What goes from the library with some files; the files themselves are not touched.

    files: those that could not be read included. photos: of which no other file is left. people: the names of those who
    lose all their faces; unnamed: how many others do.
    """

    files: int
    photos: int
    faces: int
    people: tuple[str, ...]
    unnamed: int

    def to_dict(self) -> dict[str, object]:
        """As `facesearch remove --dry-run --json` prints it."""
        return {**asdict(self), "people": list(self.people)}


@tolerating()
def remove(store: Store, paths: Paths) -> int:
    """Take one or some files and folders out, in one transaction; folders are not listed as indexed any more.

    Returns the number of files taken out, those that could not be read included; 0 where the library knows none of
    them, as after a removal that was killed and is repeated. Raises InputError for a path that is none, is empty, or is
    the root of a file system or drive.
    """
    inside = below(_places(paths))
    with store.writing():
        known = sorted(path for path in _files(store) if inside(path))
        folders = [folder for folder in store.roots() if inside(folder)]
        if known or folders:
            store.forget_paths(known, folders)
        store.set_skipped(inside, {})
    return len(known)


def loss_of(store: Store, paths: Paths) -> Loss:
    """What `remove` would take out. Raises as that."""
    inside = below(_places(paths))
    known = store.known_paths()
    gone = {path for path in known if inside(path)}
    left = {row.photo_id for path, row in known.items() if path not in gone}
    photos = {known[path].photo_id for path in gone} - left
    unread = sum(inside(path) for path, _ in store.failures())
    with store.reading() as connection:
        found = roots.loss(connection, photos)
        losing = clusters.summaries(connection, found.clusters)
    named = tuple(sorted(one.person.name for one in losing if one.person and one.person.name))
    return Loss(len(gone) + unread, len(photos), found.faces, named, len(losing) - len(named))


def _places(paths: Paths) -> list[str]:
    """Raises InputError for what cannot be taken out."""
    given = [absolute(path) for path in as_paths(paths)]
    places = list(dict.fromkeys([*given, *map(spelled, given)]))
    if not places:
        raise InputError("no path was given: name the photos or folders to take out")
    for place in places:
        if os.path.dirname(place) == place:
            raise InputError(f"{place} is the root of a whole disk: name the photos or folders to take out")
    return places


def empty_roots(store: Store, less: Collection[str] = ()) -> list[str]:
    """Indexed folders that are gone or empty, and of which the library holds no file but those that are to go.

    What is only offline keeps its folder, as the library holds its files.
    """
    with store.reading() as connection:
        looked_at = roots.paths(connection, paused=False)
    empty = [root for root in looked_at if _is_empty(root)]
    if not empty:  # nearly always, and the paths of all photos take long to read
        return []
    holders: set[str] = set()
    for folder in {os.path.dirname(path) for path in _files(store) - set(less)}:
        while folder not in holders:
            holders.add(folder)
            folder = os.path.dirname(folder)
    return [root for root in empty if root not in holders]


def _files(store: Store) -> set[str]:
    """All that the library knows, those that could not be read included."""
    return {*store.known_paths(), *(path for path, _ in store.failures())}


def _is_empty(folder: str) -> bool:
    """Whether a folder is gone, or nothing is in it; not where it cannot be looked into."""
    try:
        return not os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def absent_files(store: Store) -> Absent:
    """What `remove_missing` would take out: asked again, as a disk may have been taken away since the last run.

    What the last run has called offline is that until another run finds its disk.
    """
    known = store.known_paths()
    gone = {path for path, row in known.items() if row.missing and not has_name(path)}
    holders = {os.path.dirname(path) for path in gone}
    there = known.keys() - gone
    beside = [path for path in there if os.path.dirname(path) in holders and os.path.lexists(path)]
    offline = offline_among(gone, beside, known, LocalFiles()) | {path for path in gone if known[path].offline}
    places = places_of(offline, there, store.roots())
    return Absent(tuple(sorted(gone - offline)), tuple(sorted(offline)), tuple(places))


@tolerating()
def remove_missing(store: Store, *, offline: bool = False, force: bool = False) -> int:
    """Take out the files that the last runs did not find any more.

    Args:
        offline: also those whose disk may not be mounted; the caller has made sure that they are gone for good.
        force: the same, by its older name.

    Returns their number. Raises LibraryError where there is none but offline ones, and those are not wanted.
    """
    with store.writing():
        absent = absent_files(store)
        gone = absent.missing + (absent.offline if offline or force else ())
        if absent.offline and not gone:
            raise LibraryError(
                f"offline, not missing: {absent.offline_where}, of which nothing is there; mount that disk and index"
                f" again or, if it is gone for good, repeat with --offline"
            )
        empty = empty_roots(store, gone)
        if gone or empty:
            store.forget_paths(gone, empty)
    return len(gone)
