"""What a distance means for a model: false-accept rate (FAR) and probability of the same person.

Two faces are accepted as the same person where their L2 distance is at most a threshold.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.calibration.identification import Evidence, Identification, SearchesFrom, from_pairs
from facesearch.core import strict_json
from facesearch.core.errors import InputError

__all__ = ["Calibration", "MadeFrom", "ProbabilityCurve", "ramps"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ProbabilityCurve:
    """Probability of the same person from a distance, at equal prior odds: a logistic whose slope may change.

    The log-odds are a falling polyline whose corners are rounded: -slopes[i] between knots[i - 1] and knots[i], the
    change of slope spread over a few `width` around the knot (a softplus). Without knots it is the plain logistic
    sigmoid(offset - slope·distance). Positive slopes make it strictly decreasing and smooth everywhere.

    offset: log-odds at which the polyline starts, at distance 0.
    slopes: log-odds lost per unit of distance; one more than there are knots.
    knots: increasing distances.
    width: of the rounding, in units of distance.
    """

    offset: float
    slopes: tuple[float, ...]
    knots: tuple[float, ...] = ()
    width: float = 1.0

    def __post_init__(self) -> None:
        if not np.all(np.isfinite([self.offset, *self.slopes, *self.knots, self.width])):
            raise InputError("a probability curve needs finite numbers")
        if len(self.slopes) != len(self.knots) + 1 or not all(slope > 0 for slope in self.slopes):
            raise InputError(f"{len(self.knots)} knots need one positive slope more, not {self.slopes}")
        if not self.width > 0 or any(np.diff(self.knots) <= 0):
            raise InputError(f"knots must increase and their width be positive: {self.knots}, {self.width}")

    def log_odds(self, distance: ArrayLike) -> Floats:
        """Log-odds (natural) of the same person at distances of any shape."""
        come = ramps(np.asarray(distance, dtype=np.float64), self.knots, self.width)
        return np.asarray(self.offset - come @ np.asarray(self.slopes))

    def __call__(self, distance: ArrayLike) -> Floats:
        """Probabilities at distances of any shape; NaN stays NaN."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.exp(-np.logaddexp(0.0, -self.log_odds(distance))))


def ramps(distance: Floats, knots: tuple[float, ...], width: float) -> Floats:
    """How far a distance has come along each stretch before, between and behind the knots, corners rounded.

    Args:
        distance: any shape.
        knots: k increasing distances.
        width: of the rounding.

    Returns:
        (..., k + 1) float64, each increasing with the distance; they sum to it.
    """
    scaled = (distance[..., None] - np.asarray(knots)) / width
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        passed = np.concatenate([distance[..., None], width * np.logaddexp(0.0, scaled)], axis=-1)
    passed[..., :-1] -= passed[..., 1:]
    return np.asarray(passed)


@dataclass(frozen=True)
class MadeFrom:
    """What a calibration was measured on.

    date: ISO 8601. how: in words, enough to do it again.
    """

    dataset: str
    same_pairs: int
    different_pairs: int
    date: str
    how: str


