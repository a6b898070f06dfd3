"""Find the photos in folders."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import InputError
from facesearch.core.paths import absolute, spelled
from facesearch.core.types import FileFacts
from facesearch.media import marks
from facesearch.media.reasons import os_reason

__all__ = ["OWN", "PAUSED", "PHOTO_SUFFIXES", "Failure", "Found", "Skipped", "find_photos"]

PHOTO_SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"),
        *(".heic", ".heif", ".hif", ".avif"),
    ]
)

# Where systems keep thumbnails, deleted files and snapshots: Synology, QNAP, Windows, archives from macOS, ext4.
_SYSTEM_NAMES = frozenset(
    [
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),
        *("$recycle.bin", "recycler", "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("__macosx", "lost+found"),
    ]
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or folder that could not be read; the reason is a few words, without the path."""

    path: str
    reason: str


# Of what kind a file or folder is that was skipped, where that is not the suffix of its name.
OWN, PAUSED = "made by facesearch", "paused"
_HIDDEN, _SYSTEM, _NO_SUFFIX, _OTHER = "hidden", "system", "without suffix", "other suffixes"
_SUFFIX_LENGTH = 16  # longer ones are no suffixes, but names with a full stop


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not looked at, or a folder with all that is in it.

    kind: the suffix of its name as it is written (".CR2"), or "hidden", "system", "without suffix", "other suffixes",
        "made by facesearch" or "paused".
    """

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Found:
    """What find_photos found, all lists in order of path.

    photos: files that by their names are photos, or were given by name.
    skipped: what was passed over.
    """

    photos: list[FileFacts] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def find_photos(paths: Paths, *, exported: bool = False, paused: Iterable[str] = ()) -> Found:
    """List the photos in folders and in all folders below them; files given by name are taken whatever their suffix.

    Hidden and system files and folders, and what is listed in a folder as made by facesearch (see `media.marks`), are
    skipped unless they are given by name. Links are followed, after
    everything else, so that a photo is listed under its own path rather than a link's. Each folder and each file is
    listed once; hard links and copies are files of their own.

    Args:
        exported: take the photos that an export has put there, too: its folders are labelled data.
        paused: folders that are passed over.

    Raises:
        InputError: a path given does not exist, is empty, or is none.
    """
    walk = _Walk(exported, paused)
    for path in as_paths(paths):
        walk.start(path)
    walk.follow_links()
    for found in (walk.photos, walk.failures, walk.skipped):
        found.sort(key=attrgetter("path"))
    return Found(walk.photos, walk.failures, walk.skipped)


class _Walk:
    """The state of one find_photos."""

    def __init__(self, exported: bool, paused: Iterable[str]) -> None:
        self.exported = exported
        self.paused = {form for path in paused for form in (path, os.path.realpath(path))}
        self.photos: list[FileFacts] = []
        self.failures: list[Failure] = []
        self.skipped: list[Skipped] = []
        self._links: list[str] = []
        # By resolved path, not by inode: scandir gives no inodes on Windows, and some network drives repeat them.
        self._folders_seen: set[str] = set()
        self._files_seen: set[str] = set()

    def start(self, given: str) -> None:
        """Take a path that the user gave."""
        path = spelled(absolute(given))
        try:
            info = os.stat(path)
        except (OSError, ValueError) as error:  # ValueError: a null character
            if not isinstance(error, PermissionError) and not os.path.islink(path):
                raise InputError(f"{given!r} does not exist; give a photo or a folder of photos") from error
            self._fail(path, error)
        else:
            self._take(path, info, any_suffix=True)

    def follow_links(self) -> None:
        while self._links:
            links, self._links = sorted(self._links), []
            for path in links:
                self._follow(path)

    def _follow(self, path: str) -> None:
        # What a broken link without a suffix led to may have been a folder of photos; "notes.txt" was none.
        might_matter = _has_photo_suffix(path) or not os.path.splitext(path)[1]
        try:
            self._take(path, os.stat(path), any_suffix=False)
        except OSError as error:
            if might_matter:
                self._fail(path, error)
            else:
                self._skip(path)

    def _take(self, path: str, info: os.stat_result, any_suffix: bool) -> None:
        if stat.S_ISDIR(info.st_mode):
            self._walk_folder(path)
        elif any_suffix or _has_photo_suffix(path):
            self._add(path, os.path.realpath(path), info)
        else:
            self._skip(path)

    def _walk_folder(self, top: str) -> None:
        pending = [top]
        while pending:
            folder = pending.pop()
            subfolders: list[str] = []
            try:
                resolved = os.path.join(os.path.realpath(folder), "")
                if resolved in self._folders_seen or _is_an_ancestor_again(folder, top):
                    continue
                if not self.paused.isdisjoint((folder, resolved.rstrip(os.sep))):
                    self._skip(folder, PAUSED)
                    continue
                self._folders_seen.add(resolved)
                with os.scandir(folder) as scanned:
                    entries = list(scanned)
                lists = marks.LISTS.intersection(entry.name for entry in entries)
                own = marks.listed(folder, lists) if lists else {}
                for entry in entries:
                    if entry.name in marks.LISTS or (entry.name in own and self._is_own(entry, own[entry.name])):
                        self._skip(entry.path, OWN)
                    else:
                        self._take_entry(entry, resolved, subfolders)
            except OSError as error:
                self.failures.append(Failure(folder, f"the folder cannot be read: {os_reason(error)}"))
            pending.extend(sorted(subfolders, reverse=True))

    def _is_own(self, entry: os.DirEntry[str], size: int | None) -> bool:
        """Whether an entry that is listed still is what was made: there may be somebody's own photo under its name."""
        if size is None:
            return True
        try:
            same = entry.is_symlink() or entry.stat(follow_symlinks=False).st_size == size
        except OSError:
            return False
        return same and not self.exported

    def _take_entry(self, entry: os.DirEntry[str], resolved_folder: str, subfolders: list[str]) -> None:
        name = entry.name
        if name[0] == ".":
            self._skip(entry.path, _HIDDEN)
        elif name.lower() in _SYSTEM_NAMES:
            self._skip(entry.path, _SYSTEM)
        elif entry.is_symlink():
            self._links.append(entry.path)
        elif entry.is_dir(follow_symlinks=False):
            subfolders.append(entry.path)
        elif _has_photo_suffix(name):
            try:
                info = entry.stat()
            except OSError as error:
                self._fail(entry.path, error)
            else:
                self._add(entry.path, resolved_folder + name, info)
        else:
            self._skip(entry.path)

    def _add(self, path: str, resolved: str, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            self.failures.append(Failure(path, "not a regular file"))
        elif resolved not in self._files_seen:
            self._files_seen.add(resolved)
            self.photos.append(FileFacts.of(path, info))

    def _skip(self, path: str, kind: str = "") -> None:
        self.skipped.append(Skipped(path, kind or _kind_of(path)))

    def _fail(self, path: str, error: OSError | ValueError) -> None:
        broken = isinstance(error, FileNotFoundError) and os.path.islink(path)
        self.failures.append(Failure(path, "broken link" if broken else os_reason(error)))


def _kind_of(path: str) -> str:
    suffix = os.path.splitext(path)[1]
    if len(suffix) < 2:
        return _NO_SUFFIX
    return suffix if len(suffix) <= _SUFFIX_LENGTH else _OTHER


def _is_an_ancestor_again(folder: str, top: str) -> bool:
    """Whether a folder below another is one of those above it once more, as a mount can make it.

    That it has the same number is not enough: some drives repeat numbers. It must hold the same, too.
    """
    below, above = os.stat(folder), folder
    while len(above) > len(top):
        above = os.path.dirname(above)
        info = os.stat(above)
        if (info.st_dev, info.st_ino) == (below.st_dev, below.st_ino) and os.listdir(above) == os.listdir(folder):
            return True
    return False


def _has_photo_suffix(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in PHOTO_SUFFIXES
