"""Photos of unusual kinds, written by hand or by tifffile, with the picture that each of them shows.

The picture is not symmetric in anything, so that what is turned, inverted or misplaced is seen.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pillow_heif
import tifffile
from numpy.typing import NDArray
from PIL import Image

__all__ = ["GREY", "RGB", "Kind", "bmp_kinds", "encoded", "jpeg_kinds", "page_kinds", "png_kinds", "tiff_kinds"]

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT = 56, 40
_Y, _X = np.mgrid[:HEIGHT, :WIDTH].astype(float)
RGB: Pixels = np.stack([_X * 4.5, _Y * 6, 255 - (_X + _Y) * 2.6], -1).clip(0, 255).astype(np.uint8)
GREY: Pixels = (np.sqrt(_X * _Y) * 5.6).clip(0, 255).astype(np.uint8)
GREY[-1, -1] = 255  # all of the range, which floats are stretched over
ALPHA: Pixels = (_X * 4.6).astype(np.uint8)


class Kind(NamedTuple):
    """shown: (h, w, 3), or None where it must be refused as a kind that is not supported."""

    name: str
    data: bytes
    shown: NDArray[Any] | None
    tolerance: float = 2.0


def encoded(format_: str, picture: NDArray[Any] | Image.Image = RGB, **options: Any) -> bytes:
    """By Pillow."""
    pillow_heif.register_heif_opener()  # for saving; the code under test does without
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, format_, **options)
    return file.getvalue()


def three(grey: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def over_white(colours: NDArray[Any], alpha: Pixels = ALPHA) -> NDArray[Any]:
    share = alpha[:, :, None] / 255
    return colours * share + 255 * (1 - share)


def deep(values: Pixels) -> NDArray[np.uint16]:
    return values.astype(np.uint16) * np.uint16(257)


# -- TIFF 6.0 ----------------------------------------------------------------------------------------------------------


def _by_tifffile(pixels: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


def by_hand(tags: Mapping[int, Sequence[int]], strip: bytes, order: str = "<") -> bytes:
    """A TIFF of one strip; all values are SHORT but those that are too large."""
    given = {256: [WIDTH], 257: [HEIGHT], 259: [1], 273: [8], 278: [HEIGHT], 279: [len(strip)], **tags}
    at = 8 + len(strip) + len(strip) % 2
    behind = at + 2 + 12 * len(given) + 4
    entries, values = struct.pack(order + "H", len(given)), b""
    for tag, numbers in sorted(given.items()):
        kind, letter = (3, "H") if max(numbers) < 65536 else (4, "I")
        value = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        entries += struct.pack(order + "HHI", tag, kind, len(numbers))
        entries += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", behind + len(values))
        values += value.ljust(len(value) + len(value) % 2, b"\0") if len(value) > 4 else b""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + strip.ljust(at - 8, b"\0") + entries + bytes(4) + values


def packed(values: Pixels, bits: int) -> bytes:
    """Rows of 1, 2 or 4 bits for each value."""
    return np.packbits(
        np.unpackbits(values[:, :, None], axis=2)[:, :, 8 - bits :].reshape(HEIGHT, -1), axis=1
    ).tobytes()


_WHOLE = {"u1": 1, "u2": 257, "u4": 16843009}


def _samples(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """0..255 over the range of a type: all of that of integers, 0..1 of floats."""
    if dtype in _WHOLE:
        return (values.astype(np.uint64) * _WHOLE[dtype]).astype(dtype)
    if dtype[0] == "i":
        unsigned = "u" + dtype[1]
        return (values.astype(np.int64) * _WHOLE[unsigned] - (np.iinfo(unsigned).max // 2 + 1)).astype(dtype)
    return (values / 255).astype(dtype)


_TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")


def _grey_tiffs() -> Iterator[tuple[str, bytes, NDArray[Any]]]:
    for order, white, dtype, compression in product("<>", (0, 255), _TYPES, (None, "zlib")):
        kind = "miniswhite" if white else "minisblack"
        values = _samples(white - GREY if white else GREY, dtype)
        data = _by_tifffile(values, photometric=kind, compression=compression, byteorder=order)
        yield f"{order} {kind} {dtype} {compression}", data, three(GREY)


def _colour_tiffs() -> Iterator[tuple[str, bytes, NDArray[Any]]]:
    extras = (None, "unspecified", "assocalpha", "unassalpha")
    for order, planar, dtype in product("<>", ("contig", "separate"), ("u1", "u2", "u4", "f4")):
        for compression, tile, extra in product((None, "zlib"), (None, (16, 16)), extras):
            values, options = _samples(RGB, dtype), {}
            if extra:
                full = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
                values = np.concatenate([values, _samples(full, dtype)], axis=2)
                options = {"extrasamples": [extra]}
            if planar == "separate":
                values = np.ascontiguousarray(np.moveaxis(values, -1, 0))
            options |= {"photometric": "rgb", "planarconfig": planar, "compression": compression, "tile": tile}
            name = f"{order} rgb {planar} {dtype} {compression} {tile} {extra}"
            yield name, _by_tifffile(values, byteorder=order, **options), RGB


def tiff_kinds() -> Iterator[Kind]:
    """Kinds that tifffile writes may be decoded or refused, which the caller decides."""
    for name, data, shown in (*_grey_tiffs(), *_colour_tiffs()):
        yield Kind(name, data, shown)


def tiffs_by_hand() -> Iterator[Kind]:
    for order in "<>":
        yield from (kind._replace(name=f"{order} {kind.name}") for kind in _tiffs_by_hand(order))


def _tiffs_by_hand(order: str) -> Iterator[Kind]:
    yield from _few_bits(order)
    yield from _palettes(order)
    yield from _inks(order)
    yield from _ycbcr(order)
    yield from _alphas(order)
    yield Kind("no photometric", by_hand({258: [8]}, GREY.tobytes(), order), three(GREY))
    for photometric in (4, 9, 10, 32803, 32844, 32845, 34892):
        tags = {258: [8, 8, 8], 262: [photometric], 277: [3]}
        yield Kind(f"photometric {photometric}", by_hand(tags, RGB.tobytes(), order), None)
    for compression in (33003, 34677, 34712, 50001, 50002):
        tags = {258: [8, 8, 8], 262: [2], 277: [3], 259: [compression]}
        yield Kind(f"compression {compression}", by_hand(tags, RGB.tobytes(), order), None)


def _few_bits(order: str) -> Iterator[Kind]:
    for bits, white in product((1, 2, 4), (True, False)):
        values = GREY >> (8 - bits)
        most = (1 << bits) - 1
        strip = packed((most - values) if white else values, bits)
        tags = {258: [bits], 262: [0 if white else 1]}
        yield Kind(
            f"{bits} bits, white is {0 if white else most}", by_hand(tags, strip, order), three(values * (255 // most))
        )
    twelve = (GREY.astype(int) * 4095 // 255).reshape(-1, 2)
    a, b = twelve[:, 0], twelve[:, 1]
    strip = np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], -1).astype(np.uint8).tobytes()
    # of this order of bytes, Pillow knows no such kind
    yield Kind("12 bits", by_hand({258: [12], 262: [1]}, strip, order), three(GREY) if order == "<" else None)


def _palettes(order: str) -> Iterator[Kind]:
    colours = np.random.default_rng(0).integers(0, 256, (256, 3)).astype(np.uint8)
    for factor, compression in product((1, 257), (1, 8)):
        tags = {258: [8], 262: [3], 259: [compression], 320: [int(v) * factor for v in colours.T.ravel()]}
        strip = GREY.tobytes() if compression == 1 else zlib.compress(GREY.tobytes())
        yield Kind(f"palette times {factor}, compression {compression}", by_hand(tags, strip, order), colours[GREY])


def _inks(order: str) -> Iterator[Kind]:
    cmyk = np.concatenate([255 - RGB, np.zeros((HEIGHT, WIDTH, 1), np.uint8)], 2)
    tags = {258: [8] * 4, 262: [5], 277: [4]}
    yield Kind("CMYK", by_hand(tags, cmyk.tobytes(), order), RGB)
    yield Kind(
        "CMYK of 16 bits", by_hand(tags | {258: [16] * 4}, deep(cmyk).astype(order + "u2").tobytes(), order), RGB
    )
    planes = np.moveaxis(cmyk, -1, 0).tobytes()
    strips = {273: [8 + i * WIDTH * HEIGHT for i in range(4)], 279: [WIDTH * HEIGHT] * 4, 284: [2]}
    yield Kind("CMYK in planes", by_hand(tags | strips, planes, order), RGB)
    yield Kind("other inks", by_hand(tags | {332: [2]}, cmyk.tobytes(), order), None)


def _ycbcr(order: str) -> Iterator[Kind]:
    values = np.asarray(Image.fromarray(RGB).convert("YCbCr"))
    tags = {258: [8, 8, 8], 262: [6], 277: [3]}
    yield Kind("YCbCr", by_hand(tags | {530: [1, 1]}, values.tobytes(), order), RGB, 4)
    blocks = values.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).transpose(0, 2, 1, 3, 4)
    chroma = blocks[..., 1:].mean(axis=(2, 3)).round().astype(np.uint8)
    strip = np.concatenate([blocks[..., 0].reshape(HEIGHT // 2, WIDTH // 2, 4), chroma], 2).tobytes()
    yield Kind("YCbCr of 2 x 2", by_hand(tags | {530: [2, 2]}, strip, order), RGB, 9)
    yield Kind("YCbCr without its sampling", by_hand(tags, strip, order), RGB, 9)
    yield Kind("YCbCr deflated", by_hand(tags | {259: [8]}, zlib.compress(strip), order), RGB, 9)


def _alphas(order: str) -> Iterator[Kind]:
    empty = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    premultiplied = (RGB * (ALPHA[:, :, None] / 255)).round().astype(np.uint8)
    for extra in (0, 1, 2):
        tags = {258: [8] * 4, 262: [2], 277: [4], 338: [extra]}
        strip = np.concatenate([RGB, empty], 2).tobytes()
        yield Kind(f"alpha of zeros, kind {extra}", by_hand(tags, strip, order), RGB)
        strip = np.concatenate([premultiplied if extra == 1 else RGB, ALPHA[:, :, None]], 2).tobytes()
        yield Kind(f"alpha, kind {extra}", by_hand(tags, strip, order), over_white(RGB) if extra else RGB, 4)
        grey = np.stack([GREY, np.zeros_like(GREY)], 2).tobytes()
        yield Kind(
            f"grey, alpha {extra} of zeros",
            by_hand({258: [8, 8], 262: [1], 277: [2], 338: [extra]}, grey, order),
            three(GREY),
        )


def page_kinds() -> Iterator[Kind]:
    """TIFFs of several pages."""
    small = np.ascontiguousarray(RGB[::4, ::4])
    page, thumbnail = {"photometric": "rgb"}, {"photometric": "rgb", "subfiletype": 1}
    pages = {
        "two pages": [(RGB, page), (RGB[::-1], page)],
        "thumbnail first": [(small, thumbnail), (RGB, page)],
        "mask first": [((RGB[:, :, 0] > 99), {"subfiletype": 4, "photometric": "mask"}), (RGB, page)],
        "smaller ones below": [(RGB, page | {"subifds": 1}), (small, thumbnail)],
    }
    for name, written in pages.items():
        yield Kind(name, _written(written), None if name == "mask first" else RGB)
    yield Kind("photo below its thumbnail", _written([(small, thumbnail | {"subifds": 1}), (RGB, page)]), None)
    yield Kind("BigTIFF", _written([(RGB, page)], bigtiff=True), RGB)
    yield Kind("big-endian BigTIFF", _written([(RGB, page)], bigtiff=True, byteorder=">"), None)
    for compression in ("tiff_lzw", "packbits", "zstd", "lzma", "tiff_adobe_deflate"):
        yield Kind(compression, encoded("TIFF", compression=compression), RGB)
    yield Kind("LZW of differences", encoded("TIFF", compression="tiff_lzw", tiffinfo={317: 2}), RGB)
    yield Kind("JPEG in TIFF", encoded("TIFF", compression="jpeg", quality=95), RGB, 16)
    yield Kind("fax", encoded("TIFF", GREY > 127, compression="group4"), three((GREY > 127) * 255))


def _written(pages: Sequence[tuple[NDArray[Any], dict[str, Any]]], **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, **options) as writer:
        for pixels, how in pages:
            writer.write(pixels, metadata=None, **how)
    return file.getvalue()


# -- PNG 3 -------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    right = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", right if checksum is None else checksum)


def png(bits: int, colour: int, rows: NDArray[Any] | bytes, palette: bytes = b"", key: bytes = b"") -> bytes:
    """rows: (h, …), packed; bytes are filtered rows of an interlaced one."""
    interlaced = isinstance(rows, bytes)
    filtered = rows if isinstance(rows, bytes) else b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, interlaced))]
    parts += [chunk(b"PLTE", palette)] if palette else []
    parts += [chunk(b"tRNS", key)] if key else []
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts, chunk(b"IDAT", zlib.compress(filtered)), chunk(b"IEND", b"")])


def _adam7(pixels: NDArray[Any]) -> bytes:
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    return b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx])


def png_kinds() -> Iterator[Kind]:
    for bits in (1, 2, 4):
        yield from _packed_pngs(bits)
    sixteen = deep(GREY).astype(">u2")
    keyed = three(np.where(GREY == 100, 255, GREY))
    yield Kind("grey with a colour key", png(8, 0, GREY, key=struct.pack(">H", 100)), keyed)
    yield Kind("grey of 16 bits", png(16, 0, sixteen), three(GREY))
    yield Kind("grey of 16 bits with a colour key", png(16, 0, sixteen, key=struct.pack(">H", 25700)), keyed)
    yield Kind("RGB of 16 bits", png(16, 2, deep(RGB).astype(">u2")), RGB)
    both = np.dstack([RGB, ALPHA])
    yield Kind("alpha", png(8, 6, both), over_white(RGB))
    yield Kind("alpha of 16 bits", png(16, 6, deep(both).astype(">u2")), over_white(RGB))
    yield Kind("alpha of zeros", png(8, 6, np.dstack([RGB, ALPHA * 0])), RGB)
    grey = np.dstack([GREY, ALPHA])
    yield Kind("grey with alpha", png(8, 4, grey), over_white(three(GREY)))
    yield Kind("grey with alpha, 16 bits", png(16, 4, deep(grey).astype(">u2")), over_white(three(GREY)))
    for name, colour, pixels, shown in (
        ("RGB", 2, RGB, RGB),
        ("grey", 0, GREY, three(GREY)),
        ("alpha", 6, both, over_white(RGB)),
    ):
        yield Kind(f"interlaced {name}", png(8, colour, _adam7(pixels)), shown)
    yield Kind("interlaced RGB of 16 bits", png(16, 2, _adam7(deep(RGB).astype(">u2"))), RGB)


def _packed_pngs(bits: int) -> Iterator[Kind]:
    values = GREY >> (8 - bits)
    rows = np.frombuffer(packed(values, bits), np.uint8).reshape(HEIGHT, -1)
    shown = three(values * (255 // ((1 << bits) - 1)))
    yield Kind(f"grey of {bits} bits", png(bits, 0, rows), shown)
    keyed = np.where(three(values) == 1, 255, shown)
    yield Kind(f"grey of {bits} bits with a colour key", png(bits, 0, rows, key=b"\0\1"), keyed)
    palette = np.random.default_rng(1).integers(0, 256, (1 << bits, 3)).astype(np.uint8)
    yield Kind(f"palette of {bits} bits", png(bits, 3, rows, palette.tobytes()), palette[values])
    seen = np.where(three(values) == 0, 255, palette[values])
    yield Kind(f"palette of {bits} bits with transparency", png(bits, 3, rows, palette.tobytes(), b"\0"), seen)


# -- BMP ---------------------------------------------------------------------------------------------------------------


def bmp(
    bits: int,
    rows: bytes,
    compression: int = 0,
    masks: Sequence[int] = (),
    header: int = 40,
    palette: bytes = b"",
    height: int = HEIGHT,
) -> bytes:
    """Masks lie in the header from version 2 on, and behind it before."""
    head = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(rows), 0, 0, 0, 0)
    packed_masks = struct.pack(f"<{len(masks)}I", *masks)
    head += packed_masks.ljust(header - 40, b"\0") + palette
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(rows), 0, 0, 14 + len(head)) + head + rows


def bmp_kinds() -> Iterator[Kind]:
    bgr = RGB[::-1, :, ::-1]
    yield Kind("24 bits", bmp(24, bgr.tobytes()), RGB)
    yield Kind("24 bits, top row first", bmp(24, bgr[::-1].tobytes(), height=-HEIGHT), RGB)
    for fourth in (0, 7, 255):
        rows = np.dstack([bgr, np.full((HEIGHT, WIDTH), fourth, np.uint8)]).tobytes()
        yield Kind(f"32 bits, {fourth} in the fourth", bmp(32, rows), RGB)
        if fourth == 7:
            continue
        for header in (40, 52, 56, 108, 124):
            masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)[: 3 if header < 56 else 4]
            yield Kind(f"32 bits, {fourth} in alpha, header {header}", bmp(32, rows, 3, masks, header), RGB)
    yield Kind("10 bits", bmp(32, bytes(4 * WIDTH * HEIGHT), 3, (0x3FF00000, 0xFFC00, 0x3FF)), None)
    fives = (RGB[::-1] >> 3).astype("<u2")
    yield Kind("5, 5, 5 bits", bmp(16, (fives[..., 0] << 10 | fives[..., 1] << 5 | fives[..., 2]).tobytes()), RGB, 9)
    palette = np.random.default_rng(2).integers(0, 256, (256, 4)).astype(np.uint8)
    shown = palette[:, [2, 1, 0]][GREY]
    yield Kind("palette", bmp(8, GREY[::-1].tobytes(), palette=palette.tobytes()), shown)
    runs = b"".join(b"".join(bytes([1, value]) for value in row) + b"\0\0" for row in GREY[::-1]) + b"\0\1"
    yield Kind("palette, run lengths", bmp(8, runs, 1, palette=palette.tobytes()), shown)
    yield Kind("JPEG in BMP", bmp(0, encoded("JPEG"), 4), None)


# -- JPEG --------------------------------------------------------------------------------------------------------------


def jpeg_kinds() -> Iterator[Kind]:
    sharp = {"quality": 95, "subsampling": 0}
    whole = encoded("JPEG", **sharp)
    yield Kind("progressive", encoded("JPEG", progressive=True, **sharp), RGB, 8)
    yield Kind("RGB as stored", encoded("JPEG", keep_rgb=True, **sharp), RGB, 8)
    yield Kind("restart markers", encoded("JPEG", restart_marker_blocks=1, **sharp), RGB, 8)
    yield Kind("MPO", encoded("MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1])], **sharp), RGB, 8)
    inks = encoded("JPEG", Image.fromarray(RGB).convert("CMYK"), **sharp)
    at = inks.index(b"\xff\xee")
    yield Kind("CMYK, Adobe's", inks, RGB, 8)
    yield Kind("CMYK without Adobe's marker", inks[:at] + inks[at + 16 :], RGB, 8)
    for name, frame, depth in (("lossless", 0xC3, 8), ("hierarchical", 0xC5, 8), ("12 bits", 0xC1, 12)):
        yield Kind(name, _with_frame(whole, frame, depth), None)
    frame = whole.index(b"\xff\xc0")
    yield Kind("height after the pixels", whole[: frame + 5] + bytes(2) + whole[frame + 7 :], None)


def _with_frame(data: bytes, frame: int, depth: int) -> bytes:
    at = data.index(b"\xff\xc0")
    return data[: at + 1] + bytes([frame]) + data[at + 2 : at + 4] + bytes([depth]) + data[at + 5 :]
