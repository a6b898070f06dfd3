"""Who is it, if anybody: the answer of one search (1:N, open set) among the people of a library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import DEFAULT_FPIR, Evidence, Identification, answer_log_odds
from facesearch.core.results import NOBODY, SAME_PERSON, UNSURE, Answer
from facesearch.core.types import Face, Person
from facesearch.storage import Connection, Store, clusters, constraints, persons
from facesearch.storage.counts import searched
from facesearch.storage.embeddings import embeddings_of

__all__ = ["NEAREST", "Identified", "identify"]

Floats = NDArray[np.float64]

# At least so many nearest faces are looked at for whose they are; at most so many people and faces are candidates.
NEAREST, CANDIDATES = 64, 256
# Faces of a cluster that are compared; those of a larger one are sampled, but for the nearest.
MEMBERS = 50


@dataclass(frozen=True)
class Identified:
    """The answer, and for the faces near the probe the log-odds that they are the same person's, see `Identification`.

    log_odds: by face.
    """

    answer: Answer
    log_odds: Mapping[int, float]


@dataclass(frozen=True)
class _Candidate:
    """An entity near the probe: a cluster, or a face that is in none.

    squared: (m,) squared distances of its faces to the probe; vectors: (m, d) float64; shares: as of `Evidence`.
    """

    faces: tuple[int, ...]
    cluster: int | None
    person: Person | None
    size: int
    squared: Floats
    vectors: Floats
    shares: Floats


def identify(
    store: Store,
    identification: Identification,
    probe: NDArray[np.float32],
    near: Sequence[tuple[int, float]],
) -> Identified:
    """The answer to who a probe is.

    Args:
        probe: (d,) float32, unit L2 norm.
        near: the nearest faces and their distances, nearest first; NEAREST of them are enough.
    """
    with store.reading() as connection:
        hidden, (people, faces) = constraints.not_faces(connection), searched(connection)
        near = [(face, distance) for face, distance in near if face not in hidden]
        cluster_of = clusters.of_faces(connection, [face for face, _ in near])
        candidates = _candidates(connection, probe.astype(np.float64), near, cluster_of)
    ratios = np.array([_ratio(identification.evidence, one) for one in candidates])
    alike = _alike(identification.evidence, candidates)
    log_odds, anybody = answer_log_odds(ratios, alike, people)
    answer = _answer(identification, candidates, _named(candidates, ratios, log_odds, alike), log_odds, float(anybody))
    single = identification.evidence.of_soft([distance**2 for _, distance in near], 1) - np.log(max(people, 1))
    by_entity = {
        _entity(one.faces[0], one.cluster): float(odds) for one, odds in zip(candidates, log_odds, strict=True)
    }
    return Identified(
        replace(answer, people_searched=people, faces_searched=faces),
        {
            face: by_entity.get(_entity(face, cluster_of.get(face)), float(alone))
            for (face, _), alone in zip(near, single, strict=True)
        },
    )


def _entity(face: int, cluster: int | None) -> tuple[str, int]:
    return ("face", face) if cluster is None else ("cluster", cluster)


def _candidates(
    connection: Connection, probe: Floats, near: Sequence[tuple[int, float]], cluster_of: Mapping[int, int]
) -> list[_Candidate]:
    """The entities of the nearest faces, nearest first, with the faces that stand for them."""
    found: dict[tuple[str, int], list[int]] = {}
    for face, _ in near:
        key = _entity(face, cluster_of.get(face))
        if key in found or len(found) < CANDIDATES:
            found.setdefault(key, []).append(face)
    numbers = [number for kind, number in found if kind == "cluster"]
    people = persons.of_clusters(connection, numbers)
    members, of = clusters.columns(connection, numbers)
    chosen = {
        key: _standing(members[of == key[1]] if key[0] == "cluster" else [], faces) for key, faces in found.items()
    }
    ids, vectors = embeddings_of(connection, [face for faces, *_ in chosen.values() for face in faces], len(probe))
    row = {face: at for at, face in enumerate(ids.tolist())}
    candidates = []
    for (kind, number), (faces, shares, size) in chosen.items():
        there = [at for at, face in enumerate(faces) if face in row]  # another process may remove some
        if there:
            own = vectors[[row[faces[at]] for at in there]].astype(np.float64)
            cluster, whose = (number, people.get(number)) if kind == "cluster" else (None, None)
            squared = np.maximum(2 - 2 * own @ probe, 0.0)
            weights = shares[there] / shares[there].sum()
            ordered = tuple(faces[at] for at in there)
            candidates.append(_Candidate(ordered, cluster, whose, size, squared, own, weights))
    return candidates


def _standing(members: Sequence[int] | NDArray[np.int64], near: Sequence[int]) -> tuple[list[int], Floats, int]:
    """Faces that stand for an entity, the near ones first; how much of it each stands for; how many it has."""
    if len(members) <= len(near):
        return list(near), np.full(len(near), 1 / len(near)), len(near)
    others = np.setdiff1d(np.asarray(members, np.int64), near)
    step = max(1, -(-len(others) // MEMBERS))
    some, size = others[::step], len(others) + len(near)
    shares = np.concatenate([np.full(len(near), 1 / size), np.full(len(some), len(others) / max(len(some), 1) / size)])
    return [*near, *some.tolist()], shares, size


def _ratio(evidence: Evidence, candidate: _Candidate) -> float:
    return float(evidence.log_ratio(candidate.squared, candidate.size, candidate.shares))


def _alike(evidence: Evidence, candidates: Sequence[_Candidate]) -> Floats:
    """(c, c) probability, at even odds, that the nearest face of the row's candidate is the column's person.

    Different people of whom the user has decided something are not alike.
    """
    alike = np.eye(len(candidates))
    nearest = np.array([one.vectors[one.squared.argmin()] for one in candidates])
    for column, one in enumerate(candidates):
        squared = np.maximum(2 - 2 * nearest @ one.vectors.T, 0.0)
        ratios = evidence.log_ratio(squared, one.size, one.shares)
        alike[:, column] = np.exp(-np.logaddexp(0.0, -ratios))
    person = np.array([one.person.id if one.person else 0 for one in candidates])
    both = (person[:, None] > 0) & (person[None] > 0)
    alike[both] = (person[:, None] == person[None])[both]
    np.fill_diagonal(alike, 1.0)
    return alike


def _named(candidates: Sequence[_Candidate], ratios: Floats, log_odds: Floats, alike: Floats) -> int | None:
    """Which candidate an answer names: of those that are the likeliest one's person, one with a name, else a cluster.

    Of equal ones that with the most evidence of its own. None without a candidate.
    """
    if not candidates:
        return None
    best = int(log_odds.argmax())
    same = [at for at in range(len(candidates)) if at == best or (alike[best, at] >= 0.5 and log_odds[at] >= 0)]

    def rank(at: int) -> tuple[bool, bool, float]:
        one = candidates[at]
        return one.person is not None and one.person.name is not None, one.cluster is not None, float(ratios[at])

    return max(same, key=rank)


def _answer(
    identification: Identification,
    candidates: Sequence[_Candidate],
    named: int | None,
    log_odds: Floats,
    anybody: float,
) -> Answer:
    measured = identification.made_from is not None
    nobody = Answer(NOBODY, None, float(1 - identification.probability(anybody)), DEFAULT_FPIR, measured=measured)
    certain = bool(len(log_odds)) and log_odds.max() >= identification.threshold()
    if named is None or (not certain and identification.probability(anybody) < 0.5):
        return nobody
    one = candidates[named]
    face = Face((0.0, 0.0, 0.0, 0.0), id=one.faces[int(one.squared.argmin())], cluster=one.cluster, person=one.person)
    likely = float(identification.probability(log_odds.max()))
    return replace(nobody, decision=SAME_PERSON if certain else UNSURE, face=face, probability=likely)
