"""The tables of a library, as SQLAlchemy sees them; `migrations/` makes them, and a test holds the two together."""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, Table

from facesearch.storage.values import (
    EARLIEST_S,
    LANDMARKS_BYTES,
    LATEST_S,
    BigWhole,
    Day,
    FixedBytes,
    Flag,
    Id,
    PathType,
    Real,
    Text,
    Whole,
)

__all__ = [
    "births",
    "cannot_link",
    "clustered",
    "confirmed",
    "covers",
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
    "repeated",
    "roots",
    "runs",
    "skipped",
    "undo_log",
]


# Characters; what is typed or imported has 200 at most.
MOST_OF_A_NAME = 1000
# A day at most: what a clock may differ from another one.
_DAY_S = 24 * 3600 - 1
# Sides of a picture in pixels.
_SIDE_PX = 2**31 - 1
# Which row of another table is meant.
_ID = Id("a reference to another row")

metadata = MetaData()

# One row a fact: uuid, model (JSON of a ModelSpec), generation (another one after every change of the faces).
library = Table(
    "library",
    metadata,
    Column("key", Text("a setting's name"), primary_key=True),
    Column("value", Text("a setting"), nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text("a run's kind"), nullable=False),
    Column("started_at", Real("a run's start", EARLIEST_S, LATEST_S), nullable=False),
    Column("finished_at", Real("a run's end", EARLIEST_S, LATEST_S)),
    Column("summary", Text("a run's summary")),
)

# Folders and files that the user named to `index`; what is missing below them is judged by them.
# paused: `index` passes it over.
roots = Table(
    "roots",
    metadata,
    Column("path", PathType("a folder's path"), primary_key=True),
    Column("paused", Flag("whether a folder is paused"), nullable=False, server_default="0"),
)

# Folders with photos, and the device that each lay on when they were last seen; see facesearch.storage.folders.
folders = Table(
    "folders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", PathType("a folder's path"), nullable=False),
    Column("device", Text("a folder's device"), nullable=False),
    Index("folders_path", "path"),
)

# A photo is its content: one row however many files hold it.
photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", Text("a photo's SHA-256"), nullable=False, unique=True),
    Column("width", Whole("a photo's width", 1, _SIDE_PX), nullable=False),
    Column("height", Whole("a photo's height", 1, _SIDE_PX), nullable=False),
    Column("min_face_px", Real("the smallest face looked for", 0), nullable=False),
    Column("run_id", _ID, ForeignKey("runs.id"), nullable=False),
    # See facesearch.storage.dates. dated_by: "exif" or "file"; NULL in libraries of before, until the next run.
    Column("taken_at", Real("a photo's date", EARLIEST_S, LATEST_S), nullable=False, server_default="0"),
    Column("taken_offset_s", Whole("a photo's time zone", -_DAY_S, _DAY_S)),
    Column("dated_by", Text("what dates a photo")),
    Index("photos_taken_at", "taken_at"),
    sqlite_autoincrement=True,
)

paths = Table(
    "paths",
    metadata,
    Column("path", PathType("a file's path"), primary_key=True),
    Column("photo_id", _ID, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("size_bytes", BigWhole("a file's size"), nullable=False),
    Column("mtime_ns", BigWhole("a file's time"), nullable=False),
    # The start of the first run that did not find it. offline: its disk may not be mounted, see facesearch.indexing.
    Column("missing_since", Real("since when a file is missing", EARLIEST_S, LATEST_S)),
    # The photo that this file held before it was edited, until the end of the run has settled what becomes of it.
    Column("replaces", _ID, ForeignKey("photos.id", ondelete="SET NULL")),
    Column("folder_id", _ID, ForeignKey("folders.id")),
    # When it was first seen with this photo; NULL where that was before this was kept.
    Column("added_at", Real("when a file was first seen", EARLIEST_S, LATEST_S)),
    Column("offline", Flag("whether a file is offline"), nullable=False, server_default="0"),
    # NULL until a run has seen them, and where a file system says nothing.
    Column("ctime_ns", BigWhole("when a file was changed")),
    Column("inode", BigWhole("a file's number on its disk")),
    Index("paths_folder_id", "folder_id"),
    Index("paths_photo_id", "photo_id"),
    Index("paths_replaces", "replaces"),
)

# The id is the vector's id in FAISS and is never used again (AUTOINCREMENT).
faces = Table(
    "faces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("photo_id", _ID, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("x1", Real("a face's box"), nullable=False),
    Column("y1", Real("a face's box"), nullable=False),
    Column("x2", Real("a face's box"), nullable=False),
    Column("y2", Real("a face's box"), nullable=False),
    Column("landmarks", FixedBytes("a face's landmarks", LANDMARKS_BYTES), nullable=False),
    Column("score", Real("a face's score"), nullable=False),
    Column("sharpness", Real("a face's sharpness", 0, 1e12), nullable=False),
    Column("embedding", FixedBytes("a face's embedding"), nullable=False),
    # NULL in libraries of before: what is known of such a face is measured as it was then, see facesearch.core.quality.
    Column("quality", Real("a face's quality", 0, 1)),
    Column("defect", Text("a face's defect")),
    # The user has drawn or moved the box: no detector takes it away.
    Column("drawn", Flag("whether a face was drawn"), nullable=False, server_default="0"),
    Index("faces_photo_id", "photo_id"),
    sqlite_autoincrement=True,
)

failures = Table(
    "failures",
    metadata,
    Column("path", PathType("a file's path"), primary_key=True),
    Column("reason", Text("why a file cannot be read"), nullable=False),
    Column("run_id", _ID, ForeignKey("runs.id"), nullable=False),
)

# What `index` passed over, see facesearch.media.finding: kind is a suffix as it is written, or says why.
skipped = Table(
    "skipped",
    metadata,
    Column("path", PathType("a file's path"), primary_key=True),
    Column("kind", Text("why a file is passed over"), nullable=False),
)

# A person; without a name where the user has only confirmed faces.
people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text("a person's name", MOST_OF_A_NAME)),
    Column("ignored", Flag("whether a person is ignored"), nullable=False),
    Column("created_at", Real("since when a person is known", EARLIEST_S, LATEST_S), nullable=False),
    sqlite_autoincrement=True,
)

