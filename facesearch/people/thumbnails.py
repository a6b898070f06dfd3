"""Small pictures of faces and photos for pages: made once, kept in the library's folder, given out by id.

One decode of a photo makes the tiles of all its faces, in both sizes. A picture is only made from a file that holds
what was indexed: one that has changed since has other faces in other places.
"""

import hashlib
import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from facesearch.core.checks import checked
from facesearch.core.errors import InputError, PhotoError
from facesearch.core.results import Thumbnail
from facesearch.core.settings import ANY_SIZE, ImageConfig
from facesearch.core.types import Box
from facesearch.media import DecodedPhoto, LocalFiles, Medium, PhotoFile, open_photo
from facesearch.media.marks import EXIF
from facesearch.storage import Store
from facesearch.storage.queries import is_id
from facesearch.storage.thumbnails import Picture, face_keys, photo_keys, photo_of

__all__ = [
    "CLOSE_SIZE",
    "PREVIEW_SIZES",
    "TILE_SIZES",
    "ProbePictures",
    "Thumbnails",
    "pictures_of",
    "square",
    "square_scale",
]

# Sides of face tiles, for screens with one and with two pixels to a CSS pixel; longer sides of previews.
TILE_SIZES, PREVIEW_SIZES = (96, 192), (480, 1600)
# The longer side of a photo that is looked at closely: more is larger than any page shows at a time.
CLOSE_SIZE = 4096
# How much of the photo is shown around a face, in widths of its box.
AROUND = 0.35
QUALITY = 82
# Whole photos are the largest thing in memory: so many are decoded at a time, however many threads ask.
DECODED_AT_ONCE = 2
STRIPES = 64


@checked
class Thumbnails:
    """Pictures of one library; threads may share it.

    Args:
        images: limits of pictures that are not in the library.
    """

    def __init__(self, store: Store, images: ImageConfig | None = None) -> None:
        self._store, self._images = store, images
        self._decoding = threading.Semaphore(DECODED_AT_ONCE)
        self._stripes = [threading.Lock() for _ in range(STRIPES)]
        store.pictures.sweep(store.reading)

    def face_tile(self, face: int, size: int = TILE_SIZES[0]) -> Thumbnail:
        """The square around a face, (size, size).

        Raises InputError where there is no such face, or no such size.
        """
        _check(size, TILE_SIZES)
        with self._store.reading() as connection:
            made_from = face_keys(connection, [face]).get(face) if is_id(face) else None
            photo = photo_of(connection, face) if made_from else None
        if made_from is None or photo is None:
            raise InputError(f"there is no face {face} in the library")
        return self._kept_or_made(Picture("face", face, size, made_from), photo)

    def photo_preview(self, photo: int, size: int = PREVIEW_SIZES[0]) -> Thumbnail:
        """A photo the right way up, its longer side `size`, or smaller where the photo is; or of CLOSE_SIZE.

        Raises InputError where there is no such photo, or no such size.
        """
        if size != CLOSE_SIZE:
            _check(size, PREVIEW_SIZES)
        with self._store.reading() as connection:
            made_from = photo_keys(connection, [photo]).get(photo) if is_id(photo) else None
        if made_from is None:
            raise InputError(f"there is no photo {photo} in the library")
        return self._kept_or_made(Picture("photo", photo, size, made_from), photo)

    def of_probe(self, image: str | os.PathLike[str] | Medium, boxes: Sequence[Box]) -> "ProbePictures":
        """Small pictures of an image that is not in the library, and of faces on it; see `pictures_of`."""
        return pictures_of(image, boxes, self._images)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _kept_or_made(self, picture: Picture, photo: int) -> Thumbnail:
        pictures, key = self._store.pictures, _tag(picture)
        jpeg = pictures.get(picture)
        if jpeg is None:
            with self._stripes[photo % STRIPES]:  # whoever asks for another face of this photo waits for all of them
                jpeg = pictures.get(picture)
                if jpeg is None:
                    try:
                        made = self._tiles(photo) if picture.kind == "face" else self._preview(picture)
                    except PhotoError as error:
                        files = self._store.files_of(photo)
                        return Thumbnail(None, key, str(error), files[0][0] if files else "")
                    pictures.put(made, self._store.reading)
                    jpeg = made.get(picture)
        reason = "" if jpeg is not None else "the photo has just been changed"
        return Thumbnail(jpeg, key, reason)

    def _tiles(self, photo: int) -> dict[Picture, bytes]:
        """The tiles of all faces of a photo, in all sizes. Raises PhotoError."""
        faces = self._store.faces_of_photos([photo])[photo]
        with self._store.reading() as connection:
            keys = face_keys(connection, [face.id for face in faces])
        wanted = [face for face in faces if face.id in keys]
        scale = max((square_scale(face.box, max(TILE_SIZES)) for face in wanted), default=0.125)
        with self._decoded(photo, scale) as decoded:
            return {
                Picture("face", face.id, size, keys[face.id]): _jpeg(square(decoded, face.box, size))
                for face in wanted
                for size in TILE_SIZES
            }

    def _preview(self, picture: Picture) -> dict[Picture, bytes]:
        """Raises PhotoError."""
        size = self._store.photo_size(picture.id)
        scale = min(1.0, picture.size_px / max(size))
        with self._decoded(picture.id, scale) as decoded:
            return {picture: _jpeg(_fitted(decoded, size, scale))}

    @contextmanager
    def _decoded(self, photo: int, min_scale: float) -> Iterator[DecodedPhoto]:
        """Raises PhotoError where no file that is there holds what was indexed, with the reason of the first."""
        with self._decoding:
            yield self._opened(photo).decode(min(1.0, min_scale))

    def _opened(self, photo: int) -> PhotoFile:
        reasons = []
        for path, sha256 in self._store.files_of(photo):
            try:
                medium = LocalFiles().read(path)
                if medium.sha256 != sha256:
                    raise PhotoError("has changed since it was indexed: index it again")
                return PhotoFile.parse(medium.data, ANY_SIZE, path)
            except PhotoError as error:
                reasons.append(str(error))
        raise PhotoError(reasons[0] if reasons else "no file holds it")


