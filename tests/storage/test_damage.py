"""Damaged rows: `check` finds each, callers get one line, and forgetting, undoing and removing get through."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FAKE_SPEC
from people_samples import FORGOTTEN, PEOPLE_SPEC, a_collection, four_with_one_named

from facesearch.core.errors import FacesearchError, LibraryFormatError, LibraryMissingError
from facesearch.indexing.removal import remove
from facesearch.people import People
from facesearch.storage import Store, face_pages, photo_pages, undo_log
from facesearch.storage.checking import damage_in
from facesearch.storage.counts import count_all
from facesearch.storage.database import FILE_NAME
from facesearch.storage.face_table import read_all
from facesearch.storage.photo_filters import Wanted
from facesearch.storage.values import Flag, Id, PathType, Real, Text, Whole, tolerating, wrong_vectors

DIM = PEOPLE_SPEC.dim
NAN, HUGE = float("nan"), float("inf")
FACE = "UPDATE faces SET {} = ? WHERE id = 3"
# What somebody may have written into a row, and what `check` says it concerns.
ROWS: dict[str, tuple[str, Any, str]] = {
    "embedding NaN": (FACE.format("embedding"), np.full(DIM, NAN, "<f4").tobytes(), "face 3 on"),
    "embedding zero": (FACE.format("embedding"), bytes(4 * DIM), "face 3 on"),
    "embedding norm 3": (FACE.format("embedding"), np.full(DIM, 3 / DIM**0.5, "<f4").tobytes(), "face 3 on"),
    "embedding twice as long": (
        FACE.format("embedding"),
        np.full(2 * DIM, (2 * DIM) ** -0.5, "<f4").tobytes(),
        "face 3 on",
    ),
    "embedding text": (FACE.format("embedding"), "x" * 4 * DIM, "face 3 on"),
    "box infinite": (FACE.format("x2"), HUGE, "face 3 on"),
    "box text": (FACE.format("x1"), "NaN", "face 3 on"),
    "score text": (FACE.format("score"), "abc", "face 3 on"),
    "sharpness negative": (FACE.format("sharpness"), -1e300, "face 3 on"),
    "quality 7": (FACE.format("quality"), 7, "face 3 on"),
    "landmarks short": (FACE.format("landmarks"), b"x", "face 3 on"),
    "landmarks NaN": (FACE.format("landmarks"), np.full(10, NAN, "<f4").tobytes(), "face 3 on"),
    "date too far": ("UPDATE photos SET taken_at = ?", 1e18, "/"),
    "time zone": ("UPDATE photos SET taken_offset_s = ?", 10**15, "/"),
    "width 0": ("UPDATE photos SET width = ?", 0, "/"),
    "hash": ("UPDATE photos SET sha256 = ? WHERE id = 1", "../../x", "/"),
    "path with a zero": ("UPDATE paths SET path = ? WHERE photo_id = 1", "/a\0b", "/a"),
    "path relative": ("UPDATE paths SET path = ? WHERE photo_id = 1", "../x", "../x"),
    "size text": ("UPDATE paths SET size_bytes = ?", "x", "/"),
    "missing since": ("UPDATE paths SET missing_since = ?", HUGE, "/"),
    "name bytes": ("UPDATE people SET name = ?", b"\xff", "person"),
    "name not UTF-8": ("UPDATE people SET name = CAST(? AS TEXT)", b"\xed\xa0\x80", "person"),
    "ignored text": ("UPDATE people SET ignored = ?", "x", "person"),
    "cluster text": ("UPDATE clustered SET cluster_id = ? WHERE face_id = 3", "x", "face 3 on"),
    "cluster negative": ("UPDATE clustered SET cluster_id = ? WHERE face_id = 3", -5, "face 3 on"),
    "decision cut off": ("UPDATE undo_log SET changes = ?", "{", "decision"),
    "decision NaN": (
        "UPDATE undo_log SET changes = ?",
        '[{"table":"people","key":{"id":NaN},"before":null,"after":null}]',
        "decision",
    ),
    "decision nested": ("UPDATE undo_log SET changes = ?", "[" * 100_000, "decision"),
    "decision of SQL": (
        "UPDATE undo_log SET changes = ?",
        '[{"table":"people","key":{"id) OR (1":1},"before":null,"after":null}]',
        "decision",
    ),
    "decision's time": ("UPDATE undo_log SET made_at = ?", HUGE, "decision"),
    "cluster number": ("UPDATE library SET value = ? WHERE key = 'last_cluster'", "x", "the setting last_cluster"),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with four people, one of them named, and decisions."""
    folder = tmp_path_factory.mktemp("whole") / "library"
    with a_collection() as collection:
        four_with_one_named(collection)
        collection.people.name("2", "Bela")
        _ = collection.index.vectors
        shutil.copytree(collection.index.folder, folder)
    return folder


