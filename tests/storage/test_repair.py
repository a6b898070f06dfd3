"""`check --repair`: what the photos tell is made again from them, the rest is set aside with a list."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE_SPEC
from labelled_samples import save_people
from library_states import all_faces

from facesearch.indexing.checking import check, repair
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

DATABASE = "library.sqlite3"


@pytest.fixture
def folder(tmp_path: Path, fake_pipeline: Pipeline) -> Path:
    """A library of twelve photos of three people, of whom one has a name."""
    photos = save_people(tmp_path / "photos", 3, 4)
    Store.create(tmp_path / "library", FAKE_SPEC).close()
    with Library(tmp_path / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index([photos])
        library.cluster(eps=0.3)
        library.people.name("1", "Anna")
    return tmp_path / "library"


def spoilt(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute(statement, values)
        connection.commit()


def state(folder: Path) -> tuple[Any, ...]:
    """All faces with their embeddings, and who they are."""
    store = Store.open(folder)
    found = [(face.id, face.box, face.landmarks.tolist()) for face in all_faces(store)]
    embeddings = store.embeddings()[1].tolist()
    store.close()
    with Library(folder, create=False) as library:
        return found, embeddings, library.people.with_faces(), [one.summary for one in library.people.history()]


SPOILT: list[tuple[str, tuple[object, ...]]] = [
    ("UPDATE faces SET embedding = zeroblob(length(embedding)) WHERE id IN (2, 5)", ()),
    ("UPDATE faces SET embedding = ?", (b"abc",)),
    ("UPDATE faces SET x1 = ? WHERE id = 3", (float("inf"),)),
    ("UPDATE faces SET landmarks = ? WHERE id = 3", (b"x",)),
    ("UPDATE faces SET score = ?, sharpness = ?", ("a", "b")),
    ("UPDATE photos SET width = ?", ("x",)),
    ("UPDATE photos SET taken_at = ?", (1e18,)),
    ("UPDATE photos SET sha256 = ? WHERE id = 1", (b"\xff",)),
]


@pytest.mark.parametrize(("statement", "values"), SPOILT)
def test_what_the_photos_tell_is_made_again_from_them(
    statement: str, values: tuple[object, ...], folder: Path, fake_pipeline: Pipeline
) -> None:
    before = state(folder)
    spoilt(folder, statement, *values)
    found = check(folder)
    assert found
    result = repair(folder, lambda _: fake_pipeline)
    assert (result.found, result.left, result.rebuilt, result.aside) == (tuple(found), (), len(found), None)
    assert check(folder) == []
    assert state(folder) == before


def test_what_cannot_be_made_again_is_set_aside_with_a_list(folder: Path, fake_pipeline: Pipeline) -> None:
    shutil.rmtree(folder.parent / "photos")
    spoilt(folder, "UPDATE faces SET embedding = ? WHERE id = 2", b"abc")
    spoilt(folder, "UPDATE undo_log SET changes = ?", "{")
    result = repair(folder, lambda _: fake_pipeline)
    assert (result.left, result.rebuilt) == ((), 0)
    assert result.aside is not None
    listed = json.loads((result.aside / "list.json").read_text())
    assert {row["table"] for row in listed} == {"faces", "undo_log"}
    assert {row["values"]["embedding"] for row in listed if row["table"] == "faces"} == {b"abc".hex()}
    assert (result.aside.stat().st_mode & 0o777, (result.aside / "list.json").stat().st_mode & 0o777) == (0o700, 0o600)
    with Library(folder, create=False) as library:
        assert library.people.history() == []
        assert 2 not in [face.id for face in all_faces(library.store)]


def test_a_fact_that_can_be_missing_goes_alone(folder: Path, fake_pipeline: Pipeline) -> None:
    spoilt(folder, "UPDATE people SET name = ?", b"\xff")
    spoilt(folder, "UPDATE paths SET size_bytes = ?, missing_since = ?", "x", "y")
    result = repair(folder, lambda _: fake_pipeline)
    assert result.left == ()
    with Library(folder, create=False) as library:
        assert [one.person.name for one in library.people.with_faces() if one.person] == [None]
        library.__dict__["pipeline"] = fake_pipeline
        report = library.index([folder.parent / "photos"])
        assert all(known.size_bytes > 0 and not known.missing for known in library.store.known_paths().values())
    assert report.indexed == 0  # all are read again, and known by their content


def test_settings_caches_and_calibration(folder: Path, fake_pipeline: Pipeline) -> None:
    spoilt(folder, "DELETE FROM library WHERE key = 'uuid'")
    spoilt(folder, "UPDATE library SET value = 'x' WHERE key IN ('generation', 'last_cluster', 'detector')")
    (folder / "calibration.json").write_text("{")
    (folder / "pictures.sqlite3").write_bytes(b"x" * 5000)
    assert len(check(folder)) >= 4
    result = repair(folder, lambda _: fake_pipeline)
    assert result.left == ()
    assert result.aside is not None
    assert [path.name for path in result.aside.iterdir()] == ["calibration.json"]
    with Library(folder, create=False) as library:
        assert library.cluster(eps=0.3).clusters


def test_pages_that_cannot_be_read_cost_only_their_rows(folder: Path, fake_pipeline: Pipeline) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'undo_log'").fetchone()
    before = state(folder)
    with (folder / DATABASE).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))
    result = repair(folder, lambda _: fake_pipeline)
    assert (result.left, result.lost_rows) == ((), True)
    assert result.aside is not None
    assert (result.aside / DATABASE).exists()
    assert state(folder) == (*before[:3], [])


def test_a_library_that_is_whole_is_left_alone(folder: Path, fake_pipeline: Pipeline) -> None:
    before = (folder / DATABASE).read_bytes()
    assert repair(folder, lambda _: fake_pipeline).found == ()
    assert (folder / DATABASE).read_bytes() == before
