"""Labelled photos: reading who is in them, and embedding them by whatever path is to be measured."""

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.core.distance import l2
from facesearch.core.errors import InputError
from facesearch.core.spreadsheets import unescaped

__all__ = ["EmbedPhotos", "Pairs", "embed_photos", "pair_distances", "read_labels", "read_lfw_pairs"]

Floats = NDArray[np.float64]
# Takes photos and gives for each, in order, the (d,) unit embedding of its main face, or None.
EmbedPhotos = Callable[[Sequence[Path]], Iterable[NDArray[np.float32] | None]]


@dataclass(frozen=True)
class Pairs:
    """Pairs of photos: left[i] and right[i] show one person where same[i]; folds[i] counts from 0."""

    left: tuple[Path, ...]
    right: tuple[Path, ...]
    same: NDArray[np.bool_]
    folds: NDArray[np.int64]

    @property
    def photos(self) -> list[Path]:
        """Every photo once, sorted."""
        return sorted({*self.left, *self.right})


def read_lfw_pairs(path: Path, images: Path) -> Pairs:
    """LFW's pairs.txt: folds and pairs a fold, then for each fold its same pairs and as many different pairs.

    Args:
        path: tab-separated; "name, i, j" is a same pair, "name, i, other name, j" a different one.
        images: the folder that holds NAME/NAME_0001.jpg.

    Raises:
        InputError: the file cannot be read, or a line is not what the header announces.
    """
    rows = [line.split("\t") for line in _read_text(path).splitlines() if line.strip()]
    try:
        folds, per_kind = (int(number) for number in rows[0])
    except (ValueError, IndexError):
        raise InputError(f"{path} does not start with numbers of folds and pairs, as LFW's pairs.txt does") from None
    if len(rows) - 1 != folds * per_kind * 2:
        raise InputError(f"{path} announces {folds * per_kind * 2:,} pairs and holds {len(rows) - 1:,}")
    same = np.tile(np.repeat([True, False], per_kind), folds)
    pairs = [_lfw_pair(row, bool(flag), path, images) for row, flag in zip(rows[1:], same, strict=True)]
    left, right = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    return Pairs(left, right, same, np.repeat(np.arange(folds), 2 * per_kind))


def _lfw_pair(row: Sequence[str], same: bool, path: Path, images: Path) -> tuple[Path, Path]:
    try:
        if same:
            first, i, j = row
            second = first
        else:
            first, i, second, j = row
        return images / first / f"{first}_{int(i):04d}.jpg", images / second / f"{second}_{int(j):04d}.jpg"
    except ValueError:
        raise InputError(f"{path} has {row} where a {'same' if same else 'different'} pair should be") from None


def read_labels(path: Path) -> dict[str, str]:
    """A labelled folder's CSV with the columns photo and person: photo's file name -> person.

    Raises:
        InputError: the file cannot be read, has other columns, an empty field, or a photo twice.
    """
    reader = csv.DictReader(_read_text(path).splitlines())
    if not {"photo", "person"} <= set(reader.fieldnames or ()):
        raise InputError(f"{path} needs the columns photo and person, not {reader.fieldnames}")
    people: dict[str, str] = {}
    for row in reader:
        if not row["photo"] or not row["person"] or row["photo"] in people:
            raise InputError(f"{path}, line {reader.line_num}: {row['photo']!r} is empty, unlabelled or there twice")
        people[unescaped(row["photo"])] = unescaped(row["person"])
    return people


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def embed_photos(embed: EmbedPhotos, photos: Sequence[Path]) -> NDArray[np.float32]:
    """(n, d) float32: the main face of each photo, a row of NaN where there is none.

    Raises:
        InputError: `embed` did not answer for every photo, or found no face at all.
    """
    found = list(embed(photos))
    dim = next((len(embedding) for embedding in found if embedding is not None), 0)
    if photos and dim == 0 and not any(os.path.lexists(photo) for photo in photos):
        raise InputError(f"none of {len(photos):,} photos is there, as {photos[0]}: give the folder that holds them")
    if len(found) != len(photos) or dim == 0:
        raise InputError(f"{len(found):,} answers for {len(photos):,} photos, or no face in any of them")
    missing = np.full(dim, np.nan, np.float32)
    return np.stack([missing if embedding is None else embedding for embedding in found])


def pair_distances(embed: EmbedPhotos, pairs: Pairs) -> tuple[Floats, int]:
    """(n,) distances of the pairs, NaN where a face is missing, and the number of photos without a face.

    Every photo is embedded once. Errors are those of `embed_photos`.
    """
    photos = pairs.photos
    embeddings = embed_photos(embed, photos)
    row = {photo: i for i, photo in enumerate(photos)}
    left, right = ([row[photo] for photo in side] for side in (pairs.left, pairs.right))
    return l2(embeddings[left], embeddings[right]), int(np.isnan(embeddings).any(axis=1).sum())
