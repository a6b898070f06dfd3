"""Identification (1:N, open set): is the person of a probe in the library at all, and who is it?

Evidence is a log-likelihood ratio, in nats: how much likelier the distances of a probe to the faces of one entity (a
person, a cluster, or a face that is alone) are if the two are one person than if they are not. With even odds that the
person is in the library, and each of N entities as likely as any other, an entity's odds are its ratio over N; what the
odds of all entities leave over is nobody's. So the same distance says less the more people are searched.

FPIR is the share of searches for people who are not in the library that are answered with somebody (NIST FRVT 1:N).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.core.errors import InputError

__all__ = ["DEFAULT_FPIR", "Evidence", "Identification", "SearchesFrom", "answer_log_odds", "from_pairs"]

Floats = NDArray[np.float64]

# A third of the one in a hundred that should hold on photos that nothing was measured on.
DEFAULT_FPIR = 1 / 300
# What many faces add to the evidence of one, in shares of its own numbers, where that was not measured: their slope,
# and the squared distance at which they add nothing, from SFace, dlib and both together, which agree within a quarter.
MORE_SLOPE, MORE_REACH = 0.4, 0.7
# FPIR where that was not measured: a tenth of the odds against the answer.
USUAL_FPIR = ((0.1, 0.0), (1e-6, float(np.log(1e5))))
# No ratio is larger than this many nats, so that sums of odds stay finite.
LARGEST = 60.0


@dataclass(frozen=True)
class Evidence:
    """The log-likelihood ratio of squared distances, a falling line: one for an entity of one face, one for many.

    one, many: (offset, slope): offset - slope · d². An entity of m faces lies between them, at 1/m from `many`.
    """

    one: tuple[float, float]
    many: tuple[float, float]

    def __post_init__(self) -> None:
        if not np.all(np.isfinite([*self.one, *self.many])) or not (self.one[1] > 0 and self.many[1] > 0):
            raise InputError(f"evidence needs finite offsets and positive slopes, not {self.one} and {self.many}")

    def soft_nearest(self, squared: ArrayLike, shares: ArrayLike | None = None) -> Floats:
        """The squared distance that is worth what all faces of an entity are on average.

        A person looks like some of their photos, not like all: so ratios are averaged, not distances. A nearest face
        counts most, and of many faces one is bound to be near by chance, which the average takes into account.

        Args:
            squared: (..., m) squared distances of a probe to the m faces.
            shares: (m,) how much of the entity each face stands for; equal by default. They sum to 1.

        Returns:
            (...) float64, between the least and the mean of them.
        """
        values = np.asarray(squared, dtype=np.float64)
        weights = np.full(values.shape[-1], 1 / values.shape[-1]) if shares is None else np.asarray(shares)
        least = values.min(axis=-1)
        worth = np.exp(-self.one[1] * (values - least[..., None])) @ weights
        return np.asarray(least - np.log(worth) / self.one[1])

    def log_ratio(self, squared: ArrayLike, faces: int | None = None, shares: ArrayLike | None = None) -> Floats:
        """The evidence of one entity, in nats.

        Args:
            squared: (..., m) squared distances to its faces, or to some that stand for them.
            faces: how many it has; m by default.
            shares: as of `soft_nearest`.
        """
        return self.of_soft(self.soft_nearest(squared, shares), faces or np.shape(squared)[-1])

    def of_soft(self, soft: ArrayLike, faces: ArrayLike) -> Floats:
        """The evidence at soft nearest squared distances of entities with so many faces, elementwise."""
        values, share = np.asarray(soft, dtype=np.float64), 1 - 1 / np.asarray(faces, dtype=np.float64)
        one, many = (offset - slope * values for offset, slope in (self.one, self.many))
        return np.asarray(np.minimum((1 - share) * one + share * many, LARGEST))


@dataclass(frozen=True)
class SearchesFrom:
    """What an identification was measured on; searches, strangers: how many, and how many of them for nobody.

    date: ISO 8601. how: in words, enough to do it again.
    """

    dataset: str
    searches: int
    strangers: int
    date: str
    how: str


@dataclass(frozen=True)
class Identification:
    """What the distances of a search mean for one model.

    evidence: of an entity.
    scale, shift: an answer's log-odds are scale · x + shift, x being those that evidence and N give.
    fpir_curve: (FPIR, log-odds x): this share of strangers' searches reaches x. Rates fall, log-odds rise.
    made_from: None where it was not measured but follows from pairs of faces.
    """

    evidence: Evidence
    scale: float
    shift: float
    fpir_curve: tuple[tuple[float, float], ...]
    made_from: SearchesFrom | None = None

    def __post_init__(self) -> None:
        table = np.asarray(self.fpir_curve, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2 or not np.all(np.isfinite(table)):
            raise InputError("an FPIR curve is pairs of rate and log-odds, at least two")
        if np.any(np.diff(table[:, 0]) >= 0) or np.any(np.diff(table[:, 1]) <= 0) or not 0 < table[-1, 0] < 1:
            raise InputError("an FPIR curve's rates fall strictly and stay positive, its log-odds rise strictly")
        if not (np.isfinite(self.shift) and self.scale > 0):
            raise InputError(f"scale must be positive and shift finite, not {self.scale}, {self.shift}")

    def threshold(self, fpir: float = DEFAULT_FPIR) -> float:
        """The log-odds from which on a search is answered with somebody, so that of strangers' this share is.

        Log-linear between the curve's points, and with the first and last slope beyond them.

        Raises:
            InputError: the rate is not between 0 and 1.
        """
        if not 0 < fpir < 1:
            raise InputError(f"an FPIR lies between 0 and 1, not at {fpir}")
        rates, odds = np.asarray(self.fpir_curve).T
        return float(_extended(np.log(fpir), np.log(rates[::-1]), odds[::-1]))

    def fpir(self, log_odds: ArrayLike) -> Floats:
        """The share of strangers' searches that reach log-odds of any shape; at most 1."""
        rates, odds = np.asarray(self.fpir_curve).T
        return np.exp(np.minimum(_extended(np.asarray(log_odds, dtype=np.float64), odds, np.log(rates)), 0.0))

    def probability(self, log_odds: ArrayLike) -> Floats:
        """The probability that an answer with such log-odds is right, with even odds that the person is there."""
        return np.asarray(np.exp(-np.logaddexp(0.0, -(self.scale * np.asarray(log_odds) + self.shift))))


