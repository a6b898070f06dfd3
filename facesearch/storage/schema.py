"""The tables of a library, as SQLAlchemy sees them; `migrations/` makes them, and a test holds the two together."""

import os
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    types,
)

__all__ = [
    "PathType",
    "apart",
    "confirmed",
    "decisions",
    "faces",
    "failures",
    "grouped",
    "library",
    "metadata",
    "not_faces",
    "paths",
    "people",
    "photos",
    "rejected",
    "roots",
    "runs",
    "staged_embeddings",
]


class PathType(types.TypeDecorator[str]):
    """A file name: TEXT, or a BLOB of its bytes where they are no valid UTF-8.

    Python carries such bytes as surrogates (PEP 383), which SQLite would refuse; old disks are full of them.
    """

    impl = types.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> Any:
        if value is None:
            return None
        try:
            value.encode()
        except UnicodeEncodeError:
            return os.fsencode(value)
        return value

    def process_result_value(self, value: Any, dialect: Any) -> str | None:
        return os.fsdecode(value) if isinstance(value, bytes) else value


metadata = MetaData()

# One row a fact: uuid, model (JSON of a ModelSpec), generation (another one after every change of the faces).
library = Table(
    "library",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("summary", String),
)

# Folders and files that the user named to `index`; what is missing below them is judged by them.
roots = Table("roots", metadata, Column("path", PathType, primary_key=True))

# A photo is its content: one row however many files hold it.
photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", String, nullable=False, unique=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("min_face_px", Float, nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    # See facesearch.storage.dates. dated_by: "exif" or "file"; NULL in libraries of before, until the next run.
    Column("taken_at", Float, nullable=False, server_default="0"),
    Column("taken_offset_s", Integer),
    Column("dated_by", String),
    Index("photos_taken_at", "taken_at"),
    sqlite_autoincrement=True,
)

paths = Table(
    "paths",
    metadata,
    Column("path", PathType, primary_key=True),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("missing_since", Float),
    # The photo that this file held before it was edited, until the end of the run has settled what becomes of it.
    Column("replaces", ForeignKey("photos.id", ondelete="SET NULL")),
    Index("paths_photo_id", "photo_id"),
    Index("paths_replaces", "replaces"),
)

# The id is the vector's id in FAISS and is never used again (AUTOINCREMENT).
faces = Table(
    "faces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("x1", Float, nullable=False),
    Column("y1", Float, nullable=False),
    Column("x2", Float, nullable=False),
    Column("y2", Float, nullable=False),
    Column("landmarks", LargeBinary, nullable=False),
    Column("score", Float, nullable=False),
    Column("sharpness", Float, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Index("faces_photo_id", "photo_id"),
    sqlite_autoincrement=True,
)

failures = Table(
    "failures",
    metadata,
    Column("path", PathType, primary_key=True),
    Column("reason", String, nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
)

# Somebody; without a name where the user has said only who is the same and who is not.
people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Column("ignored", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

# The user's word that a face is this person's. What clustering has only concluded is in `grouped`.
confirmed = Table(
    "confirmed",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Index("confirmed_person_id", "person_id"),
)

# The user's word that a face is not this person's.
rejected = Table(
    "rejected",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Index("rejected_person_id", "person_id"),
)

# The user's word that two people are two; person_id < other_id.
apart = Table(
    "apart",
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Index("apart_other_id", "other_id"),
)

not_faces = Table(
    "not_faces",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
)

# The groups as they are now; `cluster` makes them anew, decisions change them at once.
grouped = Table(
    "grouped",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Integer, nullable=False),
    Index("grouped_group_id", "group_id"),
)

# Every decision that can be undone, with the rows that it changed (JSON, see facesearch.storage.undo_log).
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("changes", String, nullable=False),
    sqlite_autoincrement=True,
)

# Embeddings of a model that the library is being moved to, until all faces have one.
staged_embeddings = Table(
    "staged_embeddings",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
)
