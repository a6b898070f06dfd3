"""How much each face shows, and what it lacks most."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    # NULL for faces of before: the crop that would tell is not kept. They are judged by their other columns.
    "ALTER TABLE faces ADD COLUMN quality FLOAT",
    "ALTER TABLE faces ADD COLUMN defect VARCHAR",
]
