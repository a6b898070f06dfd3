"""What is left of a file without all that lies beside its pixels, for files that a decoder gives up.

Text, colour profiles, thumbnails, what phones put behind a picture, and a missing end are no reason to lose a photo.
"""

import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from facesearch.core.errors import PhotoError

__all__ = ["has_no_end", "pixels_only"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_DHT, _SOS, _DQT, _DRI, _DAC, _JFIF, _EXIF, _ADOBE = 0xC4, 0xDA, 0xDB, 0xDD, 0xCC, 0xE0, 0xE1, 0xEE
# ITU-T T.81, table B.1: frames of Huffman and arithmetic coding. Lossless and hierarchical ones have no decoder here.
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1, 0xC9), (0xC2, 0xCA)
_NO_DECODER = {0xC3: "lossless", 0xCB: "lossless"} | dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical")
_TABLES = (_DHT, _DQT, _DRI, _DAC, _SOS, *_SEQUENTIAL, *_PROGRESSIVE)
# What decoders want at least in these segments.
_SHORTEST = {_JFIF: (b"JFIF\0", 12), _EXIF: (b"Exif\0\0", 14), _ADOBE: (b"Adobe", 12)}
# Bits that would be read if some were missing; none of them make a marker.
_BEHIND = (b"\0" * 32, b"\x55" * 32, b"\xaa" * 32)

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_TAGS = {
    *range(254, 270),
    273,
    274,
    *range(277, 280),
    284,
    292,
    293,
    317,
    *range(320, 326),
    330,
    332,
    338,
    339,
    347,
}
_TIFF_TAGS |= {*range(512, 522), *range(529, 533)} - {263, 264, 265, 267, 268, 269}
_MOST_PAGES = 100
_KEY_BYTES = {0: 2, 2: 6}  # of tRNS, for grey and colour
_WEBP_ICC, _WEBP_XMP = 0x20, 0x04


def pixels_only(data: bytes) -> tuple[bytes, ...]:
    """The parts of a JPEG, PNG, WebP or TIFF that its pixels and its orientation are made of, as files.

    Where there are several, they differ in what follows the last pixel: if they are not decoded to the same, pixels are
    missing. None for other formats, and where the parts are not all there.

    Raises PhotoError for a kind of JPEG that no decoder here knows.
    """
    if data.startswith(_SOI):
        return _jpeg(data)
    if data.startswith(_PNG):
        made = _png(data)
    elif data[8:12] == b"WEBP":
        made = _webp(data)
    else:
        made = _tiff(data) if data[:4] in _TIFF else None
    return () if made is None else (made,)


def has_no_end(data: bytes) -> bool:
    """Whether something else took the place of a JPEG's end, as after a failed copy; decoders take it for pixels."""
    is_open = data.startswith(_SOI) and not data.rstrip(b"\0").endswith(_EOI)
    return is_open and len(_jpeg(data)) > 1


def _jpeg(data: bytes) -> tuple[bytes, ...]:
    kept, missing, has_restarts = [_SOI], None, False
    for kind, start, end in _segments(data):
        body = data[start:end]
        if kind in _NO_DECODER:
            raise PhotoError(f"a kind of JPEG that is not supported ({_NO_DECODER[kind]})")
        if kind in _SEQUENTIAL or kind in _PROGRESSIVE:
            if body[1:3] == b"\0\0":
                raise PhotoError("a kind of JPEG that is not supported (its height comes after its pixels)")
            depth = 64 if kind in _PROGRESSIVE else 1
            missing = {(component, k) for component in body[6::3] for k in range(depth)}
        if kind == _DRI and any(body):
            has_restarts = True
        name, shortest = _SHORTEST.get(kind, (b"", 0))
        if (kind not in _TABLES and kind not in _SHORTEST) or not body.startswith(name) or len(body) < shortest:
            continue
        kept.append(data[start - 4 : end])
        if kind == _SOS and missing is not None:
            stop = _next_marker(data, end, has_restarts)
            missing -= _given(body, missing)
            if not missing:
                return _ended(b"".join(kept), data[end:stop], data[stop : stop + 2] == _EOI)
            kept.append(data[end:stop])
    return ()


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment's body; ends where none follows, so that no thumbnail is taken for one."""
    marker = re.compile(rb"\xff+([\x01\xc0-\xfe])")
    at = len(_SOI)
    while found := marker.match(data, at):
        kind, at = found[1][0], found.end()
        if kind == _EOI[1]:
            return
        length = int.from_bytes(data[at : at + 2])
        yield kind, at + 2, at + length
        at += max(length, 2)
        if kind == _SOS:
            at = _next_marker(data, at, has_restarts=True)


