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
    "cannot_link",
    "clustered",
    "confirmed",
    "faces",
    "failures",
    "folders",
    "library",
    "metadata",
    "not_faces",
    "paths",
    "pending_faces",
    "pending_photos",
    "people",
    "photos",
    "rejected",
    "roots",
    "runs",
    "undo_log",
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

# Folders with photos, and the device that each lay on when they were last seen; see facesearch.storage.folders.
folders = Table(
    "folders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", PathType, nullable=False),
    Column("device", String, nullable=False),
    Index("folders_path", "path"),
)

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
    # The start of the first run that did not find it. offline: its disk may not be mounted, see facesearch.indexing.
    Column("missing_since", Float),
    # The photo that this file held before it was edited, until the end of the run has settled what becomes of it.
    Column("replaces", ForeignKey("photos.id", ondelete="SET NULL")),
    Column("folder_id", ForeignKey("folders.id")),
    # When it was first seen with this photo; NULL where that was before this was kept.
    Column("added_at", Float),
    Column("offline", Boolean, nullable=False, server_default="0"),
    # NULL until a run has seen them, and where a file system says nothing.
    Column("ctime_ns", BigInteger),
    Column("inode", BigInteger),
    Index("paths_folder_id", "folder_id"),
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
    # NULL in libraries of before: what is known of such a face is measured as it was then, see facesearch.core.quality.
    Column("quality", Float),
    Column("defect", String),
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

# A person; without a name where the user has only confirmed faces.
people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String),
    Column("ignored", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    sqlite_autoincrement=True,
)

# The user has confirmed that a face is this person's. What clustering has concluded is in `clustered`.
confirmed = Table(
    "confirmed",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Index("confirmed_person_id", "person_id"),
)

# The user has rejected a face as this person's: a cannot-link constraint between both.
rejected = Table(
    "rejected",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Index("rejected_person_id", "person_id"),
)

# The user has told two people apart: a cannot-link constraint; person_id < other_id.
cannot_link = Table(
    "cannot_link",
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Index("cannot_link_other_id", "other_id"),
)

not_faces = Table(
    "not_faces",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
)

# The clusters as they are now; `cluster` makes them anew, decisions change them at once.
clustered = Table(
    "clustered",
    metadata,
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("cluster_id", Integer, nullable=False),
    Index("clustered_cluster_id", "cluster_id"),
)

# Every decision that can be undone, with the rows that it changed (JSON, see facesearch.storage.undo_log).
undo_log = Table(
    "undo_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("changes", String, nullable=False),
    sqlite_autoincrement=True,
)

# Photos that have been looked at for what the library is being moved to; see facesearch.storage.pending_faces.
pending_photos = Table(
    "pending_photos",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("target", String, primary_key=True),
    Column("min_face_px", Float, nullable=False),
)

# Their faces as they will be. face_id: the face that it is; NULL for a new one. found: by the target's detector; false
# for one that keeps its old place.
pending_faces = Table(
    "pending_faces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("target", String, nullable=False),
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("face_id", ForeignKey("faces.id", ondelete="CASCADE")),
    Column("found", Boolean, nullable=False),
    Column("x1", Float, nullable=False),
    Column("y1", Float, nullable=False),
    Column("x2", Float, nullable=False),
    Column("y2", Float, nullable=False),
    Column("landmarks", LargeBinary, nullable=False),
    Column("score", Float, nullable=False),
    Column("sharpness", Float, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    Column("quality", Float),
    Column("defect", String),
    Index("pending_faces_face_id", "face_id"),
    Index("pending_faces_photo_id", "photo_id"),
)
