"""Which device a folder lay on when its photos were last seen; photos that are offline rather than missing."""

__all__ = ["STATEMENTS"]

STATEMENTS = [
    "CREATE TABLE folders (id INTEGER NOT NULL, path VARCHAR NOT NULL, device VARCHAR NOT NULL, PRIMARY KEY (id))",
    "CREATE INDEX folders_path ON folders (path)",
    "ALTER TABLE paths ADD COLUMN folder_id INTEGER REFERENCES folders (id)",
    "CREATE INDEX paths_folder_id ON paths (folder_id)",
    # NULL in libraries of before: older than anything that is added from now on.
    "ALTER TABLE paths ADD COLUMN added_at FLOAT",
    "ALTER TABLE paths ADD COLUMN offline BOOLEAN NOT NULL DEFAULT 0",
]
