"""`Library.folders`: what `index` looks at, what it passes over for a while, and what it has left out there."""

from collections.abc import Sequence

from facesearch.core.arguments import PathLike, Paths
from facesearch.core.checks import Count, checked
from facesearch.core.errors import InputError
from facesearch.core.paths import absolute, spelled, under
from facesearch.core.types import Page
from facesearch.indexing.removal import Loss, loss_of
from facesearch.storage import Store, roots
from facesearch.storage.roots import Folder, LeftOutFile

__all__ = ["Folders", "paused_folders"]


@checked
class Folders:
    """The folders of a library."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Folder]:
        """Those that `index` was given, by path."""
        with self._store.reading() as connection:
            return roots.known(connection)

    def pause(self, folder: PathLike) -> bool:
        """Pass a folder over, with all below it, until it is resumed; its photos and people stay.

        Returns whether it was not paused yet. Raises InputError for a folder that `index` was not given.
        """
        return self._set(spelled(absolute(folder)), True)

    def resume(self, folder: PathLike) -> bool:
        """Look at a folder again from the next `index` on. Returns whether it was paused. Raises as `pause`."""
        return self._set(spelled(absolute(folder)), False)

    def loss(self, paths: Paths) -> Loss:
        """What `Library.remove` would take out. Raises as that."""
        return loss_of(self._store, paths)

    def skipped(
        self, kind: str | None = None, *, folder: PathLike | None = None, cursor: str | None = None, limit: Count = 100
    ) -> Page[LeftOutFile]:
        """Files and folders that the last runs did not look at. Args: kind: of this one only; folder: below it only."""
        with self._store.reading() as connection:
            return roots.skipped_page(connection, kind, _absolute(folder), cursor, limit)

    def failures(
        self, *, folder: PathLike | None = None, cursor: str | None = None, limit: Count = 100
    ) -> Page[LeftOutFile]:
        """Files that could not be read. Args: folder: below it only."""
        with self._store.reading() as connection:
            return roots.failures_page(connection, _absolute(folder), cursor, limit)

    def _set(self, folder: str, paused: bool) -> bool:
        with self._store.transaction(guest=True) as connection:
            known = roots.paths(connection)
            if folder not in known:
                listed = f"one of {', '.join(known[:3])}" if known else "a folder that was indexed"
                raise InputError(f"{folder} is no folder that `index` was given: name {listed}")
            return roots.set_paused(connection, folder, paused)


def _absolute(folder: PathLike | None) -> str | None:
    return None if folder is None else absolute(folder)


def paused_folders(store: Store, places: Sequence[str]) -> list[str]:
    """The folders that are passed over. Raises InputError where one of some places is, or lies below one."""
    with store.reading() as connection:
        paused = roots.paths(connection, paused=True)
    for place in places:
        for folder in paused:
            if under(place, folder):
                raise InputError(f"{folder} is paused: `facesearch resume {folder}` goes on with it")
    return paused
