"""Photos by who is on them, how many, when they were taken and where their files are, as conditions of a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select, union_all

from facesearch.storage import schema as db
from facesearch.storage.queries import is_below

__all__ = ["Wanted", "photos_with", "together_with", "where"]


@dataclass(frozen=True)
class Wanted:
    """Which photos are wanted: those of which all of this holds.

    groups: each a list of clusters, one of which at least is on it; none for none that could be.
    without: clusters that are not on it. only: no face is on it that is in no cluster of the groups.
    faces: the least and the most of them, without what is no face; None for any number.
    dates: `taken_at` from the first on and before the second.
    folders: paths of folders, in or below one of which it has a file; None for any.
    """

    groups: tuple[tuple[int, ...], ...] = ()
    without: tuple[int, ...] = ()
    only: bool = False
    faces: tuple[int, int | None] | None = None
    dates: tuple[tuple[float, float], ...] = ()
    folders: tuple[tuple[str, ...], ...] = ()


def together_with(parts: Sequence[Wanted]) -> Wanted:
    """What is wanted where all of some parts are."""
    ranges = [part.faces for part in parts if part.faces is not None]
    tops = [most for _, most in ranges if most is not None]
    return Wanted(
        groups=tuple(group for part in parts for group in part.groups),
        without=tuple(cluster for part in parts for cluster in part.without),
        only=any(part.only for part in parts),
        faces=(max(least for least, _ in ranges), min(tops, default=None)) if ranges else None,
        dates=tuple(span for part in parts for span in part.dates),
        folders=tuple(some for part in parts for some in part.folders),
    )


def where(query: Select[Any], wanted: Wanted) -> Select[Any]:
    """A query of the table of photos, for those that are wanted."""
    photo, date = db.photos.c.id, db.photos.c.taken_at
    for group in dict.fromkeys(wanted.groups):
        query = query.where(photo.in_(photos_with(group)) if group else false())
    if wanted.without:
        query = query.where(photo.not_in(photos_with(wanted.without)))
    if wanted.only:
        query = query.where(~_has_others([cluster for group in wanted.groups for cluster in group]))
    if wanted.faces is not None:
        query = query.where(*_count_between(*wanted.faces))
    for first, end in wanted.dates:
        query = query.where(date >= first, date < end)
    for folders in wanted.folders:
        query = query.where(photo.in_(_photos_below(folders)) if folders else false())
    return query


def photos_with(clusters: Sequence[int]) -> Select[tuple[int]]:
    """The photos that show one of some clusters."""
    query = select(db.faces.c.photo_id).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    return query.where(db.clustered.c.cluster_id.in_(sorted(set(clusters))))


def _has_others(clusters: Sequence[int]) -> ColumnElement[bool]:
    """Whether a photo shows a face that is in none of some clusters."""
    query = _faces().join(db.clustered, db.clustered.c.face_id == db.faces.c.id, isouter=True)
    elsewhere = or_(db.clustered.c.cluster_id.is_(None), db.clustered.c.cluster_id.not_in(sorted(set(clusters))))
    return exists(query.where(elsewhere))


def _count_between(least: int, most: int | None) -> list[ColumnElement[bool]]:
    """Whether a photo shows so many faces."""
    count = _faces().with_only_columns(func.count()).scalar_subquery()
    return [*([count >= least] if least else []), *([] if most is None else [count <= most])]


def _faces() -> Select[Any]:
    """The faces of the photo that a query is about, without what is no face."""
    hidden = select(db.not_faces.c.face_id)
    query = select(db.faces.c.id).where(db.faces.c.photo_id == db.photos.c.id, db.faces.c.id.not_in(hidden))
    return query.correlate(db.photos)


def _photos_below(folders: Sequence[str]) -> Any:
    """The photos with a file in or below one of some folders."""
    path = db.paths.c.path
    return union_all(*(select(db.paths.c.photo_id).where(is_below(path, folder)) for folder in folders))
