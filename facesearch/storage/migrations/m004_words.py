"""Tables under the names that the code and the documents use: clusters, cannot-link constraints, the undo log."""

__all__ = ["STATEMENTS"]

# What the undo log holds names tables and columns too; a quotation mark inside a name is escaped there, so only keys
# and tables are replaced.
_RENAMED = (
    ('"table": "grouped"', '"table": "clustered"'),
    ('"group_id": ', '"cluster_id": '),
    ('"table": "apart"', '"table": "cannot_link"'),
)

STATEMENTS = [
    "ALTER TABLE grouped RENAME TO clustered",
    "ALTER TABLE clustered RENAME COLUMN group_id TO cluster_id",
    "DROP INDEX grouped_group_id",
    "CREATE INDEX clustered_cluster_id ON clustered (cluster_id)",
    "ALTER TABLE apart RENAME TO cannot_link",
    "DROP INDEX apart_other_id",
    "CREATE INDEX cannot_link_other_id ON cannot_link (other_id)",
    "ALTER TABLE staged_embeddings RENAME TO pending_embeddings",
    "ALTER TABLE decisions RENAME TO undo_log",
    *(f"UPDATE undo_log SET changes = replace(changes, '{old}', '{new}')" for old, new in _RENAMED),
    """UPDATE library SET "key" = 'last_cluster' WHERE "key" = 'last_group'""",
]
