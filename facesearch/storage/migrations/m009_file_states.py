"""By what it shows that a file was changed though its size and time are as they were."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    # NULL until the next run has seen the file, and where a file system says nothing.
    *(f"ALTER TABLE paths ADD COLUMN {column} BIGINT" for column in ("ctime_ns", "inode")),
]
