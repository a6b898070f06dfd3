"""Where a photo's XMP is: in the sidecars beside it, or inside the file."""

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from PIL import ImageFile

from facesearch.core.errors import InputError, PhotoError
from facesearch.media.formats import identify
from facesearch.media.reasons import as_photo_errors
from facesearch.sharing.xmp.document import MAX_BYTES, check_size

__all__ = ["EmbeddedXmp", "Naming", "embedded_xmp", "read_packet", "sidecar_path", "sidecars_of"]

Naming = Literal["appended", "replaced"]

# XMP specification part 3, section 1.1.3.1: what begins a JPEG's APP1 segment with a part of the extended XMP; then
# come 32 digits that identify it, its whole length, where in it the part belongs, and the part.
_EXTENSION, _EXTENSION_HEAD = b"http://ns.adobe.com/xmp/extension/\0", struct.Struct(">32sII")
_PNG_KEYWORD = b"XML:com.adobe.xmp"


def sidecar_path(
    photo: str | os.PathLike[str], naming: Naming = "appended", folder: str | os.PathLike[str] | None = None
) -> Path:
    """Where a photo's sidecar belongs.

    naming: "appended" for IMG.jpg.xmp, as digiKam and darktable name it; "replaced" for IMG.xmp, as Lightroom does
        (XMP specification part 3, "Storage in Files"), which all files share that differ only in their suffix.
    folder: where to put it, if not beside the photo.
    """
    if naming not in ("appended", "replaced"):
        raise InputError(f"sidecars are named 'appended' (IMG.jpg.xmp) or 'replaced' (IMG.xmp), not {naming!r}")
    photo = Path(photo)
    stem = photo.name if naming == "appended" else photo.stem
    names = [Path(folder or photo.parent) / (stem + suffix) for suffix in (".xmp", ".XMP")]
    return next((path for path in names if path.exists()), names[0])


def sidecars_of(photo: str | os.PathLike[str]) -> list[Path]:
    """The sidecars that exist beside a photo, the one that is the photo's alone first."""
    paths = [sidecar_path(photo, "appended"), sidecar_path(photo, "replaced")]
    return [path for path in paths if os.path.lexists(path)]


def read_packet(sidecar: str | os.PathLike[str]) -> bytes:
    """A sidecar's bytes.

    Raises:
        PhotoError: unreadable or too large; the message is the reason, without the path.
    """
    with as_photo_errors():
        info = os.stat(sidecar)
        if not stat.S_ISREG(info.st_mode):  # opening a named pipe would wait for ever
            raise PhotoError("not a regular file")
        check_size(info.st_size)
        return Path(sidecar).read_bytes()


@dataclass(frozen=True)
class EmbeddedXmp:
    """The XMP inside a photo.

    packet: None where there is none. A packet longer than a JPEG's segment, 64 kB, is continued elsewhere.
    parts: of such continuations: (identity, length of the whole, offset, bytes).
    """

    packet: bytes | None
    parts: tuple[tuple[str, int, int, bytes], ...] = ()

    def extension(self, identity: str) -> bytes:
        """The continuation that the packet names. Raises PhotoError where it is not there as a whole, or too long."""
        parts = sorted((offset, part, whole) for which, whole, offset, part in self.parts if which == identity)
        whole = parts[0][2] if parts else 0
        check_size(whole)
        joined = b""
        for offset, part, _ in parts:
            if offset == len(joined):
                joined += part
        if not whole or len(joined) != whole:
            raise PhotoError(f"of its continuation {len(joined):,} of {whole:,} bytes are there")
        return joined


def embedded_xmp(photo: str | os.PathLike[str]) -> EmbeddedXmp:
    """The XMP inside a photo.

    Raises:
        PhotoError: not a photo, or damaged; the message is the reason, without the path.
    """
    with as_photo_errors():
        if not stat.S_ISREG(os.stat(photo).st_mode):
            raise PhotoError("not a regular file")
        with open(photo, "rb") as file:
            image = identify(file)
            packet = _png_packet(file) if image.format == "PNG" else image.info.get("xmp")
            packet = packet.encode() if isinstance(packet, str) else packet
            there = isinstance(packet, bytes) and packet.strip(b"\0 \r\n\t")
            return EmbeddedXmp(packet if there else None, tuple(_extensions(image)))


def _extensions(image: ImageFile.ImageFile) -> Iterator[tuple[str, int, int, bytes]]:
    for marker, segment in getattr(image, "applist", ()):
        if (
            marker == "APP1"
            and segment.startswith(_EXTENSION)
            and len(segment) >= len(_EXTENSION) + _EXTENSION_HEAD.size
        ):
            identity, whole, offset = _EXTENSION_HEAD.unpack_from(segment, len(_EXTENSION))
            yield identity.decode("latin-1"), whole, offset, segment[len(_EXTENSION) + _EXTENSION_HEAD.size :]


def _png_packet(file: BinaryIO) -> bytes | None:
    """XMP of a PNG's iTXt chunk, which may come after the pixels, where Pillow sees it only after decoding.

    PNG 3, section 11.3.3.4: keyword, null, compression flag, compression method, language tag, null, translated
    keyword, null, text.
    """
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        end = file.tell() + length + 4
        if kind == b"iTXt" and file.read(len(_PNG_KEYWORD) + 1) == _PNG_KEYWORD + b"\0":
            check_size(length)
            rest = file.read(length - len(_PNG_KEYWORD) - 1)
            text = rest[2:].split(b"\0", 2)[-1]
            if rest[:1] == b"\1":
                text = zlib.decompressobj().decompress(text, MAX_BYTES + 1)
                check_size(len(text))
            return text
        file.seek(end)
    return None
