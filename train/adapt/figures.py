"""What an embedder is worth on people held out, and by how much one is better than another.

Each figure is measured once on all faces, and again on people drawn with replacement (the bootstrap, as in
train/resampling.py): a face counts as often as its person was drawn. Both embedders meet the same draws, so that the
interval of a gain is that of the difference. Two faces of one person on one event do not count as a pair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.clustering import NOISE, Faces, cluster_faces
from facesearch.core.distance import l2_matrix
from facesearch.evaluation import tar_at_far
from train.resampling import LEVEL, weighted_tar

__all__ = ["FIGURES", "FPIR", "Change", "Figure", "HeldOutFaces", "Interval", "compared", "figures_of", "mean_tar"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Vectors = NDArray[np.float32]

FPIR = 1e-2
DRAWS = 1_000
# Rates over which `mean_tar` averages: one alone hangs on a few pairs.
FARS = tuple(10 ** (-power / 4) for power in range(8, 17))


@dataclass(frozen=True)
class HeldOutFaces:
    """What is known of n faces besides their embeddings.

    people: (n,) whose they are, counted from 0. events, photos: (n,) numbers. excess: (n,) see `clustering.Faces`.
    """

    people: Ints
    events: Ints
    photos: Ints
    excess: Floats

    @property
    def same(self) -> NDArray[np.bool_]:
        """(n, n): two faces of one person."""
        return np.asarray(self.people[:, None] == self.people[None])

    @property
    def together(self) -> NDArray[np.bool_]:
        """(n, n): two faces of one event."""
        return np.asarray(self.events[:, None] == self.events[None])


class Figure(Protocol):
    """A figure of an embedder on some faces."""

    def at(self, times: Floats) -> float:
        """Where people count so many times. Args: times: (p,)."""
        ...


class Tar:
    """Verification: the share of pairs of one person that are accepted at a FAR of 1e-3."""

    def __init__(self, embeddings: Vectors, faces: HeldOutFaces) -> None:
        rows, columns, self._same = _pairs(faces)
        self._first, self._second = faces.people[rows], faces.people[columns]
        self._order = np.argsort(l2_matrix(embeddings, embeddings)[rows, columns], kind="stable")

    def at(self, times: Floats) -> float:
        weights = np.where(self._same, times[self._first], times[self._first] * times[self._second])
        return weighted_tar(self._same, weights, self._order)


class Fnir:
    """Open set: searches for people who are there that do not give them, at an FPIR of 1 %.

    Each face is searched for among all others of other events, and again without its person, as a stranger. The answer
    is the nearest face, if it is near enough.
    """

    def __init__(self, embeddings: Vectors, faces: HeldOutFaces) -> None:
        distances = l2_matrix(embeddings, embeddings)
        self._people = faces.people
        self._own = np.where(faces.same & ~faces.together, distances, np.inf).min(axis=1)
        self._other = np.where(faces.same, np.inf, distances).min(axis=1)
        self._order = np.argsort(self._other, kind="stable")

    def at(self, times: Floats) -> float:
        weights = times[self._people]
        named = np.cumsum(weights[self._order])
        first = int(np.searchsorted(named, FPIR * named[-1] * (1 + 1e-9), side="right"))
        limit = self._other[self._order[min(first, len(self._order) - 1)]]
        found = (self._own < limit) & (self._own < self._other)
        mates = np.where(np.isfinite(self._own), weights, 0.0)
        return 1 - float(mates @ found / max(mates.sum(), 1e-12))


class BCubedF:
    """Clusters, as `facesearch cluster` makes them: BCubed F, each face's precision and recall being averaged."""

    def __init__(self, embeddings: Vectors, faces: HeldOutFaces, calibration: Calibration) -> None:
        labels = cluster_faces(Faces(embeddings, faces.photos, faces.excess), calibration)
        alone = np.where(labels == NOISE, labels.max(initial=0) + 1 + np.arange(len(labels)), labels)
        cluster = np.asarray(alone[:, None] == alone[None])
        right = (cluster & faces.same).sum(axis=1)
        self._people = faces.people
        self._precision, self._recall = right / cluster.sum(axis=1), right / faces.same.sum(axis=1)

    def at(self, times: Floats) -> float:
        weights = times[self._people]
        precision, recall = (float(weights @ values / weights.sum()) for values in (self._precision, self._recall))
        return 2 * precision * recall / (precision + recall)


# Name -> whether more is better; the first one decides.
FIGURES = {"tar": True, "fnir": False, "bcubed_f": True}


def figures_of(embeddings: Vectors, faces: HeldOutFaces, calibration: Calibration) -> dict[str, Figure]:
    """The FIGURES of an embedder. Args: embeddings: (n, d) float32, unit L2 norm. calibration: of the same model."""
    return {
        "tar": Tar(embeddings, faces),
        "fnir": Fnir(embeddings, faces),
        "bcubed_f": BCubedF(embeddings, faces, calibration),
    }


def mean_tar(embeddings: Vectors, faces: HeldOutFaces) -> float:
    """The mean of the true-accept rates at false-accept rates from 1e-2 to 1e-4."""
    rows, columns, same = _pairs(faces)
    distances = l2_matrix(embeddings, embeddings)[rows, columns]
    return float(np.mean([tar_at_far(distances, same, far) for far in FARS]))


def _pairs(faces: HeldOutFaces) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Rows of both faces of each pair that counts, and whether they are one person's."""
    rows, columns = np.triu_indices(len(faces.people), 1)
    same = faces.people[rows] == faces.people[columns]
    counted = ~same | (faces.events[rows] != faces.events[columns])
    return rows[counted], columns[counted], same[counted]


# -- two embedders -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """A value, and where it lies in 95 of 100 draws of the people."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def signed(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True)
class Change:
    """A figure of two embedders. gain: positive where the second is better."""

    before: Interval
    after: Interval
    gain: Interval

    @property
    def is_better(self) -> bool:
        return self.gain.low > 0

    @property
    def is_worse(self) -> bool:
        return self.gain.high < 0


def compared(
    before: Mapping[str, Figure], after: Mapping[str, Figure], people: int, seed: int = 0
) -> dict[str, Change]:
    """What the FIGURES were and are. Args: people: how many are held out."""
    generator = np.random.default_rng(seed)
    drawn = generator.integers(people, size=(DRAWS, people))
    times = [np.ones(people), *(np.bincount(row, minlength=people).astype(np.float64) for row in drawn)]
    changes = {}
    for name, more_is_better in FIGURES.items():
        first, second = (np.array([of[name].at(each) for each in times]) for of in (before, after))
        gain = second - first if more_is_better else first - second
        changes[name] = Change(_interval(first), _interval(second), _interval(gain))
    return changes


def _interval(values: Floats) -> Interval:
    """Args: values: of all people, and then of each draw."""
    low, high = np.quantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(*(round(float(value), 5) for value in (values[0], low, high)))
