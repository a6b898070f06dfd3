"""Groups and people as they are now, and how the user refers to them."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.core.errors import InputError
from facesearch.core.results import Person
from facesearch.storage import schema as db

__all__ = [
    "Party",
    "all_parties",
    "face_exists",
    "find",
    "find_group",
    "folded",
    "group_exists",
    "group_of_person",
    "groups_called",
    "named",
    "new_group",
    "no_group",
    "party_of_group",
    "people_of_faces",
]

CHUNK = 500
# Numbers of more digits are no group's, and SQLite does not know them.
DIGITS = 18


@dataclass(frozen=True)
class Party:
    """A group and the person it is; faces by id, ascending; confirmed: those of them of which the user said so."""

    group: int
    person: Person | None
    ignored: bool
    faces: tuple[int, ...]
    confirmed: frozenset[int]

    @property
    def title(self) -> str:
        return self.person.name if self.person and self.person.name else f"group {self.group}"


def find(connection: Connection, reference: str) -> Party:
    """The party that a user means by a group's number or a person's name.

    Raises InputError where there is none, or several have that name.
    """
    return party_of_group(connection, find_group(connection, reference))


def find_group(connection: Connection, reference: str) -> int:
    """The group that a user means. Raises InputError as `find`."""
    reference = reference.strip()
    known = groups_called(connection, reference)
    if reference.isascii() and reference.isdigit():
        group = int(reference[-DIGITS:]) if len(reference.lstrip("0")) <= DIGITS else -1
        if group_exists(connection, group):
            return group
        if not known:
            raise no_group(reference)
    if not known:
        raise InputError(f"there is nobody called {reference!r}, and no such group: see `facesearch people`")
    if len(known) > 1:
        listed = ", ".join(map(str, known))
        raise InputError(f"{len(known)} people are called {reference!r}: say which by its group, one of {listed}")
    return known[0]


def no_group(called: object) -> InputError:
    return InputError(f"there is no group {called}: see `facesearch people`, or make groups with `facesearch cluster`")


def groups_called(connection: Connection, name: str) -> list[int]:
    """The groups of the people who have a name, ascending."""
    wanted = folded(name)
    rows = connection.execute(select(db.people.c.id, db.people.c.name).where(db.people.c.name.is_not(None))).all()
    groups = [group_of_person(connection, row.id) for row in rows if folded(row.name) == wanted]
    return sorted(group for group in groups if group is not None)


def group_exists(connection: Connection, group: int) -> bool:
    return (
        connection.execute(select(db.clustered).where(db.clustered.c.cluster_id == group).limit(1)).first() is not None
    )


def party_of_group(connection: Connection, group: int) -> Party:
    """Raises InputError where there is no such group."""
    rows = connection.execute(
        select(db.clustered.c.face_id, db.confirmed.c.person_id)
        .join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id, isouter=True)
        .where(db.clustered.c.cluster_id == group)
        .order_by(db.clustered.c.face_id)
    ).all()
    if not rows:
        raise no_group(group)
    person_id = next((row.person_id for row in rows if row.person_id is not None), None)
    person, ignored = _person(connection, person_id)
    confirmed = frozenset(row.face_id for row in rows if row.person_id is not None)
    return Party(group, person, ignored, tuple(row.face_id for row in rows), confirmed)


def all_parties(connection: Connection) -> list[Party]:
    """Everybody, the largest first; of equal size the lower number first."""
    faces: dict[int, list[int]] = {}
    for face, group in connection.execute(
        select(db.clustered.c.face_id, db.clustered.c.cluster_id).order_by(db.clustered.c.face_id)
    ):
        faces.setdefault(group, []).append(face)
    people = {row.id: row for row in connection.execute(select(db.people))}
    confirmed: dict[int, list[int]] = {}
    whose: dict[int, int] = {}
    query = select(db.confirmed.c.face_id, db.confirmed.c.person_id, db.clustered.c.cluster_id)
    for face, person, group in connection.execute(
        query.join(db.clustered, db.clustered.c.face_id == db.confirmed.c.face_id)
    ):
        confirmed.setdefault(group, []).append(face)
        whose[group] = person
    parties = []
    for group, members in faces.items():
        row = people.get(whose.get(group, -1))
        person = Person(row.id, row.name) if row else None
        parties.append(
            Party(group, person, bool(row and row.ignored), tuple(members), frozenset(confirmed.get(group, ())))
        )
    return sorted(parties, key=lambda party: (-len(party.faces), party.group))


def people_of_faces(connection: Connection, faces: Iterable[int]) -> tuple[Mapping[int, int], Mapping[int, Person]]:
    """For some faces their groups, face -> group; and of those groups that are somebody, group -> person."""
    groups: dict[int, int] = {}
    ids = list(faces)
    for start in range(0, len(ids), CHUNK):
        query = select(db.clustered).where(db.clustered.c.face_id.in_(ids[start : start + CHUNK]))
        groups |= {row.face_id: row.cluster_id for row in connection.execute(query)}
    people: dict[int, Person] = {}
    for group in set(groups.values()):
        person, _ = _person(connection, _person_of_group(connection, group))
        if person is not None:
            people[group] = person
    return groups, people


def named(person: Person | None) -> Person | None:
    """Somebody with a name, as programs get to see people; others are their group's number."""
    return person if person is not None and person.name else None


def group_of_person(connection: Connection, person: int) -> int | None:
    """The group that holds a person's confirmed faces; None where none is left."""
    query = select(db.clustered.c.cluster_id).join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id)
    return connection.execute(query.where(db.confirmed.c.person_id == person).limit(1)).scalar()


def face_exists(connection: Connection, face: int) -> None:
    """Raises InputError where there is no such face."""
    known = 0 < face < 2**63 and connection.execute(select(db.faces.c.id).where(db.faces.c.id == face)).first()
    if not known:
        last = connection.execute(select(func.max(db.faces.c.id))).scalar() or 0
        raise InputError(
            f"there is no face {face}: faces have numbers up to {last}; `facesearch people --json` lists them"
        )


def new_group(connection: Connection, count: int = 1) -> int:
    """The first of some numbers that no group has had before."""
    row = connection.execute(select(db.library.c.value).where(db.library.c.key == "last_cluster")).scalar()
    last = int(row or 0)
    values = {"key": "last_cluster", "value": str(last + count)}
    statement = upsert(db.library).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": values["value"]}))
    return last + 1


def _person_of_group(connection: Connection, group: int) -> int | None:
    query = select(db.confirmed.c.person_id).join(db.clustered, db.clustered.c.face_id == db.confirmed.c.face_id)
    return connection.execute(query.where(db.clustered.c.cluster_id == group).limit(1)).scalar()


def _person(connection: Connection, person: int | None) -> tuple[Person | None, bool]:
    row = connection.execute(select(db.people).where(db.people.c.id == person)).first() if person is not None else None
    return (Person(row.id, row.name), bool(row.ignored)) if row else (None, False)


def folded(name: str) -> str:
    """Names are the same whatever their case and however their accents are encoded."""
    # Folding takes some letters apart that are one in NFC, as the Greek iota with two accents.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()