def _extended(at: ArrayLike, x: Floats, y: Floats) -> Floats:
    """Linear interpolation, which goes on with the first and last slope beyond the table. Args: x, y: x increasing."""
    given = np.asarray(at, dtype=np.float64)
    first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    outside = np.minimum(given - x[0], 0.0) * first + np.maximum(given - x[-1], 0.0) * last
    return np.asarray(np.interp(given, x, y) + outside)


def answer_log_odds(ratios: ArrayLike, alike: ArrayLike | None, searched: int) -> tuple[Floats, Floats]:
    """What the evidence of the nearest entities says of each, and of all of them.

    Entities may be one person: several faces of somebody in a library that was not clustered, or a cluster and a face
    that it has missed. So what speaks for an entity speaks for those that are like it, and against all others.

    Args:
        ratios: (..., c) log-likelihood ratios of the candidates; those of all other entities must be negligible.
        alike: (c, c) probability that two candidates are one person, 1 on its diagonal; None where all are different.
        searched: how many entities were searched.

    Returns:
        (..., c) log-odds that a candidate is the person of the probe, and (...) that anybody is.
    """
    odds = np.exp(np.minimum(np.asarray(ratios, dtype=np.float64), LARGEST) - np.log(max(searched, 1)))
    all_odds = np.maximum(odds.sum(axis=-1), 1e-300)
    support = np.maximum(odds if alike is None else odds @ np.asarray(alike, dtype=np.float64).T, 1e-300)
    return np.log(support / (1 + np.maximum(all_odds[..., None] - support, 0.0))), np.asarray(np.log(all_odds))


def from_pairs(near: tuple[float, float], far: tuple[float, float]) -> Identification:
    """What pairs of faces say of searches where no searches were measured, on the safe side.

    The ratio is the line in the squared distance through two points. At most exp(-x) of the strangers reach log-odds of
    x, whatever the distribution (Markov's inequality for likelihood ratios); with the models that were measured, at
    most a twentieth of that did. A tenth is assumed.

    Args:
        near, far: (distance, log-odds of the same person at even odds), the nearer one first.
    """
    (narrow, high), (wide, low) = near, far
    slope = max((high - low) / (wide**2 - narrow**2), 1e-6)
    one = (high + slope * narrow**2, slope)
    return Identification(Evidence(one, usual_many(one)), 1.0, 0.0, USUAL_FPIR)


def usual_many(one: tuple[float, float]) -> tuple[float, float]:
    """The line of many faces that usually goes with the line of one; see MORE_SLOPE."""
    offset, slope = one
    more = MORE_SLOPE * slope
    return offset + more * MORE_REACH * offset / slope, slope + more
