"""Stored pixels and displayed pixels of a photo.

Coordinates in XMP belong to the stored image, before the EXIF orientation is applied: "Guidelines for Handling Image
Metadata" 2.0 of the Metadata Working Group (MWG, 2010), section 5.9. digiKam writes MWG's regions like that, and Immich
reads them so (its issue 12440). Microsoft says nothing about it; its regions get the same numbers, as in digiKam's
files. Everywhere else in facesearch boxes belong to the photo as displayed.
"""

import os
import re
import stat
import struct
from dataclasses import dataclass
from typing import BinaryIO

from PIL import ExifTags, Image, ImageFile

from facesearch.core.errors import InputError, PhotoError
from facesearch.media.formats import TURNS, Turn, identify, orientation
from facesearch.media.reasons import as_photo_errors
from facesearch.sharing.xmp.region import Box

__all__ = ["Frame", "read_frame"]

# Sizes whose ratios differ by less belong to the same picture: raw converters crop a few pixels at the edges, and
# rounding a small preview makes 1 %. The nearest common ratios, 5:4 and 4:3, are 6 % apart.
_RATIO_TOLERANCE = 0.02

_MAX_META = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Frame:
    """How a photo's stored pixels become the picture that is seen.

    size: (width, height) in pixels as displayed.
    orientation: EXIF's tag Orientation, 1..8, by which programs turn regions. In HEIC it repeats what the container
        says (irot, imir), and counts for nothing where that says nothing.
    """

    size: tuple[int, int]
    orientation: int = 1

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise InputError(f"a photo is at least one pixel wide and high, not {self.size}")
        if self.orientation not in TURNS:
            raise InputError(f"an EXIF orientation lies in 1..8, not {self.orientation}")

    @property
    def turn(self) -> Turn:
        return TURNS[self.orientation]

    @property
    def stored_size(self) -> tuple[int, int]:
        """(width, height) in pixels before the orientation is applied."""
        return self.size[::-1] if self.turn.swaps_axes else self.size

    def to_stored(self, box: Box) -> Box:
        """Pixels as displayed -> shares, 0..1, of the stored image; what lies outside the photo is cut off."""
        width, height = self.size
        x1, y1, x2, y2 = _clip((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
        return self.turn_back((x1, y1, x2, y2))

    def to_displayed(self, area: Box) -> Box:
        """Shares, 0..1, of the stored image -> pixels as displayed."""
        x1, y1, x2, y2 = _clip(area)
        turn = self.turn
        if turn.mirrors_x:
            x1, x2 = 1 - x2, 1 - x1
        if turn.mirrors_y:
            y1, y2 = 1 - y2, 1 - y1
        if turn.swaps_axes:
            x1, y1, x2, y2 = y1, x1, y2, x2
        width, height = self.size
        return (x1 * width, y1 * height, x2 * width, y2 * height)

    def turn_back(self, area: Box) -> Box:
        """Shares of the displayed picture -> shares of the stored image."""
        x1, y1, x2, y2 = area
        turn = self.turn
        if turn.swaps_axes:
            x1, y1, x2, y2 = y1, x1, y2, x2
        if turn.mirrors_x:
            x1, x2 = 1 - x2, 1 - x1
        if turn.mirrors_y:
            y1, y2 = 1 - y2, 1 - y1
        return (x1, y1, x2, y2)

    def space_of(self, applied: tuple[float, float] | None) -> str | None:
        """Which picture regions belong to that were made on one of size `applied`: "stored", "displayed" or None.

        MWG 2.0, section 5.9, has readers compare AppliedToDimensions with the image, and ignore regions where the
        ratio has changed. Sizes with swapped sides come from writers that break its rule about the orientation.
        """
        if applied is None or _same_ratio(applied, self.stored_size):
            return "stored"
        return "displayed" if _same_ratio(applied, self.size) else None


def _same_ratio(a: tuple[float, float], b: tuple[float, float]) -> bool:
    # The smaller of the two may be a preview, whose sides are rounded by up to half a pixel.
    rounding = 0.5 / min(*a, *b)
    return abs(a[0] * b[1] / (a[1] * b[0]) - 1) <= _RATIO_TOLERANCE + rounding


def _clip(area: Box) -> Box:
    x1, y1, x2, y2 = (min(max(share, 0.0), 1.0) for share in area)
    return (x1, y1, x2, y2)


def read_frame(photo: str | os.PathLike[str]) -> Frame:
    """Read a photo's size and EXIF orientation from its header.

    Raises:
        PhotoError: not a photo, damaged or unreadable; the message is the reason, without the path.
    """
    with as_photo_errors():
        if not stat.S_ISREG(os.stat(photo).st_mode):  # opening a named pipe would wait for ever
            raise PhotoError("not a regular file")
        with open(photo, "rb") as file:
            image = identify(file)
            if image.format in ("TIFF", "HEIF"):  # their sizes are already as displayed
                turns = image.format == "TIFF" or _heic_is_turned(file)
                return Frame(image.size, _tagged_orientation(image) if turns else 1)
            turned = orientation(image, file)
            return Frame(image.size[::-1] if TURNS[turned].swaps_axes else image.size, turned)


def _tagged_orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
        value = image.info.get("original_orientation") or value  # pillow-heif resets the tag, and keeps it here
        return value if value in TURNS else 1
    except Exception:
        return 1  # the pixels are no worse for broken EXIF


def _heic_is_turned(file: BinaryIO) -> bool:
    """Whether a HEIC has a box irot with an angle, or imir (ISO/IEC 23008-12, sections 6.5.10 and 6.5.12)."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"meta":  # properties and lists; pictures are elsewhere
            meta = file.read(max(0, min(length - 8, _MAX_META)))
            return b"imir" in meta or any(
                meta[found.end()] & 3 for found in re.finditer(rb"irot(?=.)", meta, re.DOTALL)
            )
        if length < 8:  # to the end of the file, or a length of 64 bits, neither of which comes before meta
            return False
        file.seek(length - 8, os.SEEK_CUR)
    return False
