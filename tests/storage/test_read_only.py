"""A library on a medium that cannot be written: it can be looked at, and what writes says so at once."""

import os
import shutil
from pathlib import Path

import pytest
from index_samples import SPEC, face_ids, filled, unit

from facesearch.core.errors import LibraryError, LibraryFormatError
from facesearch.storage import Store, database
from facesearch.storage.checking import damage_in


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of five faces; root may write everywhere, so `access` answers as on such a medium."""
    folder = tmp_path / "library"
    store = Store.create(folder, SPEC)
    filled(store, 5)
    _ = store.vectors
    store.close()
    writable = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).startswith(str(tmp_path)) and writable(path, mode)
    )
    return folder


def test_it_can_be_looked_at_and_nothing_is_written(read_only: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in read_only.iterdir()}
    store = Store.open(read_only)
    assert face_ids(store) == [1, 2, 3, 4, 5]
    assert store.search(unit(2), 1)[0][0] == 3
    assert store.counts().faces == 5
    store.close()
    assert damage_in(read_only) == []
    assert {path.name: path.stat().st_mtime_ns for path in read_only.iterdir()} == before


def test_writing_says_so(read_only: Path) -> None:
    store = Store.open(read_only)
    with pytest.raises(LibraryError, match="cannot be used"), store.transaction():
        pass
    store.close()


def test_changes_in_a_log_are_read_or_said_to_be_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(tmp_path / "library", SPEC)
    filled(store, 3)
    shutil.copytree(store.folder, tmp_path / "snapshot")
    shutil.copy(tmp_path / "snapshot" / "library.sqlite3-wal", tmp_path / "kept-wal")
    store.close()
    monkeypatch.setattr(database, "is_read_only", lambda _: True)
    snapshot = Store.open(tmp_path / "snapshot")
    assert len(face_ids(snapshot)) == 3
    snapshot.close()
    shutil.copy(tmp_path / "kept-wal", tmp_path / "snapshot" / "library.sqlite3-wal")
    (tmp_path / "snapshot" / "library.sqlite3-shm").unlink(missing_ok=True)
    with pytest.raises(LibraryError, match=r"-wal holds changes .* copy"):
        Store.open(tmp_path / "snapshot")


def test_an_older_format_is_not_brought_up_to_date(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facesearch.storage import migrations

    monkeypatch.setattr(migrations, "LATEST", migrations.LATEST + 1)
    with pytest.raises(LibraryFormatError, match="needs write access"):
        Store.open(read_only)
