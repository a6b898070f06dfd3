"""How much a library holds: photos, files, faces, clusters, people."""

from dataclasses import dataclass

from sqlalchemy import Connection, Subquery, func, select

from facesearch.storage import facts
from facesearch.storage import schema as db
from facesearch.storage.clusters import clustered_up_to

__all__ = ["LibraryCounts", "count_all", "searched", "waiting"]


@dataclass(frozen=True)
class LibraryCounts:
    """How much a library holds.

    missing: files that are gone; offline: files whose disk may not be mounted.
    people: those with a name. faces_since_clustering: added after the last clustering.
    """

    photos: int
    files: int
    missing: int
    offline: int
    faces: int
    photos_without_faces: int
    failures: int
    people: int
    groups: int
    faces_in_groups: int
    faces_since_clustering: int


def count_all(connection: Connection) -> LibraryCounts:
    facts.number(connection, "clustered_up_to")  # SQL takes what is no number for 0
    missing = db.paths.c.missing_since.is_not(None) & ~db.paths.c.offline
    photos = select(func.count()).select_from(db.photos).scalar_subquery()
    queries = [
        select(photos),
        select(func.count()).select_from(db.paths),
        select(func.count()).select_from(db.paths).where(missing),
        select(func.count()).select_from(db.paths).where(db.paths.c.offline),
        select(func.count()).select_from(db.faces),
        select(photos - func.count(db.faces.c.photo_id.distinct())),
        select(func.count()).select_from(db.failures),
        select(func.count()).select_from(db.people).where(db.people.c.name.is_not(None)),
        select(func.count()).select_from(_groups()),
        select(func.count()).select_from(db.clustered),
        select(func.count()).select_from(db.faces).where(db.faces.c.id > clustered_up_to()),
    ]
    return LibraryCounts(*(int(connection.execute(query).scalar_one()) for query in queries))


def searched(connection: Connection) -> tuple[int, int]:
    """How many entities a search chooses from, clusters and faces in none, and how many faces; not what is no face."""
    counts = [select(func.count()).select_from(table) for table in (db.faces, db.not_faces, db.clustered, _groups())]
    faces, hidden, clustered, groups = (int(connection.execute(query).scalar_one()) for query in counts)
    return groups + max(faces - hidden - clustered, 0), max(faces - hidden, 0)


def waiting(connection: Connection) -> tuple[int, int, int]:
    """How many faces there are, how many of them came after the last clustering, and files that could not be read."""
    facts.number(connection, "clustered_up_to")
    counts = [
        select(func.count()).select_from(db.faces),
        select(func.count()).select_from(db.faces).where(db.faces.c.id > clustered_up_to()),
        select(func.count()).select_from(db.failures),
    ]
    faces, new, failures = (int(connection.execute(query).scalar_one()) for query in counts)
    return faces, new, failures


def _groups() -> Subquery:
    """The clusters, to be counted: count(distinct …) would not use the index."""
    return select(db.clustered.c.cluster_id).distinct().subquery()