@dataclass(frozen=True)
class ProbePictures:
    """Small pictures of an image that is not in the library. size: (width, height) in pixels; preview, tiles: JPEG."""

    size: tuple[int, int]
    preview: bytes
    tiles: tuple[bytes, ...]


def pictures_of(
    path: str | os.PathLike[str] | Medium, boxes: Sequence[Box], config: ImageConfig | None = None
) -> ProbePictures:
    """A preview of any picture and tiles of the faces on it, in the larger sizes; nothing is kept.

    Args:
        boxes: of the faces, in pixels of the picture as displayed.

    Raises PhotoError.
    """
    photo = open_photo(path, config)
    width, height = photo.size
    scale = min(1.0, PREVIEW_SIZES[-1] / max(width, height))
    decoded = photo.decode(max([scale, *(square_scale(box, TILE_SIZES[-1]) for box in boxes)]))
    tiles = tuple(_jpeg(square(decoded, box, TILE_SIZES[-1])) for box in boxes)
    return ProbePictures(photo.size, _jpeg(_fitted(decoded, photo.size, scale)), tiles)


def _fitted(decoded: DecodedPhoto, size: tuple[int, int], scale: float) -> Image.Image:
    """A whole photo of some (width, height) at a scale of at most 1."""
    image, (width, height) = Image.fromarray(decoded.rgb), size
    if scale == decoded.scale == 1:
        return image
    # the last column and row may reach over the photo's edge, see DecodedPhoto
    box = (0.0, 0.0, min(width * decoded.scale, image.width), min(height * decoded.scale, image.height))
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    return image.resize(fitted, Image.Resampling.LANCZOS, box=box)


def square(decoded: DecodedPhoto, box: Box, side: int) -> Image.Image:
    """The square around a face, (side, side) RGB; moved to lie inside the photo where the photo is large enough."""
    height, width = decoded.rgb.shape[:2]
    x1, y1, x2, y2 = (value * decoded.scale for value in box)
    half = min(_half((x1, y1, x2, y2)), width / 2, height / 2)
    across = min(max((x1 + x2) / 2, half), width - half)
    down = min(max((y1 + y2) / 2, half), height - half)
    frame = (across - half, down - half, across + half, down + half)
    return Image.fromarray(decoded.rgb).resize((side, side), Image.Resampling.LANCZOS, box=frame)


def square_scale(box: Box, side: int) -> float:
    """The scale at which a photo has to be decoded so that `square` has enough pixels, at most 1."""
    return min(1.0, side / max(2 * _half(box), 1.0))


def _half(box: Box) -> float:
    x1, y1, x2, y2 = box
    return max(x2 - x1, y2 - y1) * (0.5 + AROUND)


def _jpeg(image: Image.Image) -> bytes:
    """JPEG, as every program reads it: it is made ten times faster than WebP, for about half more bytes."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY, exif=EXIF)
    return file.getvalue()


def _tag(picture: Picture) -> str:
    return hashlib.blake2b(repr(picture).encode(), digest_size=12).hexdigest()


def _check(size: int, sizes: Sequence[int]) -> None:
    if size not in sizes:
        raise InputError(f"there are pictures of {' and '.join(map(str, sizes))} pixels, not {size}")
