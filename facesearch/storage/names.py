"""What the user has said of faces, as far as names from other programs must leave it alone."""

from sqlalchemy import Connection, select

from facesearch.storage import schema as db

__all__ = ["decided_faces", "rejected_names"]


def decided_faces(connection: Connection) -> set[int]:
    """Faces that are confirmed as somebody's, or that are no face."""
    confirmed = connection.execute(select(db.confirmed.c.face_id)).scalars()
    return {*confirmed, *connection.execute(select(db.not_faces.c.face_id)).scalars()}


def rejected_names(connection: Connection) -> dict[int, set[str]]:
    """Face -> names of people of whom the user has said that it is not theirs."""
    names: dict[int, set[str]] = {}
    query = select(db.rejected.c.face_id, db.people.c.name).join(db.people, db.people.c.id == db.rejected.c.person_id)
    for face, name in connection.execute(query.where(db.people.c.name.is_not(None))):
        names.setdefault(face, set()).add(name)
    return names
