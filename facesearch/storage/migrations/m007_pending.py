"""What a library is being moved to waits beside it: faces with their places, for one target of several, by photo."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    # It held embeddings of another model only, of a move that was not finished; they are made again.
    "DROP TABLE pending_embeddings",
    # A photo that has been looked at for a target, whether or not a face was found.
    """CREATE TABLE pending_photos (
        photo_id INTEGER NOT NULL, target VARCHAR NOT NULL, min_face_px FLOAT NOT NULL, PRIMARY KEY (photo_id, target),
        FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE)""",
    """CREATE TABLE pending_faces (
        id INTEGER NOT NULL, target VARCHAR NOT NULL, photo_id INTEGER NOT NULL, face_id INTEGER,
        found BOOLEAN NOT NULL, x1 FLOAT NOT NULL, y1 FLOAT NOT NULL, x2 FLOAT NOT NULL, y2 FLOAT NOT NULL,
        landmarks BLOB NOT NULL, score FLOAT NOT NULL, sharpness FLOAT NOT NULL, embedding BLOB NOT NULL,
        PRIMARY KEY (id), FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE,
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE)""",
    "CREATE INDEX pending_faces_face_id ON pending_faces (face_id)",
    "CREATE INDEX pending_faces_photo_id ON pending_faces (photo_id)",
]
