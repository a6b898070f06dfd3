"""Which decoder reads a file, and which turn its EXIF orientation asks for."""

import os
import struct
from typing import BinaryIO, NamedTuple

from PIL import ExifTags, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from facesearch.core.errors import PhotoError
from facesearch.media.reasons import unsupported_kind
from facesearch.media.tiff import set_up

__all__ = ["HEADER_BYTES", "TURNS", "Turn", "check_format", "identify", "orientation"]

# At the start of a file, from which its format is told.
HEADER_BYTES = 16


_FORMATS = [
    kind.format
    for kind in (JpegImageFile, PngImageFile, WebPImageFile, TiffImageFile, BmpImageFile, GifImageFile, AvifImageFile)
]

# ISO/IEC 23008-12, annex B: still pictures and sequences in HEVC, and the two brands that leave the codec open.
_HEIF_BRANDS = frozenset(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1".split())


class Turn(NamedTuple):
    """How pixels as stored become the picture as displayed.

    mirrors_x, mirrors_y: whether the stored x and y axes run backwards in the picture.
    """

    method: Transpose | None
    mirrors_x: bool
    mirrors_y: bool

    @property
    def swaps_axes(self) -> bool:
        return self.method in (Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90)


# Exif 2.32, section 4.6.4, tag Orientation.
TURNS = {
    1: Turn(None, False, False),
    2: Turn(Transpose.FLIP_LEFT_RIGHT, True, False),
    3: Turn(Transpose.ROTATE_180, True, True),
    4: Turn(Transpose.FLIP_TOP_BOTTOM, False, True),
    5: Turn(Transpose.TRANSPOSE, False, False),
    6: Turn(Transpose.ROTATE_270, False, True),
    7: Turn(Transpose.TRANSVERSE, True, True),
    8: Turn(Transpose.ROTATE_90, True, False),
}


def check_format(header: bytes) -> None:
    """Raises PhotoError where a file that begins with these HEADER_BYTES is of no format that is known."""
    if not header:
        raise PhotoError("the file is empty")
    if not (_is_heif(header) or any(_accepts(name, header) for name in _FORMATS)):
        raise PhotoError("not an image, or of a format that is not supported")


def identify(file: BinaryIO) -> ImageFile.ImageFile:
    """Pillow's image of an open file, with its header read.

    Image.open is not used: it would also try 40 formats that no camera writes, some by way of other programs, and it
    warns or refuses by a pixel limit that can only be set for the whole process.

    Raises:
        PhotoError: empty, or no format that is known.
        Exception: whatever the decoder raises for a damaged header.
    """
    header = file.read(HEADER_BYTES)
    check_format(header)
    if header.startswith(b"MM\0\x2b"):
        raise PhotoError("a kind of TIFF that is not supported (a BigTIFF of big-endian order)")
    problem: Exception | None = None
    for name in _FORMATS:
        answer = _accepts(name, header)
        if isinstance(answer, str):  # this Pillow was built without the format
            problem = PhotoError(f"{name} is not supported by the Pillow that is installed")
        elif answer:
            try:
                file.seek(0)
                image = Image.OPEN[name][0](file, "")
                if isinstance(image, TiffImageFile):
                    set_up(image)
                elif isinstance(image, PngImageFile):
                    _scale_colour_key(image)
                return image
            except Exception as error:  # goes on: the brand mif1 may be AVIF or HEIC
                problem = unsupported_kind(name, error) or error
    if _is_heif(header):
        return _open_heif(file)
    assert problem is not None
    raise problem


def _scale_colour_key(image: PngImageFile) -> None:
    """Grey of 2 and 4 bits is decoded to 8, and Pillow leaves its transparent value as it was."""
    key = image.info.get("transparency")
    rawmode = image.tile[0].args if image.tile else None
    if isinstance(key, int) and rawmode in ("L;2", "L;4"):
        image.info["transparency"] = key * (85 if rawmode == "L;2" else 17)


def _accepts(name: str, header: bytes) -> bool | str:
    """Whether a file may be of one of Pillow's formats; a text where this Pillow lacks it."""
    accept = Image.OPEN[name][1]
    return accept is None or accept(header)


def _is_heif(header: bytes) -> bool:
    return header[4:8] == b"ftyp" and header[8:12] in _HEIF_BRANDS


def _open_heif(file: BinaryIO) -> ImageFile.ImageFile:
    try:
        from pillow_heif import HeifImageFile  # here, not above: most photos do not need it
    except ImportError as error:
        raise PhotoError("HEIC photos need the package pillow-heif") from error
    file.seek(0)
    image: ImageFile.ImageFile = HeifImageFile(file)
    return image


def orientation(image: ImageFile.ImageFile, file: BinaryIO) -> int:
    """EXIF orientation, 1..8, in which an image that is not yet decoded will have to be turned after decoding."""
    if image.format in ("TIFF", "HEIF"):
        return 1  # Pillow turns TIFF, and libheif HEIC, while decoding; their sizes are already as displayed
    try:
        if image.format == "PNG" and not image.info.keys() & {"exif", "Raw profile type exif"}:
            _read_late_exif(image, file)
        # The method of the base class, because PNG's own would decode the whole picture to reach a late eXIf chunk.
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
        return value if value in TURNS else 1
    except Exception:
        return 1  # the pixels are no worse for broken EXIF


def _read_late_exif(image: ImageFile.ImageFile, file: BinaryIO) -> None:
    """Give a PNG the EXIF of a chunk that comes after the pixels, as some tools write it (PNG 3, section 11.3.3.5)."""
    position = file.tell()
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            image.info["exif"] = b"Exif\0\0" + file.read(length)
            break
        file.seek(length + 4, os.SEEK_CUR)
    file.seek(position)
