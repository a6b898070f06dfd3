"""Photos, faces, and what is needed to index them again cheaply."""

# Whoever changes the vectors, by whatever statement, raises the generation: FAISS can tell that it is behind. The
# random half tells the changes of a database that was restored from a backup from those that it has lost by that.
_RAISE = """UPDATE library SET value = (CAST(value AS INTEGER) + 1) || '-' || lower(hex(randomblob(8)))
    WHERE "key" = 'generation'"""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    "CREATE TABLE migrations (name VARCHAR NOT NULL PRIMARY KEY, applied_at FLOAT NOT NULL)",
    'CREATE TABLE library ("key" VARCHAR NOT NULL, value VARCHAR NOT NULL, PRIMARY KEY ("key"))',
    """CREATE TABLE runs (
        id INTEGER NOT NULL, kind VARCHAR NOT NULL, started_at FLOAT NOT NULL, finished_at FLOAT, summary VARCHAR,
        PRIMARY KEY (id))""",
    "CREATE TABLE roots (path VARCHAR NOT NULL, PRIMARY KEY (path))",
    """CREATE TABLE photos (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, sha256 VARCHAR NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, min_face_px FLOAT NOT NULL, run_id INTEGER NOT NULL,
        UNIQUE (sha256), FOREIGN KEY(run_id) REFERENCES runs (id))""",
    """CREATE TABLE paths (
        path VARCHAR NOT NULL, photo_id INTEGER NOT NULL, size_bytes BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,
        missing_since FLOAT, replaces INTEGER, PRIMARY KEY (path),
        FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE,
        FOREIGN KEY(replaces) REFERENCES photos (id) ON DELETE SET NULL)""",
    "CREATE INDEX paths_photo_id ON paths (photo_id)",
    # Without it every photo that is deleted has all paths read for those that replace it.
    "CREATE INDEX paths_replaces ON paths (replaces)",
    """CREATE TABLE faces (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, photo_id INTEGER NOT NULL,
        x1 FLOAT NOT NULL, y1 FLOAT NOT NULL, x2 FLOAT NOT NULL, y2 FLOAT NOT NULL,
        landmarks BLOB NOT NULL, score FLOAT NOT NULL, sharpness FLOAT NOT NULL, embedding BLOB NOT NULL,
        FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE)""",
    "CREATE INDEX faces_photo_id ON faces (photo_id)",
    """CREATE TABLE failures (
        path VARCHAR NOT NULL, reason VARCHAR NOT NULL, run_id INTEGER NOT NULL, PRIMARY KEY (path),
        FOREIGN KEY(run_id) REFERENCES runs (id))""",
    """CREATE TABLE people (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name VARCHAR NOT NULL, created_at FLOAT NOT NULL)""",
    """CREATE TABLE staged_embeddings (
        face_id INTEGER NOT NULL, fingerprint VARCHAR NOT NULL, embedding BLOB NOT NULL, PRIMARY KEY (face_id),
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE)""",
    f"CREATE TRIGGER faces_added AFTER INSERT ON faces BEGIN {_RAISE}; END",
    f"CREATE TRIGGER faces_removed AFTER DELETE ON faces BEGIN {_RAISE}; END",
    f"CREATE TRIGGER faces_changed AFTER UPDATE OF id, embedding ON faces BEGIN {_RAISE}; END",
]
