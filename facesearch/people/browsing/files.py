"""The files of a photo as they are at this moment: there, gone, or in a folder that is not there."""

import os

from facesearch.core.errors import PhotoError
from facesearch.core.types import FileNow
from facesearch.media import LocalFiles

__all__ = ["as_it_is"]


def as_it_is(path: str, *, offline: bool = False) -> FileNow:
    """A file now. Args: offline: the last run has found that its disk may not be mounted."""
    folder = os.path.dirname(path)
    try:
        LocalFiles().stat(path)
    except PhotoError:
        nearest = _nearest(folder)
        return FileNow(path, nearest, gone=True, away=offline or nearest != folder)
    return FileNow(path, folder)


def _nearest(folder: str) -> str:
    """The innermost of a folder and those that it lies in that is there."""
    while not os.path.isdir(folder) and (above := os.path.dirname(folder)) != folder:
        folder = above
    return folder
