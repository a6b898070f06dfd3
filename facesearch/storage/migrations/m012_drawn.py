"""Faces that the user has drawn, or moved, are told from those that a detector has found."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    "ALTER TABLE faces ADD COLUMN drawn BOOLEAN NOT NULL DEFAULT 0",
]
