"""What the user has decided about faces: confirmed and rejected ones, pairs of people told apart, what is no face."""

from sqlalchemy import Connection, or_, select

from facesearch.storage import schema as db
from facesearch.storage.queries import Ints, id_pairs

__all__ = [
    "cannot_link",
    "confirmed",
    "confirmed_faces",
    "confirmed_person",
    "decided_faces",
    "is_not_a_face",
    "not_faces",
    "rejected",
    "rejected_faces",
    "rejected_names",
    "rejected_people",
    "told_apart_from",
]


def confirmed(connection: Connection) -> tuple[Ints, Ints]:
    """The confirmed faces (n,) int64, and the person of each (n,) int64."""
    return id_pairs(connection, select(db.confirmed.c.face_id, db.confirmed.c.person_id))


def rejected(connection: Connection) -> tuple[Ints, Ints]:
    """The rejected faces (n,) int64, and the person that each is not (n,) int64; a face may come several times."""
    return id_pairs(connection, select(db.rejected.c.face_id, db.rejected.c.person_id))


def cannot_link(connection: Connection) -> set[frozenset[int]]:
    """The pairs of people, by id, whom the user has told apart."""
    return {frozenset((row.person_id, row.other_id)) for row in connection.execute(select(db.cannot_link))}


def told_apart_from(connection: Connection, person: int) -> list[tuple[int, int]]:
    """The rows of `cannot_link` with a person: (lower id, higher id)."""
    either = or_(db.cannot_link.c.person_id == person, db.cannot_link.c.other_id == person)
    query = select(db.cannot_link.c.person_id, db.cannot_link.c.other_id).where(either)
    return [(low, high) for low, high in connection.execute(query)]


def not_faces(connection: Connection) -> set[int]:
    """What the user has marked as no face."""
    return set(connection.execute(select(db.not_faces.c.face_id)).scalars())


def is_not_a_face(connection: Connection, face: int) -> bool:
    return connection.execute(select(db.not_faces).where(db.not_faces.c.face_id == face)).first() is not None


def confirmed_person(connection: Connection, face: int) -> int | None:
    """The person as whose face it is confirmed; None where it is not."""
    return connection.execute(select(db.confirmed.c.person_id).where(db.confirmed.c.face_id == face)).scalar()


def confirmed_faces(connection: Connection, person: int) -> set[int]:
    return set(connection.execute(select(db.confirmed.c.face_id).where(db.confirmed.c.person_id == person)).scalars())


def rejected_faces(connection: Connection, person: int) -> set[int]:
    """The faces that are not a person's, by the user's decision."""
    return set(connection.execute(select(db.rejected.c.face_id).where(db.rejected.c.person_id == person)).scalars())


def rejected_people(connection: Connection, face: int) -> set[int]:
    """The people whose a face is not, by the user's decision."""
    return set(connection.execute(select(db.rejected.c.person_id).where(db.rejected.c.face_id == face)).scalars())


def decided_faces(connection: Connection) -> set[int]:
    """Faces that are confirmed, or marked as no face."""
    confirmed = connection.execute(select(db.confirmed.c.face_id)).scalars()
    return {*confirmed, *connection.execute(select(db.not_faces.c.face_id)).scalars()}


def rejected_names(connection: Connection) -> dict[int, set[str]]:
    """Face -> names of the people as whose it is rejected."""
    names: dict[int, set[str]] = {}
    query = select(db.rejected.c.face_id, db.people.c.name).join(db.people, db.people.c.id == db.rejected.c.person_id)
    for face, name in connection.execute(query.where(db.people.c.name.is_not(None))):
        names.setdefault(face, set()).add(name)
    return names
