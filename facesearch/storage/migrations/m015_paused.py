"""Folders that `index` passes over for a while."""

__all__ = ["STATEMENTS"]

STATEMENTS = ["ALTER TABLE roots ADD COLUMN paused BOOLEAN NOT NULL DEFAULT 0"]
