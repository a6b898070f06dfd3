"""Photos: find them, identify them, and decode them to RGB as they are meant to be seen.

May import core only.

    source.py    the MediaSource protocol, and local files: listed, opened once, identified by content
    finding.py   folders -> the photos in them
    decoding.py  the bytes of a photo -> its size -> its pixels
    formats.py   which decoder reads a file; which turn its EXIF orientation asks for
    dates.py     when a photo was taken, as its EXIF tells it
    pixels.py    any of Pillow's modes -> 8-bit RGB
    reasons.py   anything that goes wrong -> a few words

Whatever is wrong with a file becomes a PhotoError (or, while listing, a Failure) with a short reason, so that one bad
file never ends a run.
"""

from facesearch.media.decoding import DecodedPhoto, PhotoFile
from facesearch.media.finding import PHOTO_SUFFIXES, Failure, Found, find_photos
from facesearch.media.source import LocalFiles, MediaSource, Medium, content_hash, open_photo

__all__ = [
    "PHOTO_SUFFIXES",
    "DecodedPhoto",
    "Failure",
    "Found",
    "LocalFiles",
    "MediaSource",
    "Medium",
    "PhotoFile",
    "content_hash",
    "find_photos",
    "open_photo",
]
