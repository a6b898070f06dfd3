"""Where a photo's XMP is: in the sidecars beside it, or inside the file."""

import os
import stat
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Literal

from facesearch.core.errors import InputError, PhotoError
from facesearch.media.formats import identify
from facesearch.media.reasons import as_photo_errors

__all__ = ["Naming", "embedded_packet", "read_packet", "sidecar_path", "sidecars_of"]

Naming = Literal["appended", "replaced"]

_MAX_BYTES = 32 * 2**20
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
        if info.st_size > _MAX_BYTES:
            raise PhotoError(f"the sidecar has {info.st_size:,} bytes, more than the limit of {_MAX_BYTES:,}")
        return Path(sidecar).read_bytes()


def embedded_packet(photo: str | os.PathLike[str]) -> bytes | None:
    """The XMP inside a photo, None where there is none. Of a JPEG, the standard packet without its extension.

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
            return packet if isinstance(packet, bytes) and packet.strip(b"\0 \r\n\t") else None


def _png_packet(file: BinaryIO) -> bytes | None:
    """XMP of a PNG's iTXt chunk, which may come after the pixels, where Pillow sees it only after decoding.

    PNG 3, section 11.3.3.4: keyword, null, compression flag, compression method, language tag, null, translated
    keyword, null, text.
    """
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind != b"iTXt" or length > _MAX_BYTES:
            file.seek(length + 4, os.SEEK_CUR)
            continue
        data = file.read(length)
        file.seek(4, os.SEEK_CUR)
        keyword, _, rest = data.partition(b"\0")
        if keyword == _PNG_KEYWORD and len(rest) > 2:
            text = rest[2:].split(b"\0", 2)[-1]
            return zlib.decompressobj().decompress(text, _MAX_BYTES) if rest[0] else text
    return None