@dataclass(frozen=True)
class Calibration:
    """What distances mean for one model.

    model, fingerprint: of the ModelSpec whose embeddings were measured.
    far_curve: (false-accept rate, distance): of the pairs of different people, this share is at most so far apart.
        Both strictly decreasing, from rate 1.
    measured_far: rates below it are extrapolated, too few pairs of different people lie there to count.
    probability_curve: of the same person, at equal prior odds.
    identification: what distances mean in a search; None in a file that was made before that was measured.
    """

    model: str
    fingerprint: str
    far_curve: tuple[tuple[float, float], ...]
    measured_far: float
    probability_curve: ProbabilityCurve
    made_from: MadeFrom
    identification: Identification | None = None

    def __post_init__(self) -> None:
        table = np.asarray(self.far_curve, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2 or np.any(~(np.diff(table, axis=0) < 0)):
            raise InputError("a FAR curve is pairs of rate and distance, at least two, both strictly decreasing")
        if table[0, 0] != 1 or not table[-1, 0] > 0 or not (table[0, 1] <= 2 and table[-1, 1] >= 0):
            raise InputError("a FAR curve starts at rate 1, its rates are positive, its distances lie between 0 and 2")
        if not 0 < self.measured_far <= 1:
            raise InputError(f"measured_far must lie in (0, 1], not {self.measured_far}")

    @cached_property
    def search(self) -> Identification:
        """What distances mean in a search: as measured, else what follows from pairs; see `from_pairs`."""
        return self.identification or self.search_from_pairs

    @property
    def search_from_pairs(self) -> Identification:
        """What follows from pairs at false-accept rates of 1e-4, or the curve's last, and 1e-2."""
        near, far = (self.threshold(rate) for rate in (max(1e-4, self.far_curve[-1][0]), 1e-2))
        return from_pairs(*((at, float(self.probability_curve.log_odds(at))) for at in (near, far)))

    @property
    def thresholds(self) -> tuple[tuple[float, float], ...]:
        """(false-accept rate, distance) at the rates that are usually reported, as far as the curve reaches."""
        return tuple((far, self.threshold(far)) for far in (1e-2, 1e-3, 1e-4) if far >= self.far_curve[-1][0])

    def threshold(self, far: float = 1e-3) -> float:
        """The distance up to which two faces are accepted so that different people are accepted at this rate.

        Between the curve's points it is interpolated, linear in the logarithm of the rate.

        Raises:
            InputError: a rate above 1 or below the curve's last.
        """
        smallest = self.far_curve[-1][0]
        if not smallest <= far <= 1:
            raise InputError(f"the calibration of {self.model} covers rates from {smallest:g} to 1, not {far:g}")
        rates, distances = np.asarray(self.far_curve[::-1]).T
        return float(np.interp(np.log(far), np.log(rates), distances))

    def far(self, distance: ArrayLike) -> Floats:
        """False-accept rate of thresholds of any shape, log-linear between the curve's points.

        Beyond the curve's last point it goes on with the last slope; from its first point on it is 1.
        """
        given = np.asarray(distance, dtype=np.float64)
        rates, distances = np.asarray(self.far_curve[::-1]).T
        slope = np.log(rates[1] / rates[0]) / (distances[1] - distances[0])
        below = np.minimum(given - distances[0], 0.0) * slope
        return np.asarray(np.exp(np.interp(given, distances, np.log(rates)) + below))

    def probability(self, distance: ArrayLike) -> Floats:
        """Probability of the same person at distances of any shape, were both answers equally likely beforehand."""
        return self.probability_curve(distance)

    def to_json(self) -> str:
        """One line for each field, so that a change reads well in a diff."""
        lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in asdict(self).items())
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """Raises InputError where the text is not a calibration."""
        try:
            fields = strict_json.parse(text)
            if not isinstance(fields, dict):
                raise ValueError("no JSON object")
            curve = fields.pop("probability_curve")
            slopes, knots = tuple(curve.pop("slopes")), tuple(curve.pop("knots"))
            return cls(
                far_curve=tuple((far, distance) for far, distance in fields.pop("far_curve")),
                probability_curve=ProbabilityCurve(slopes=slopes, knots=knots, **curve),
                made_from=MadeFrom(**fields.pop("made_from")),
                identification=_identification(fields.pop("identification", None)),
                **fields,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not a calibration: {error}") from error


def _identification(fields: Mapping[str, Any] | None) -> Identification | None:
    """Of a calibration's JSON. Raises ValueError, KeyError, TypeError, AttributeError, InputError where it is none."""
    if fields is None:
        return None
    made = fields["made_from"]
    return Identification(
        evidence=Evidence(*(_line(fields["evidence"][key]) for key in ("one", "many"))),
        scale=fields["scale"],
        shift=fields["shift"],
        fpir_curve=tuple(_line(point) for point in fields["fpir_curve"]),
        made_from=SearchesFrom(**made) if made is not None else None,
    )


def _line(numbers: tuple[float, float]) -> tuple[float, float]:
    first, second = numbers
    return first, second
