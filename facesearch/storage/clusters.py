"""Clusters in the database: which face is in which, whose they are, their numbers, and the last clustering."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Integer, ScalarSelect, Select, cast, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.core.types import Cluster, Face, Person
from facesearch.storage import facts, persons
from facesearch.storage import schema as db
from facesearch.storage.queries import Ints, chunks, id_pairs

__all__ = [
    "add",
    "all_with_faces",
    "by_id",
    "came_later",
    "clustered_up_to",
    "columns",
    "exists",
    "known_columns",
    "known_faces",
    "new_number",
    "note_clustering",
    "of_faces",
    "replace_all",
    "summaries",
]

# Whose a cluster is, and whether they are ignored.
_Owner = tuple[Person | None, bool]
_NOBODY: _Owner = (None, False)


def exists(connection: Connection, cluster: int) -> bool:
    query = select(db.clustered.c.face_id).where(db.clustered.c.cluster_id == cluster).limit(1)
    return connection.execute(query).first() is not None


def by_id(connection: Connection, cluster: int) -> Cluster | None:
    """A cluster with the ids of its faces; None where there is no such cluster."""
    query = (
        select(db.clustered.c.face_id, db.confirmed.c.person_id)
        .join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id, isouter=True)
        .where(db.clustered.c.cluster_id == cluster)
        .order_by(db.clustered.c.face_id)
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    person_id = next((row.person_id for row in rows if row.person_id is not None), None)
    person, ignored = _people(connection, [person_id] if person_id else []).get(person_id or 0, _NOBODY)
    return _with_faces(
        *(cluster, person, ignored),
        [row.face_id for row in rows],
        [row.face_id for row in rows if row.person_id is not None],
    )


def all_with_faces(connection: Connection) -> list[Cluster]:
    """Every cluster with the ids of its faces, the largest first; of equal size the lower number first."""
    faces: dict[int, list[int]] = {}
    query = select(db.clustered.c.face_id, db.clustered.c.cluster_id).order_by(db.clustered.c.face_id)
    for face, cluster in connection.execute(query):
        faces.setdefault(cluster, []).append(face)
    people = _people(connection, connection.execute(select(db.people.c.id)).scalars())
    confirmed: dict[int, list[int]] = {}
    owner: dict[int, _Owner] = {}
    joined = db.confirmed.join(db.clustered, db.clustered.c.face_id == db.confirmed.c.face_id)
    columns = (db.confirmed.c.face_id, db.confirmed.c.person_id, db.clustered.c.cluster_id)
    for face, person, cluster in connection.execute(select(*columns).select_from(joined)):
        confirmed.setdefault(cluster, []).append(face)
        owner[cluster] = people.get(person, _NOBODY)
    found = [
        _with_faces(number, *owner.get(number, _NOBODY), ids, confirmed.get(number, ()))
        for number, ids in faces.items()
    ]
    return sorted(found, key=lambda cluster: (-cluster.size, cluster.id))


def summaries(connection: Connection, only: Sequence[int] | None = None) -> list[Cluster]:
    """Clusters without the ids of their faces, the largest first; of equal size the lower number first.

    Their cover is the face that the user has chosen, else the one with the lowest id; of it only the id is filled in.
    Args: only: the clusters wanted.
    """
    query = select(
        db.clustered.c.cluster_id,
        func.count().label("size"),
        func.min(db.clustered.c.face_id).label("first"),
        func.count(db.confirmed.c.person_id).label("confirmed"),
        func.max(db.confirmed.c.person_id).label("person_id"),
    ).select_from(db.clustered.join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id, isouter=True))
    rows: list[Any] = []
    for wanted in [None] if only is None else chunks(only):
        chosen = query if wanted is None else query.where(db.clustered.c.cluster_id.in_(wanted))
        rows += connection.execute(chosen.group_by(db.clustered.c.cluster_id)).all()
    people = _people(connection, (row.person_id for row in rows if row.person_id is not None))
    covers = persons.covers(connection, people)
    found = [
        Cluster(
            row.cluster_id,
            *people.get(row.person_id, _NOBODY),
            size=row.size,
            confirmed=row.confirmed,
            cover=Face((0.0, 0.0, 0.0, 0.0), id=covers.get(row.person_id, row.first)),
        )
        for row in rows
    ]
    return sorted(found, key=lambda cluster: (-cluster.size, cluster.id))


def of_faces(connection: Connection, faces: Iterable[int]) -> dict[int, int]:
    """Face -> cluster, for those of some faces that are in one."""
    found: dict[int, int] = {}
    for chunk in chunks(faces):
        query = select(db.clustered.c.face_id, db.clustered.c.cluster_id).where(db.clustered.c.face_id.in_(chunk))
        found |= {row.face_id: row.cluster_id for row in connection.execute(query)}
    return found


def new_number(connection: Connection, count: int = 1) -> int:
    """The first of some numbers that no cluster has had before."""
    last = facts.number(connection, "last_cluster")
    _put_fact(connection, "last_cluster", str(last + count))
    return last + 1


def columns(connection: Connection, only: Sequence[int] | None = None) -> tuple[Ints, Ints]:
    """The faces in clusters (n,) int64, and the cluster of each (n,) int64. Args: only: the clusters wanted."""
    query = select(db.clustered.c.face_id, db.clustered.c.cluster_id)
    if only is None:
        return id_pairs(connection, query)
    parts = [id_pairs(connection, query.where(db.clustered.c.cluster_id.in_(some))) for some in chunks(only)]
    empty = np.zeros(0, np.int64)
    return (
        np.concatenate([empty, *(faces for faces, _ in parts)]),
        np.concatenate([empty, *(numbers for _, numbers in parts)]),
    )


def known_columns(connection: Connection) -> tuple[Ints, Ints]:
    """As `columns`, of the clusters that are a person's."""
    return id_pairs(
        connection,
        select(db.clustered.c.face_id, db.clustered.c.cluster_id).where(db.clustered.c.face_id.in_(known_faces())),
    )


