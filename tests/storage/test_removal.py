"""What was removed is gone: from the tables, and from every byte of every file of the library."""

import numpy as np
import pytest
from index_samples import DIM, OTHER_SPEC, SPEC, a_photo, face_ids, filled, move, put, unit
from numpy.typing import NDArray

from facesearch.storage import Store
from facesearch.storage.vectors import FILE_NAME, FaissIndex


def left_of(index: Store, vector: NDArray[np.float32]) -> list[str]:
    """The files of the library that contain an embedding, or a quarter of it."""
    blob = vector.astype("<f4").tobytes()
    parts = [blob[start : start + len(blob) // 4] for start in range(0, len(blob), len(blob) // 4)]
    files = [path for path in index.folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(part in path.read_bytes() for part in parts)]


def test_an_embedding_is_in_the_files_before(index: Store) -> None:
    vectors = filled(index, 3)
    _ = index.vectors
    assert FILE_NAME in left_of(index, vectors[1])
    assert any(name.startswith("library.sqlite3") for name in left_of(index, vectors[1]))


def test_a_forgotten_file_goes_with_its_photo_its_faces_and_their_bytes(index: Store) -> None:
    vectors = filled(index, 5, faces=2)
    _ = index.vectors
    index.forget_paths(["/p/1", "/p/3"])
    assert sorted(index.known_paths()) == ["/p/0", "/p/2", "/p/4"]
    assert face_ids(index) == [1, 2, 5, 6, 9, 10]
    assert (index.counts().photos, index.counts().faces) == (3, 6)
    assert [left_of(index, vectors[row]) for row in (2, 3, 6, 7)] == [[]] * 4
    assert left_of(index, vectors[0])


def test_of_two_copies_the_photo_stays_until_the_last_is_forgotten(index: Store) -> None:
    put(index, index.start_run("index"), a_photo("/p/a", "x", [unit(1)]), a_photo("/p/b", "x", [unit(1)]))
    index.forget_paths(["/p/a"])
    assert face_ids(index) == [1]
    index.forget_paths(["/p/b"])
    assert face_ids(index) == []
    assert left_of(index, unit(1)) == []


def test_ids_are_not_used_again(index: Store) -> None:
    filled(index, 2)
    index.forget_paths(["/p/1"])
    put(index, 1, a_photo("/p/new", "new", [unit(9)]))
    assert face_ids(index) == [1, 3]
    assert index.known_paths()["/p/new"].photo_id == 3


def test_no_bytes_are_left_after_many_removals(index: Store) -> None:
    """Rows move between pages when their neighbours are deleted; what they leave behind counts too."""
    vectors = filled(index, 400)
    kept = set(range(400))
    order = np.random.default_rng(0).permutation(400)
    for some in np.array_split(order[:390], 13):
        index.forget_paths([f"/p/{i}" for i in some])
        kept -= set(some.tolist())
    assert [face - 1 for face in face_ids(index)] == sorted(kept)
    data = b"".join(path.read_bytes() for path in index.folder.iterdir())
    assert [i for i in range(400) if vectors[i].tobytes() in data] == sorted(kept)


def test_a_cache_that_was_written_half_is_removed_as_well(index: Store) -> None:
    vectors = filled(index, 2)
    _ = index.vectors
    for name in (f"{FILE_NAME}.part", FILE_NAME):
        (index.folder / name).write_bytes(vectors[0].tobytes())
    index.forget_paths(["/p/0"])
    assert left_of(index, vectors[0]) == []


def test_a_slow_reader_does_not_bring_removed_bytes_back(index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = filled(index, 2)
    reader = Store.open(index.folder)
    build = FaissIndex.build

    def slow_build(*args: NDArray[np.generic]) -> FaissIndex:
        built = build(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(FaissIndex, "build", build)
        index.forget_paths(["/p/0"])
        return built

    monkeypatch.setattr(FaissIndex, "build", slow_build)
    assert len(reader.vectors) == 2  # as it was when it began to read
    reader.close()
    assert left_of(index, vectors[0]) == []


def test_bytes_go_even_if_the_vectors_were_built_anew_in_between(index: Store) -> None:
    vectors = filled(index, 2)
    _ = index.vectors
    with index.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM photos WHERE id = 1")
    index._save = lambda *_: None  # type: ignore[method-assign]  # as while another process writes
    assert len(index.vectors) == 1
    del index._save
    with index.writing():
        pass
    assert left_of(index, vectors[0]) == []
    assert index.search(vectors[1], 1) == [(2, 0.0)]


def test_redo_and_another_model_leave_no_bytes_once_scrubbed(index: Store) -> None:
    vectors = filled(index, 2)
    _ = index.vectors
    put(index, index.start_run("index"), a_photo("/p/0", "p0", [unit(77)]), redo=True)
    with index.writing():
        pass
    assert left_of(index, vectors[0]) == []
    move(index, OTHER_SPEC, {face: unit(face, 2 * DIM) for face in face_ids(index)})
    assert left_of(index, unit(77)) == left_of(index, vectors[1]) == []
    assert index.spec != SPEC


@pytest.mark.parametrize("paths", [[], ["/not/there"]])
def test_forgetting_nothing_changes_nothing(index: Store, paths: list[str]) -> None:
    filled(index, 2)
    index.forget_paths(paths)
    assert face_ids(index) == [1, 2]
