"""When a photo was taken, as its EXIF tells it."""

from contextlib import suppress
from datetime import datetime, timedelta, timezone

from PIL import ExifTags, Image, ImageFile

__all__ = ["taken"]

# Exif 2.32, section 4.6.5, F: when the picture was taken, else when it was made digital, each with its offset from UTC.
# DateTime (0x0132) is not among them: it is when the file was last changed.
_DATES = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)
# Cameras whose clock was never set say 1970 or 0000; the first photo of a person is of 1839.
_EARLIEST = datetime(1839, 1, 1)


def taken(image: ImageFile.ImageFile) -> datetime | None:
    """The time on the clock of the place where a photo was taken; None where its EXIF does not say.

    It has that clock's offset where EXIF has it, and is naive where not.
    """
    try:
        # The method of the base class, because PNG's own would decode the whole picture to reach a late eXIf chunk.
        tags = Image.Image.getexif(image).get_ifd(ExifTags.IFD.Exif)
    except Exception:
        return None  # a photo is no worse for broken EXIF
    for date_tag, offset_tag in _DATES:
        date = _date(tags.get(date_tag))
        if date is not None:
            return date.replace(tzinfo=_offset(tags.get(offset_tag)))
    return None


def _date(value: object) -> datetime | None:
    with suppress(ValueError):
        date = datetime.strptime(_text(value), "%Y:%m:%d %H:%M:%S")
        return date if date >= _EARLIEST else None
    return None


def _offset(value: object) -> timezone | None:
    """EXIF's "+09:00"; None for anything else."""
    with suppress(ValueError):
        offset = datetime.strptime(_text(value), "%z").utcoffset()
        return timezone(offset) if offset is not None and abs(offset) <= timedelta(hours=14) else None
    return None


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.split("\0")[0].strip()