def known_faces() -> Select[tuple[int]]:
    """The faces in clusters that are a person's, as a query for other modules of storage."""
    known = select(db.clustered.c.cluster_id).join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id)
    return select(db.clustered.c.face_id).where(db.clustered.c.cluster_id.in_(known))


def replace_all(connection: Connection, faces: Sequence[int], numbers: Sequence[int]) -> None:
    """New clusters in place of all old ones. Args: numbers: the cluster of each face."""
    connection.execute(delete(db.clustered))
    add(connection, faces, numbers)


def add(connection: Connection, faces: Sequence[int], numbers: Sequence[int]) -> None:
    """Put faces that are in no cluster into clusters."""
    rows = list(zip(faces, numbers, strict=True))
    if rows:  # as tuples, for there are millions: SQLAlchemy takes as long to look at dictionaries as SQLite to write
        statement = insert(db.clustered).values(face_id=0, cluster_id=0).compile(dialect=connection.dialect)
        connection.exec_driver_sql(str(statement), rows)


def clustered_up_to() -> ScalarSelect[int]:
    """The highest face that the latest clustering has seen; 0 before the first; for other modules of storage."""
    seen = select(cast(db.library.c.value, Integer)).where(db.library.c.key == "clustered_up_to")
    return select(func.coalesce(seen.scalar_subquery(), 0)).scalar_subquery()


def came_later(connection: Connection, face: int) -> bool:
    """Whether a face has come after the latest clustering."""
    return facts.number(connection, "clustered_up_to") < face


def note_clustering(connection: Connection) -> None:
    """Remember that all faces there are now have been clustered."""
    highest = connection.execute(select(func.max(db.faces.c.id))).scalar() or 0
    facts = {"clustered_up_to": str(highest), "clustered_at": str(time.time())}
    for key, value in facts.items():
        _put_fact(connection, key, value)


def _with_faces(
    number: int, person: Person | None, ignored: bool, faces: Sequence[int], confirmed: Sequence[int]
) -> Cluster:
    return Cluster(
        *(number, person, ignored),
        size=len(faces),
        confirmed=len(confirmed),
        face_ids=tuple(faces),
        confirmed_ids=frozenset(confirmed),
    )


def _people(connection: Connection, people: Iterable[int]) -> dict[int, _Owner]:
    """Those of some people who are there, and whether they are ignored."""
    found: dict[int, _Owner] = {}
    for some in chunks(people):
        born = persons.births(connection, some)
        rows = connection.execute(select(db.people).where(db.people.c.id.in_(some)))
        found |= {row.id: (Person(row.id, row.name, born.get(row.id)), bool(row.ignored)) for row in rows}
    return found


def _put_fact(connection: Connection, key: str, value: str) -> None:
    statement = upsert(db.library).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
