"""Which files may hold something else than when the library read them, by what is known without opening them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence

from facesearch.core.types import FileFacts
from facesearch.storage import KnownPath, Store, catalog

__all__ = ["may_have_changed", "to_be_noted", "to_look_at"]


def to_look_at(store: Store, files: Sequence[FileFacts], known: Mapping[str, KnownPath]) -> list[FileFacts]:
    """The files to be looked at; what is not known yet of the others is noted, so that a change is seen next time."""
    changed = may_have_changed(files, known)
    left_alone = {file.path for file in files}.difference(file.path for file in changed)
    if new := to_be_noted([file for file in files if file.path in left_alone], known):
        with store.transaction() as connection:
            catalog.note_states(connection, new)
    return changed


def may_have_changed(files: Sequence[FileFacts], known: Mapping[str, KnownPath]) -> list[FileFacts]:
    """The files that are new, are back, or differ in size, in time, in ctime or in inode.

    Some file systems number their files anew whenever they are mounted: where no file of a folder has the number that
    it had, and there are several, numbers say nothing.
    """
    seen, same = Counter[str](), Counter[str]()
    for file in files:
        if (row := known.get(file.path)) is not None and row.looks_like(file, by_inode=False):
            folder = os.path.dirname(file.path)
            seen[folder] += 1
            same[folder] += row.looks_like(file)

    def is_as_it_was(file: FileFacts) -> bool:
        row, folder = known.get(file.path), os.path.dirname(file.path)
        renumbered = seen[folder] > 1 and not same[folder]
        return row is not None and not row.missing and row.looks_like(file, by_inode=not renumbered)

    return [file for file in files if not is_as_it_was(file)]


def to_be_noted(files: Sequence[FileFacts], known: Mapping[str, KnownPath]) -> list[FileFacts]:
    """Of files that have not changed, those of which the library has not noted ctime and inode as they are now."""

    def is_noted(file: FileFacts) -> bool:
        facts = ((known[file.path].ctime_ns, file.ctime_ns), (known[file.path].inode, file.inode))
        return all(now in (None, before) for before, now in facts)

    return [file for file in files if not is_noted(file)]
