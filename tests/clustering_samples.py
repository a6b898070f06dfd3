"""Made-up people on the sphere, as far apart as the packaged calibration of `dlib` says that people are."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import facesearch
from facesearch.calibration import Calibration
from facesearch.clustering import NOISE, Constraints, Faces
from facesearch.clustering.constraints import NOBODY

__all__ = [
    "CALIBRATION",
    "agrees",
    "as_partition",
    "decisions",
    "faces_of",
    "line_of_faces",
    "people",
    "same_partition",
]

CALIBRATION = Calibration.from_json(
    (Path(facesearch.__file__).parent / "calibration" / "models" / "dlib.json").read_text(encoding="utf-8")
)

DIM, INNER_DIM = 128, 38
# Squared lengths of what makes a person and of what makes a photo: strangers are then about 0.565 apart and faces of
# one person 0.3; with 38 dimensions the strangers' lower tail is close to the calibration's (1e-2 at 0.42, 1e-4 at
# 0.34).
PERSON2, PHOTO2 = 0.1146, 0.045


def people(sizes: list[int], seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings (n, 128) float32 of unit norm and the person of each, for people with so many faces."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.zeros((len(who), DIM))
    vectors[:, :INNER_DIM] = random.normal(0, np.sqrt(PERSON2 / INNER_DIM), (len(sizes), INNER_DIM))[who]
    vectors[:, :INNER_DIM] += random.normal(0, np.sqrt(PHOTO2 / INNER_DIM), (len(who), INNER_DIM))
    vectors[:, INNER_DIM] = np.sqrt(1 - PERSON2 - PHOTO2)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), who


def faces_of(
    embeddings: NDArray[np.float32],
    photos: NDArray[np.int64] | list[int] | None = None,
    excess: NDArray[np.float64] | list[float] | float = 0.0,
) -> Faces:
    """Good faces, each of a photo of its own, unless said otherwise."""
    n = len(embeddings)
    of = np.arange(n) if photos is None else np.asarray(photos, np.int64)
    return Faces(np.asarray(embeddings, np.float32), of, np.broadcast_to(np.asarray(excess, np.float64), n).copy())


def line_of_faces(*positions: float, dim: int = 8) -> NDArray[np.float32]:
    """Unit vectors on an arc of a great circle; near each other their distance is that of the positions."""
    angles = np.asarray(positions, np.float64)
    vectors = np.zeros((len(angles), dim))
    vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
    return vectors.astype(np.float32)


def as_partition(labels: NDArray[np.integer]) -> set[frozenset[int]]:
    """The clusters as sets of rows; faces in no cluster are not in it."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist()) - {NOISE}}


def same_partition(a: NDArray[np.integer], b: NDArray[np.integer]) -> bool:
    return as_partition(a) == as_partition(b) and bool(np.array_equal(a == NOISE, b == NOISE))


def agrees(constraints: Constraints, labels: NDArray[np.int64]) -> bool:
    """Whether every two rows are together or apart as was said of them; -1 counts as a cluster for each row."""
    own = np.where(labels == NOISE, -1 - np.arange(len(labels)), labels)
    named = np.flatnonzero(constraints.person != NOBODY)
    for row in named:
        if np.any((own[named] == own[row]) != (constraints.person[named] == constraints.person[row])):
            return False
        if any(
            own[other] == own[row] and constraints.person[row] in people
            for other, people in constraints.rejected.items()
        ):
            return False
    return True


@st.composite
def decisions(draw: st.DrawFn, n: int) -> Constraints:
    """Some rows are one of three people; some others are said not to be one or two of them."""
    person = np.array(draw(st.lists(st.sampled_from([NOBODY, NOBODY, 0, 1, 2]), min_size=n, max_size=n)), np.int64)
    some = st.frozensets(st.integers(0, 2), min_size=1, max_size=2)
    refused = draw(st.dictionaries(st.integers(0, n - 1), some, max_size=4)) if n else {}
    told = {row: people - {int(person[row])} for row, people in refused.items()}
    return Constraints(person, {row: people for row, people in told.items() if people})
