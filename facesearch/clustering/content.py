"""An order of the faces that depends on nothing but the faces."""

import numpy as np
from numpy.typing import NDArray

from facesearch.clustering.constraints import Constraints

__all__ = ["by_content"]

Ints = NDArray[np.int64]


def by_content(
    embeddings: NDArray[np.float32], excess: NDArray[np.float64], photos: Ints, constraints: Constraints
) -> Ints:
    """An order of the rows by their own content, then by their constraints, then by what else is on their photos.

    Rows that are equal in all of it can change places without any difference, if their photos do so as a whole.

    Args:
        embeddings: (n, d) float32.
        excess: (n,), see `facesearch.pipeline.quality.excess`.
        photos: (n,) the photo of each; only equality counts.
    """
    content = _rank_of_content(np.ascontiguousarray(embeddings, np.float32))
    keys = (_rank_of_refused(len(excess), constraints), constraints.person, excess, content)
    order = np.lexsort(keys)
    same = np.ones(len(order), np.bool_)
    for key in keys:
        same[1:] &= key[order[1:]] == key[order[:-1]]
    same[:1] = False
    if not same.any():
        return np.asarray(order, dtype=np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(~same)
    return np.asarray(np.lexsort((photos, _rank_of_photos(rank, photos), rank)), dtype=np.int64)


def _rank_of_content(vectors: NDArray[np.float32]) -> Ints:
    """(n,) a number for each row's bytes, in their order; only rows that begin alike are compared as a whole."""
    first = np.ascontiguousarray(vectors[:, :2]).view(f">u{4 * min(vectors.shape[1], 2)}").ravel().astype(np.uint64)
    _, beginning, sizes = np.unique(first, return_inverse=True, return_counts=True)
    alike = np.flatnonzero(sizes[beginning] > 1)
    rest = np.zeros(len(vectors), np.int64)
    rest[alike] = np.unique(_as_words(vectors[alike]), return_inverse=True)[1].reshape(-1)
    order = np.lexsort((rest, beginning))
    new = (np.diff(beginning[order], prepend=-1) != 0) | (np.diff(rest[order], prepend=-1) != 0)
    rank = np.empty(len(vectors), np.int64)
    rank[order] = np.cumsum(new) - 1
    return rank


def _as_words(vectors: NDArray[np.float32]) -> NDArray[np.void]:
    """(n,) each row as one word of bytes."""
    return vectors.view(np.dtype((np.void, vectors.dtype.itemsize * vectors.shape[1]))).ravel()


def _rank_of_refused(n: int, constraints: Constraints) -> Ints:
    """(n,) a number for each set of people that a face is not, 0 for none."""
    sets = sorted({tuple(sorted(people)) for people in constraints.rejected.values()})
    numbers = {people: 1 + i for i, people in enumerate(sets)}
    ranks = np.zeros(n, np.int64)
    for row, people in constraints.rejected.items():
        ranks[row] = numbers[tuple(sorted(people))]
    return ranks


def _rank_of_photos(rank: Ints, photos: Ints) -> Ints:
    """(n,) a number for what faces there are on the photo of each."""
    faces_on: dict[int, list[int]] = {}
    for photo, number in sorted(zip(photos.tolist(), rank.tolist(), strict=True)):
        faces_on.setdefault(photo, []).append(number)
    numbers = {faces: i for i, faces in enumerate(sorted({tuple(faces) for faces in faces_on.values()}))}
    return np.array([numbers[tuple(faces_on[photo])] for photo in photos.tolist()], np.int64)
