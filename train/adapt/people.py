"""Whose faces a library can teach: confirmed faces of people with a name, good enough to decide who somebody is."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from facesearch.core.types import Face
from facesearch.storage import Store, constraints, dates, faces, persons

__all__ = ["OwnFace", "events_of", "own_faces"]

# A day, or a folder, that has a larger share of the photos is no event: a scanner's date, or a folder with everything.
MOST_OF_PHOTOS = 0.25


@dataclass(frozen=True)
class OwnFace:
    """A face of somebody known. person: their id. event: photos that were taken on one occasion have one number."""

    face: Face
    person: int
    event: int


def own_faces(store: Store) -> list[OwnFace]:
    """The confirmed faces of named people, by id, without those that are weak.

    Naming a cluster confirms its faces. Faces that only clustering has put to a person are not among them, nor those
    of people who share their name: these may be one.
    """
    with store.reading() as connection:
        named = persons.named(connection)
        times = Counter(person.name for person in named)
        chosen = {person.id for person in named if times[person.name] == 1}
        ids, people = constraints.confirmed(connection)
        whose = {face: person for face, person in zip(ids.tolist(), people.tolist(), strict=True) if person in chosen}
        found = [face for face in faces.by_ids(connection, sorted(whose)) if not face.weak]
        days = {photo: day.isoformat() for photo, day in dates.days(connection).items()}
    events = events_of([(face.photo_id, face.path, whose[face.id]) for face in found], days)
    return [OwnFace(face, whose[face.id], events[face.photo_id]) for face in found]


def events_of(seen: Iterable[tuple[int, str, int]], days: Mapping[int, str]) -> dict[int, int]:
    """The event of each photo, as a number.

    An event is a day where photos tell their date, else a folder that shows several people. Any other photo is an event
    of its own.

    Args:
        seen: photo, a file that holds it, and a person on it; once for each person.
        days: of the photos that tell it.
    """
    photos: dict[tuple[str, str], set[int]] = defaultdict(set)
    people: dict[tuple[str, str], set[int]] = defaultdict(set)
    occasion: dict[int, tuple[str, str]] = {}
    for photo, path, person in seen:
        occasion[photo] = ("day", days[photo]) if photo in days else ("folder", str(PurePath(path).parent))
        photos[occasion[photo]].add(photo)
        people[occasion[photo]].add(person)
    most = MOST_OF_PHOTOS * len(occasion)
    real = {what for what in photos if len(photos[what]) <= most and (what[0] == "day" or len(people[what]) > 1)}
    numbers: dict[tuple[str, str], int] = {}
    return {
        photo: numbers.setdefault(what if what in real else ("photo", str(photo)), len(numbers))
        for photo, what in occasion.items()
    }
