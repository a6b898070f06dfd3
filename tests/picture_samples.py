"""A library of small pictures with known colours, and faces where the colours are."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from index_samples import SPEC, NewPhoto, near, put, settle, unit
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.types import Face
from facesearch.storage import Store

__all__ = ["SIDE", "PictureLibrary", "colour_of", "colours", "files_with"]

GREY = (128, 128, 128)
SIDE = 60


def colours(*squares: tuple[int, int, int], size: tuple[int, int] = (400, 200)) -> NDArray[np.uint8]:
    """Grey, with a coloured square of SIDE where the first, second, third face is."""
    rgb = np.full((size[1], size[0], 3), GREY, np.uint8)
    for place, colour in enumerate(squares):
        left = 20 + 120 * place
        rgb[70 : 70 + SIDE, left : left + SIDE] = colour
    return rgb


def colour_of(jpeg: bytes | None) -> tuple[int, ...]:
    """What is in the middle of a picture, each channel rounded to 0, 128 or 255."""
    import io

    assert jpeg is not None
    rgb = np.array(Image.open(io.BytesIO(jpeg)))
    middle = rgb[rgb.shape[0] // 2, rgb.shape[1] // 2].astype(int)
    return tuple((0, 128, 255)[round(value / 127.5)] for value in middle)


class PictureLibrary:
    """A store in one folder and its photos in another."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.photos.mkdir()
        self.store = Store.create(folder / "library", SPEC)

    def add(
        self, name: str, rgb: NDArray[np.uint8], faces: int, *, taken: datetime | None = None, redo: bool = False
    ) -> list[int]:
        """Write a photo and index it in a run of its own. Returns the ids of its faces."""
        path = self.photos / name
        Image.fromarray(rgb).save(path, quality=95)
        return self.put(path, range(faces), rgb.shape, taken=taken, redo=redo)

    def put(
        self,
        path: Path,
        places: Sequence[int],
        shape: Sequence[int],
        *,
        taken: datetime | None = None,
        redo: bool = False,
    ) -> list[int]:
        found, content = path.stat(), path.read_bytes()
        new = NewPhoto(
            *(str(path), found.st_size, found.st_mtime_ns, hashlib.sha256(content).hexdigest()),
            *(shape[1], shape[0], 20.0),
            tuple(_face(place, int(hashlib.sha256(path.name.encode()).hexdigest()[:6], 16)) for place in places),
            taken,
        )
        put(self.store, self.store.start_run("index"), new, redo=redo)
        settle(self.store)
        known = self.store.known_paths()[str(path)]
        return [face.id for face in self.store.faces_of_photos([known.photo_id])[known.photo_id]]

    def photo_of(self, face: int) -> int:
        return self.store.faces([face])[0].photo_id


def files_with(folder: Path, content: bytes) -> list[str]:
    """The files in a folder that hold some bytes."""
    return [path.name for path in sorted(folder.iterdir()) if content in path.read_bytes()]


def _face(place: int, seed: int) -> Face:
    left = 20.0 + 120.0 * place
    landmarks = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)], np.float32) * SIDE
    box = (left, 70.0, left + SIDE, 70.0 + SIDE)
    vector = near(unit(seed + place), 0.01)
    return Face(box, landmarks + np.array([left, 70.0], np.float32), 0.999, 0.5, vector)
