"""Photos: found, identified by content, and decoded to RGB as displayed; whatever is wrong with one is a PhotoError.

May import core only.
"""

from facesearch.media.decoding import Cost, DecodedPhoto, PhotoFile
from facesearch.media.finding import OWN, PHOTO_SUFFIXES, Failure, Found, Skipped, find_photos
from facesearch.media.source import LocalFiles, MediaSource, Medium, medium_of, open_photo

__all__ = [
    "OWN",
    "PHOTO_SUFFIXES",
    "Cost",
    "DecodedPhoto",
    "Failure",
    "Found",
    "LocalFiles",
    "MediaSource",
    "Medium",
    "PhotoFile",
    "Skipped",
    "find_photos",
    "medium_of",
    "open_photo",
]
