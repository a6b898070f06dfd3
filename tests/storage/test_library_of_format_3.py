"""A library that an earlier facesearch has made opens with everything kept, undo included.

library_of_format_3.sql is that library, made by the code of commit d928d93; library_of_format_3.json is what that code
said of it, as it was and after each undo until nothing was left to undo.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facesearch.core.results import cluster_row
from facesearch.core.types import Cluster
from facesearch.library import Library
from facesearch.storage import Store, clusters, constraints, migrations
from facesearch.storage.database import FILE_NAME
from facesearch.storage.migrations import m004_words

HERE = Path(__file__).parent
SAID: dict[str, Any] = json.loads((HERE / "library_of_format_3.json").read_text(encoding="utf-8"))
RENAMED = {"decisions": "undo_log", "last_group": "last_cluster"}
ROOT = HERE.parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The old library, as it was left."""
    with closing(raw(tmp_path)) as connection:
        connection.executescript((HERE / "library_of_format_3.sql").read_text(encoding="utf-8"))
    return tmp_path


@pytest.fixture
def library(folder: Path) -> Iterator[Library]:
    with Library(folder, create=False) as library:
        yield library


def raw(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / FILE_NAME)


def rows(folder: Path, query: str) -> list[list[Any]]:
    with closing(raw(folder)) as connection:
        return [list(row) for row in connection.execute(query)]


def dump(folder: Path) -> list[str]:
    """The whole database, as statements."""
    with closing(raw(folder)) as connection:
        return list(connection.iterdump())


def listed(cluster: Cluster) -> dict[str, Any]:
    """A cluster as the old code told it: there were no covers to choose and no birth dates."""
    row = cluster_row(cluster)
    assert row.pop("born") is None
    row.pop("cover")
    return row


def as_json(value: object) -> Any:
    return json.loads(json.dumps(value))


def people_of(library: Library) -> dict[str, Any]:
    """What is decided and clustered, in the form of the old code's answers."""
    with library.store.reading() as connection:
        found: dict[str, list[int]] = {}
        for face, cluster in zip(*(column.tolist() for column in clusters.columns(connection)), strict=True):
            found.setdefault(str(cluster), []).append(face)
        pairs = {
            "confirmed": zip(*(column.tolist() for column in constraints.confirmed(connection)), strict=True),
            "rejected": zip(*(column.tolist() for column in constraints.rejected(connection)), strict=True),
            "apart": [sorted(pair) for pair in constraints.cannot_link(connection)],
            "not_faces": [[face] for face in constraints.not_faces(connection)],
        }
        return {
            **{kind: sorted(list(pair) for pair in some) for kind, some in pairs.items()},
            "clusters": {cluster: sorted(faces) for cluster, faces in found.items()},
            "persons": rows(library.folder, "SELECT id, name, ignored FROM people ORDER BY id"),
            "people": as_json([listed(cluster) for cluster in library.people.all(ignored=True)]),
        }


def said(answers: dict[str, Any]) -> dict[str, Any]:
    """The part of the old code's answers that `people_of` gives."""
    found = {kind: answers[kind] for kind in ("clusters", "persons", "people")}
    return found | {kind: sorted(answers[kind]) for kind in ("confirmed", "rejected", "apart", "not_faces")}


def history(library: Library) -> list[list[Any]]:
    return [[one.id, one.kind, one.summary, one.made_at] for one in library.people.history()]


# -- everything is kept -----------------------------------------------------------------------------------------------


def test_people_clusters_and_decisions_are_as_they_were(library: Library) -> None:
    assert people_of(library) == said(SAID)
    assert as_json([listed(cluster) for cluster in library.people.all()]) == SAID["people_listed"]
    assert history(library) == SAID["history"]


def test_the_status_is_what_it_was(library: Library) -> None:
    status = as_json(library.status().to_dict())
    status["roots"] = sorted(status["roots"])
    assert {key: status[key] for key in SAID["status"]} == SAID["status"] | {"roots": sorted(SAID["status"]["roots"])}


def test_faces_and_their_embeddings_are_as_they_were(library: Library) -> None:
    ids, embeddings = library.store.embeddings()
    found = [
        [face.id, face.photo_id, list(face.box), face.landmarks.astype("<f4").tobytes().hex()]
        for face in library.store.faces(ids.tolist())
    ]
    assert found == [face[:4] for face in SAID["faces"]]
    for embedding, face in zip(embeddings, SAID["faces"], strict=True):
        assert embedding.astype("<f4").tobytes().hex().startswith(face[4])
    assert library.store.search(embeddings[6], 1) == [(int(ids[6]), 0.0)]


def test_files_and_dates_are_as_they_were(library: Library) -> None:
    columns = "path, sha256, size_bytes, mtime_ns, missing_since, taken_at, taken_offset_s, dated_by"
    found = [
        [os.fsdecode(path), *rest]
        for path, *rest in rows(library.folder, f"SELECT {columns} FROM paths JOIN photos ON photo_id = photos.id")
    ]
    assert sorted(found, key=repr) == sorted(SAID["files"], key=repr)


