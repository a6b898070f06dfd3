"""Photos on disk: find them, hash them, and decode them to RGB as they are meant to be seen.

    finding.py   folders -> the photos in them
    decoding.py  one file -> its size -> its pixels
    formats.py   which decoder reads a file; which turn its EXIF orientation asks for
    dates.py     when a photo was taken, as its EXIF tells it
    pixels.py    any of Pillow's modes -> 8-bit RGB
    reasons.py   anything that goes wrong -> a few words

Whatever is wrong with a file becomes a PhotoError (or, while listing, a Failure) with a short reason, so that one bad
file never ends a run.
"""

from facesearch.media.decoding import DecodedPhoto, Photo, content_hash, open_photo
from facesearch.media.finding import PHOTO_SUFFIXES, Failure, Found, FoundPhoto, find_photos

__all__ = [
    "PHOTO_SUFFIXES",
    "DecodedPhoto",
    "Failure",
    "Found",
    "FoundPhoto",
    "Photo",
    "content_hash",
    "find_photos",
    "open_photo",
]
