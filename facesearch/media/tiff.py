"""What Pillow leaves undone of TIFF 6.0 and its supplements: it reads some kinds to something else, without a word."""

import ctypes
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImagePalette, _imaging
from PIL.ImageFile import _Tile
from PIL.TiffImagePlugin import TiffImageFile

from facesearch.core.errors import PhotoError

__all__ = ["as_meant", "set_up"]

_NEW_SUBFILE, _SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLES = 254, 255, 258, 262, 277
_PLANAR, _COLOUR_MAP, _SUB_IFDS, _INK_SET, _EXTRA, _FORMAT, _SUBSAMPLING = 284, 320, 330, 332, 338, 339, 530
_COMPRESSION, _FAX, _NO_CODEC = 259, (2, 3, 4), (34677, 50001)
_REDUCED, _MASK, _OLD_REDUCED = 1, 4, 2
_WHITE_IS_ZERO, _YCBCR = 0, 6
_SIGNED = 2
# libtiff gives values in the order of this machine, whatever the file's.
_NATIVE = {
    "I;16S": "I;16NS",
    "I;16BS": "I;16NS",
    "I;32S": "I;32NS",
    "I;32BS": "I;32NS",
    "F;32F": "F;32NF",
    "F;32BF": "F;32NF",
}


def set_up(image: TiffImageFile) -> None:
    """Choose the page that is the photo, and how it is decoded.

    Raises:
        PhotoError: a kind of TIFF that would not be decoded right.
        Exception: whatever Pillow raises for damaged pages.
    """
    _silence_libtiff()
    _find_photo(image)
    tags = image.tag_v2
    if tags.get(_COMPRESSION) in _NO_CODEC:
        raise PhotoError("a kind of TIFF that is not supported (its compression)")
    if _PHOTOMETRIC not in tags and tags.get(_COMPRESSION, 1) not in _FAX:  # as libtiff takes it, and not as Pillow
        tags[_PHOTOMETRIC] = 1
        image._setup()
    if tags.get(_PHOTOMETRIC) == 5 and tags.get(_INK_SET, 1) != 1:
        raise PhotoError("a kind of TIFF that is not supported (inks other than CMYK)")
    if image.mode in ("P", "PA") and max(tags[_COLOUR_MAP]) < 256:  # not scaled to 16 bits, as the standard wants it
        image.palette = ImagePalette.raw("RGB;L", tuple(tags[_COLOUR_MAP]))
    image.tile = [_as_stored(tile, image.use_load_libtiff) for tile in image.tile]
    if not image.use_load_libtiff and (_is_planar(image) or _is_subsampled(image)):
        _through_libtiff(image)


@cache
def _silence_libtiff() -> None:
    """Pillow raises what libtiff says, which would be on stderr as well, without the photo's name."""
    with suppress(OSError, AttributeError):  # where it is built into Pillow, it cannot be reached
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def as_meant(image: TiffImageFile) -> Image.Image:
    """A decoded TIFF, with the values that its tags say."""
    tags = image.tag_v2
    if image.mode == "RGBA" and 1 in tags.get(_EXTRA, ()) and image.getchannel("A").getextrema() != (0, 0):
        return Image.frombytes("RGBa", image.size, image.tobytes())  # its colours are multiplied by its alpha
    bits, sample = tags.get(_BITS, (1,))[0], tags.get(_FORMAT, (1,))[0]
    white_is_zero = tags.get(_PHOTOMETRIC, _WHITE_IS_ZERO) == _WHITE_IS_ZERO
    are_numbers = image.mode in ("I;16", "I;16B", "I", "F") or sample == _SIGNED
    if not are_numbers or not (bits in (8, 12) or (bits == 32 and sample == 1) or white_is_zero):
        return image  # not copied: a large photo's numbers are gigabytes
    values: Any = np.asarray(image)
    if bits == 8:
        return Image.fromarray(values.view(np.int8).astype(np.int32))
    if bits == 12:
        return Image.fromarray((values << 4 | values >> 8).astype(np.uint16))
    if bits == 32 and sample == 1:
        return Image.fromarray(values.view(np.uint32).astype(np.float32))
    if white_is_zero:
        return Image.fromarray(65535 - values if bits == 16 else -values)
    return image


def _find_photo(image: TiffImageFile) -> None:
    """The first page, unless it is a thumbnail or a mask of another."""
    if not _is_aside(image):
        return
    for page in range(1, image.n_frames):
        image.seek(page)
        if not _is_aside(image):
            return
    image.seek(0)
    if _SUB_IFDS in image.tag_v2:  # as cameras write raw photos
        raise PhotoError("a kind of TIFF that is not supported (only its thumbnail could be read)")


def _is_aside(image: TiffImageFile) -> bool:
    tags = image.tag_v2
    return bool(tags.get(_NEW_SUBFILE, 0) & (_REDUCED | _MASK)) or tags.get(_SUBFILE) == _OLD_REDUCED


def _is_planar(image: TiffImageFile) -> bool:
    return image.tag_v2.get(_PLANAR, 1) == 2 and len(image.getbands()) > 1


def _is_subsampled(image: TiffImageFile) -> bool:
    tags = image.tag_v2
    return tags.get(_PHOTOMETRIC) == _YCBCR and image.mode == "YCbCr" and tags.get(_SUBSAMPLING, (2, 2)) != (1, 1)


def _through_libtiff(image: TiffImageFile) -> None:
    """Have libtiff put together what Pillow reads wrong: planes of 16 bits, colours of several pixels."""
    tags = image.tag_v2
    rawmode = image.mode
    if image.mode == "YCbCr":
        image._mode, rawmode = "RGB", "RGBX"
    if tags.get(_BITS, (8,))[0] == 16:
        rawmode += ";16N"
    width, height = image.tag_v2[256], image.tag_v2[257]
    image.use_load_libtiff = True
    image.tile = [_Tile("libtiff", (0, 0, width, height), 0, (rawmode, False, tags.offset))]


def _as_stored(tile: _Tile, by_libtiff: bool) -> _Tile:
    """A tile that is decoded without dividing by its alpha, and in the order of bytes that it comes in."""
    assert isinstance(tile.args, tuple)
    rawmode, *others = tile.args
    rawmode = rawmode.replace("RGBa", "RGBA")
    return tile._replace(args=(_NATIVE.get(rawmode, rawmode) if by_libtiff else rawmode, *others))
