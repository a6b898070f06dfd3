"""Taking files out of a library; the files themselves are not touched."""

import os

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import InputError, LibraryError
from facesearch.storage import Store, catalog

__all__ = ["remove", "remove_missing"]


def remove(index: Store, paths: Paths) -> int:
    """Take one or some files and folders out.

    Returns the number of files taken out, those that could not be read included. Raises InputError where the library
    knows none of them, and for a path that is none, is empty, or is the root of a file system or drive.
    """
    places = [os.path.abspath(path) for path in as_paths(paths)]
    if not places:
        raise InputError("no path was given: name the photos or folders to take out")
    for place in places:
        if os.path.dirname(place) == place:
            raise InputError(f"{place} is the root of a whole disk: name the photos or folders to take out")
    inside = catalog.below(places)
    known = {path for path in index.known_paths() if inside(path)}
    known |= {path for path, _ in index.failures() if inside(path)}
    if not known:
        raise InputError(f"the library holds no photo in {', '.join(places)}: see `facesearch status`")
    index.forget_paths(sorted(known))
    index.forget_roots([root for root in index.roots() if inside(root)])
    return len(known)


def remove_missing(index: Store, *, force: bool = False) -> int:
    """Take out the files that the last runs did not find any more.

    Returns their number. Raises LibraryError where nothing below one of the indexed folders is left, as when a disk is
    not mounted; force does it all the same.
    """
    known = index.known_paths()
    missing = [path for path, row in known.items() if row.missing]
    for root in [] if force else index.roots():
        inside = [path for path in known if catalog.under(path, root)]
        if inside and all(known[path].missing or not os.path.lexists(path) for path in inside):
            count = "the only photo" if len(inside) == 1 else f"every one of the {len(inside):,} photos"
            raise LibraryError(
                f"{count} of {root} is missing; if that disk is not mounted, mount it and index again; if it is"
                f" gone for good, `facesearch remove {root}` or repeat with --force"
            )
    if missing:
        index.forget_paths(missing)
    return len(missing)
