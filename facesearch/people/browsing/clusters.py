"""Groups as cards: who they are, how many faces they have, and one that shows what they look like."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, false, func, or_, select, true

from facesearch.core.errors import InputError
from facesearch.core.types import Person
from facesearch.core.views import Card, Counts, Page
from facesearch.people.browsing.cursors import key_of, page_of
from facesearch.people.clusters import folded
from facesearch.pipeline.quality import excess
from facesearch.storage import schema as db

__all__ = ["Show", "cards_of", "completions", "count", "owners", "people_page"]

Show = Literal["all", "named", "unnamed", "ignored"]

# The face that is shown is the best of so many, those that came first: so that it stays, and is found quickly.
COVER_OF = 16
# Faces that are asked for at a time.
CHUNK = 500


def people_page(connection: Connection, show: Show, cursor: str | None, limit: int) -> Page[Card]:
    """Groups, the largest first; of equal size the lower number first. Raises InputError for a wrong show or cursor."""
    sizes, owned = _sizes(), _owners()
    query = select(sizes.c.cluster_id, sizes.c.size).join(owned, owned.c.cluster_id == sizes.c.cluster_id, isouter=True)
    query = query.where(_shown(show, owned))
    if (key := key_of(cursor, 2)) is not None:
        size, group = key
        query = query.where(or_(sizes.c.size < size, and_(sizes.c.size == size, sizes.c.cluster_id > group)))
    ordered = query.order_by(sizes.c.size.desc(), sizes.c.cluster_id).limit(limit + 1)
    rows = connection.execute(ordered).all()
    return page_of(
        rows,
        limit,
        lambda row: (row.size, row.cluster_id),
        lambda some: cards_of(connection, [row.cluster_id for row in some]),
    )


def count(connection: Connection) -> Counts:
    sizes, owned = _sizes(), _owners()
    joined = sizes.join(owned, owned.c.cluster_id == sizes.c.cluster_id, isouter=True)
    kinds: list[Show] = ["named", "unnamed", "ignored"]
    sums = [func.coalesce(func.sum(case((_shown(kind, owned), 1), else_=0)), 0) for kind in kinds]
    named, unnamed, ignored = connection.execute(select(*sums).select_from(joined)).one()
    numbers = (db.faces, db.clustered, db.not_faces)
    faces, placed, hidden = (connection.execute(select(func.count()).select_from(t)).scalar_one() for t in numbers)
    return Counts(named, unnamed, ignored, faces - placed - hidden, hidden)


def cards_of(connection: Connection, groups: Sequence[int]) -> list[Card]:
    """Those of some groups that are there, in their order."""
    sizes = select(db.clustered.c.cluster_id, func.count()).where(db.clustered.c.cluster_id.in_(groups))
    size_of = dict(map(tuple, connection.execute(sizes.group_by(db.clustered.c.cluster_id))))
    who = owners(connection, groups)
    people = [row.person_id for row in who.values()]
    spoken = select(db.confirmed.c.person_id, func.count()).where(db.confirmed.c.person_id.in_(people))
    confirmed = dict(map(tuple, connection.execute(spoken.group_by(db.confirmed.c.person_id))))
    covers = _covers(connection, groups)
    return [
        Card(
            group=group,
            person=named_person(who.get(group)),
            size=size_of[group],
            confirmed=confirmed.get(who[group].person_id, 0) if group in who else 0,
            ignored=bool(group in who and who[group].ignored),
            face=covers[group],
        )
        for group in groups
        if group in size_of
    ]


def completions(connection: Connection, text: str, limit: int) -> list[Card]:
    """People whose name has the text in it: names that begin with it first, then those of which a word does."""
    wanted = folded(text)
    if not wanted:
        return []
    owned = _owners()
    query = select(owned.c.cluster_id, owned.c.name).where(owned.c.name.is_not(None))
    ranked = []
    for group, name in connection.execute(query):
        called = folded(name)
        if wanted in called:
            ranked.append((not called.startswith(wanted), f" {wanted}" not in called, called, group))
    return cards_of(connection, [group for *_, group in sorted(ranked)[:limit]])


def owners(connection: Connection, groups: Sequence[int]) -> dict[int, Any]:
    """For those of some groups that are somebody: person_id, name (or None) and ignored."""
    owned = _owners()
    query = select(owned.c.cluster_id, owned.c.person_id, owned.c.name, owned.c.ignored)
    return {row.cluster_id: row for row in connection.execute(query.where(owned.c.cluster_id.in_(list(groups))))}


def named_person(owner: Any) -> Person | None:
    """Somebody with a name, as pages get to see people."""
    return Person(owner.person_id, owner.name) if owner is not None and owner.name else None


def _sizes() -> Subquery:
    query = select(db.clustered.c.cluster_id, func.count().label("size"))
    return query.group_by(db.clustered.c.cluster_id).subquery("sizes")


def _owners() -> Subquery:
    """Each person's group: that of their first confirmed face, which is that of all of them."""
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
        raise InputError(f"groups are listed as {', '.join(which)}, not {show!r}")
    return which["ignored"] if show == "ignored" else and_(which[show], ~ignored)


def _covers(connection: Connection, groups: Sequence[int]) -> dict[int, int]:
    """For each of some groups the face that shows best what they look like: of the first ones, the least poor."""
    # one short look into an index for each group, past SQLAlchemy, which would take longer than SQLite
    first = "SELECT face_id FROM clustered WHERE cluster_id = ? ORDER BY face_id LIMIT ?"
    group_of = {
        face: group for group in groups for (face,) in connection.exec_driver_sql(first, (group, COVER_OF)).all()
    }
    columns = (db.faces.c.id, db.faces.c.x1, db.faces.c.y1, db.faces.c.x2, db.faces.c.y2)
    query = select(*columns, db.faces.c.landmarks, db.faces.c.score, db.faces.c.sharpness)
    faces, rows = sorted(group_of), list[Any]()
    for start in range(0, len(faces), CHUNK):
        rows += connection.execute(query.where(db.faces.c.id.in_(faces[start : start + CHUNK]))).all()
    if not rows:
        return {}
    ids, x1, y1, x2, y2, landmarks, scores, sharpness = zip(*rows, strict=True)
    points = np.frombuffer(b"".join(landmarks), "<f4").reshape(-1, 5, 2)
    poor = excess(np.array([x1, y1, x2, y2]).T, points, np.array(scores), np.array(sharpness))
    best: dict[int, int] = {}
    for row in np.lexsort((ids, poor)).tolist():
        best.setdefault(group_of[ids[row]], int(ids[row]))
    return best
