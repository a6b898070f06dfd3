"""Whether a vector index holds the faces of a library: their number and, of some, the embeddings."""

import numpy as np
from sqlalchemy import Connection, func, select

from facesearch.storage import schema as db
from facesearch.storage.embeddings import embeddings_of
from facesearch.storage.vectors import FaissIndex

__all__ = ["holds"]

# Faces whose embeddings are compared: those of another library differ in all.
COMPARED = 16


def holds(vectors: FaissIndex, connection: Connection, dim: int) -> bool:
    """Args: dim: of the library's embeddings. Raises LibraryFormatError for a damaged embedding."""
    count = connection.execute(select(func.count()).select_from(db.faces)).scalar_one()
    if len(vectors) != count or vectors.dim != dim:
        return False
    some = connection.execute(select(db.faces.c.id).order_by(db.faces.c.id).limit(COMPARED)).scalars().all()
    ids, embeddings = embeddings_of(connection, some, dim)
    if not vectors.exact or not len(ids):
        return True
    try:
        return bool(np.array_equal(vectors.vectors(ids), embeddings))
    except RuntimeError:  # other ids
        return False
