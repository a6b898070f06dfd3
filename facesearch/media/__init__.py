"""Photos on disk: find them, identify them by content, decode them to RGB as they are meant to be seen.

May import core. A file that cannot be read is a PhotoError with a short reason; it never ends a run.
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
