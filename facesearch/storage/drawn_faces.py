"""Faces that the user has drawn, on photos whose files hold something else now."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from facesearch.core.types import Face
from facesearch.storage import faces, photos
from facesearch.storage import schema as db
from facesearch.storage.embeddings import embeddings_of

__all__ = ["Edited", "edited"]


class Edited(NamedTuple):
    """A photo with drawn faces that was edited.

    path, sha256: of the file that holds the edit. before, after: ids of the photos. sizes: theirs, in pixels.
    drawn: the faces drawn on the photo before; embeddings: (n, d) float32, theirs.
    """

    path: str
    sha256: str
    before: int
    after: int
    sizes: tuple[tuple[int, int], tuple[int, int]]
    drawn: tuple[Face, ...]
    embeddings: NDArray[np.float32]


def edited(connection: Connection, dim: int) -> list[Edited]:
    """The edits that `settle` will take for such, of photos on which a face was drawn; one for each photo."""
    drawn = select(db.faces.c.photo_id).where(db.faces.c.drawn)
    columns = (db.paths.c.path, db.paths.c.photo_id, db.paths.c.replaces)
    query = select(*columns).where(db.paths.c.replaces.in_(drawn)).order_by(db.paths.c.path)
    return [
        _edited(connection, dim, *row)
        for row in {row.replaces: row for row in reversed(connection.execute(query).all())}.values()
    ]


def _edited(connection: Connection, dim: int, path: str, after: int, before: int) -> Edited:
    drawn = tuple(face for face in faces.by_photos(connection, [before])[before] if face.drawn)
    vectors = embeddings_of(connection, [face.id for face in drawn], dim)[1]
    sha256 = connection.execute(select(db.photos.c.sha256).where(db.photos.c.id == after)).scalar_one()
    sizes = (photos.size_of(connection, before), photos.size_of(connection, after))
    return Edited(path, sha256, before, after, sizes, drawn, vectors)
