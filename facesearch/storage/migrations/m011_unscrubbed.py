"""What is still to be done after a deletion is a fact: a killed run leaves it, and the next writer does it."""

__all__ = ["STATEMENTS"]

# In a trigger, so that no statement which deletes can forget to say so.
_NOTE = """INSERT INTO library ("key", value)
    SELECT 'unscrubbed', '1' WHERE NOT EXISTS (SELECT 1 FROM library WHERE "key" = 'unscrubbed')"""

STATEMENTS = [
    f"CREATE TRIGGER unscrubbed_face AFTER DELETE ON faces BEGIN {_NOTE}; END",
    f"CREATE TRIGGER unscrubbed_photo AFTER DELETE ON photos BEGIN {_NOTE}; END",
    f"CREATE TRIGGER unscrubbed_embedding AFTER UPDATE OF embedding ON faces BEGIN {_NOTE}; END",
    # Removals of before left people without faces, and decisions about them.
    f"{_NOTE} AND EXISTS (SELECT 1 FROM people)",
    # Runs of before have placed their faces, as far as anybody knows.
    """INSERT INTO library ("key", value) SELECT 'placed_run', max(id) FROM runs HAVING max(id) IS NOT NULL""",
]
