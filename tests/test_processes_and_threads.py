"""Programs that fork after they have used facesearch, and one library that many threads use."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from conftest import Picture
from fakes import FAKE_SPEC

from facesearch.core import forks
from facesearch.core.errors import ForkedError, LibraryError
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
THREADS = 8


@pytest.fixture
def library(tmp_path: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    """12 photos with a face each; pipeline of FAKE_SPEC."""
    Store.create(tmp_path / "library", FAKE_SPEC).close()
    for number in range(12):
        Picture.save(tmp_path / f"photos/{number}.png", str(number))
    with Library(tmp_path / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index(tmp_path / "photos")
        yield library


def forked(do: Callable[[], object]) -> str:
    """What becomes of it in a forked process: the name and text of its error, or "done"."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def run() -> None:
        try:
            do()
        except Exception as error:
            theirs.send(f"{type(error).__name__}: {error}")
        else:
            theirs.send("done")

    process = context.Process(target=run)
    process.start()
    try:
        assert ours.poll(30), "the forked process hangs"
        return str(ours.recv())
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
        theirs.close()


@forking
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize(
    "do",
    [
        lambda library: library.status(),
        lambda library: library.people.all(),
        lambda library: library.people.name("1", "Anna"),
        lambda library: library.browse.photos(),
        lambda library: library.cluster(eps=1.0),
        lambda library: library.store.search(np.ones(8, np.float32), 1),
        lambda library: library.thumbnails.face_tile(1),
        lambda library: Library(library.folder).status(),
        lambda library: library.query(library.folder.parent / "photos/1.png"),
        lambda library: library.verify(*[library.folder.parent / "photos/1.png"] * 2, threshold=1.0),
    ],
)
def test_a_forked_process_is_told_to_use_spawn(library: Library, do: Callable[[Library], Any]) -> None:
    told = forked(lambda: do(library))
    assert told.startswith("ForkedError")
    assert "get_context('spawn')" in told
    assert library.status().faces == 12


@forking
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_forked_before_networks_are_used_works(tmp_path: Path) -> None:
    """In a process of its own, as the networks of this one are in use."""
    code = f"""
import os
from pathlib import Path
from facesearch.library import Library
folder = Path({str(tmp_path / "library")!r})
Library(folder).close()
pid = os.fork()
if not pid:
    with Library(folder) as library:
        os._exit(library.status().faces)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr


@forking
def test_a_fork_that_ends_in_another_program_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_forked", True)
    with pytest.raises(ForkedError):
        forks.hold_native_threads()


def test_a_library_that_is_closed_says_so(library: Library) -> None:
    people, browse, thumbnails = library.people, library.browse, library.thumbnails
    library.close()
    library.close()
    for ask in (library.status, people.all, browse.counts, lambda: thumbnails.face_tile(1)):
        with pytest.raises(LibraryError, match="is closed"):
            ask()
    with pytest.raises(LibraryError, match="is closed"):
        library.index(library.folder.parent / "photos")
    with pytest.raises(LibraryError, match="is closed"):
        people.name("1", "Anna")
    with pytest.raises(LibraryError, match="is closed"):
        library.cluster(eps=1.0)


def in_threads(*work: Callable[[], object], times: int = 20) -> None:
    """Each by two threads at once, so many times. Raises what any of them raises."""
    together = Barrier(2 * len(work))

    def repeat(do: Callable[[], object]) -> None:
        together.wait()
        for _ in range(times):
            do()

    with ThreadPoolExecutor(2 * len(work)) as pool:
        for done in [pool.submit(repeat, do) for do in [*work, *work]]:
            done.result()


def test_threads_share_a_library(library: Library) -> None:
    photo = library.folder.parent / "photos/1.png"
    library.cluster(eps=2.0)
    faces = library.people.all()[0].size
    in_threads(
        lambda: library.query(photo, 3),
        lambda: library.status(),
        lambda: library.browse.photos(),
        lambda: library.thumbnails.face_tile(1),
        lambda: library.people.name("1", "Anna"),
        lambda: library.people.undo(),
    )
    assert library.people.all()[0].size == faces
    assert library.status().faces == 12


def test_decisions_of_threads_wait_for_one_another(library: Library) -> None:
    """Each is there, and can be undone."""
    in_threads(lambda: library.people.not_a_face(1), lambda: library.people.is_a_face(1), times=30)
    decisions = library.people.history()
    assert len({decision.id for decision in decisions}) == len(decisions)
    for decision in decisions:
        assert library.people.undo(decision.id) == decision


def test_networks_are_loaded_once_however_many_threads_ask(
    tmp_path: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(*_: object, **__: object) -> Pipeline:
        loaded.append(1)
        return pipeline

    monkeypatch.setattr(Pipeline, "load", load)
    with Library(tmp_path / "library") as library:
        in_threads(*[lambda: library.pipeline] * 4, times=1)
    assert loaded == [1]
