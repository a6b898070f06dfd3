"""People in the database: their names, the clusters that are theirs, and how they are deleted."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import Connection, bindparam, delete, select

from facesearch.core.types import Person
from facesearch.storage import schema as db
from facesearch.storage.queries import chunks

__all__ = ["births", "cluster_of", "covers", "delete_with_faces", "named", "named_ids", "of_clusters"]


def named(connection: Connection) -> list[Person]:
    """The people who have a name."""
    query = select(db.people.c.id, db.people.c.name).where(db.people.c.name.is_not(None))
    return [Person(person, name) for person, name in connection.execute(query)]


def named_ids(connection: Connection) -> list[int]:
    """The same people by id: where there are thousands, pages have no time for their names."""
    return list(connection.execute(select(db.people.c.id).where(db.people.c.name.is_not(None))).scalars())


def of_clusters(connection: Connection, clusters: Iterable[int]) -> dict[int, Person]:
    """Cluster -> person, for those of some clusters that are a person's, named or not."""
    found: dict[int, Person] = {}
    joined = db.clustered.join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id)
    joined = joined.join(db.people, db.people.c.id == db.confirmed.c.person_id)
    query = select(db.clustered.c.cluster_id, db.people.c.id, db.people.c.name).select_from(joined).distinct()
    for chunk in chunks(clusters):
        rows = connection.execute(query.where(db.clustered.c.cluster_id.in_(chunk))).all()
        born = births(connection, (person for _, person, _ in rows))
        found |= {cluster: Person(person, name, born.get(person)) for cluster, person, name in rows}
    return found


def births(connection: Connection, people: Iterable[int]) -> dict[int, date]:
    """Person -> when they were born, for those of some people of whom that is known."""
    found: dict[int, date] = {}
    for chunk in chunks(people):
        rows = connection.execute(select(db.births).where(db.births.c.person_id.in_(chunk)))
        found |= {person: date.fromisoformat(born) for person, born in rows if born is not None}
    return found


def covers(connection: Connection, people: Iterable[int]) -> dict[int, int]:
    """Person -> the face that the user has chosen to stand for them, while it is confirmed as theirs."""
    cover, face = db.covers.c, db.confirmed.c
    theirs = db.covers.join(db.confirmed, (face.face_id == cover.face_id) & (face.person_id == cover.person_id))
    query = select(cover.person_id, cover.face_id).select_from(theirs)
    found: dict[int, int] = {}
    for chunk in chunks(people):
        found |= dict(map(tuple, connection.execute(query.where(cover.person_id.in_(chunk)))))
    return found


def cluster_of(connection: Connection, person: int) -> int | None:
    """The cluster that holds a person's confirmed faces; None where none is left."""
    query = select(db.clustered.c.cluster_id).join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id)
    return connection.execute(query.where(db.confirmed.c.person_id == person).limit(1)).scalar()


def delete_with_faces(connection: Connection, people: Collection[int], faces: Collection[int]) -> None:
    """Delete people and faces, with all that depends on them; their photos stay known."""
    gone = [{"gone": face} for face in faces]
    if gone:
        connection.execute(delete(db.faces).where(db.faces.c.id == bindparam("gone")), gone)
    connection.execute(delete(db.people).where(db.people.c.id.in_(people)))
