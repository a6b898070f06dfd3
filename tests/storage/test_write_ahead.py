"""The write-ahead log of another database, or of another time, is refused; a library that lost its database, too."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from index_samples import SPEC, face_ids, filled

from facesearch.core.errors import LibraryFormatError
from facesearch.storage import Store
from facesearch.storage.checking import damage_in
from facesearch.storage.database import FILE_NAME

LOG = FILE_NAME + "-wal"


@contextmanager
def killed(folder: Path, to: Path, faces: int) -> Iterator[Path]:
    """A copy of a library whose last writer was killed: with its log."""
    store = Store.create(folder, SPEC)
    filled(store, faces)
    shutil.copytree(folder, to)
    store.close()
    assert (to / LOG).stat().st_size > 0
    yield to


def test_the_log_of_a_killed_writer_is_played_in(tmp_path: Path) -> None:
    with killed(tmp_path / "a", tmp_path / "copy", 5) as copy:
        store = Store.open(copy)
        assert len(face_ids(store)) == 5
        store.close()
        assert damage_in(copy) == []


def test_the_log_of_another_library_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    with killed(tmp_path / "a", tmp_path / "one", 5) as one, killed(tmp_path / "b", tmp_path / "two", 9) as two:
        Store.open(one).close()  # the log is played in, and gone
        before = (one / FILE_NAME).read_bytes()
        shutil.copy(two / LOG, one)
        with pytest.raises(LibraryFormatError, match=f"{LOG} is not the log of this .* move {LOG} and"):
            Store.open(one)
        assert "is not the log" in damage_in(one)[0].what
        assert (one / FILE_NAME).read_bytes() == before
        (one / LOG).unlink()
        store = Store.open(one)
        assert len(face_ids(store)) == 5
        store.close()


def test_an_older_backup_of_the_same_library_does_not_get_the_newer_log(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    store = Store.create(folder, SPEC)
    filled(store, 3)
    store.close()
    backup = (folder / FILE_NAME).read_bytes()
    store = Store.open(folder)
    store.start_run("index")
    store.close()
    store = Store.open(folder)  # begins a log that the backup knows nothing of
    store.start_run("index")
    shutil.copytree(folder, tmp_path / "restored")
    store.close()
    (tmp_path / "restored" / FILE_NAME).write_bytes(backup)
    with pytest.raises(LibraryFormatError, match="is not the log of this"):
        Store.open(tmp_path / "restored")


def test_a_library_of_before_is_counted_from_its_first_writer_on(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    Store.create(folder, SPEC).close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store = Store.open(folder)
    filled(store, 2)
    shutil.copytree(folder, tmp_path / "copy")  # as when that writer is killed
    store.close()
    again = Store.open(tmp_path / "copy")
    assert len(face_ids(again)) == 2
    again.close()


def test_what_a_power_cut_leaves_of_a_log_in_which_nothing_was_finished(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    Store.create(folder, SPEC).close()
    (folder / LOG).write_bytes(bytes(9000))
    Store.open(folder).close()
    (folder / LOG).write_bytes(os.urandom(9000))
    with pytest.raises(LibraryFormatError, match="is not the log"):
        Store.open(folder)


@pytest.mark.parametrize("left", ["faces.faiss", "pictures.sqlite3", "calibration.json", LOG])
@pytest.mark.parametrize("empty", [False, True])
def test_a_library_whose_database_is_gone_is_not_begun_anew(tmp_path: Path, left: str, empty: bool) -> None:
    if empty:
        (tmp_path / FILE_NAME).touch()
        if left == LOG:
            pytest.skip("SQLite makes a log before it has written anything into an empty database")
    (tmp_path / left).write_bytes(b"x" * 99)
    for open_it in (lambda: Store.create(tmp_path, SPEC), lambda: Store.open(tmp_path)):
        with pytest.raises(LibraryFormatError, match=f"gone or empty, and {left} is still there"):
            open_it()
    assert "still there" in damage_in(tmp_path)[0].what
