"""Which face stands for a person, and when a person was born."""

__all__ = ["STATEMENTS"]

# Tables of their own: a row of `people` in the undo log stays as it was written before this.
STATEMENTS = [
    """CREATE TABLE covers (
        person_id INTEGER NOT NULL, face_id INTEGER NOT NULL, PRIMARY KEY (person_id),
        FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE)""",
    "CREATE INDEX covers_face_id ON covers (face_id)",
    """CREATE TABLE births (
        person_id INTEGER NOT NULL, born VARCHAR NOT NULL, PRIMARY KEY (person_id),
        FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE)""",
]
