"""A folder for each person with links to the photos, or copies. Originals are never written."""

import errno
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from facesearch.core.arguments import Strings
from facesearch.core.checks import checked
from facesearch.core.errors import InputError
from facesearch.core.names import folded
from facesearch.core.types import Cluster
from facesearch.library import Library
from facesearch.media.marks import add_to_list
from facesearch.media.reasons import os_reason
from facesearch.sharing.selection import FileStates, Skipped, checked_unwritten, chosen

__all__ = ["export_folders"]

# Of a folder's name, in UTF-8; file systems take 255, and a cluster's number may follow.
FOLDER_BYTES = 200
# How drives without links refuse them, as FAT and some network drives; Windows asks for a right that few have.
NO_LINKS, NO_RIGHT_TO_LINK = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}, 1314
# A copy has its original's size and time, but FAT keeps times to two seconds only; so that its start is compared, too.
SAME_TIME_NS, SAME_START_BYTES = 2 * 10**9, 1 << 16


@checked
def export_folders(
    library: Library, folder: str | os.PathLike[str], only: Strings = (), *, copy: bool = False
) -> tuple[int, Skipped]:
    """A folder for each person with links to the photos that show them, or copies.

    What is there already stays: running it again adds what is new, and puts copies in the place of links if copies are
    wanted now.

    Args:
        only: clusters' numbers and people's names; none for all who is not ignored.

    Returns the number of files made, and those that could not be (path, reason).
    Raises InputError where one of them is not there, nothing at all can be written, or no links can be made.
    """
    made, skipped, unwritten = 0, list[tuple[str, str]](), list[tuple[str, str]]()
    states, known = FileStates(library), library.people.with_faces()
    names = _folder_names(known)
    for cluster in chosen(library, only) or [one for one in known if not one.ignored]:
        place, taken = Path(folder) / names[cluster.id], None
        ours: dict[str, int | None] = {}
        for path in dict.fromkeys(face.path for face in library.store.faces(cluster.face_ids)):
            try:
                size = os.stat(path).st_size  # raises where it is no longer there
                if reason := states.why_not(path):
                    skipped.append((path, reason))
                    continue
                taken = _made(place) if taken is None else taken
                made += _put(path, place, taken, copy, ours, size)
            except OSError as error:
                (skipped if error.filename == path else unwritten).append((path, os_reason(error)))
        try:
            if ours:
                add_to_list(place, ours)
        except OSError as error:
            unwritten.append((str(place), os_reason(error)))
    return made, skipped + checked_unwritten(made, unwritten)


def _made(place: Path) -> set[str]:
    """Make a folder, if need be; the names in it, folded. Raises OSError."""
    place.mkdir(parents=True, exist_ok=True)
    return {folded(entry.name) for entry in place.iterdir()}


def _put(path: str, place: Path, taken: set[str], copy: bool, ours: dict[str, int | None], size: int) -> bool:
    """Link or copy a file of this size into a folder under a name that is free; False where it is there already.

    Args: ours: the names of all that are ours, with their sizes, to which this one's is added.
    """
    for target in _possible_targets(path, place):
        if folded(target.name) not in taken:
            break
        if _links_to(target, path):
            ours[target.name] = size
            if not copy:
                return False
            target.unlink()
            break
        if _same_file(target, path):
            ours[target.name] = size
            return False
    if copy:
        _copy(path, target)
    else:
        _link(path, target)
    taken.add(folded(target.name))
    ours[target.name] = size
    return True


def _possible_targets(path: str, place: Path) -> Iterator[Path]:
    """IMG.jpg, IMG (2).jpg, …"""
    stem, suffix = os.path.splitext(os.path.basename(path))
    number = 1
    yield place / f"{stem}{suffix}"
    while True:
        number += 1
        yield place / f"{stem} ({number}){suffix}"


def _links_to(link: Path, path: str) -> bool:
    return link.is_symlink() and os.readlink(link) == path


def _link(path: str, target: Path) -> None:
    """Raises InputError where the drive knows no links: then no other one can be made."""
    try:
        target.symlink_to(path)
    except OSError as error:
        if error.errno in NO_LINKS or getattr(error, "winerror", 0) == NO_RIGHT_TO_LINK:
            raise InputError(f"no links can be made in {target.parent}: add --copy, or choose another drive") from error
        raise


def _copy(path: str, target: Path) -> None:
    """Never over anything that is there: were it a link, that would write to an original."""
    with open(path, "rb") as source, open(target, "xb") as sink:
        try:
            shutil.copyfileobj(source, sink)
        except OSError:
            target.unlink()
            raise
    with suppress(OSError):  # a drive that keeps no such thing
        shutil.copystat(path, target)


def _same_file(a: Path, b: str) -> bool:
    """Alike in size, time and start, as a copy is."""
    try:
        first, second = a.lstat(), os.stat(b)
        if a.is_symlink() or first.st_size != second.st_size:
            return False
        if abs(first.st_mtime_ns - second.st_mtime_ns) > SAME_TIME_NS:
            return False
        with open(a, "rb") as one, open(b, "rb") as other:
            return one.read(SAME_START_BYTES) == other.read(SAME_START_BYTES)
    except OSError:
        return False


def _folder_names(clusters: Sequence[Cluster]) -> dict[int, str]:
    """Cluster -> a name that every file system takes; namesakes get their cluster's number."""
    plain = {cluster.id: _as_folder(cluster.title) for cluster in clusters}
    counts = Counter(folded(name) for name in plain.values())
    names: dict[int, str] = {}
    for cluster, name in sorted(plain.items(), key=lambda pair: (counts[folded(pair[1])] > 1, pair[0])):
        unique = name if counts[folded(name)] == 1 else f"{name} ({cluster})"
        while folded(unique) in {folded(other) for other in names.values()}:  # a person is called "Anna (3)"
            unique += f" ({cluster})"
        names[cluster] = unique
    return names


def _as_folder(title: str) -> str:
    whole = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", title.encode("utf-8", "replace").decode())
    name = whole.strip(" .").encode()[:FOLDER_BYTES].decode("utf-8", "ignore").strip(" .") or "_"
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE)  # by Windows
    return f"{name}_" if reserved else name
