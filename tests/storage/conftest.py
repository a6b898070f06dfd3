"""Fixtures that know SQLite: what no other folder of tests may look at."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from facesearch.storage import Store
from facesearch.storage.database import FILE_NAME


@pytest.fixture
def check_database() -> Callable[[Store], None]:
    """What holds for the database file of every library, whatever was done to it."""

    def check(store: Store) -> None:
        with closing(sqlite3.connect(store.folder / FILE_NAME)) as connection:

            def column(query: str) -> list[object]:
                return [row[0] for row in connection.execute(query)]

            assert column("PRAGMA integrity_check") == ["ok"]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            assert column("SELECT count(*) FROM photos WHERE id NOT IN (SELECT photo_id FROM paths)") == [0]
            last = column("SELECT CAST(value AS INTEGER) FROM library WHERE key = 'last_cluster'") or [0]
            assert column(f"SELECT count(*) FROM clustered WHERE cluster_id > {last[0]}") == [0]
            assert column("SELECT count(*) FROM cannot_link WHERE person_id >= other_id") == [0]
            for changes in column("SELECT changes FROM undo_log"):
                assert json.loads(str(changes)), "a decision that changed nothing"

    return check


@pytest.fixture
def bytes_in() -> Callable[[Store, bytes], list[str]]:
    """The files of a library that contain some bytes."""

    def found(store: Store, wanted: bytes) -> list[str]:
        files = [path for path in sorted(Path(store.folder).rglob("*")) if path.is_file()]
        return [path.name for path in files if wanted in path.read_bytes()]

    return found
