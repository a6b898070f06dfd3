"""What a library holds, in a form that two libraries can be compared by; and what holds for every library."""

import hashlib
import os
from pathlib import Path

import numpy as np
from sqlalchemy import text

from facesearch.core.types import Face
from facesearch.storage import Store

__all__ = ["all_faces", "check_vectors", "faces_by_content", "faces_of_path", "files", "hash_of"]


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def all_faces(index: Store) -> list[Face]:
    """All faces, in the order of their ids."""
    return index.faces(index.embeddings()[0].tolist())


def files(index: Store) -> dict[str, str]:
    """Path -> content hash, of the files that are not missing."""
    with index.reading() as connection:
        query = "SELECT path, sha256 FROM paths JOIN photos ON id = photo_id WHERE missing_since IS NULL"
        return {os.fsdecode(path): sha256 for path, sha256 in connection.execute(text(query))}


def faces_by_content(index: Store) -> dict[str, list[tuple[bytes, bytes, tuple[float, ...]]]]:
    """Content hash -> embedding, landmarks and box of each face; of all photos, also those without a face."""
    with index.reading() as connection:
        found = {sha256: [] for sha256 in connection.execute(text("SELECT sha256 FROM photos")).scalars()}
        query = "SELECT sha256, embedding, landmarks, x1, y1, x2, y2 FROM faces JOIN photos ON photos.id = photo_id"
        for sha256, embedding, landmarks, *box in connection.execute(text(query)):
            found[sha256].append((embedding, landmarks, tuple(box)))
    return {sha256: sorted(faces) for sha256, faces in found.items()}


def faces_of_path(index: Store, path: Path) -> list[int]:
    """The ids of the faces of the photo that a file holds."""
    with index.reading() as connection:
        query = "SELECT id FROM faces WHERE photo_id = (SELECT photo_id FROM paths WHERE path = :path) ORDER BY id"
        return list(connection.execute(text(query), {"path": str(path)}).scalars())


def check_vectors(index: Store) -> None:
    """FAISS holds what SQLite holds, no photo is without a file, and nothing waits to be settled."""
    ids, embeddings = index.embeddings()
    assert sorted(index.vectors.ids().tolist()) == ids.tolist()
    np.testing.assert_array_equal(index.vectors.vectors(ids), embeddings)
    with index.reading() as connection:
        homeless = "SELECT count(*) FROM photos WHERE id NOT IN (SELECT photo_id FROM paths)"
        assert connection.execute(text(homeless)).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM paths WHERE replaces IS NOT NULL")).scalar_one() == 0
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