def test_facts_are_as_they_were_and_no_number_is_given_twice(library: Library) -> None:
    facts = dict(map(tuple, rows(library.folder, 'SELECT "key", value FROM library')))
    assert facts.items() >= {RENAMED.get(key, key): value for key, value in SAID["facts"].items()}.items()
    sequences = dict(map(tuple, rows(library.folder, "SELECT name, seq FROM sqlite_sequence")))
    assert sequences == {RENAMED.get(table, table): last for table, last in SAID["sequences"].items()}
    with library.store.transaction() as connection:
        assert clusters.new_number(connection) == int(SAID["facts"]["last_group"]) + 1


def test_the_tables_are_those_of_a_new_library(library: Library, tmp_path: Path) -> None:
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
    Store.create(tmp_path / "new", library.spec).close()
    told, new = (
        [[kind, name, " ".join(sql.split())] for kind, name, sql in rows(place, query)]
        for place in (library.folder, tmp_path / "new")
    )
    assert told == new
    assert rows(library.folder, "PRAGMA integrity_check") == [["ok"]]
    assert rows(library.folder, "PRAGMA foreign_key_check") == []


# -- undo -------------------------------------------------------------------------------------------------------------


def test_every_decision_can_be_undone_and_leaves_what_it_left(library: Library) -> None:
    for number, expected in enumerate(SAID["undo"], 1):
        undone = library.people.undo()
        assert undone is not None
        assert [undone.id, undone.kind, undone.summary] == expected["undone"]
        assert people_of(library) == said(expected), expected["undone"]
        assert history(library) == SAID["history"][number:]
    assert library.people.undo() is None


def test_new_decisions_stand_upon_the_old_ones(library: Library) -> None:
    made = [library.people.name("Cleo", "Cleopatra"), library.people.merge(["Cleopatra", "Dora"])]
    assert [decision.id for decision in made if decision] == [15, 16]
    library.people.undo()
    library.people.undo()
    assert people_of(library) == said(SAID)
    assert history(library) == SAID["history"]


@pytest.mark.parametrize(
    "name",
    ['"table": "grouped"', '"group_id": 3', '"table": "apart"', "group_id", 'O\'Neill "grouped"', '\\"group_id": \\'],
)
def test_names_that_look_like_the_undo_log_itself_come_back_as_they_are(folder: Path, name: str) -> None:
    was, now = ({"id": 1, "name": one, "ignored": False, "created_at": 1790000015.25} for one in (name, "Anna Maria"))
    changes = [
        {"table": "people", "key": {"id": 1}, "before": was, "after": now},
        {"table": "grouped", "key": {"face_id": 12}, "before": {"face_id": 12, "group_id": 3}, "after": None},
        {"table": "apart", "key": {"person_id": 1, "other_id": 3}, "before": None, "after": None},
    ]
    with closing(raw(folder)) as connection, connection:
        values = ("name", f"{name} is Anna Maria", 1.0, json.dumps(changes))
        connection.execute("INSERT INTO decisions (kind, summary, made_at, changes) VALUES (?, ?, ?, ?)", values)
    with Library(folder, create=False) as library:
        assert library.people.history()[0].summary == f"{name} is Anna Maria"
        library.people.undo()
        assert library.people.find(name).id == 3
        assert library.people.find(name).person.name == name  # type: ignore[union-attr]
        assert library.people.cluster_of(12) == 3
        assert history(library) == SAID["history"]


# -- migrated once, wholly or not at all ------------------------------------------------------------------------------


def test_opening_again_changes_nothing(folder: Path) -> None:
    Store.open(folder).close()
    migrated = dump(folder)
    with Library(folder, create=False) as library:
        assert library.people.history()
    assert dump(folder) == migrated


class Interrupted(list[str]):
    """Statements of which the last cannot be run any more: whoever runs them is stopped before it."""

    def __iter__(self) -> Iterator[str]:
        yield from list(super().__iter__())[:-1]
        raise KeyboardInterrupt


@pytest.mark.parametrize("done", range(len(m004_words.STATEMENTS)))
def test_an_interrupted_migration_leaves_the_old_format(
    folder: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    before = dump(folder)
    with monkeypatch.context() as patch:
        patch.setattr(m004_words, "STATEMENTS", Interrupted(m004_words.STATEMENTS[: done + 1]))
        with pytest.raises(KeyboardInterrupt):
            Store.open(folder)
    assert dump(folder) == before
    with Library(folder, create=False) as library:
        assert people_of(library) == said(SAID)
        assert history(library) == SAID["history"]


KILLED = """
import os, sys
from pathlib import Path
from facesearch.storage import Store
from facesearch.storage.migrations import m004_words

class Statements(list):
    def __iter__(self):
        yield from list(super().__iter__())[:6]
        os._exit(9)

m004_words.STATEMENTS = Statements(m004_words.STATEMENTS)
Store.open(Path(sys.argv[1]))
"""


def test_a_migration_that_is_killed_leaves_the_old_format(folder: Path) -> None:
    before = dump(folder)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder)], env=environment).returncode == 9
    assert len(rows(folder, "SELECT * FROM migrations")) == 3
    assert dump(folder) == before
    with Library(folder, create=False) as library:
        assert people_of(library) == said(SAID)
        assert history(library) == SAID["history"]


def test_formats_that_libraries_have_keep_their_numbers() -> None:
    assert migrations._NAMES[:4] == ["m001_initial", "m002_people", "m003_dates", "m004_words"]
