"""A folder on a file system that takes names in any case for the same: a real one where one can be mounted, and a fake.

The fake answers `stat` and `lstat` of Python as such a file system does; everything else sees the names on the disk.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from facesearch.core.names import folded

__all__ = ["KINDS", "folding"]

# Kind -> the programs that make a file system of it and mount it from a file.
KINDS = {
    "fake": (),
    "vfat": ("mkfs.vfat", "mount"),
    "ext4": ("mkfs.ext4", "mount", "chattr"),
}
_MAKE = {"vfat": ("mkfs.vfat",), "ext4": ("mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8")}


@contextmanager
def folding(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which names are folded. Skips the test where that kind cannot be had."""
    place = tmp_path / "disk"
    place.mkdir()
    if kind == "fake":
        for name in ("stat", "lstat"):
            monkeypatch.setattr(os, name, _folded(getattr(os, name), place))
        yield place
        return
    missing = [program for program in KINDS[kind] if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"{kind} cannot be mounted: it needs root and {', '.join(missing) or 'nothing else'}")
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(40 << 20)
    mount = ("mount", "-o", "loop,utf8" if kind == "vfat" else "loop", str(image), str(place))
    steps: list[tuple[str, ...]] = [(*_MAKE[kind], str(image)), mount]
    if any(subprocess.run(step, capture_output=True).returncode for step in steps):
        pytest.skip(f"{kind} with folded names cannot be mounted here")
    try:
        folder = place / "photos"
        folder.mkdir()
        if kind == "ext4":
            subprocess.run(["chattr", "+F", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _folded(real: Callable[..., os.stat_result], place: Path) -> Callable[..., os.stat_result]:
    def ask(path: Any, *args: Any, **options: Any) -> os.stat_result:
        with suppress(OSError, TypeError, ValueError):
            return real(path, *args, **options)
        return real(_found(path, place), *args, **options)

    return ask


def _found(path: Any, place: Path) -> Any:
    """What is there by another spelling of a name below a place."""
    if not isinstance(path, str | os.PathLike) or os.path.commonpath([place, Path(path).absolute()]) != str(place):
        return path
    here = str(place)
    for name in Path(path).relative_to(place).parts:
        here = os.path.join(here, next((one for one in os.listdir(here) if folded(one) == folded(name)), name))
    return here
