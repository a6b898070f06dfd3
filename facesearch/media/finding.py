"""Find the photos in folders."""

import os
import stat
from dataclasses import dataclass, field

from facesearch.core.arguments import Paths, as_paths
from facesearch.core.errors import InputError
from facesearch.core.types import FileFacts
from facesearch.media.reasons import os_reason

__all__ = ["PHOTO_SUFFIXES", "Failure", "Found", "find_photos"]

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


@dataclass(frozen=True, slots=True)
class Found:
    """What find_photos found, both lists in order of path.

    photos: files that by their names are photos, or were given by name.
    ignored: how many entries were passed over: files that are not photos, hidden and system ones (a folder counts one).
    """

    photos: list[FileFacts] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ignored: int = 0


def find_photos(paths: Paths) -> Found:
    """List the photos in folders and in all folders below them; files given by name are taken whatever their suffix.

    Hidden and system files and folders are passed over unless they are given by name. Links are followed, after
    everything else, so that a photo is listed under its own path rather than a link's. Each folder and each file is
    listed once; hard links and copies are files of their own.

    Raises:
        InputError: a path given does not exist, is empty, or is none.
    """
    walk = _Walk()
    for path in as_paths(paths):
        walk.start(path)
    walk.follow_links()
    photos = sorted(walk.photos, key=lambda photo: photo.path)
    return Found(photos, sorted(walk.failures, key=lambda failure: failure.path), walk.ignored)


class _Walk:
    """The state of one find_photos."""

    def __init__(self) -> None:
        self.photos: list[FileFacts] = []
        self.failures: list[Failure] = []
        self.ignored = 0
        self._links: list[str] = []
        # By resolved path, not by inode: scandir gives no inodes on Windows, and some network drives repeat them.
        self._folders_seen: set[str] = set()
        self._files_seen: set[str] = set()

    def start(self, given: str) -> None:
        """Take a path that the user gave."""
        path = os.path.abspath(given)
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
                self.ignored += 1

    def _take(self, path: str, info: os.stat_result, any_suffix: bool) -> None:
        if stat.S_ISDIR(info.st_mode):
            self._walk_folder(path)
        elif any_suffix or _has_photo_suffix(path):
            self._add(path, os.path.realpath(path), info)
        else:
            self.ignored += 1

    def _walk_folder(self, top: str) -> None:
        pending = [top]
        while pending:
            folder = pending.pop()
            subfolders: list[str] = []
            try:
                resolved = os.path.join(os.path.realpath(folder), "")
                if resolved in self._folders_seen or _is_an_ancestor_again(folder, top):
                    continue
                self._folders_seen.add(resolved)
                with os.scandir(folder) as entries:
                    for entry in entries:
                        self._take_entry(entry, resolved, subfolders)
            except OSError as error:
                self.failures.append(Failure(folder, f"the folder cannot be read: {os_reason(error)}"))
            pending.extend(sorted(subfolders, reverse=True))

    def _take_entry(self, entry: os.DirEntry[str], resolved_folder: str, subfolders: list[str]) -> None:
        name = entry.name
        if name[0] == "." or name.lower() in _SYSTEM_NAMES:
            self.ignored += 1
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
            self.ignored += 1

    def _add(self, path: str, resolved: str, info: os.stat_result) -> None:
        if not stat.S_ISREG(info.st_mode):
            self.failures.append(Failure(path, "not a regular file"))
        elif resolved not in self._files_seen:
            self._files_seen.add(resolved)
            self.photos.append(FileFacts.of(path, info))

    def _fail(self, path: str, error: OSError | ValueError) -> None:
        broken = isinstance(error, FileNotFoundError) and os.path.islink(path)
        self.failures.append(Failure(path, "broken link" if broken else os_reason(error)))


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