# The user has confirmed that a face is this person's. What clustering has concluded is in `clustered`.
confirmed = Table(
    "confirmed",
    metadata,
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", _ID, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Index("confirmed_person_id", "person_id"),
)

# The user has rejected a face as this person's: a cannot-link constraint between both.
rejected = Table(
    "rejected",
    metadata,
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Index("rejected_person_id", "person_id"),
)

# The user has told two people apart: a cannot-link constraint; person_id < other_id.
cannot_link = Table(
    "cannot_link",
    metadata,
    Column("person_id", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Index("cannot_link_other_id", "other_id"),
)

# The face that stands for a person in lists, where the user has chosen one; it counts while it is confirmed as theirs.
covers = Table(
    "covers",
    metadata,
    Column("person_id", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE"), nullable=False),
    Index("covers_face_id", "face_id"),
)

births = Table(
    "births",
    metadata,
    Column("person_id", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("born", Day("a person's birth date"), nullable=False),
)

not_faces = Table(
    "not_faces",
    metadata,
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
)

# The user has said that this face's person is on the photo more than once, as in a mirror or a photo of a photo.
repeated = Table(
    "repeated",
    metadata,
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
)

# The clusters as they are now; `cluster` makes them anew, decisions change them at once.
clustered = Table(
    "clustered",
    metadata,
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True),
    Column("cluster_id", Id("a face's cluster"), nullable=False),
    Index("clustered_cluster_id", "cluster_id"),
)

# Every decision that can be undone, with the rows that it changed (JSON, see facesearch.storage.undo_log).
undo_log = Table(
    "undo_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text("a decision's kind"), nullable=False),
    Column("summary", Text("a decision's summary"), nullable=False),
    Column("made_at", Real("a decision's time", EARLIEST_S, LATEST_S), nullable=False),
    Column("changes", Text("what a decision changed"), nullable=False),
    sqlite_autoincrement=True,
)

# Photos that have been looked at for what the library is being moved to; see facesearch.storage.pending_faces.
pending_photos = Table(
    "pending_photos",
    metadata,
    Column("photo_id", _ID, ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("target", Text("the target of a migration"), primary_key=True),
    Column("min_face_px", Real("the smallest face looked for", 0), nullable=False),
)

# Their faces as they will be. face_id: the face that it is; NULL for a new one. found: by the target's detector; false
# for one that keeps its old place.
pending_faces = Table(
    "pending_faces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("target", Text("the target of a migration"), nullable=False),
    Column("photo_id", _ID, ForeignKey("photos.id", ondelete="CASCADE"), nullable=False),
    Column("face_id", _ID, ForeignKey("faces.id", ondelete="CASCADE")),
    Column("found", Flag("whether a face was found"), nullable=False),
    Column("x1", Real("a face's box"), nullable=False),
    Column("y1", Real("a face's box"), nullable=False),
    Column("x2", Real("a face's box"), nullable=False),
    Column("y2", Real("a face's box"), nullable=False),
    Column("landmarks", FixedBytes("a face's landmarks", LANDMARKS_BYTES), nullable=False),
    Column("score", Real("a face's score"), nullable=False),
    Column("sharpness", Real("a face's sharpness", 0, 1e12), nullable=False),
    Column("embedding", FixedBytes("a face's embedding"), nullable=False),
    Column("quality", Real("a face's quality", 0, 1)),
    Column("defect", Text("a face's defect")),
    Index("pending_faces_face_id", "face_id"),
    Index("pending_faces_photo_id", "photo_id"),
)
