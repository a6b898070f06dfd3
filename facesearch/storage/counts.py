"""How much a library holds."""

from sqlalchemy import Connection, func, select

from facesearch.storage import schema as db
from facesearch.storage.clusters import clustered_up_to
from facesearch.storage.records import LibraryCounts

__all__ = ["count_all"]


def count_all(connection: Connection) -> LibraryCounts:
    missing = db.paths.c.missing_since.is_not(None) & ~db.paths.c.offline
    empty = ~select(db.faces.c.id).where(db.faces.c.photo_id == db.photos.c.id).exists()
    queries = [
        select(func.count()).select_from(db.photos),
        select(func.count()).select_from(db.paths),
        select(func.count()).select_from(db.paths).where(missing),
        select(func.count()).select_from(db.paths).where(db.paths.c.offline),
        select(func.count()).select_from(db.faces),
        select(func.count()).select_from(db.photos).where(empty),
        select(func.count()).select_from(db.failures),
        select(func.count()).select_from(db.people).where(db.people.c.name.is_not(None)),
        select(func.count(db.clustered.c.cluster_id.distinct())),
        select(func.count()).select_from(db.clustered),
        select(func.count()).select_from(db.faces).where(db.faces.c.id > clustered_up_to()),
    ]
    return LibraryCounts(*(int(connection.execute(query).scalar_one()) for query in queries))
