"""People, what was decided about faces, and the groups that clustering made of them."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    "DROP TABLE people",
    """CREATE TABLE people (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name VARCHAR, ignored BOOLEAN NOT NULL,
        created_at FLOAT NOT NULL)""",
    """CREATE TABLE confirmed (
        face_id INTEGER NOT NULL, person_id INTEGER NOT NULL, PRIMARY KEY (face_id),
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE,
        FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE)""",
    "CREATE INDEX confirmed_person_id ON confirmed (person_id)",
    """CREATE TABLE rejected (
        face_id INTEGER NOT NULL, person_id INTEGER NOT NULL, PRIMARY KEY (face_id, person_id),
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE,
        FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE)""",
    "CREATE INDEX rejected_person_id ON rejected (person_id)",
    """CREATE TABLE apart (
        person_id INTEGER NOT NULL, other_id INTEGER NOT NULL, PRIMARY KEY (person_id, other_id),
        FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
        FOREIGN KEY(other_id) REFERENCES people (id) ON DELETE CASCADE)""",
    "CREATE INDEX apart_other_id ON apart (other_id)",
    """CREATE TABLE not_faces (
        face_id INTEGER NOT NULL, PRIMARY KEY (face_id),
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE)""",
    """CREATE TABLE grouped (
        face_id INTEGER NOT NULL, group_id INTEGER NOT NULL, PRIMARY KEY (face_id),
        FOREIGN KEY(face_id) REFERENCES faces (id) ON DELETE CASCADE)""",
    "CREATE INDEX grouped_group_id ON grouped (group_id)",
    """CREATE TABLE decisions (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind VARCHAR NOT NULL, summary VARCHAR NOT NULL,
        made_at FLOAT NOT NULL, changes VARCHAR NOT NULL)""",
    # When the last face of which the user has said whose it is goes with its photo, those that clustering has put to it
    # speak for the person from then on: a name is not lost with a photo.
    """CREATE TRIGGER names_stay BEFORE DELETE ON faces
        WHEN 1 = (SELECT count(*) FROM confirmed
                  WHERE person_id = (SELECT person_id FROM confirmed WHERE face_id = OLD.id))
        BEGIN
            INSERT INTO confirmed (face_id, person_id)
            SELECT other.face_id, mine.person_id FROM confirmed AS mine
            JOIN grouped AS home ON home.face_id = mine.face_id
            JOIN grouped AS other ON other.group_id = home.group_id AND other.face_id != OLD.id
            WHERE mine.face_id = OLD.id;
        END""",
]
