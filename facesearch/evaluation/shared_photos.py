"""Photos that are said to show several people: the same content under two labels, as in folders of group photos.

Such a photo would count as two strangers who look the same. It is left out wherever labels are read.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from facesearch.core.errors import PhotoError
from facesearch.media import LocalFiles

__all__ = ["SHARED", "under_several_labels"]

# Why such a photo is not used, for reports.
SHARED = "the same photo is in the folders of several people"

Key = TypeVar("Key", bound=Hashable)


def under_several_labels(labelled: Sequence[tuple[Path, str]]) -> set[Path]:
    """Those of some photos whose content another photo with another label has. Only files of one size are read."""
    sizes = _groups((_size(path), (path, label)) for path, label in labelled)
    alike = [photo for group in sizes if _labels(group) > 1 for photo in group]
    contents = _groups((_content(path), (path, label)) for path, label in alike)
    return {path for group in contents if _labels(group) > 1 for path, _ in group}


def _groups(photos: Iterable[tuple[Key | None, tuple[Path, str]]]) -> list[list[tuple[Path, str]]]:
    """By their keys; photos without one are left out."""
    found: dict[Key, list[tuple[Path, str]]] = defaultdict(list)
    for key, photo in photos:
        if key is not None:
            found[key].append(photo)
    return list(found.values())


def _labels(group: Sequence[tuple[Path, str]]) -> int:
    return len({label for _, label in group})


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _content(path: Path) -> str | None:
    try:
        return LocalFiles().identify(str(path))
    except PhotoError:
        return None