def _next_marker(data: bytes, at: int, has_restarts: bool) -> int:
    """Where the pixels from a place on end: at the next marker that is no restart, or with the file."""
    length = 1 << 16
    while at < len(data) - 1:
        part = np.frombuffer(data, np.uint8, min(length + 1, len(data) - at), at)
        places = np.flatnonzero(part[:-1] == 0xFF)
        kinds = part[places + 1]
        is_end = (kinds != 0) & ~(has_restarts & (kinds >= 0xD0) & (kinds <= 0xD7))
        if is_end.any():
            return at + int(places[is_end.argmax()])
        at, length = at + length, 2 * length
    return len(data)


def _given(scan: bytes, missing: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which (component, coefficient) a scan completes, of its header (T.81, B.2.3); 0 stands for all in sequential."""
    count = scan[0] if scan else 0
    components = scan[1 : 1 + 2 * count : 2]
    first, last, approximation = scan[1 + 2 * count : 4 + 2 * count]
    if approximation & 15:
        return set()
    return {(c, k) for c, k in missing if c in components and first <= k <= last}


def _ended(head: bytes, entropy: bytes, has_end: bool) -> tuple[bytes, ...]:
    if has_end:
        return (head + entropy + _EOI,)
    pixels = entropy[: len(entropy.rstrip(b"\0")) + 2]  # what a failed copy fills up is no pixels
    pixels = pixels.removesuffix(b"\xff")  # half of a marker
    restarts = len(re.findall(rb"\xff[\xd0-\xd7]", pixels))
    behind = (*_BEHIND, bytes([0xFF, 0xD0 + restarts % 8]) + _BEHIND[1]) if restarts else _BEHIND
    return tuple(head + pixels + bits + _EOI for bits in behind)


def _png(data: bytes) -> bytes | None:
    """PNG 3, section 5.3: length, kind, content and checksum of each chunk."""
    chunks: dict[bytes, bytes] = {}
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        at += length + 12
        if kind == b"IEND":
            break
        whole = data[at - 4 : at] == zlib.crc32(kind + body).to_bytes(4)
        if kind == b"IDAT":
            chunks[kind] = chunks.get(kind, b"") + body
        elif kind in (b"IHDR", b"PLTE", b"tRNS", b"eXIf") and whole:
            chunks.setdefault(kind, body)
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13 or b"IDAT" not in chunks:
        return None
    if header[9] in _KEY_BYTES and len(chunks.get(b"tRNS", b"")) != _KEY_BYTES[header[9]]:
        chunks.pop(b"tRNS", None)
    order = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
    return _PNG + b"".join(_chunk(kind, chunks.get(kind, b"")) for kind in order if kind in chunks or kind == b"IEND")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def _webp(data: bytes) -> bytes | None:
    """RFC 9649, section 2.3: kind, length, content and a byte of padding of each chunk, the first frame only."""
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
        if len(body) == length:
            chunks.setdefault(kind, body)
    kept = [kind for kind in (b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L", b"EXIF") if kind in chunks]
    if not chunks.keys() & {b"VP8 ", b"VP8L", b"ANMF"}:
        return None
    if chunks.get(b"VP8X"):
        exif = 0x08 if b"EXIF" in chunks else 0
        flags = chunks[b"VP8X"][0] & ~(_WEBP_ICC | _WEBP_XMP | 0x08) | exif
        chunks[b"VP8X"] = bytes([flags]) + chunks[b"VP8X"][1:]
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(chunks[kind])) + chunks[kind] + b"\0" * (len(chunks[kind]) % 2) for kind in kept
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _tiff(data: bytes) -> bytes | None:
    """TIFF 6.0, section 2: each page keeps the entries that its pixels need."""
    order = _TIFF[data[:4]]
    made, link = bytearray(data), 4
    for _ in range(_MOST_PAGES):
        (at,) = struct.unpack_from(order + "I", made, link) if link + 4 <= len(made) else (0,)
        if not 8 <= at <= len(made) - 2:
            break
        (count,) = struct.unpack_from(order + "H", made, at)
        end = at + 2 + 12 * count
        if end > len(made):
            return None
        entries = [bytes(made[start : start + 12]) for start in range(at + 2, end, 12)]
        kept = [entry for entry in entries if struct.unpack_from(order + "H", entry)[0] in _TIFF_TAGS]
        following = bytes(made[end : end + 4]).ljust(4, b"\0")
        page = struct.pack(order + "H", len(kept)) + b"".join(kept) + following
        made[at : at + len(page)] = page
        link = at + len(page) - 4
    return bytes(made)
