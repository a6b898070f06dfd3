"""Made-up embeddings with the distances of real ones, for benchmarks at sizes that nobody's photos have.

What is imitated was measured on the `sface+dlib` embeddings of 1,227 faces of 114 people: strangers are 0.82 apart
(median; 0.66 at one pair in 1,000, as in 140 dimensions of equal spread), two photos of one person 0.52, some photos
are worse than others, and all lie around one common direction. People have 1 to 500 photos, every size from 1 to 500
being as likely as twice that size (log-uniform).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["synthetic_faces"]

DIM, SPREAD_DIMS = 256, 140
STRANGERS, SAME = 0.824, 0.518
MOST_PHOTOS = 500
QUALITY_SPREAD = 0.2
BLOCK = 1 << 16


def synthetic_faces(
    count: int, seed: int = 0, most_photos: int = MOST_PHOTOS
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(count, 256) float32 of unit L2 norm in random order, and (count,) int64, whose each is."""
    generator = np.random.default_rng(seed)
    people = _sizes(count, most_photos, generator)
    labels = generator.permutation(np.repeat(np.arange(len(people)), people)[:count])
    basis = np.linalg.qr(generator.normal(size=(DIM, DIM)))[0].astype(np.float32)
    common, spread = basis[0], basis[1 : SPREAD_DIMS + 1]
    apart = np.sqrt((STRANGERS**2 - SAME**2) / 2 / SPREAD_DIMS)
    centres = generator.normal(size=(len(people), SPREAD_DIMS)).astype(np.float32) * np.float32(apart)
    noise = SAME / np.sqrt(2 * SPREAD_DIMS)
    length = np.float32(np.sqrt(1 - STRANGERS**2 / 2))
    faces = np.empty((count, DIM), np.float32)
    for start in range(0, count, BLOCK):
        rows = labels[start : start + BLOCK]
        quality = np.exp(generator.normal(0, QUALITY_SPREAD, (len(rows), 1)) - QUALITY_SPREAD**2)
        within = generator.normal(size=(len(rows), SPREAD_DIMS)) * noise * quality
        block = (centres[rows] + within.astype(np.float32)) @ spread + length * common
        faces[start : start + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return faces, labels


def _sizes(count: int, most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Photos of each person, enough people for so many faces."""
    sizes: list[int] = []
    total = 0
    while total < count:
        drawn = np.exp(generator.uniform(0, np.log(most + 1), 1024)).astype(np.int64)
        sizes += drawn.tolist()
        total += int(drawn.sum())
    kept = int(np.searchsorted(np.cumsum(sizes), count)) + 1
    return np.array(sizes[:kept], np.int64)
