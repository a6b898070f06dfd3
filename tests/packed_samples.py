"""Files of the field's data sets, written byte for byte by the descriptions of their formats."""

import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from facesearch.embedding.templates import ARCFACE_112

MAGIC = struct.pack("<I", 0xCED7230A)
# One for each landmark.
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]


def crop(seed: int) -> bytes:
    """A JPEG of 112 x 112 pixels."""
    blocks = np.random.default_rng(seed).integers(30, 225, (6, 6, 3), np.uint8)
    return encoded(Image.fromarray(blocks).resize((112, 112), Image.Resampling.BICUBIC))


def painted() -> bytes:
    """A PNG of a crop with a disc of each colour where ArcFace's template has the landmarks."""
    picture = Image.new("RGB", (112 * 16, 112 * 16), (8, 8, 8))
    for (x, y), colour in zip(ARCFACE_112, COLOURS, strict=True):
        left, top = (x + 0.5) * 16 - 0.5, (y + 0.5) * 16 - 0.5
        ImageDraw.Draw(picture).ellipse((left - 48, top - 48, left + 48, top + 48), colour)
    return encoded(picture.resize((112, 112), Image.Resampling.BOX), "PNG")


def encoded(picture: Image.Image, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=95)
    return buffer.getvalue()


def image_record(labels: list[float], image: bytes = b"") -> bytes:
    """The content of a record: flag, label, two ids, more labels, the image. One label is written in the head."""
    if len(labels) == 1:
        return struct.pack("<IfQQ", 0, labels[0], 7, 0) + image
    return struct.pack("<IfQQ", len(labels), 0.0, 7, 0) + struct.pack(f"<{len(labels)}f", *labels) + image


def framed(content: bytes) -> bytes:
    """A record, in parts where the magic number lies in its content on a multiple of 4."""
    cuts = [at for at in range(0, len(content) - 3, 4) if content[at : at + 4] == MAGIC]
    starts, ends = [0, *(at + 4 for at in cuts)], [*cuts, len(content)]
    kinds = [0] if not cuts else [1, *[2] * (len(cuts) - 1), 3]
    pieces = [content[start:end] for start, end in zip(starts, ends, strict=True)]
    return b"".join(
        MAGIC + struct.pack("<I", kind << 29 | len(piece)) + piece + bytes(-len(piece) % 4)
        for kind, piece in zip(kinds, pieces, strict=True)
    )


def write_records(path: Path, contents: dict[int, bytes]) -> Path:
    """A .rec file and its .idx: key -> content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    index, data = [], b""
    for key, content in contents.items():
        index.append(f"{key}\t{len(data)}\n")
        data += framed(content)
    path.write_bytes(data)
    path.with_suffix(".idx").write_text("".join(index))
    return path


def write_train_rec(path: Path, people: list[int]) -> Path:
    """InsightFace's train.rec. Args: people: the label of each image."""
    count, names = len(people), sorted(set(people))
    contents = {0: image_record([count + 1, count + 1 + len(names)])}
    for key, person in enumerate(people, start=1):  # two labels, as in some sets, of which the first is the person
        contents[key] = image_record([person, 0.0] if key % 2 else [person], crop(key))
    for key, person in enumerate(names, start=count + 1):
        keys = [1 + i for i, whose in enumerate(people) if whose == person]
        contents[key] = image_record([min(keys), max(keys) + 1])
    return write_records(path, contents)


def write_shard(path: Path, files: dict[str, bytes], kind: int = tarfile.USTAR_FORMAT) -> Path:
    """A tar archive with these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=kind) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_bin(path: Path, images: list[bytes], same: list[bool], protocol: int = 4) -> Path:
    """InsightFace's .bin, as Python 3 writes it."""
    path.write_bytes(pickle.dumps((images, same), protocol))
    return path


def write_bin_of_python_2(path: Path, images: list[bytes], same: list[bool]) -> Path:
    """The same as Python 2's cPickle writes it at protocol 2: bytes are its str; everything is put into the memo."""
    memo = iter(range(10**6))

    def put() -> bytes:
        number = next(memo)
        return b"q" + bytes([number]) if number < 256 else b"r" + struct.pack("<I", number)

    def text(data: bytes) -> bytes:
        short = b"U" + bytes([len(data)]) if len(data) < 256 else b"T" + struct.pack("<I", len(data))
        return short + data + put()

    flags = b"".join(b"\x88" if flag else b"\x89" for flag in same)
    first = b"]" + put() + b"(" + b"".join(map(text, images)) + b"e"
    path.write_bytes(b"\x80\x02" + first + b"]" + put() + b"(" + flags + b"e\x86" + put() + b".")
    return path
