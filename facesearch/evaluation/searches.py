"""Measuring what distances mean in a search (1:N): libraries and searches are made up of labelled faces.

Some people are in the library with a few of their faces, and searched for with others; all others are strangers, who
are searched for, too. The library is clustered without a mistake, or not at all. Evidence is fitted to pairs of a probe
and an entity, by logistic regression; then probability and FPIR to the answers of whole searches.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.calibration import Calibration, Evidence, Identification, SearchesFrom, answer_log_odds
from facesearch.calibration.identification import USUAL_FPIR
from facesearch.evaluation.logistic import fit_logistic

__all__ = ["Searches", "fit_identification", "simulated_searches"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Fewer people than these cannot say how their searches go: three of them would be strangers.
MIN_PEOPLE = 9
# Faces of each person in a library that is clustered, and in one that is not.
CLUSTERED, UNCLUSTERED = (1, 2, 4, 9), (4, 9)
# The share of people who are in the library; libraries that are made up of each kind.
PRESENT, REPEATS = 2 / 3, 2
# At most so many people are in one, and so many searches are made for them and for strangers.
MOST_PEOPLE, MOST_SEARCHES = 2_000, 400
# Entities that a wrong one is weighed against when evidence is fitted: where decisions of common libraries lie.
AGAINST = 300.0
# How far the fit may go from what pairs say before it costs one person's evidence: nats of offset, share of slope.
OFFSET_NATS, SLOPE_SHARE = 5.0, 0.3
# The usual FPIR curve counts as so many people's searches.
USUAL_PEOPLE = 3.0
# More people than these say no more of strangers, as so many searches are made.
MOST_KNOWN = 200
# Entities near a probe that are looked at, as in `facesearch.searching.identify`.
CANDIDATES = 16


@dataclass(frozen=True)
class _Made:
    """A made-up library and its searches.

    entities: (g,) number of the entity of each of the library's faces. gallery: (g,) their rows, probes: (q,) rows.
    whose: (e,) person of each entity; sought: (q,) person of each probe, -1 for a stranger.
    """

    gallery: Ints
    entities: Ints
    whose: Ints
    probes: Ints
    sought: Ints


@dataclass(frozen=True)
class Searches:
    """Answers of n searches.

    log_odds: (n,) of the entity that was found, see `Identification`. right: (n,) whether it is the person's.
    strangers: (n,) whether the person was not in the library. entities: (n,) how many were searched.
    """

    log_odds: Floats
    right: NDArray[np.bool_]
    strangers: NDArray[np.bool_]
    entities: Ints

    @classmethod
    def joined(cls, parts: "list[Searches]") -> "Searches":
        columns = zip(*((p.log_odds, p.right, p.strangers, p.entities) for p in parts), strict=True)
        return cls(*map(np.concatenate, columns))


def fit_identification(
    calibration: Calibration, embeddings: NDArray[np.float32], labels: ArrayLike, *, dataset: str, seed: int = 0
) -> Identification | None:
    """What distances mean in a search; None with too few people to say.

    Few people change little of what the calibration's pairs say.

    Args:
        calibration: of the pairs of the same embeddings.
        embeddings: (n, d) float32, unit L2 norm. labels: (n,) whose they are.
    """
    names, people = np.unique(np.asarray(labels), return_inverse=True)
    several = int((np.bincount(people) > 1).sum()) if len(names) else 0
    if several < MIN_PEOPLE:
        return None
    evidence = _fit_evidence(calibration.search_from_pairs.evidence, embeddings, people, several, seed)
    searches = simulated_searches(evidence, embeddings, people, seed=seed + 1)
    scale, shift = _fit_probability(searches, several)
    return Identification(
        evidence=evidence,
        scale=scale,
        shift=shift,
        fpir_curve=_fpir_curve(searches.log_odds[searches.strangers], len(names)),
        made_from=SearchesFrom(
            dataset=dataset,
            searches=len(searches.right),
            strangers=int(searches.strangers.sum()),
            date=datetime.date.today().isoformat(),
            how=f"libraries of two thirds of the people, 1 to {max(CLUSTERED)} faces each, clustered without a mistake"
            f" or not at all; {_range(searches.entities)} people and faces that are alone were searched",
        ),
    )


def simulated_searches(evidence: Evidence, embeddings: NDArray[np.float32], people: Ints, *, seed: int = 0) -> Searches:
    """Searches in libraries made of labelled faces. Args: people: (n,) numbers from 0."""
    parts = [_answers(evidence, embeddings, made) for made in _libraries(people, seed)]
    return Searches.joined(parts)


def _libraries(people: Ints, seed: int) -> Iterator[_Made]:
    generator = np.random.default_rng(seed)
    for _ in range(REPEATS):
        for faces in CLUSTERED:
            yield _made_up(people, faces, True, generator)
        for faces in UNCLUSTERED:
            yield _made_up(people, faces, False, generator)


def _made_up(people: Ints, faces: int, clustered: bool, generator: np.random.Generator) -> _Made:
    """A library of up to so many faces of each of some people; of a person with several faces one is left to search."""
    order = generator.permutation(people.max() + 1)
    present = order[: min(round(PRESENT * len(order)), MOST_PEOPLE)]
    shuffled = generator.permutation(len(people))
    position = np.empty(len(people), np.int64)  # of each face among those of its person
    ordered = shuffled[np.argsort(people[shuffled], kind="stable")]
    counts = np.bincount(people)
    position[ordered] = np.arange(len(people)) - np.repeat(np.cumsum(counts) - counts, counts)
    inside = np.isin(people, present)
    kept = inside & (position < np.maximum(np.minimum(faces, counts[people] - 1), 1))
    gallery = np.flatnonzero(kept)
    mates = generator.permutation(np.flatnonzero(inside & ~kept))[:MOST_SEARCHES]
    absent = np.isin(people, order[round(PRESENT * len(order)) :])
    strangers = generator.permutation(np.flatnonzero(absent))[:MOST_SEARCHES]
    whose, entities = np.unique(people[gallery], return_inverse=True)
    if not clustered:
        whose, entities = people[gallery], np.arange(len(gallery))
    sought = np.concatenate([people[mates], np.full(len(strangers), -1)])
    return _Made(gallery, entities, whose, np.concatenate([mates, strangers]), sought)


# -- evidence ---------------------------------------------------------------------------------------------------------


def _soft_nearest(evidence: Evidence, embeddings: NDArray[np.float32], made: _Made) -> tuple[Floats, Ints]:
    """(q, e) soft nearest squared distances of probes to entities, and (e,) the entities' sizes."""
    order = np.argsort(made.entities, kind="stable")
    starts = np.flatnonzero(np.diff(made.entities[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(order)))
    squared = 2 - 2 * embeddings[made.probes] @ embeddings[made.gallery[order]].T
    least = np.minimum.reduceat(squared, starts, axis=1).astype(np.float64)
    worth = np.exp(-evidence.one[1] * (squared - np.repeat(least, sizes, axis=1)))
    return least - np.log(np.add.reduceat(worth, starts, axis=1) / sizes) / evidence.one[1], sizes


def _fit_evidence(usual: Evidence, embeddings: NDArray[np.float32], people: Ints, several: int, seed: int) -> Evidence:
    """Logistic regression on pairs of a probe and an entity, near what is usual unless many people say otherwise."""
    columns: list[tuple[Floats, Floats, Floats, Floats]] = []
    generator = np.random.default_rng(seed)
    for faces in CLUSTERED * REPEATS:
        made = _made_up(people, faces, True, generator)
        soft, sizes = _soft_nearest(usual, embeddings, made)
        same = made.sought[:, None] == made.whose[None]
        columns.append(_pairs(soft, np.broadcast_to(1 - 1 / sizes, soft.shape), same, generator))
    soft, share, same, weights = (np.concatenate(column) for column in zip(*columns, strict=True))
    (offset, slope), (offset_many, slope_many) = usual.one, usual.many
    alone = 1 - share
    features = np.stack([alone * OFFSET_NATS, share * OFFSET_NATS, -alone * soft, -share * soft], axis=1)
    features[:, 2:] *= SLOPE_SHARE * np.array([slope, slope_many])
    start = alone * (offset - slope * soft) + share * (offset_many - slope_many * soft) - np.log(AGAINST)
    a, b, c, d = fit_logistic(features, same, weights / len(CLUSTERED * REPEATS), start, price=0.5 / several)
    one = (offset + OFFSET_NATS * a, slope * max(1 + SLOPE_SHARE * c, 0.2))
    many = (offset_many + OFFSET_NATS * b, slope_many * max(1 + SLOPE_SHARE * d, 0.2))
    return Evidence(_rounded(one), _rounded(many))


def _pairs(
    soft: Floats, share: Floats, same: NDArray[np.bool_], generator: np.random.Generator, most: int = 20_000
) -> tuple[Floats, Floats, Floats, Floats]:
    """All pairs of one person, and of the others the nearest and some: soft, share, same, weight.

    Weights of the same sum to 1, of the others to AGAINST.
    """
    values, flags = soft.ravel(), same.ravel()
    others = np.flatnonzero(~flags)
    near = others if len(others) <= most else others[np.argpartition(values[others], most)[:most]]
    far = generator.permutation(np.setdiff1d(others, near, assume_unique=True))
    some = far[:most]
    mates = np.flatnonzero(flags)
    weights = np.concatenate(
        [
            np.full(len(mates), 1 / max(len(mates), 1)),
            np.full(len(near), AGAINST / max(len(others), 1)),
            np.full(len(some), AGAINST / max(len(others), 1) * len(far) / max(len(some), 1)),
        ]
    )
    rows = np.concatenate([mates, near, some])
    return values[rows], share.ravel()[rows], flags[rows].astype(np.float64), weights


# -- answers ----------------------------------------------------------------------------------------------------------


def _answers(evidence: Evidence, embeddings: NDArray[np.float32], made: _Made) -> Searches:
    """What each search finds; as `facesearch.searching.identify` does it, on arrays."""
    soft, sizes = _soft_nearest(evidence, embeddings, made)
    ratios = evidence.of_soft(soft, sizes)
    vectors = embeddings[made.gallery].astype(np.float64)
    members = np.split(np.argsort(made.entities, kind="stable"), np.cumsum(sizes)[:-1])
    log_odds, found = np.empty(len(made.probes)), np.empty(len(made.probes), np.int64)
    count = min(CANDIDATES, len(sizes))
    for row, near in enumerate(np.argpartition(-ratios, count - 1, axis=1)[:, :count]):
        alike = _alike(evidence, vectors, [members[e] for e in near], embeddings[made.probes[row]])
        odds, _ = answer_log_odds(ratios[row, near], alike, len(sizes))
        best = odds.argmax()
        log_odds[row], found[row] = odds[best], made.whose[near[best]]
    count = len(sizes)
    return Searches(log_odds, found == made.sought, made.sought < 0, np.full(len(found), count, np.int64))


def _alike(evidence: Evidence, vectors: Floats, members: list[Ints], probe: NDArray[np.float32]) -> Floats:
    """(c, c) probability, at even odds, that the row's face nearest to the probe is the column's person."""
    nearest = np.array([rows[(vectors[rows] @ probe).argmax()] for rows in members])
    columns = [evidence.log_ratio(2 - 2 * vectors[nearest] @ vectors[rows].T) for rows in members]
    alike = np.exp(-np.logaddexp(0.0, -np.stack(columns, axis=1)))
    np.fill_diagonal(alike, 1.0)
    return alike


def _fit_probability(searches: Searches, several: int) -> tuple[float, float]:
    """Scale and shift of the log-odds: logistic regression, searches for strangers weighing as much as all others."""
    mates, strangers = ~searches.strangers, searches.strangers
    weights = np.where(strangers, 0.5 / strangers.sum(), 0.5 / max(mates.sum(), 1))
    features = np.stack([searches.log_odds, np.ones(len(mates))], axis=1)
    bounded = np.clip(features[:, 0], -20, 20)  # what is certain anyway must not decide about the rest
    features[:, 0] = bounded
    right = searches.right.astype(np.float64)
    scale, shift = fit_logistic(features, right, weights, bounded, price=0.5 / several)
    return round(max(1 + float(scale), 0.2), 4), round(float(shift), 4)


def _fpir_curve(strangers: Floats, people: int) -> tuple[tuple[float, float], ...]:
    """FPIR at log-odds from -4 on, a point each half nat, to 1e-6; the usual curve is mixed in as some people's.

    Args:
        strangers: (n,) log-odds of searches for people who are not in the library. people: how many these were of.
    """
    usual = Identification(Evidence((0.0, 1.0), (0.0, 1.0)), 1.0, 0.0, USUAL_FPIR)
    at = np.arange(-4.0, 14.0, 0.5)
    measured = 1 - np.searchsorted(np.sort(strangers), at) / len(strangers)
    known = min(people, MOST_KNOWN)
    rates = (known * measured + USUAL_PEOPLE * usual.fpir(at)) / (known + USUAL_PEOPLE)
    rates = np.array([float(f"{rate:.4g}") for rate in rates])
    falling = np.flatnonzero((rates < 1) & (np.diff(rates, prepend=np.inf) < 0))
    return tuple((float(rates[i]), float(at[i])) for i in falling)


def _rounded(line: tuple[float, float]) -> tuple[float, float]:
    return round(float(line[0]), 4), round(float(line[1]), 4)


def _range(numbers: Ints) -> str:
    return f"{int(numbers.min()):,} to {int(numbers.max()):,}"
