"""One photo file -> its size -> its pixels."""

import hashlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from facesearch.core.errors import PhotoError
from facesearch.core.settings import ImageConfig
from facesearch.media.dates import taken
from facesearch.media.formats import TURNS, Turn, identify, orientation
from facesearch.media.pixels import to_rgb
from facesearch.media.reasons import as_photo_errors

__all__ = ["DecodedPhoto", "Photo", "content_hash", "open_photo"]


@dataclass(frozen=True, eq=False)
class DecodedPhoto:
    """The pixels of a photo as displayed.

    rgb: (h, w, 3) uint8, contiguous and writable.
    scale: 1, 1/2, 1/4 or 1/8. The point (x, y) of rgb is exactly the point (x / scale, y / scale) of the photo, where
        (0, 0) is the outer corner of the top left pixel. Sizes are rounded up: w = ceil(width of the photo * scale),
        so the last column and row may be cut off by the photo's edge.
    """

    rgb: npt.NDArray[np.uint8]
    scale: float


@dataclass(frozen=True)
class Photo:
    """A photo whose header was read. It holds no open file, and threads may share it.

    size: (width, height) in pixels as displayed.
    taken: when, as its EXIF tells it; see facesearch.media.dates.
    """

    path: str
    size: tuple[int, int]
    config: ImageConfig
    taken: datetime | None = None

    def decode(self, min_scale: float = 1.0) -> DecodedPhoto:
        """Decode the first frame and turn it as its EXIF orientation says.

        A JPEG is decoded at the smallest of 1/8, 1/4, 1/2 and 1 that is at least min_scale and maps points exactly:
        where the orientation mirrors an axis, its length must be divisible. All others are decoded whole.

        Raises:
            PhotoError: the file is damaged, or no longer the one that was opened.
        """
        with as_photo_errors(), _open_file(self.path) as file:
            image, turn = _read_header(file, self.config)
            if _displayed_size(image, turn) != self.size:
                raise PhotoError("changed while it was being read")
            scale = _choose_scale(image, turn, min_scale)
            with _without_pillows_limit(image):
                image.load()
            rgb = to_rgb(image)
            return DecodedPhoto(np.array(rgb if turn.method is None else rgb.transpose(turn.method)), scale)


def open_photo(path: str | os.PathLike[str], config: ImageConfig | None = None) -> Photo:
    """Read a photo's header.

    Raises:
        PhotoError: not a photo, damaged, too large or unreadable; the message is the reason, without the path.
    """
    config = config or ImageConfig()
    with as_photo_errors(), _open_file(path) as file:
        image, turn = _read_header(file, config)
        return Photo(os.fspath(path), _displayed_size(image, turn), config, taken(image))


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file's bytes, hexadecimal.

    Raises:
        PhotoError: the file cannot be read.
    """
    with as_photo_errors(), _open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open_file(path: str | os.PathLike[str]) -> io.BufferedReader:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise PhotoError("a folder, not a photo")
    if not stat.S_ISREG(mode):  # opening a named pipe would wait for ever
        raise PhotoError("not a regular file")
    return open(path, "rb")


def _read_header(file: io.BufferedReader, config: ImageConfig) -> tuple[ImageFile.ImageFile, Turn]:
    """Pillow's image, not yet decoded, and the turn that it will need."""
    image = identify(file)
    pixels = image.size[0] * image.size[1]
    if pixels == 0:
        raise PhotoError("damaged: it has no pixels")
    if pixels > config.max_megapixels * 1e6:
        size = f"{pixels / 1e6:,.1f}".removesuffix(".0")
        raise PhotoError(f"{size} megapixels, more than the limit of {config.max_megapixels:g} (--max-megapixels)")
    return image, TURNS[orientation(image, file)]


def _displayed_size(image: Image.Image, turn: Turn) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if turn.swaps_axes else (width, height)


def _choose_scale(image: ImageFile.ImageFile, turn: Turn, min_scale: float) -> float:
    """Set a JPEG to be decoded at a reduced scale, and return the scale; 1 for anything else.

    libjpeg makes each 8x8 block an n x n one, counted from the top left corner as stored. Seen from the opposite
    corner, pixels lie on the same grid only if the length is divisible.
    """
    width, height = image.size
    for divisor in (8, 4, 2):
        exact = not (turn.mirrors_x and width % divisor) and not (turn.mirrors_y and height % divisor)
        # draft takes the largest divisor at which both sides keep the length asked for
        wanted = (width // divisor, height // divisor)
        if isinstance(image, JpegImageFile) and exact and 1 / divisor >= min_scale and min(wanted) >= 1:
            image.draft(None, wanted)
            return 1 / divisor
    return 1.0


_limit_lock = threading.Lock()


@contextmanager
def _without_pillows_limit(image: Image.Image) -> Iterator[None]:
    """Keep Pillow from checking a TIFF's size once more; ours was checked.

    Its limit is a variable of the whole process, so it is put back at once, and left alone for all but huge TIFFs.
    """
    limit = Image.MAX_IMAGE_PIXELS  # None may be another thread's, to be put back any moment
    if image.format != "TIFF" or (limit is not None and image.size[0] * image.size[1] <= limit):
        yield
        return
    with _limit_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
