"""Moving a library to another model: new embeddings wait beside the old ones until every face has one."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.core.errors import LibraryError
from facesearch.core.settings import ModelSpec
from facesearch.storage import schema as db

__all__ = ["adopt", "put", "waiting"]


def waiting(connection: Connection, fingerprint: str) -> dict[int, list[int]]:
    """Faces that have no embedding of the new model yet: photo id -> face ids. Those of any other model are dropped."""
    connection.execute(delete(db.pending_embeddings).where(db.pending_embeddings.c.fingerprint != fingerprint))
    pending = select(db.pending_embeddings.c.face_id)
    query = select(db.faces.c.photo_id, db.faces.c.id).where(db.faces.c.id.not_in(pending)).order_by(db.faces.c.id)
    by_photo: dict[int, list[int]] = {}
    for photo_id, face_id in connection.execute(query):
        by_photo.setdefault(photo_id, []).append(face_id)
    return by_photo


def put(connection: Connection, fingerprint: str, embeddings: Mapping[int, NDArray[np.float32]]) -> None:
    """Keep embeddings of a new model until all faces have one. Args: embeddings: face id -> (d,) float32."""
    rows = [
        {"face_id": face, "fingerprint": fingerprint, "embedding": vector.astype("<f4").tobytes()}
        for face, vector in embeddings.items()
    ]
    if rows:
        connection.execute(upsert(db.pending_embeddings).prefix_with("OR REPLACE"), rows)


def adopt(connection: Connection, spec: ModelSpec, unreadable: Sequence[int]) -> int:
    """The new model becomes the library's; photos whose faces could not be embedded again go.

    Returns the number of faces. Raises LibraryError where one of them has no embedding of that model.
    """
    for photo_id in unreadable:
        connection.execute(delete(db.photos).where(db.photos.c.id == photo_id))
    whole = func.length(db.pending_embeddings.c.embedding) == 4 * spec.dim
    connection.execute(delete(db.pending_embeddings).where(~whole))
    if left := sum(map(len, waiting(connection, spec.fingerprint).values())):
        raise LibraryError(
            f"there are faces without an embedding of {spec.name} ({left}): run `facesearch reembed` again"
        )
    new = select(db.pending_embeddings.c.embedding).where(db.pending_embeddings.c.face_id == db.faces.c.id)
    connection.execute(update(db.faces).values(embedding=new.scalar_subquery()))
    connection.execute(update(db.library).where(db.library.c.key == "model").values(value=spec.to_json()))
    connection.execute(delete(db.pending_embeddings))
    return int(connection.execute(select(func.count()).select_from(db.faces)).scalar_one())
