"""Open-set identification (1:N) as users have it: who is it, if anybody in this library?

Labelled photos are indexed; a few photos of each of some people stay in the library, all others are taken out of it and
searched for: those of the same people, and those of people who are not in it at all.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.results import NOBODY
from facesearch.core.types import Face
from facesearch.library import Library
from facesearch.searching.identify import NEAREST
from facesearch.searching.search import search_face

__all__ = ["Labelled", "open_set"]

# So many photos of each of two thirds of the people are in the library; then of fewer and fewer people.
PHOTOS, PRESENT, DRAWS = 9, 2 / 3, 3
# One draw of so many people says as much, and takes long enough.
MANY_PEOPLE = 1000
SIZES = (1.0, 0.5, 0.25)
# At most so many searches in each library for people who are in it, and for strangers.
MOST_SEARCHES = 500
# An answer with this probability or more is one that people rely on.
RELIED_ON = 0.95
# Edges of the reliability table.
EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Labelled:
    """A photo's main face, with its embedding, and whose it is."""

    path: str
    person: str
    face: Face


@dataclass(frozen=True)
class _Search:
    """How one search went.

    stranger: the person was not in the library. named: the answer named somebody. right: the answer is right.
    nearest_right: the likeliest face is the person's, whatever the decision. searched: how many faces were.
    """

    stranger: bool
    named: bool
    right: bool
    nearest_right: bool
    probability: float
    searched: int


def open_set(library: Library, faces: Sequence[Labelled], strangers: Sequence[Labelled] = ()) -> dict[str, Any]:
    """Searches in libraries of fewer and fewer people, before and after `cluster`; few people are drawn several times.

    Args:
        library: holds all photos of `faces`, and has a calibration; copies of it are searched.
        strangers: of people who are not among them; more searches for nobody.
    """
    found: dict[str, list[_Search]] = {}
    for seed in range(DRAWS if len({face.person for face in faces}) < MANY_PEOPLE else 1):
        with TemporaryDirectory(prefix="facesearch-") as scratch:
            copy = Path(shutil.copytree(library.folder, Path(scratch) / "copy"))
            with Library(copy) as drawn:
                _forget_bystanders(drawn, faces)
                for key, searches in _one_draw(drawn, faces, strangers, np.random.default_rng(seed)):
                    found.setdefault(key, []).extend(searches)
    every = [one for searches in found.values() for one in searches]
    figures = {key: _figures(searches) for key, searches in found.items()}
    return {**figures, "relied_on": _relied_on(every), "reliability": _reliability(every)}


def _forget_bystanders(library: Library, faces: Sequence[Labelled]) -> None:
    """Nobody has said who the other faces of these photos are: the answer to a search may be one of them, and right."""
    labelled = {face.face.id for face in faces}
    found = library.store.faces_of_photos([face.face.photo_id for face in faces])
    others = [face.id for some in found.values() for face in some if face.id not in labelled]
    if others:
        library.people.not_a_face(others)


def _one_draw(
    library: Library, faces: Sequence[Labelled], strangers: Sequence[Labelled], generator: np.random.Generator
) -> Iterator[tuple[str, list[_Search]]]:
    """The searches in each kind of library; this one is emptied by that."""
    names = generator.permutation(sorted({face.person for face in faces}))
    most = round(PRESENT * len(names))
    order = generator.permutation(len(faces))
    people = {face.path: face.person for face in faces}
    absent = [face for face in faces if face.person not in names[:most]]
    for share in SIZES:
        present = names[: round(share * most)].tolist()
        kept = {path for person in present for path in _first(faces, order, person)}
        _keep_only(library, kept)
        probes = [face for face in faces if face.path not in kept and face.person in present]
        for state in ("not clustered", "clustered"):
            _forget_clusters(library) if state == "not clustered" else library.cluster()
            found = [_search(library, people, face, False) for face in _some(probes, generator)]
            found += [_search(library, people, face, True) for face in _some([*absent, *strangers], generator)]
            yield f"{len(present)} people, {state}", found


def _first(faces: Sequence[Labelled], order: NDArray[np.int64], person: str) -> list[str]:
    """The first photos of a person in a random order."""
    return [faces[i].path for i in order if faces[i].person == person][:PHOTOS]


def _keep_only(library: Library, kept: Iterable[str]) -> None:
    gone = set(library.store.known_paths()) - set(kept)
    if gone:
        library.remove(sorted(gone))


def _forget_clusters(library: Library) -> None:
    """As before the first `cluster`: no face has so many others so near."""
    library.cluster(eps=1e-6, min_samples=1 << 30)


def _some(faces: Sequence[Labelled], generator: np.random.Generator) -> list[Labelled]:
    return [faces[i] for i in generator.permutation(len(faces))[:MOST_SEARCHES]]


def _search(library: Library, people: Mapping[str, str], probe: Labelled, stranger: bool) -> _Search:
    found = search_face(library.store, library.calibration, probe.face, NEAREST)
    answer = found.answer
    assert answer is not None  # there is a calibration
    likeliest = max(found.matches, key=lambda match: (match.probability or 0.0, -match.rank))
    right = answer.face is not None and people.get(answer.face.path) == probe.person
    if answer.decision == NOBODY:
        right = stranger
    nearest_right = people.get(likeliest.path) == probe.person
    return _Search(stranger, answer.certain, right, nearest_right, answer.probability, answer.faces_searched)


def _figures(searches: Sequence[_Search]) -> dict[str, Any]:
    strangers = [one for one in searches if one.stranger]
    mates = [one for one in searches if not one.stranger]
    return {
        "faces_searched": round(float(np.mean([one.searched for one in searches]))),
        "searches": len(mates),
        "searches_for_strangers": len(strangers),
        "rank_1": _share(one.nearest_right for one in mates),
        "fpir": _share(one.named for one in strangers),
        "fnir": _share(not (one.named and one.right) for one in mates),
    }


def _relied_on(searches: Sequence[_Search]) -> dict[str, Any]:
    """Answers, "nobody" included, with a probability that people rely on, and the share of them that is wrong."""
    chosen = [one for one in searches if one.probability >= RELIED_ON]
    return {"probability": RELIED_ON, "answers": len(chosen), "wrong": _share(not one.right for one in chosen)}


def _reliability(searches: Sequence[_Search]) -> list[dict[str, Any]]:
    """By probability: how many answers, what they say on average, and how many of them are right."""
    rows = []
    for low, high in pairwise(EDGES):
        inside = [one for one in searches if low <= one.probability < high or one.probability == high == 1]
        if inside:
            said = float(np.mean([one.probability for one in inside]))
            right = _share(one.right for one in inside)
            rows.append({"from": low, "answers": len(inside), "said": said, "right": right})
    return rows


def _share(flags: Iterable[bool]) -> float | None:
    values = list(flags)
    return float(np.mean(values)) if values else None
