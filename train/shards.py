"""WebDataset shards (.tar): KEY.jpg with its label in KEY.cls or KEY.json, read sample by sample.

The format (github.com/webdataset/webdataset, README and "The WebDataset Format"): a tar archive in which consecutive
files whose names are alike up to the first dot after the last slash are one sample; what follows that dot says what a
file holds. A .cls file is a whole number in ASCII. In a .json file, which has no fixed form, the label is the value
itself or that of the key "label": a whole number or a name. Names that begin with two underscores are metadata.
"""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from facesearch.core.errors import InputError
from train.packed import PackedImage, packed_image

__all__ = ["ShardSet"]

IMAGES, LABELS = ("jpg", "jpeg", "png", "webp"), ("cls", "json")
MAX_LABEL_BYTES = 1 << 20
# Of an image; the largest crop has less by far.
MAX_IMAGE_BYTES = 64 << 20


@dataclass(frozen=True)
class ShardSet:
    """One shard, or a folder with shards, taken in the order of their names."""

    path: Path

    @property
    def shards(self) -> list[Path]:
        """Raises InputError where there are none, or two differ by upper and lower case only."""
        found = sorted(self.path.glob("*.tar")) if self.path.is_dir() else [self.path]
        if len({shard.stem.casefold() for shard in found}) < len(found) or not found:
            raise InputError(f"{self.path} has {len(found)} shards (.tar), or two of one name: give a folder with some")
        return found

    @property
    def size_bytes(self) -> int:
        """As `PackedSet.size_bytes`."""
        return sum(map(_size, self.shards))

    def images(self) -> Iterator[PackedImage]:
        """As `PackedSet.images`; an image is called by its shard and its place in it, which no name in it can spoil."""
        before = 0
        for shard in self.shards:
            try:
                with tarfile.open(shard, "r:") as archive:
                    for number, sample in enumerate(_samples(archive)):
                        start = before + min(member.offset for member in sample.values())
                        name = f"{shard.stem}-{number:06d}"
                        yield packed_image(_label(archive, sample), name, _image(archive, sample), start)
            except (tarfile.TarError, ValueError) as error:
                raise InputError(f"{shard} is damaged: {error}") from error
            except OSError as error:
                raise InputError(f"{shard} cannot be read: {error.strerror or error}") from error
            before += _size(shard)


def _size(shard: Path) -> int:
    try:
        return shard.stat().st_size
    except OSError as error:
        raise InputError(f"{shard} cannot be read: {error.strerror}") from error


def _samples(archive: tarfile.TarFile) -> Iterator[dict[str, tarfile.TarInfo]]:
    """What a file holds -> the file, of each sample.

    Raises:
        TarError, ValueError: the archive is damaged, cut off, or a sample has two files that hold the same.
    """
    current = ""
    sample: dict[str, tarfile.TarInfo] = {}
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep all that it has ever read
        path = PurePosixPath(member.name)
        key, _, kind = path.name.partition(".")
        if not (member.isreg() and key and kind):
            continue
        if sample and str(path.parent / key) != current:
            yield sample
            sample = {}
        current = str(path.parent / key)
        if kind.lower() in sample:
            raise ValueError(f"{current} has two files .{kind}")
        sample[kind.lower()] = member
    if sample:
        yield sample
    _check_end(archive)


def _check_end(archive: tarfile.TarFile) -> None:
    """tarfile takes a damaged head, and the end of the file, for the end of the archive, which is a block of zeros."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise ValueError(f"it is cut off, or a head is damaged, at byte {archive.offset:,}")


def _image(archive: tarfile.TarFile, sample: dict[str, tarfile.TarInfo]) -> bytes:
    """The sample's image; empty where it has none of a size that one can have."""
    members = [sample[kind] for kind in IMAGES if kind in sample]
    return _content(archive, members[0]) if members and members[0].size <= MAX_IMAGE_BYTES else b""


def _label(archive: tarfile.TarFile, sample: dict[str, tarfile.TarInfo]) -> int | str | None:
    """The sample's label; None where it has none that can be read."""
    for kind in LABELS:
        member = sample.get(kind)
        if member is not None and member.size <= MAX_LABEL_BYTES:
            return _parsed(kind, _content(archive, member))
    return None


def _parsed(kind: str, text: bytes) -> int | str | None:
    try:
        value = int(text) if kind == "cls" else json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = value.get("label")
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None  # a regular file
    with file:
        return file.read()
