"""Photos with rows that are damaged, as far as these can be read, and how they are put right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, select, text, update

from facesearch.core.types import Face, FileFacts, PhotoResult
from facesearch.storage import schema as db
from facesearch.storage.catalog import face_row, photo_row
from facesearch.storage.checking import wrong_rows
from facesearch.storage.values import LANDMARKS_BYTES, Checked, wrong_landmarks, wrong_vectors

__all__ = ["DamagedPhoto", "KnownFace", "damaged", "put_right"]


@dataclass(frozen=True)
class KnownFace:
    """place: its box and landmarks, where both are right. embedding: (d,) float32, where it is right."""

    id: int
    damaged: bool
    place: Face | None
    embedding: NDArray[np.float32] | None

    def near(self, face: Face, distance: float) -> bool:
        """Whether its embedding is at most so far from another face's."""
        if self.embedding is None or face.embedding is None:
            return False
        return bool(np.linalg.norm(self.embedding - face.embedding) <= distance)


@dataclass(frozen=True)
class DamagedPhoto:
    """sha256: of its content; None where that is not known any more. damaged: its own row. faces: all of its faces."""

    id: int
    sha256: str | None
    damaged: bool
    paths: tuple[str, ...]
    faces: tuple[KnownFace, ...]


def damaged(connection: Connection, dim: int) -> list[DamagedPhoto]:
    """The photos of which a row in `photos` or `faces` cannot be meant. Args: dim: of the library's embeddings."""
    photos, faces = _wrong(connection, db.photos, dim), _wrong(connection, db.faces, dim)
    on = dict(map(tuple, connection.execute(text("SELECT id, photo_id FROM faces"))))
    wanted = photos | {on[face] for face in faces if isinstance(on.get(face), int)}
    return [_photo(connection, photo, photo in photos, faces, dim) for photo in sorted(wanted)]


def put_right(
    connection: Connection, photo: DamagedPhoto, file: FileFacts, result: PhotoResult, faces: Mapping[int, Face]
) -> int:
    """Write what was found in a photo over its damaged rows; how many these were.

    Args:
        faces: id -> what the face is now, of its damaged faces.
    """
    for face, found in faces.items():
        connection.execute(update(db.faces).where(db.faces.c.id == face).values(face_row(photo.id, found)))
    if not photo.damaged:
        return len(faces)
    other = select(db.photos.c.id).where(db.photos.c.sha256 == result.sha256, db.photos.c.id != photo.id)
    if connection.execute(other).first() is not None:  # its files hold a photo that is known by itself
        return len(faces)
    run = connection.execute(text("SELECT MAX(id) FROM runs")).scalar()
    values = {"sha256": result.sha256} | photo_row(file, result, int(run or 0))
    connection.execute(update(db.photos).where(db.photos.c.id == photo.id).values(values))
    return len(faces) + 1


def _wrong(connection: Connection, table: Table, dim: int) -> set[int]:
    return {row for row, _ in wrong_rows(connection, table, dim)}


def _photo(connection: Connection, photo: int, wrong: bool, damaged: set[int], dim: int) -> DamagedPhoto:
    sha256 = connection.execute(text("SELECT sha256 FROM photos WHERE id = :photo"), {"photo": photo}).scalar()
    known = isinstance(sha256, str) and len(sha256) == 64 and sha256.isalnum()
    paths = connection.execute(select(db.paths.c.path).where(db.paths.c.photo_id == photo)).scalars().all()
    rows = connection.execute(text("SELECT * FROM faces WHERE photo_id = :photo ORDER BY id"), {"photo": photo})
    faces = tuple(_known(dict(row), row["id"] in damaged, dim) for row in rows.mappings())
    return DamagedPhoto(photo, sha256 if known else None, wrong, tuple(paths), faces)


def _known(row: Mapping[str, Any], damaged: bool, dim: int) -> KnownFace:
    columns = ("x1", "y1", "x2", "y2", "landmarks")
    whole = all(_sound(db.faces.c[name].type, row[name]) for name in columns) and not wrong_landmarks(row["landmarks"])
    place, embedding = None, row["embedding"]
    if whole:
        points = np.frombuffer(row["landmarks"], "<f4", LANDMARKS_BYTES // 4).reshape(5, 2)
        place = Face((row["x1"], row["y1"], row["x2"], row["y2"]), points)
    vector = None
    if isinstance(embedding, bytes) and len(embedding) == 4 * dim:
        vector = np.frombuffer(embedding, "<f4")
        vector = None if wrong_vectors(vector[None])[0] else vector
    return KnownFace(int(row["id"]), damaged, place, vector)


def _sound(kind: Any, value: Any) -> bool:
    return value is not None and (not isinstance(kind, Checked) or kind.sound(value))
