"""When photos were taken, and an index by it."""

__all__ = ["STATEMENTS"]

# The date of a library's photos is their file's time at first; the next `index` reads their EXIF (dated_by NULL).
_FILE_TIME = """SELECT CAST(strftime('%s', min(mtime_ns) / 1000000000, 'unixepoch', 'localtime') AS FLOAT)
    FROM paths WHERE photo_id = photos.id"""

STATEMENTS = [
    "ALTER TABLE photos ADD COLUMN taken_at FLOAT NOT NULL DEFAULT 0",
    "ALTER TABLE photos ADD COLUMN taken_offset_s INTEGER",
    "ALTER TABLE photos ADD COLUMN dated_by VARCHAR",
    f"UPDATE photos SET taken_at = coalesce(({_FILE_TIME}), 0)",
    "CREATE INDEX photos_taken_at ON photos (taken_at)",
]
