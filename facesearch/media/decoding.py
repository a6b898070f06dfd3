"""The bytes of a photo -> its size -> its pixels."""

import io
import math
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
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
from facesearch.core.memory import LARGE_BYTES, check_memory
from facesearch.core.settings import ImageConfig
from facesearch.media.dates import taken
from facesearch.media.formats import TURNS, Turn, identify, orientation
from facesearch.media.mending import has_no_end, pixels_only
from facesearch.media.parts import displayed
from facesearch.media.reasons import as_photo_errors
from facesearch.media.tiff import as_meant
from facesearch.media.webp import decode_still

__all__ = ["Cost", "DecodedPhoto", "PhotoFile", "date_taken"]

# What decoders take for a pixel beside Pillow's image, at the size as stored, in bytes: measured, see docs/usage.md.
# A JPEG that is progressive keeps its coefficients; Pillow copies a TIFF that is turned.
DECODER_BYTES = {"WEBP": 4, "AVIF": 9, "HEIF": 8, "TIFF": 4, "GIF": 4}
# Pillow's own for a pixel in its modes; 4 in all others.
PILLOW_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class DecodedPhoto:
    """The pixels of a photo as displayed.

    rgb: (h, w, 3) uint8, contiguous and writable.
    scale: 1, 1/2, 1/4 or 1/8, or 1/n of a photo that would take much memory. The point (x, y) of rgb is exactly the
        point (x / scale, y / scale) of the photo, where (0, 0) is the outer corner of the top left pixel. Sizes are
        rounded up: w = ceil(width of the photo * scale), so the last column and row may be cut off by the photo's edge.
    """

    rgb: npt.NDArray[np.uint8]
    scale: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What decoding a photo takes, as its header tells it.

    megapixels: of the result. peak_bytes: of memory while it is decoded. kept_bytes: of the result.
    """

    megapixels: float
    peak_bytes: int
    kept_bytes: int

    @property
    def is_large(self) -> bool:
        """There is one such photo in memory at a time."""
        return self.peak_bytes > LARGE_BYTES


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
        where the orientation mirrors an axis, its length must be divisible. All others are decoded whole; of what is
        large, see `Cost`, no more pixels are given than min_scale asks for.

        Raises:
            PhotoError: the file is damaged, or needs more memory than there is for it.
        """
        with as_photo_errors():
            return _mended(lambda data: self._decode(data, min_scale), self.data, _same_pixels)

    def cost(self, min_scale: float) -> Cost:
        """What `decode` will take. Raises PhotoError where it is damaged, or needs more memory than there is for it."""
        with as_photo_errors():
            return _mended(lambda data: self._set_up(data, min_scale)[2], self.data)

    def _decode(self, data: bytes, min_scale: float) -> DecodedPhoto:
        if data is self.data and has_no_end(data):
            raise PhotoError("damaged: the file ends too early")
        image, turn, cost, scale, factor = self._set_up(data, min_scale)
        still = decode_still(data, image) if cost.is_large and image.format == "WEBP" else None
        if still is None:
            with _without_pillows_limit(image):
                image.load()
        shown = still or (as_meant(image) if isinstance(image, TiffImageFile) else image)
        return DecodedPhoto(displayed(shown, turn, factor), scale / factor)

    def _set_up(self, data: bytes, min_scale: float) -> tuple[ImageFile.ImageFile, Turn, Cost, float, int]:
        """The image that is to be decoded at a scale, what that will cost, and by how much it is then made smaller."""
        image, turn = _read_header(io.BytesIO(data), self.config)
        scale = _choose_scale(image, turn, min_scale)
        cost, factor = self._cost(image, min_scale, scale)
        check_memory(self.size[0] * self.size[1] / 1e6, cost.peak_bytes, self.config.memory_bytes)
        return image, turn, cost, scale, factor

    def _cost(self, image: ImageFile.ImageFile, min_scale: float, scale: float) -> tuple[Cost, int]:
        """Also by how much the decoded image is made smaller. Args: scale: at which the image is decoded."""
        pixels, decoded = self.size[0] * self.size[1], image.size[0] * image.size[1]
        held = decoded * PILLOW_BYTES.get(image.mode, 4) + pixels * _decoder_bytes(image)
        is_large = held + 3 * decoded > LARGE_BYTES
        factor = max(1, math.floor(scale / min_scale + 1e-6)) if is_large else 1
        kept = 3 * decoded // factor**2
        return Cost(decoded / factor**2 / 1e6, int(held) + kept, kept), factor


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
            return _same_of_all(read, parts, same)
        except Exception:
            raise error from error.__cause__


def _same_of_all(read: Callable[[bytes], T], parts: Sequence[bytes], same: Callable[[T, T], bool]) -> T:
    """What read gives for every part. Raises ValueError at the first that differs, so that no more are decoded."""
    if not parts:
        raise ValueError("there is no part with all pixels")
    first = read(parts[0])
    if not all(same(first, read(part)) for part in parts[1:]):
        raise ValueError("pixels are missing")
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


def _decoder_bytes(image: ImageFile.ImageFile) -> float:
    """What the decoder takes for a pixel of the stored image beside the result, see DECODER_BYTES."""
    if isinstance(image, JpegImageFile):
        if not image.info.get("progressive"):
            return 0.0
        shares = [horizontal * vertical for _, horizontal, vertical, _ in image.layer]
        return 2.0 * sum(shares) / max(shares, default=1)
    return DECODER_BYTES.get(image.format or "", 0)


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
