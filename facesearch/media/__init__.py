"""Photos: found, identified by content, and decoded to RGB as displayed; whatever is wrong with one is a PhotoError.

May import core only.
"""

from facesearch.media.decoding import DecodedPhoto, PhotoFile
from facesearch.media.finding import PHOTO_SUFFIXES, Failure, Found, find_photos
from facesearch.media.source import LocalFiles, MediaSource, Medium, medium_of, open_photo

__all__ = [
    "PHOTO_SUFFIXES",
    "DecodedPhoto",
    "Failure",
    "Found",
    "LocalFiles",
    "MediaSource",
    "Medium",
    "PhotoFile",
    "find_photos",
    "medium_of",
    "open_photo",
]
