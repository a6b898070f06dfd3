"""Clusters made to agree with the constraints, after an undo.

An undo leaves alone what a clustering has changed since. Where that no longer fits the constraints, the
clusters follow.
"""

from sqlalchemy import Connection, Select, delete, exists, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.storage import schema as db
from facesearch.storage.clusters import new_number

__all__ = ["agree"]


def agree(connection: Connection) -> None:
    """Put each person's confirmed faces into one cluster that is nobody else's, and take out whom it must not hold.

    A person keeps the cluster that holds most of them; nothing changes where all agree already.
    """
    if not _together(connection):
        _bring_together(connection)
    no_face = select(db.not_faces).where(db.not_faces.c.face_id == db.clustered.c.face_id)
    connection.execute(delete(db.clustered).where(exists(no_face)))
    for face in connection.execute(_rejected()).scalars().all():
        connection.execute(delete(db.clustered).where(db.clustered.c.face_id == face))


def _together(connection: Connection) -> bool:
    """Whether each person's confirmed faces are all in one cluster, which is nobody else's: nearly always."""
    cluster = db.clustered.c.cluster_id
    query = select(func.min(cluster), func.max(cluster), func.count(), func.count(cluster)).select_from(
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
    for person, face, cluster in rows.all():
        where.setdefault(person, []).append((face, cluster))
        if cluster is not None:
            counts[person, cluster] = counts.get((person, cluster), 0) + 1
    home: dict[int, int] = {}
    taken: set[int] = set()
    for person, cluster in sorted(counts, key=lambda pair: (-counts[pair], pair)):
        if person not in home and cluster not in taken:
            home[person] = cluster
            taken.add(cluster)
    for person, faces in sorted(where.items()):
        cluster = home.get(person) or new_number(connection)
        for face, now in faces:
            if now != cluster:
                values = {"face_id": face, "cluster_id": cluster}
                statement = upsert(db.clustered).values(values)
                connection.execute(statement.on_conflict_do_update(index_elements=["face_id"], set_=values))


def _rejected() -> Select[tuple[int]]:
    """Rejected faces that are in the cluster of the person whom they are not; a person's faces are together by now."""
    theirs = db.clustered.alias("theirs")
    first = select(func.min(db.confirmed.c.face_id)).where(db.confirmed.c.person_id == db.rejected.c.person_id)
    return (
        select(db.rejected.c.face_id)
        .distinct()
        .join(db.clustered, db.clustered.c.face_id == db.rejected.c.face_id)
        .join(theirs, theirs.c.face_id == first.scalar_subquery())
        .where(theirs.c.cluster_id == db.clustered.c.cluster_id)
    )
