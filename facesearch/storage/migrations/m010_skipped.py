"""Which files and folders were skipped by the last run that came by, and of what kind they are."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    "CREATE TABLE skipped (path VARCHAR NOT NULL, kind VARCHAR NOT NULL, PRIMARY KEY (path))",
]