@pytest.fixture
def damaged(library: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of it in which a statement was run."""

    def run(statement: str, *values: object) -> Path:
        folder = tmp_path / "library"
        shutil.copytree(library, folder)
        with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            assert connection.execute(statement, values).rowcount
            connection.commit()
        return folder

    return run


def test_a_library_that_is_whole(library: Path) -> None:
    assert damage_in(library) == []


def test_where_there_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissingError, match="facesearch index"):
        damage_in(tmp_path)


@pytest.mark.parametrize("kind", ROWS)
def test_check_finds_each_damaged_row_and_says_what_it_concerns(kind: str, damaged: Callable[..., Path]) -> None:
    statement, value, about = ROWS[kind]
    found = damage_in(damaged(statement, value))
    assert any(about in one.about for one in found), found
    assert all("\n" not in one.told for one in found)


ASKED: list[Callable[[Store], object]] = [
    lambda store: store.known_paths(),
    lambda store: store.faces(store.embeddings()[0].tolist()),
    lambda store: store.vectors,
    lambda store: People(store, lambda: None).with_faces(),
    lambda store: People(store, lambda: None).photos(),
    lambda store: People(store, lambda: None).history(),
    lambda store: People(store, lambda: None).name("3", "Carl"),
]


def _reads(store: Store, ask: Callable[[Any], object]) -> None:
    with store.reading() as connection:
        ask(connection)


READ: list[Callable[[Any], object]] = [
    lambda connection: read_all(connection, DIM),
    lambda connection: face_pages.by_ids(connection, range(1, 20)),
    lambda connection: photo_pages.page(connection, Wanted(), None, 50),
    count_all,
    undo_log.history,
]


@pytest.mark.parametrize("kind", ROWS)
def test_every_caller_gets_an_answer_or_one_line(kind: str, damaged: Callable[..., Path]) -> None:
    folder = damaged(*ROWS[kind][:2])
    store = Store.open(folder)
    asked = [*(lambda ask=ask: ask(store) for ask in ASKED), *(lambda ask=ask: _reads(store, ask) for ask in READ)]
    told: list[str] = []
    for ask in asked:
        try:
            ask()
        except FacesearchError as error:
            told.append(str(error))
    store.close()
    assert not any("\n" in one for one in told)
    # What nothing here reads: a photo's hash, what decisions changed, the next number of a cluster.
    unread = {"hash", "path relative", "cluster number", "cluster negative"}
    assert told or kind in unread or kind.startswith("decision")


@pytest.mark.parametrize("kind", ROWS)
def test_forget_undo_and_remove_get_through(kind: str, damaged: Callable[..., Path]) -> None:
    folder = damaged(*ROWS[kind][:2])
    store = Store.open(folder)
    people = People(store, lambda: None)
    assert people.undo() is not None
    if not kind.startswith("name"):  # then nobody is called that any more
        assert people.forget(FORGOTTEN) > 0
    with tolerating():
        last = list(store.known_paths())[-1]
    assert remove(store, [last]) == 1
    store.close()


@pytest.mark.parametrize("changes", ["{", "null", "[1]", "[" * 100_000, "[]"])
def test_undoing_a_damaged_decision_takes_it_out_and_says_that_nothing_was_changed(
    changes: str, damaged: Callable[..., Path]
) -> None:
    store = Store.open(damaged("UPDATE undo_log SET changes = ?", changes))
    people = People(store, lambda: None)
    count, named = len(people.history()), people.with_faces()
    undone = people.undo()
    assert undone is not None
    assert "nothing was changed" in undone.summary
    assert len(people.history()) == count - 1
    assert people.with_faces() == named
    store.close()


MODEL = PEOPLE_SPEC.to_json()


@pytest.mark.parametrize(
    "value",
    ["", "{", "null", "7", "[]", "{}", MODEL.replace(f'"dim": {DIM}', '"dim": true'), MODEL.replace(f": {DIM}", ": 0")]
    + [json.dumps(json.loads(MODEL) | {key: 5}) for key in ("name", "network", "weights_sha256", "precision")]
    + [json.dumps(json.loads(MODEL) | {"preprocessing": json.loads(MODEL)["preprocessing"] | {"mean": "abc"}})],
)
def test_a_damaged_model_is_one_line(value: str, damaged: Callable[..., Path]) -> None:
    folder = damaged("UPDATE library SET value = ? WHERE key = 'model'", value)
    for open_it in (lambda: Store.open(folder), lambda: Store.create(folder, PEOPLE_SPEC)):
        with pytest.raises(LibraryFormatError, match=r"^the library is damaged, the setting model is .*check`[^\n]*$"):
            open_it()
    assert "the setting model" in [found.about for found in damage_in(folder)]


@pytest.mark.parametrize("which", ["key = 'model'", "key = 'uuid'", "1"])
def test_faces_without_a_model_are_not_taken_for_another_models(which: str, damaged: Callable[..., Path]) -> None:
    folder = damaged(f"DELETE FROM library WHERE {which} AND ?", 1)
    with pytest.raises(LibraryFormatError, match=r"the setting (model|uuid) is missing"):
        Store.create(folder, FAKE_SPEC)
    assert {"is missing"} <= {found.what for found in damage_in(folder)}


def test_one_embedding_of_twice_the_length_does_not_shift_the_others(damaged: Callable[..., Path]) -> None:
    store = Store.open(damaged(FACE.format("embedding"), np.full(2 * DIM, (2 * DIM) ** -0.5, "<f4").tobytes()))
    with store.reading() as connection, pytest.raises(LibraryFormatError, match=r"face 3.*facesearch check"):
        read_all(connection, DIM)
    store.close()


@pytest.mark.parametrize(
    ("kind", "sound", "unsound"),
    [
        (Real("x", 0, 1), [0.0, 1.0, 1], [-0.1, 1.1, HUGE, NAN, "0", b"0"]),
        (Whole("x", 0, 9), [0, 9], [-1, 10, 1.5, "1"]),
        (Id("x"), [1, 2**53], [0, -1, 2**62, "x"]),
        (Flag("x"), [0, 1], [2, "x"]),
        (Text("x", 3), ["", "abc", "é"], ["abcd", "a\0", "\ud800", b"a", 1]),
        (PathType(), ["/a", b"/\xff", "/\udce9"], ["", b"", "/a\0", 7]),
    ],
)
def test_the_boundaries_of_a_column(kind: Any, sound: list[Any], unsound: list[Any]) -> None:
    assert [value for value in sound if not kind.sound(value)] == []
    assert [value for value in unsound if kind.sound(value)] == []


def test_norms() -> None:
    vectors = np.eye(6, dtype=np.float32)
    vectors[1:] *= np.array([[1.004], [0.996], [1.02], [0], [NAN]], np.float32)
    assert wrong_vectors(vectors).tolist() == [False, False, False, True, True, True]


# -- files


def _other(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [_other, _pipe, lambda path: path.write_bytes(b"x" * 9000), Path.unlink])
@pytest.mark.parametrize("name", ["faces.faiss", "faces.faiss.json"])
def test_a_spoilt_vector_index_is_found_and_never_used(
    name: str, spoil: Callable[[Path], object], library: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    spoil(folder / name)
    assert bool(damage_in(folder)) == (spoil is not Path.unlink)
    store = Store.open(folder)
    ids, vectors = store.embeddings()
    assert sorted(store.vectors.ids().tolist()) == ids.tolist()
    assert store.search(vectors[0], 1)[0][1] == 0
    assert People(store, lambda: None).forget(FORGOTTEN) > 0
    store.close()


def test_a_foreign_vector_index_with_a_stamp_of_ours_is_not_used(library: Path, tmp_path: Path) -> None:
    import hashlib

    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    with a_collection() as other:
        four_with_one_named(other)
        other.people.forget("2")
        data = (other.index.folder / "faces.faiss").read_bytes()
    stamp = json.loads((folder / "faces.faiss.json").read_text()) | {"sha256": hashlib.sha256(data).hexdigest()}
    (folder / "faces.faiss").write_bytes(data)
    (folder / "faces.faiss.json").write_text(json.dumps(stamp))
    assert [one.file for one in damage_in(folder)] == ["faces.faiss"]
    store = Store.open(folder)
    assert sorted(store.vectors.ids().tolist()) == store.embeddings()[0].tolist()
    store.close()


@pytest.mark.parametrize("table", ["clustered", "faces"])
def test_a_table_that_is_gone(table: str, damaged: Callable[..., Path]) -> None:
    folder = damaged("UPDATE faces SET score = score")
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute(f"DROP TABLE {table}")
    assert f"the table {table}" in {one.about for one in damage_in(folder)}
    store = Store.open(folder)
    with pytest.raises(LibraryFormatError, match=f"no such table: {table}"):
        store.counts()
    store.close()


def test_a_page_of_zeros_is_found(library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    shutil.copytree(library, folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'faces'").fetchone()
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))
    assert any(one.about == "the table faces" for one in damage_in(folder))
