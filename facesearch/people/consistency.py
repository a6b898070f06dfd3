"""Groups that agree with what the user has said, after an undo.

An undo leaves alone what a clustering has changed since. Where that no longer fits what is said then, the user's word
counts and the groups follow.
"""

from sqlalchemy import Connection, Select, delete, exists, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.people.clusters import new_group
from facesearch.storage import schema as db

__all__ = ["agree"]


def agree(connection: Connection) -> None:
    """Put each person's confirmed faces into one group that is nobody else's, and take out whom it must not hold.

    A person keeps the group that holds most of them; nothing changes where all agree already.
    """
    if not _together(connection):
        _bring_together(connection)
    no_face = select(db.not_faces).where(db.not_faces.c.face_id == db.clustered.c.face_id)
    connection.execute(delete(db.clustered).where(exists(no_face)))
    for face in connection.execute(_refused()).scalars().all():
        connection.execute(delete(db.clustered).where(db.clustered.c.face_id == face))


def _together(connection: Connection) -> bool:
    """Whether each person's confirmed faces are all in one group, which is nobody else's: nearly always."""
    group = db.clustered.c.cluster_id
    query = select(func.min(group), func.max(group), func.count(), func.count(group)).select_from(
        db.confirmed.join(db.clustered, db.clustered.c.face_id == db.confirmed.c.face_id, isouter=True)
    )
    rows = connection.execute(query.group_by(db.confirmed.c.person_id)).all()
    whole = all(low == high and faces == placed for low, high, faces, placed in rows)
    return whole and len({low for low, *_ in rows}) == len(rows)


def _bring_together(connection: Connection) -> None:
    query = select(db.confirmed.c.person_id, db.confirmed.c.face_id, db.clustered.c.cluster_id)
    rows = connection.execute(query.join(db.clustered, db.clustered.c.face_id == db.confirmed.c.face_id, isouter=True))
    counts: dict[tuple[int, int], int] = {}
    where: dict[int, list[tuple[int, int | None]]] = {}
    for person, face, group in rows.all():
        where.setdefault(person, []).append((face, group))
        if group is not None:
            counts[person, group] = counts.get((person, group), 0) + 1
    home: dict[int, int] = {}
    taken: set[int] = set()
    for person, group in sorted(counts, key=lambda pair: (-counts[pair], pair)):
        if person not in home and group not in taken:
            home[person] = group
            taken.add(group)
    for person, faces in sorted(where.items()):
        group = home.get(person) or new_group(connection)
        for face, now in faces:
            if now != group:
                values = {"face_id": face, "cluster_id": group}
                statement = upsert(db.clustered).values(values)
                connection.execute(statement.on_conflict_do_update(index_elements=["face_id"], set_=values))


def _refused() -> Select[tuple[int]]:
    """Faces that are in the group of somebody whom they are not, by the user's word; all of whom are together."""
    theirs = db.clustered.alias("theirs")
    first = select(func.min(db.confirmed.c.face_id)).where(db.confirmed.c.person_id == db.rejected.c.person_id)
    return (
        select(db.rejected.c.face_id)
        .distinct()
        .join(db.clustered, db.clustered.c.face_id == db.rejected.c.face_id)
        .join(theirs, theirs.c.face_id == first.scalar_subquery())
        .where(theirs.c.cluster_id == db.clustered.c.cluster_id)
    )
