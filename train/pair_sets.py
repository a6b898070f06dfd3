"""InsightFace's pair sets (lfw.bin, cfp_fp.bin, agedb_30.bin, calfw.bin, cplfw.bin): pairs of crops of 112 pixels.

A file is a pickle of two lists (recognition/arcface_torch/eval/verification.py, load_bin): 2 n encoded images, of which
each two are a pair, and n times whether the pair shows one person. It is never unpickled: train/plain_pickle.py.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.settings import Preprocessing
from facesearch.evaluation import Pairs
from train.plain_pickle import read_plain_pickle
from train.prealigned import recut

__all__ = ["PairSet", "read_pair_set"]

# Of verification.py's KFold, not shuffled; in lfw.bin they are those of LFW's pairs.txt.
FOLDS = 10


@dataclass(frozen=True)
class PairSet:
    """n pairs. images: (2 n) encoded crops, pair i is 2 i and 2 i + 1. same: (n,) bool."""

    path: Path
    images: tuple[bytes, ...] = field(repr=False)
    same: NDArray[np.bool_]

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs, an image being called by the place where it is found first: most are in several pairs."""
        first: dict[bytes, int] = {}
        names = [Path(f"{first.setdefault(image, i):06d}") for i, image in enumerate(self.images)]
        folds = np.repeat(np.arange(FOLDS), [len(part) for part in np.array_split(self.same, FOLDS)])
        return Pairs(tuple(names[::2]), tuple(names[1::2]), self.same, folds)

    def crop(self, name: Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
        """A network's crop of an image of `pairs`: (height, width, 3) uint8.

        Raises InputError where the image is damaged or no aligned crop.
        """
        number = int(name.name)
        try:
            return recut(self.images[number], preprocessing)[0]
        except PhotoError as error:
            raise InputError(f"{self.path} is damaged: image {number:,}: {error}") from error


def read_pair_set(path: Path) -> PairSet:
    """All images are in memory, still encoded: 60 to 120 MB for the sets that are named above.

    Raises:
        InputError: the file cannot be read, is damaged or cut off, or holds anything but two such lists.
    """
    try:
        images, same = _lists(read_plain_pickle(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged or no pair set of InsightFace: {error}") from error
    return PairSet(path, images, same)


def _lists(value: Any) -> tuple[tuple[bytes, ...], NDArray[np.bool_]]:
    """Raises ValueError."""
    if (
        not isinstance(value, tuple | list)
        or len(value) != 2
        or not all(isinstance(part, tuple | list) for part in value)
    ):
        raise ValueError("it is not two lists")
    images, same = value
    if not all(isinstance(image, bytes) for image in images) or not all(isinstance(flag, int) for flag in same):
        raise ValueError("it is not a list of images and a list of flags")
    if not same or len(images) != 2 * len(same) or not set(same) <= {0, 1}:
        raise ValueError(f"it has {len(images):,} images for {len(same):,} flags")
    return tuple(images), np.array(same, np.bool_)
