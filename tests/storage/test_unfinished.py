"""What a deletion leaves to do is done by whoever opens or writes the library next, and repeating it is no mistake."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from index_samples import face_ids, filled
from people_samples import FORGOTTEN, Collection, a_collection, check, four_with_one_named

from facesearch.indexing import removal
from facesearch.storage import Store, database, unfinished
from facesearch.storage.database import FILE_NAME

Finder = Callable[[Store, bytes], list[str]]


@pytest.fixture
def collection() -> Iterator[Collection]:
    with a_collection() as collection:
        four_with_one_named(collection)
        yield collection
        check(collection.index)


def embeddings(collection: Collection, person: int) -> list[bytes]:
    return [collection.index.embedding(face).astype("<f4").tobytes() for face in collection.faces[person]]


def kill_before_overwriting(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_overwrite", lambda *_, **__: None)
        collection.people.forget(FORGOTTEN)
    assert collection.index.bytes_left


def test_a_killed_forget_is_ended_by_opening(
    collection: Collection, bytes_in: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = embeddings(collection, 0)
    _ = collection.index.vectors
    kill_before_overwriting(collection, monkeypatch)
    assert bytes_in(collection.index, theirs[0])
    opened = Store.open(collection.index.folder)
    assert not opened.bytes_left
    assert [bytes_in(opened, one) for one in theirs] == [[]] * 7
    opened.close()
    assert collection.people.forget(FORGOTTEN) == 0


def test_a_killed_forget_is_ended_by_the_next_writer(
    collection: Collection, bytes_in: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = embeddings(collection, 0)
    _ = collection.index.vectors
    kill_before_overwriting(collection, monkeypatch)
    assert collection.people.forget(FORGOTTEN) == 0
    assert not collection.index.bytes_left
    assert [bytes_in(collection.index, one) for one in theirs] == [[]] * 7


def test_beside_a_reader_bytes_go_when_it_has_closed(
    collection: Collection, bytes_in: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (database, unfinished):
        monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 100)
    theirs, folder = embeddings(collection, 0), collection.index.folder
    writer = Collection(Store.open(folder))  # whose connections wait for as long
    with closing(sqlite3.connect(folder / FILE_NAME)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM faces").fetchone() == (28,)
        assert writer.people.forget(FORGOTTEN) == 7
        assert writer.index.bytes_left
        Store.open(folder).close()  # does not wait for it
        assert writer.index.bytes_left
        reader.execute("ROLLBACK")
    writer.index.close()
    opened = Store.open(folder)
    assert not opened.bytes_left
    assert [bytes_in(opened, one) for one in theirs] == [[]] * 7
    opened.close()


def test_nothing_is_noted_where_nothing_was_deleted(index: Store) -> None:
    filled(index, 3)
    assert not index.bytes_left
    with index.transaction() as connection:
        unfinished.note(connection)
        assert unfinished.is_noted(connection)
    assert not index.bytes_left


def test_removing_is_one_transaction(index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before its end, nothing has happened; the folder is never listed without its photos."""
    filled(index, 3)
    index.start_run("index", ["/p"])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("facesearch.storage.store.roots_of.forget", killed)
        with pytest.raises(KeyboardInterrupt):
            removal.remove(index, "/p")
    assert (face_ids(index), index.roots()) == ([1, 2, 3], ["/p"])
    assert removal.remove(index, "/p") == 3
    assert (face_ids(index), index.roots()) == ([], [])
    assert removal.remove(index, "/p") == 0


def test_a_folder_that_an_interrupted_removal_has_left_can_be_removed(index: Store) -> None:
    filled(index, 1)
    index.start_run("index", ["/p"])
    index.forget_paths(["/p/0"])
    assert index.roots() == ["/p"]
    assert removal.remove(index, "/p") == 0
    assert index.roots() == []


def test_folders_that_are_gone_or_empty_are_not_kept(index: Store, tmp_path: Path) -> None:
    for name in ("empty", "full", "gone"):
        (tmp_path / name).mkdir()
    (tmp_path / "full/notes.txt").touch()
    filled(index, 1)
    index.start_run("index", [str(tmp_path / name) for name in ("empty", "full", "gone")] + ["/p"])
    (tmp_path / "gone").rmdir()
    assert removal.empty_roots(index) == [str(tmp_path / "empty"), str(tmp_path / "gone")]
    assert removal.empty_roots(index, ["/p/0"]) == ["/p", str(tmp_path / "empty"), str(tmp_path / "gone")]
    assert removal.remove_missing(index) == 0
    assert index.roots() == ["/p", str(tmp_path / "full")]  # photos that are offline keep their folder
