"""Faces of which the user has said that their person is rightly more than once on the photo."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    """CREATE TABLE repeated (
        face_id INTEGER NOT NULL, PRIMARY KEY (face_id),
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE)""",
]
