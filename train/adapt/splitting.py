"""Who is learnt from, who chooses how far training is followed, and who is held out to measure it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facesearch.core.errors import InputError
from train.adapt.people import OwnFace

__all__ = ["MIN_FACES", "MIN_HELD_OUT", "MIN_PEOPLE", "Split", "split"]

# With fewer people than eight held out an interval says nothing; with fewer than 100 of their faces a false-accept rate
# of 1e-3, and one search in a hundred, cannot be seen.
MIN_PEOPLE, MIN_FACES, MIN_HELD_OUT = 24, 4, 100
HELD_OUT = 1 / 3
# Of the people who are not held out.
CHOOSE = 1 / 4
# More faces of one person say little more, and take their time.
MOST_FACES, MOST_HELD_OUT = 60, 2_000


@dataclass(frozen=True)
class Split:
    """Faces, by id; no person and no event is in two parts."""

    learn: tuple[OwnFace, ...]
    choose: tuple[OwnFace, ...]
    held_out: tuple[OwnFace, ...]


def split(faces: Sequence[OwnFace], seed: int) -> Split:
    """Divide people at random, and then events: one that shows people of two parts stays with the part it shows most.

    Raises InputError where there are too few people or faces to learn from some and measure on others.
    """
    generator = np.random.default_rng(seed)
    people = _usable(faces, generator)
    if len(people) < MIN_PEOPLE:
        raise InputError(
            f"adapt needs {MIN_PEOPLE} named people with {MIN_FACES} good confirmed faces each, to learn from some and"
            f" measure on others; here are {len(people)}: name more people"
        )
    parts = _divided([people[i] for i in generator.permutation(len(people))])
    learn, choose, held_out = _apart(parts)
    if len(held_out) < MIN_HELD_OUT:
        raise InputError(
            f"adapt measures on {MIN_HELD_OUT} faces or more of people held out, and here are {len(held_out)}: name"
            " more people, or confirm more of their faces"
        )
    return Split(learn, choose, held_out)


def _usable(faces: Sequence[OwnFace], generator: np.random.Generator) -> list[list[OwnFace]]:
    """The faces of each person who has enough of them, on two occasions at least; of one with many, some."""
    of_person: dict[int, list[OwnFace]] = defaultdict(list)
    for face in faces:
        of_person[face.person].append(face)
    found = []
    for person in sorted(of_person):
        theirs = of_person[person]
        if len(theirs) >= MIN_FACES and len({face.event for face in theirs}) > 1:
            found.append([theirs[i] for i in generator.permutation(len(theirs))[:MOST_FACES]])
    return found


def _divided(people: list[list[OwnFace]]) -> list[list[list[OwnFace]]]:
    """To learn, to choose, held out."""
    wanted = round(HELD_OUT * len(people))
    faces = np.cumsum([len(theirs) for theirs in people])
    held_out = max(min(wanted, int(np.searchsorted(faces, MOST_HELD_OUT, side="right"))), 1)
    choose = held_out + round(CHOOSE * (len(people) - held_out))
    return [people[choose:], people[held_out:choose], people[:held_out]]


def _apart(parts: list[list[list[OwnFace]]]) -> list[tuple[OwnFace, ...]]:
    """The faces of each part on its own events, of people who have two of these at least."""
    everything = [(number, face) for number, part in enumerate(parts) for theirs in part for face in theirs]
    shown = Counter((face.event, number) for number, face in everything)
    owner: dict[int, int] = {}
    for (event, number), count in sorted(shown.items()):
        if event not in owner or count > shown[event, owner[event]]:
            owner[event] = number
    kept = [[face for number, face in everything if number == part == owner[face.event]] for part in range(len(parts))]
    times = Counter(face.person for part in kept for face in part)
    return [tuple(sorted((f for f in part if times[f.person] > 1), key=lambda f: f.face.id)) for part in kept]
