"""Photos by who is in them."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from facesearch.people.clusters import find
from facesearch.storage import schema as db

__all__ = ["photos_of"]


def photos_of(
    connection: Connection, references: Sequence[str], *, only: bool = False, count: int | None = None
) -> list[int]:
    """The ids of the photos that show all of some people.

    Args:
        references: groups' numbers or people's names; none for photos of anybody.
        only: leave out photos that show anybody else, or a face in no group; what is said to be no face does not count.
        count: only photos with so many faces.

    Raises InputError for somebody who is not there.
    """
    wanted = {find(connection, reference).group for reference in references}
    groups_of: dict[int, list[int | None]] = {}
    query = (
        select(db.faces.c.photo_id, db.clustered.c.cluster_id)
        .join(db.clustered, db.clustered.c.face_id == db.faces.c.id, isouter=True)
        .where(db.faces.c.id.not_in(select(db.not_faces.c.face_id)))
    )
    for photo, group in connection.execute(query):
        groups_of.setdefault(photo, []).append(group)
    return sorted(
        photo
        for photo, groups in groups_of.items()
        if wanted <= set(groups) and (not only or set(groups) <= wanted) and (count is None or len(groups) == count)
    )
