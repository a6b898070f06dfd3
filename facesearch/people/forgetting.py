"""Taking somebody out for good: every row, embedding and decision that is theirs."""

from sqlalchemy import Connection, bindparam, delete, select

from facesearch.people.clusters import Party
from facesearch.storage import schema as db
from facesearch.storage import undo_log

__all__ = ["forget"]


def forget(connection: Connection, party: Party) -> int:
    """Delete a party's faces, its person, and what the history says of them; this cannot be undone.

    The photos stay known, so that the next `index` does not find the same faces again.

    Returns the number of faces deleted.
    """
    faces = set(party.faces)
    people = set()
    if party.person is not None:
        people = {party.person.id}
        constraints = select(db.confirmed.c.face_id).where(db.confirmed.c.person_id == party.person.id)
        faces |= set(connection.execute(constraints).scalars())
    undo_log.erase(connection, faces, people)
    connection.execute(delete(db.faces).where(db.faces.c.id == bindparam("gone")), [{"gone": face} for face in faces])
    connection.execute(delete(db.people).where(db.people.c.id.in_(people)))
    return len(faces)
