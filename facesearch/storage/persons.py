"""People in the database."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, select

from facesearch.core.types import Person
from facesearch.storage import schema as db

__all__ = ["delete_with_faces", "named"]


def named(connection: Connection) -> list[Person]:
    """Everybody who has a name."""
    query = select(db.people.c.id, db.people.c.name).where(db.people.c.name.is_not(None))
    return [Person(person, name) for person, name in connection.execute(query)]


def delete_with_faces(connection: Connection, people: Collection[int], faces: Collection[int]) -> None:
    """Delete people and faces, with all that depends on them; their photos stay known."""
    gone = [{"gone": face} for face in faces]
    if gone:
        connection.execute(delete(db.faces).where(db.faces.c.id == bindparam("gone")), gone)
    connection.execute(delete(db.people).where(db.people.c.id.in_(people)))
