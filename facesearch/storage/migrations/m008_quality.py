"""How much each face shows, and what it lacks most."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    # NULL for faces of before: the crop that would tell is not kept. They are judged by their other columns.
    *(f"ALTER TABLE {table} ADD COLUMN quality FLOAT" for table in ("faces", "pending_faces")),
    *(f"ALTER TABLE {table} ADD COLUMN defect VARCHAR" for table in ("faces", "pending_faces")),
]
