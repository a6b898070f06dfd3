"""SQLite is the truth: whatever happens to the FAISS file, search finds what the database holds."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_samples import a_photo, filled, put, unit

from facesearch.storage import Store
from facesearch.storage.database import FILE_NAME as DATABASE
from facesearch.storage.lock import WriterLock
from facesearch.storage.vectors import FILE_NAME, STAMP_NAME, FaissIndex, Stamp

COUNT = 30


@pytest.fixture
def full(index: Store) -> Store:
    """An index with faces 1 to COUNT and a cache file that fits; nothing of it in memory."""
    filled(index, COUNT)
    _ = index.vectors
    return forgetful(index)


def forgetful(index: Store) -> Store:
    """As another process would see it: nothing is in memory."""
    index._cache = None
    return index


def stamp_of(index: Store) -> Stamp:
    with index.reading() as connection:
        return index._current_stamp(connection)


def is_good(index: Store) -> bool:
    """Whether the cache file fits what the database holds."""
    loaded = FaissIndex.load(index.folder, stamp_of(index))
    if loaded is None:
        return False
    ids, vectors = index.embeddings()
    return loaded.ids().tolist() == ids.tolist() and np.array_equal(loaded.vectors(ids), vectors)


def search_is_right(index: Store) -> bool:
    ids, vectors = index.embeddings()
    nearest = [index.search(vector, 1) for vector in vectors]
    return len(index.vectors) == len(ids) and nearest == [[(face, 0.0)] for face in ids.tolist()]


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3] ^= 1
    path.write_bytes(data)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


DAMAGES = [remove, truncate, empty, flip, lengthen]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [FILE_NAME, STAMP_NAME])
def test_a_damaged_cache_is_built_again(full: Store, name: str, damage: Callable[[Path], None]) -> None:
    assert is_good(full)
    damage(full.folder / name)
    assert not is_good(full)
    assert search_is_right(full)
    assert is_good(full)


def change(**values: object) -> Callable[[dict[str, object]], object]:
    return lambda stamp: {**stamp, **values}


@pytest.mark.parametrize(
    "forge",
    [
        change(library="0" * 32),
        change(generation="0"),
        change(generation=None),
        change(sha256="0" * 64),
        change(sha256=7),
        lambda stamp: {key: value for key, value in stamp.items() if key != "sha256"},
        lambda stamp: [],
        lambda stamp: "text",
        lambda stamp: None,
    ],
)
def test_a_stamp_that_does_not_fit_is_not_believed(full: Store, forge: Callable[[dict[str, object]], object]) -> None:
    path = full.folder / STAMP_NAME
    path.write_text(json.dumps(forge(json.loads(path.read_bytes()))))
    assert FaissIndex.load(full.folder, stamp_of(full)) is None
    assert search_is_right(full)
    assert is_good(full)


def test_a_stamp_that_is_garbage_is_not_believed(full: Store) -> None:
    for garbage in (b"{", b"\xff\xfe\x00", b"[" * 100):
        (full.folder / STAMP_NAME).write_bytes(garbage)
        assert search_is_right(forgetful(full))
        assert is_good(full)


def test_a_file_that_faiss_cannot_read_is_built_again_even_with_the_right_sum(full: Store) -> None:
    import hashlib

    data = b"a format of the future"
    (full.folder / FILE_NAME).write_bytes(data)
    path = full.folder / STAMP_NAME
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "sha256": hashlib.sha256(data).hexdigest()}))
    assert search_is_right(full)
    assert is_good(full)


def test_the_cache_of_another_library_is_not_believed(full: Store, tmp_path: Path) -> None:
    other = Store.create(tmp_path / "other", full.spec)
    put(other, other.start_run("index"), *(a_photo(f"/q/{i}", f"q{i}", [unit(1000 + i)]) for i in range(COUNT)))
    _ = other.vectors
    for name in (FILE_NAME, STAMP_NAME):
        shutil.copy(other.folder / name, full.folder / name)
    assert search_is_right(full)
    assert is_good(full)
    other.close()


def test_the_cache_of_an_older_generation_is_not_believed(full: Store, tmp_path: Path) -> None:
    old = shutil.copytree(full.folder, tmp_path / "old")
    put(full, 1, a_photo("/p/new", "new", [unit(500)]))
    full.forget_paths(["/p/3"])  # the number of faces is what it was
    for name in (FILE_NAME, STAMP_NAME):
        shutil.copy(old / name, full.folder / name)
    assert search_is_right(forgetful(full))
    assert is_good(full)


def test_the_cache_of_a_future_that_was_undone_by_a_backup_is_not_believed(full: Store) -> None:
    """The database is put back, as from a backup or by a power cut, and changes as often as before, but differently."""
    full.close()
    backup = (full.folder / DATABASE).read_bytes()
    lost = Store.open(full.folder)
    put(lost, 1, a_photo("/p/lost", "lost", [unit(500)]))
    _ = lost.vectors
    lost.close()
    (full.folder / DATABASE).write_bytes(backup)
    restored = Store.open(full.folder)
    put(restored, 1, a_photo("/p/other", "other", [unit(501)]))
    assert restored.search(unit(501), 1) == [(COUNT + 1, 0.0)]
    assert is_good(restored)
    restored.close()


@pytest.mark.parametrize("damage", [remove, flip])
def test_while_somebody_writes_the_cache_is_built_in_memory_only(full: Store, damage: Callable[[Path], None]) -> None:
    damage(full.folder / FILE_NAME)
    before = {path.name: path.read_bytes() for path in full.folder.glob("faces*")}
    reader = Store.open(full.folder)
    with WriterLock(full.folder).held():
        assert search_is_right(reader)
        assert {path.name: path.read_bytes() for path in full.folder.glob("faces*")} == before
    reader.close()


def test_a_cache_that_cannot_be_written_is_done_without(full: Store) -> None:
    remove(full.folder / FILE_NAME)
    (full.folder / f"{FILE_NAME}.part").mkdir()  # in the way
    assert search_is_right(full)


def test_a_cache_that_fits_is_not_built_again(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaissIndex, "build", None)
    assert search_is_right(full)


def test_a_crash_between_the_file_and_its_stamp(full: Store) -> None:
    old = (full.folder / STAMP_NAME).read_bytes()
    put(full, 1, a_photo("/p/new", "new", [unit(500)]))
    _ = full.vectors
    (full.folder / STAMP_NAME).write_bytes(old)
    assert search_is_right(forgetful(full))
    assert is_good(full)


# -- generation ---------------------------------------------------------------------------------------------------

RAISING = [
    "INSERT INTO faces SELECT NULL, photo_id, x1, y1, x2, y2, landmarks, score, sharpness, embedding, quality, defect, "
    "drawn FROM faces",
    "INSERT OR REPLACE INTO faces SELECT id, photo_id, x1, y1, x2, y2, landmarks, score, 0, embedding, quality, "
    "defect, drawn FROM faces",
    "DELETE FROM faces WHERE id = 1",
    "DELETE FROM faces",
    "DELETE FROM photos WHERE id = 1",
    "UPDATE faces SET embedding = (SELECT embedding FROM faces WHERE id = 2) WHERE id = 1",
    "UPDATE faces SET id = 100 WHERE id = 1",
]
NOT_RAISING = [
    "UPDATE faces SET x1 = 5, score = 0.1, photo_id = 2",
    "DELETE FROM faces WHERE id = 1000",
    "UPDATE paths SET mtime_ns = 0",
    "DELETE FROM paths WHERE path = '/p/1'",
    "UPDATE photos SET width = 1",
    "INSERT INTO failures VALUES ('/p/x', 'damaged', 1)",
    "INSERT INTO pending_photos VALUES (1, 'f', 20)",
    "INSERT INTO pending_faces VALUES (1, 'f', 1, 1, 1, 0, 0, 1, 1, x'00', 1, 1, x'00', NULL, NULL)",
    "SELECT count(*) FROM faces",
]


def generation(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT value FROM library WHERE key = 'generation'").fetchone()[0])


@pytest.mark.parametrize(("statement", "raises"), [(s, True) for s in RAISING] + [(s, False) for s in NOT_RAISING])
def test_whatever_changes_faces_raises_the_generation(full: Store, statement: str, raises: bool) -> None:
    with sqlite3.connect(full.folder / DATABASE) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        before = generation(connection)
        connection.execute(statement)
        after = generation(connection)
    if raises:
        assert int(after.split("-")[0]) > int(before.split("-")[0])
        assert search_is_right(full) or "embedding" in statement
        assert is_good(full)
    else:
        assert after == before


def test_forgetting_files_raises_the_generation(full: Store) -> None:
    before = stamp_of(full)
    full.forget_paths(["/p/not-there"])
    assert stamp_of(full) == before
    full.forget_paths(["/p/1"])
    assert stamp_of(full) != before
    assert search_is_right(full)
    assert is_good(full)
