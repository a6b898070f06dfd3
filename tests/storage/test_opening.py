"""Making and opening a library, and what is said where there is none, or something else."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from index_samples import OTHER_SPEC, SPEC, a_photo, filled, put

from facesearch.core.errors import (
    LibraryError,
    LibraryFormatError,
    LibraryLockedError,
    LibraryMissingError,
    ModelMismatchError,
)
from facesearch.embedding import DEFAULT_MODEL
from facesearch.library import Library
from facesearch.storage import Store, migrations
from facesearch.storage.database import FILE_NAME, open_database
from facesearch.storage.lock import WriterLock


def raw(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / FILE_NAME, isolation_level=None)


def test_what_was_created_is_opened_with_its_model(index: Store) -> None:
    again = Store.open(index.folder)
    assert (again.uuid, again.spec) == (index.uuid, SPEC)
    again.close()


def test_two_libraries_are_told_apart(index: Store, tmp_path: Path) -> None:
    other = Store.create(tmp_path / "other", SPEC)
    assert other.uuid != index.uuid
    other.close()


def test_creating_what_is_there_opens_it_even_while_somebody_writes(index: Store) -> None:
    with WriterLock(index.folder).held():
        again = Store.create(index.folder, SPEC)
    assert again.uuid == index.uuid
    again.close()


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_a_library(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "empty"
    if make:
        folder.mkdir()
    with pytest.raises(LibraryMissingError, match=r"empty.*`facesearch index FOLDER`"):
        Store.open(folder)
    assert folder.exists() == make
    assert not make or not list(folder.iterdir())


@pytest.mark.parametrize(
    "content", [b"this is no database, " * 300, b"\0" * 8192, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_a_file_that_is_no_database_is_reported_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(LibraryFormatError, match=r"library\.sqlite3") as caught:
        Store.open(tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / FILE_NAME).read_bytes() == content


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_database(index: Store, share: float) -> None:
    filled(index, 200)
    index.close()
    path = index.folder / FILE_NAME
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(LibraryFormatError, match=r"library\.sqlite3"):
        Store.open(index.folder)


def test_damage_that_shows_only_later_is_an_error_of_ours_too(index: Store) -> None:
    filled(index, 300)
    index.close()
    path = index.folder / FILE_NAME
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xa5" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(LibraryFormatError):
        Store.open(index.folder).embeddings()


def test_a_full_disk_is_an_error_of_ours_and_loses_nothing(index: Store) -> None:
    vectors = filled(index, 5)
    with index.reading() as connection:  # the pool has this one connection, and gives it to the writer next
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    run = 1
    with pytest.raises(LibraryError):
        put(index, run, *(a_photo(f"/more/{i}", f"more{i}", vectors) for i in range(200)))
    assert index.counts().faces == 5


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    raw(tmp_path).execute("CREATE TABLE songs (title)")
    with pytest.raises(LibraryFormatError, match="--library"):
        Store.create(tmp_path, SPEC)
    assert raw(tmp_path).execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_newer_format_asks_for_an_update(index: Store) -> None:
    index.close()
    raw(index.folder).execute("INSERT INTO migrations VALUES ('m999_future', 0)")
    latest = migrations.LATEST
    with pytest.raises(LibraryFormatError, match=rf"\b{latest + 1}\b.*\b{latest}\b"):
        Store.open(index.folder)


def test_a_library_whose_making_was_cut_off_is_none_until_it_is_made_again(index: Store) -> None:
    index.close()
    raw(index.folder).execute("DELETE FROM library")  # as when the process was killed after the migrations
    with pytest.raises(LibraryMissingError, match="`facesearch index FOLDER`"):
        Store.open(index.folder)
    finished = Store.create(index.folder, OTHER_SPEC)
    assert finished.spec == OTHER_SPEC
    filled_again = Store.open(index.folder)
    assert filled_again.uuid == finished.uuid
    finished.close()
    filled_again.close()


def test_a_library_that_has_no_model_yet_is_made_for_the_default_one(tmp_path: Path) -> None:
    """Its tables are there; whoever made them was killed then."""
    open_database(tmp_path).dispose()
    with pytest.raises(LibraryMissingError):
        Library(tmp_path, create=False)
    with Library(tmp_path) as library:
        assert library.status().model == DEFAULT_MODEL


def test_a_library_is_not_made_while_another_process_makes_it(tmp_path: Path) -> None:
    with WriterLock(tmp_path).held(), pytest.raises(LibraryLockedError):
        Store.create(tmp_path, SPEC)
    Store.create(tmp_path, SPEC).close()


def test_another_model_is_refused_with_both_names_and_the_command(index: Store) -> None:
    message = rf"made-up \({SPEC.fingerprint}\).*other \({OTHER_SPEC.fingerprint}\).*facesearch migrate --model other"
    with pytest.raises(ModelMismatchError, match=message):
        index.require_model(OTHER_SPEC)
    with pytest.raises(ModelMismatchError, match=message):
        Store.create(index.folder, OTHER_SPEC)
    assert Store.open(index.folder).spec == SPEC


def test_the_same_model_under_another_name_is_the_same_model(index: Store) -> None:
    index.require_model(replace(SPEC, name="a-copy", licence="other words"))


def test_faces_with_embeddings_of_another_length_are_damage(index: Store) -> None:
    filled(index, 3)
    raw(index.folder).execute("UPDATE faces SET embedding = x'00000000' WHERE id = 2")
    with pytest.raises(LibraryFormatError, match=r"\b8\b"):
        index.embeddings()
