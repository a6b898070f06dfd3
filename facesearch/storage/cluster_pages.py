"""Clusters as lists show them: a page at a time, with their sizes and whose they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    case,
    false,
    func,
    select,
    true,
)

from facesearch.core.errors import InputError
from facesearch.core.results import Counts
from facesearch.core.types import Cluster, Face, Page, Person
from facesearch.storage import faces, persons
from facesearch.storage import schema as db
from facesearch.storage.cursors import page_of_ids

__all__ = ["Owned", "Show", "below", "best_faces", "by_ids", "counts", "ignored", "names", "page", "revision"]

Show = Literal["all", "named", "unnamed", "ignored"]

# A cluster's first faces: a short look into an index for each, past SQLAlchemy, which would take longer than SQLite.
FIRST = f"SELECT face_id FROM {db.clustered} WHERE {db.clustered.c.cluster_id} = ? ORDER BY face_id LIMIT ?"


def page(connection: Connection, show: Show, cursor: str | None, limit: int) -> Page[Cluster]:
    """Clusters, the largest first; of equal size the lower number first.

    Raises InputError for a wrong show or cursor.
    """
    sizes, owned = _sizes(), _owners()
    query = select(sizes.c.size, sizes.c.cluster_id).join(owned, owned.c.cluster_id == sizes.c.cluster_id, isouter=True)
    query = query.where(_shown(show, owned))
    return page_of_ids(connection, query, (True, False), cursor, limit, lambda ids: by_ids(connection, ids))


def by_ids(connection: Connection, clusters: Sequence[int]) -> list[Cluster]:
    """Those of some clusters that are there, in their order; with neither cover nor faces."""
    sizes = select(db.clustered.c.cluster_id, func.count()).where(db.clustered.c.cluster_id.in_(clusters))
    size_of = dict(map(tuple, connection.execute(sizes.group_by(db.clustered.c.cluster_id))))
    owners = _owners_of(connection, clusters)
    people = [row.person_id for row in owners.values()]
    of_person = select(db.confirmed.c.person_id, func.count()).where(db.confirmed.c.person_id.in_(people))
    confirmed = dict(map(tuple, connection.execute(of_person.group_by(db.confirmed.c.person_id))))
    born = persons.births(connection, people)
    return [
        _cluster(cluster, size_of[cluster], owners.get(cluster), confirmed, born)
        for cluster in clusters
        if cluster in size_of
    ]


@dataclass(frozen=True)
class Owned:
    """A cluster, and whose it is: the person's id, None for nobody's, and their name."""

    cluster: int
    person: int | None
    name: str | None


def below(connection: Connection, photos: int) -> list[Owned]:
    """The clusters that are on fewer photos than so many, without ignored ones, by number."""
    cluster, owned = db.clustered.c.cluster_id, _owners()
    # not by the column itself: SQLite would go through its index, and into a row of the faces for each
    few = select(cluster).join(db.faces, db.faces.c.id == db.clustered.c.face_id).group_by(cluster + 0)
    found = few.having(func.count(db.faces.c.photo_id.distinct()) < photos).subquery("few")
    query = select(found.c.cluster_id, owned.c.person_id, owned.c.name).join(
        owned, owned.c.cluster_id == found.c.cluster_id, isouter=True
    )
    shown = query.where(~func.coalesce(owned.c.ignored, false())).order_by(found.c.cluster_id)
    return [Owned(*row) for row in connection.execute(shown)]


def names(connection: Connection) -> list[tuple[int, str]]:
    """(cluster, name) of the people who have a name."""
    owned = _owners()
    query = select(owned.c.cluster_id, owned.c.name).where(owned.c.name.is_not(None))
    return [(cluster, name) for cluster, name in connection.execute(query)]


def counts(connection: Connection) -> Counts:
    sizes, owned = _sizes(), _owners()
    joined = sizes.join(owned, owned.c.cluster_id == sizes.c.cluster_id, isouter=True)
    kinds: list[Show] = ["named", "unnamed", "ignored"]
    sums = [func.coalesce(func.sum(case((_shown(kind, owned), 1), else_=0)), 0) for kind in kinds]
    named, unnamed, out_of_lists = connection.execute(select(*sums).select_from(joined)).one()
    tables = (db.faces, db.clustered, db.not_faces)
    found, placed, hidden = (connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables)
    return Counts(named, unnamed, out_of_lists, found - placed - hidden, hidden)


def best_faces(connection: Connection, clusters: Iterable[int], count: int) -> dict[int, Face]:
    """For each of some clusters the best of so many of its faces, those that came first; the first of equals."""
    first = {cluster: list(connection.exec_driver_sql(FIRST, (cluster, count)).scalars()) for cluster in clusters}
    quality = faces.qualities(connection, (face for some in first.values() for face in some))
    best = {
        max(some, key=lambda face: (quality.get(face, -1.0), -face)): cluster for cluster, some in first.items() if some
    }
    return {best[face.id]: replace(face, cluster=best[face.id]) for face in faces.by_ids(connection, list(best))}


def ignored() -> Select[tuple[int]]:
    """The clusters of ignored people, as a query."""
    owned = _owners()
    return select(owned.c.cluster_id).where(owned.c.ignored)


def revision(connection: Connection) -> tuple[str, int]:
    """Which faces and which clustering there is, and the latest decision; the number of an undone one comes again."""
    keys = ("generation", "clustered_at")
    facts = select(db.library.c.key, db.library.c.value).where(db.library.c.key.in_(keys)).order_by(db.library.c.key)
    latest = connection.execute(select(func.max(db.undo_log.c.id))).scalar() or 0
    return str(connection.execute(facts).all()), latest


def _cluster(cluster: int, size: int, owner: Any, confirmed: dict[int, int], born: dict[int, date]) -> Cluster:
    if owner is None:
        return Cluster(cluster, size=size)
    person = Person(owner.person_id, owner.name, born.get(owner.person_id))
    return Cluster(cluster, person, bool(owner.ignored), size, confirmed.get(person.id, 0))


def _owners_of(connection: Connection, clusters: Sequence[int]) -> dict[int, Any]:
    """For those of some clusters that are a person's: person_id, name (or None) and ignored."""
    owned = _owners()
    query = select(owned.c.cluster_id, owned.c.person_id, owned.c.name, owned.c.ignored)
    return {row.cluster_id: row for row in connection.execute(query.where(owned.c.cluster_id.in_(clusters)))}


def _sizes() -> Subquery:
    query = select(db.clustered.c.cluster_id, func.count().label("size"))
    return query.group_by(db.clustered.c.cluster_id).subquery("sizes")


def _owners() -> Subquery:
    """Each person's cluster: that of their first confirmed face, which is that of all of them."""
    first = select(func.min(db.confirmed.c.face_id)).where(db.confirmed.c.person_id == db.people.c.id)
    columns = (db.clustered.c.cluster_id, db.people.c.id.label("person_id"), db.people.c.name, db.people.c.ignored)
    joined = db.people.join(db.clustered, db.clustered.c.face_id == first.scalar_subquery())
    return select(*columns).select_from(joined).subquery("owners")


def _shown(show: Show, owned: Subquery) -> ColumnElement[bool]:
    ignored = func.coalesce(owned.c.ignored, false())
    which = {
        "all": true(),
        "named": owned.c.name.is_not(None),
        "unnamed": owned.c.name.is_(None),
        "ignored": ignored,
    }
    if show not in which:
        raise InputError(f"clusters are listed as {', '.join(which)}, not {show!r}")
    return which["ignored"] if show == "ignored" else and_(which[show], ~ignored)
