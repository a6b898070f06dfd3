"""MXNet's RecordIO files (.rec with .idx), and InsightFace's training sets in them; read record by record.

The format is that of dmlc-core, include/dmlc/recordio.h: a record is the magic number, a number whose upper 3 bits say
which part of a record it is and whose lower 29 bits are its length in bytes, and its bytes, padded to 4. Where the
magic number itself lies in the content, on a multiple of 4 bytes, a record is written in parts, without it. All
numbers are little-endian. In a record for images (MXNet, python/mxnet/recordio.py, IRHeader) there are 4 bytes of flag,
a float32 label, two ids of 8 bytes, then, where the flag is not 0, that many float32 labels instead of the one, and
then the encoded image.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import InputError
from train.packed import PackedImage, packed_image

__all__ = ["InsightFaceSet", "Record", "RecordFile"]

MAGIC = 0xCED7230A
WHOLE, START, MIDDLE, END = range(4)
_PART = struct.Struct("<II")
_IMAGE = struct.Struct("<IfQQ")


@dataclass(frozen=True)
class Record:
    """A record for images. labels: at least one, each a float32. image: encoded, empty where it holds none."""

    flag: int
    labels: tuple[float, ...]
    image: bytes = field(repr=False)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises ValueError where the content is too short."""
        if len(content) < _IMAGE.size:
            raise ValueError(f"is of {len(content)} bytes, fewer than its head has")
        flag, label, _, _ = _IMAGE.unpack_from(content)
        end = _IMAGE.size + 4 * flag
        if len(content) < end:
            raise ValueError(f"is too short for its {flag:,} labels")
        labels = np.frombuffer(content, "<f4", flag, _IMAGE.size).tolist() if flag else [label]
        return cls(flag, tuple(labels), content[end:])


class RecordFile:
    """An open .rec file with its index: lines of "key, tab, where the record begins". One thread may read it."""

    def __init__(self, path: Path) -> None:
        """Opens both files. Raises InputError where one cannot be read, or the index is damaged."""
        self.path = path
        self.keys, self._starts = _read_index(path.with_suffix(".idx"))
        try:
            self._file = path.open("rb")
            self.size_bytes = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self.keys)

    def start(self, number: int) -> int:
        """Where the record of keys[number] begins, in bytes."""
        return int(self._starts[number])

    def record(self, number: int) -> Record:
        """The record of keys[number]. Raises InputError where it is damaged or cannot be read."""
        try:
            self._file.seek(self.start(number))
            return Record.parse(self._content(self._file))
        except ValueError as error:
            raise InputError(f"{self.path} is damaged: record {self.keys[number]} {error}") from error
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {error.strerror or error}") from error

    def _content(self, file: BinaryIO) -> bytes:
        """Raises ValueError where no whole record begins here."""
        kind, content = self._part(file)
        if kind == WHOLE:
            return content
        if kind != START:
            raise ValueError("begins with the middle of one")
        parts = [content]
        while kind != END:
            kind, content = self._part(file)
            if kind not in (MIDDLE, END):
                raise ValueError("has no end")
            parts.append(content)
        return struct.pack("<I", MAGIC).join(parts)

    def _part(self, file: BinaryIO) -> tuple[int, bytes]:
        """Which part of a record it is, and its content; the file is left where the next part begins."""
        head = file.read(_PART.size)
        if len(head) < _PART.size:
            raise ValueError("lies behind the end of the file: it is cut off, or the .idx is another file's")
        magic, what = _PART.unpack(head)
        if magic != MAGIC:
            raise ValueError("does not begin with the magic number, or the .idx is another file's")
        kind, length = what >> 29, what & (1 << 29) - 1
        content = file.read(length)
        if len(content) < length:
            raise ValueError("is cut off by the end of the file")
        file.seek(-length % 4, 1)
        return kind, content


def _read_index(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) keys and (n,) places, in order of the keys. Raises InputError."""
    try:
        words = path.read_bytes().split()
        numbers = np.array(words).astype(np.int64).reshape(-1, 2) if words else np.zeros((0, 2), np.int64)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; a .rec file needs its .idx beside it") from error
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path} is damaged: it is not lines of a key and a place") from error
    numbers = numbers[np.argsort(numbers[:, 0], kind="stable")]
    keys, starts = numbers.T
    if not len(keys) or numbers.min() < 0 or (keys[1:] == keys[:-1]).any():
        raise InputError(f"{path} is damaged: it has no keys, negative numbers, or a key twice")
    return np.ascontiguousarray(keys), np.ascontiguousarray(starts)


@dataclass(frozen=True)
class InsightFaceSet:
    """InsightFace's train.rec: aligned crops, each with the number of its person as its label.

    Record 0 holds no image where the set tells its people apart: its two labels are the keys at which the records of
    the people begin and end, and the images lie before them (recognition/arcface_torch/dataset.py, MXFaceDataset).
    Where record 0 is an image, every record is one.
    """

    path: Path

    @property
    def size_bytes(self) -> int:
        """Raises InputError where the file cannot be read."""
        with RecordFile(self.path) as records:
            return records.size_bytes

    def images(self) -> Iterator[PackedImage]:
        """In the order of their keys, one in memory at a time. Raises InputError where a file is damaged."""
        with RecordFile(self.path) as records:
            for number in _image_numbers(records):
                record = records.record(number)
                label, name = record.labels[0], f"{records.keys[number]:08d}"
                person = int(label) if label.is_integer() else None
                yield packed_image(person, name, record.image, records.start(number))


def _image_numbers(records: RecordFile) -> range:
    """Which records are images. Raises InputError where record 0 says otherwise than the index."""
    first = records.record(0)
    if first.image or not first.flag:
        return range(len(records))
    announced = first.labels[0]
    end = int(np.searchsorted(records.keys, announced))
    if np.float32(records.keys[0] + end) != np.float32(announced):
        raise InputError(
            f"{records.path} is damaged: it has images up to key {announced - 1:,.0f}, and its .idx has {end - 1:,}"
        )
    # the label is a float32, which rounds numbers above 2^24: an image may lie behind it
    while announced >= 1 << 24 and end < len(records) and records.record(end).image:
        end += 1
    return range(1, end)
