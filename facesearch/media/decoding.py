"""The bytes of a photo -> its size -> its pixels."""

import io
import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from facesearch.core.errors import PhotoError
from facesearch.core.settings import ImageConfig
from facesearch.media.dates import taken
from facesearch.media.formats import TURNS, Turn, identify, orientation
from facesearch.media.mending import has_no_end, pixels_only
from facesearch.media.pixels import to_rgb
from facesearch.media.reasons import as_photo_errors
from facesearch.media.tiff import as_meant

__all__ = ["DecodedPhoto", "PhotoFile", "date_taken"]

T = TypeVar("T")


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
class PhotoFile:
    """The bytes of a photo, whose header was read. It holds no open file, and threads may share it.

    path: where the bytes are from, for people.
    size: (width, height) in pixels as displayed.
    taken: when, as its EXIF tells it; see facesearch.media.dates.
    """

    path: str
    data: bytes = field(repr=False)
    size: tuple[int, int]
    config: ImageConfig
    taken: datetime | None = None

    @classmethod
    def parse(cls, data: bytes, config: ImageConfig | None = None, path: str = "") -> "PhotoFile":
        """Read a photo's header.

        Raises:
            PhotoError: not a photo, damaged or too large; the message is the reason, without the path.
        """
        config = config or ImageConfig()
        with as_photo_errors():
            size, date = _mended(lambda each: _size_and_date(each, config), data)
            return cls(path, data, size, config, date)

    def decode(self, min_scale: float = 1.0) -> DecodedPhoto:
        """Decode the first frame and turn it as its EXIF orientation says.

        A JPEG is decoded at the smallest of 1/8, 1/4, 1/2 and 1 that is at least min_scale and maps points exactly:
        where the orientation mirrors an axis, its length must be divisible. All others are decoded whole.

        Raises:
            PhotoError: the file is damaged.
        """
        with as_photo_errors():
            return _mended(lambda data: self._decode(data, min_scale), self.data, _same_pixels)

    def decoded_megapixels(self, min_scale: float) -> float:
        """How much `decode` will give."""
        with as_photo_errors():
            return _mended(lambda data: self._megapixels(data, min_scale), self.data)

    def _decode(self, data: bytes, min_scale: float) -> DecodedPhoto:
        if data is self.data and has_no_end(data):
            raise PhotoError("damaged: the file ends too early")
        image, turn = _read_header(io.BytesIO(data), self.config)
        scale = _choose_scale(image, turn, min_scale)
        with _without_pillows_limit(image):
            image.load()
        rgb = to_rgb(as_meant(image) if isinstance(image, TiffImageFile) else image)
        return DecodedPhoto(np.array(rgb if turn.method is None else rgb.transpose(turn.method)), scale)

    def _megapixels(self, data: bytes, min_scale: float) -> float:
        image, turn = _read_header(io.BytesIO(data), self.config)
        return self.size[0] * self.size[1] * _choose_scale(image, turn, min_scale) ** 2 / 1e6


def date_taken(file: BinaryIO) -> datetime | None:
    """When a photo was taken, from the header of an open file, whatever its size. Raises PhotoError."""
    with as_photo_errors():
        return taken(identify(file))


def _mended(read: Callable[[bytes], T], data: bytes, same: Callable[[T, T], bool] = operator.eq) -> T:
    """What read gives for a photo; where it fails, for what `pixels_only` leaves of the photo.

    Raises whatever read raises for the whole photo, if its pixels cannot be read alone, or not all of them.
    """
    try:
        return read(data)
    except MemoryError:
        raise
    except Exception as error:
        parts = pixels_only(data)
        try:
            first, *others = [read(part) for part in parts]
        except Exception:
            raise error from error.__cause__
        if not all(same(first, other) for other in others):
            raise error from error.__cause__
        return first


def _same_pixels(a: DecodedPhoto, b: DecodedPhoto) -> bool:
    return np.array_equal(a.rgb, b.rgb)


def _size_and_date(data: bytes, config: ImageConfig) -> tuple[tuple[int, int], datetime | None]:
    image, turn = _read_header(io.BytesIO(data), config)
    return _displayed_size(image, turn), taken(image)


def _read_header(file: BinaryIO, config: ImageConfig) -> tuple[ImageFile.ImageFile, Turn]:
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
