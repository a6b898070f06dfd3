"""One writer among processes, and readers that never wait."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from index_samples import a_photo, face_ids, filled, put, unit

from facesearch.core.errors import LibraryError, LibraryLockedError
from facesearch.storage import Store
from facesearch.storage.lock import WriterLock
from facesearch.storage.vectors import FaissIndex

# Takes the lock, begins to delete all faces, says so, and waits to be told to go on.
WRITER = """
import sys
from pathlib import Path
from facesearch.storage import Store
index = Store.open(Path(sys.argv[2]))
with index.transaction() as connection:
    connection.exec_driver_sql("DELETE FROM photos")
    print("writing", flush=True)
    sys.stdin.readline()
print("written", flush=True)
"""


@pytest.fixture
def writer(index: Store) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a transaction that deletes everything."""
    filled(index, 3)
    _ = index.vectors
    command = [sys.executable, "-c", WRITER, "index", str(index.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_a_second_writer_is_told_who_the_first_is(index: Store, writer: subprocess.Popen[str]) -> None:
    with pytest.raises(LibraryLockedError, match=rf"\b{writer.pid}, .*index"):
        index.start_run("index")


def test_a_reader_sees_the_old_state_until_the_writer_is_done(index: Store, writer: subprocess.Popen[str]) -> None:
    reader = Store.open(index.folder)
    assert face_ids(reader) == [1, 2, 3]
    assert reader.search(unit(1), 1) == [(2, 0.0)]
    assert reader.counts().photos == 3
    writer.communicate("\n")
    assert face_ids(reader) == []
    assert reader.search(unit(1), 1) == []
    reader.close()


def test_a_killed_writer_holds_no_lock_and_has_written_nothing(index: Store, writer: subprocess.Popen[str]) -> None:
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert face_ids(index) == [1, 2, 3]
    put(index, 1, a_photo("/p/new", "new", [unit(9)]))
    assert face_ids(index) == [1, 2, 3, 4]
    assert not (index.folder / "writer.txt").exists()


def test_the_thread_that_holds_the_lock_may_take_it_again(index: Store) -> None:
    with index.writing():
        with index.writing():
            run = index.start_run("index")
        put(index, run, a_photo("/p/a", "a"))
        assert (index.folder / "writer.txt").read_text().startswith(f"process {os.getpid()}")
        with pytest.raises(LibraryLockedError, match=str(os.getpid())):
            Store.open(index.folder).start_run("index")
    assert not (index.folder / "writer.txt").exists()
    Store.open(index.folder).start_run("index")


def test_another_thread_may_not(index: Store) -> None:
    errors: list[BaseException] = []

    def write() -> None:
        try:
            index.start_run("index")
        except LibraryLockedError as error:
            errors.append(error)

    with index.writing():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_a_search_that_keeps_its_vectors_keeps_no_writer_away(index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(index, 3)
    reader, runs = Store.open(index.folder), []
    save = FaissIndex.save

    def slow_save(*args: object) -> None:
        runs.append(index.start_run("index"))  # another process begins to write just then
        save(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(FaissIndex, "save", slow_save)
    assert reader.search(unit(1), 1) == [(2, 0.0)]
    assert runs == [2]
    reader.close()


def test_an_error_lets_go_of_the_lock(index: Store) -> None:
    with pytest.raises(ZeroDivisionError), index.writing():
        _ = 1 / 0
    Store.open(index.folder).start_run("index")


def test_threads_can_read_while_their_index_writes(index: Store) -> None:
    vectors = filled(index, 20)
    found: list[bool] = []

    def read() -> None:
        for row in range(20):
            found.append(index.search(vectors[row], 1) == [(row + 1, 0.0)] and index.photo_ids(["0" * 64]) == {})

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(10):
        put(index, 1, a_photo(f"/more/{i}", f"more{i}", [unit(1000 + i)]))
    for thread in threads:
        thread.join()
    assert found == [True] * 80


def test_a_folder_in_which_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").mkdir()  # cannot be opened as a file, not even by root
    with pytest.raises(LibraryError), WriterLock(tmp_path).held():
        pass


CREATE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from index_samples import SPEC
from facesearch.core.errors import LibraryLockedError
from facesearch.storage import Store
print("ready", flush=True)
sys.stdin.readline()
try:
    print(Store.create(Path(sys.argv[2]), SPEC).uuid)
except LibraryLockedError:
    print("locked")
"""


def test_processes_that_make_a_library_at_once_make_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CREATE, str(Path(__file__).parents[1]), str(tmp_path)]
    makers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("\n")
        maker.stdin.flush()
    answers = [maker.communicate() for maker in makers]
    uuid = Store.open(tmp_path).uuid
    assert {out.strip() for out, _ in answers} <= {uuid, "locked"}, answers
    assert uuid in {out.strip() for out, _ in answers}
