"""Files, photos and faces through everything that happens to a photo collection; face ids outlive it."""

from dataclasses import replace

import numpy as np
import pytest
from index_samples import a_photo, face_ids, faces_of, near, put, settle, unit
from sqlalchemy.exc import IntegrityError

from facesearch.core.types import FileFacts
from facesearch.storage import Store, catalog, queries

A, B, C, D = (unit(seed) for seed in range(4))


def run(index: Store) -> int:
    return index.start_run("index")


def link(index: Store, path: str, photo_id: int | None) -> None:
    """A file was met whose content is known."""
    assert photo_id is not None
    with index.transaction() as connection:
        catalog.link_path(connection, FileFacts(path, 1, 1), photo_id)


def of(index: Store, path: str) -> int:
    return index.known_paths()[path].photo_id


# -- put_photo ----------------------------------------------------------------------------------------------------


def test_a_photo_comes_back_as_it_was_put(index: Store) -> None:
    photo = a_photo("/p/a", "a", [A, B])
    assert put(index, run(index), photo) == [2]
    (first, second), face = index.faces([1, 2]), photo.faces[1]
    assert (first.id, second.id, second.photo_id, second.path) == (1, 2, 1, "/p/a")
    assert (second.box, second.score, second.sharpness) == (face.box, face.score, face.sharpness)
    np.testing.assert_array_equal(second.landmarks, face.landmarks)
    ids, vectors = index.embeddings()
    assert ids.tolist() == [1, 2]
    np.testing.assert_array_equal(vectors, [A, B])
    known = index.known_paths()["/p/a"]
    assert (known.photo_id, known.size_bytes, known.mtime_ns, known.missing) == (1, 1, 1_000_000_007, False)
    assert index.photo_ids([photo.sha256]) == {photo.sha256: 1}
    assert index.photo_sizes() == {1: (640, 480)}


def test_two_files_with_the_same_content_are_one_photo(index: Store) -> None:
    assert put(index, run(index), a_photo("/p/a", "same", [A]), a_photo("/p/b", "same", [A])) == [1, None]
    assert [path for path, _ in index.files_of(1)] == ["/p/a", "/p/b"]
    assert (index.counts().photos, index.counts().files, index.counts().faces) == (1, 2, 1)


def test_faces_are_returned_in_the_order_asked_for_without_those_that_are_not_there(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A, B, C]))
    assert [face.id for face in index.faces([3, 99, 1])] == [3, 1]


def test_a_batch_that_fails_leaves_nothing_behind(index: Store) -> None:
    number = run(index)
    with pytest.raises(IntegrityError):
        put(index, number, a_photo("/p/a", "a", [A]), replace(a_photo("/p/b", "b"), width=None))  # type: ignore[arg-type]
    assert not index.known_paths()
    assert not face_ids(index)


# -- redo ---------------------------------------------------------------------------------------------------------


def test_redo_keeps_the_ids_of_faces_that_are_found_again(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A, B]))
    assert put(index, run(index), a_photo("/p/a", "a", [near(B, 0.05), C]), redo=True) == [2]
    assert face_ids(index) == [2, 4]  # B lives on, A is gone, C is new; 3 was B's for a moment
    np.testing.assert_array_equal(index.embeddings()[1], [near(B, 0.05), C])
    assert index.faces([2])[0].box[0] == 0.0  # where it is now


def test_redo_without_a_change_changes_no_id(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A, B, C]))
    put(index, run(index), a_photo("/p/a", "a", [C, A, B]), redo=True)
    assert face_ids(index) == [1, 2, 3]
    np.testing.assert_array_equal(index.embeddings()[1], [A, B, C])


def test_redo_of_a_collage_that_shows_one_face_twice_keeps_both_ids(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A, A]))
    put(index, run(index), a_photo("/p/a", "a", [A, A]), redo=True)
    assert face_ids(index) == [1, 2]
    assert [face.box[0] for face in index.faces([1, 2])] == [0.0, 1.0]


def test_a_stranger_takes_over_no_id(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A]))
    put(index, run(index), a_photo("/p/a", "a", [near(A, 0.5)]), redo=True)
    assert face_ids(index) == [2]


def test_redo_that_finds_nothing_leaves_a_photo_without_faces(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A]))
    assert put(index, run(index), a_photo("/p/a", "a"), redo=True) == [0]
    assert (index.counts().photos, index.counts().photos_without_faces) == (1, 1)


# -- moves --------------------------------------------------------------------------------------------------------


def test_a_renamed_file_keeps_its_photo(index: Store) -> None:
    put(index, run(index), a_photo("/p/old", "a", [A]))
    run(index)
    link(index, "/p/new", 1)
    assert settle(index, "/p/old") == (1, 0, 0)
    assert list(index.known_paths()) == ["/p/new"]
    assert faces_of(index, "/p/new") == [1]


def test_a_copy_is_another_file_of_the_photo(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A]))
    run(index)
    link(index, "/p/copy", 1)
    assert settle(index) == (0, 0, 0)
    assert [path for path, _ in index.files_of(1)] == ["/p/a", "/p/copy"]


def test_a_vanished_file_is_missing_and_its_faces_stay(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A]), a_photo("/p/b", "b", [B]))
    assert settle(index, "/p/a") == (0, 1, 0)
    assert {path: row.missing for path, row in index.known_paths().items()} == {"/p/a": True, "/p/b": False}
    assert (face_ids(index), index.counts().missing) == ([1, 2], 1)
    assert settle(index, "/p/a") == (0, 1, 0)  # still so


def test_a_file_that_is_back_is_not_missing(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "a", [A]))
    settle(index, "/p/a")
    run(index)
    link(index, "/p/a", 1)
    settle(index)
    assert not index.known_paths()["/p/a"].missing
    assert faces_of(index, "/p/a") == [1]


def test_of_the_files_of_a_photo_one_that_is_there_is_shown(index: Store) -> None:
    put(index, run(index), a_photo("/p/b", "x", [A]), a_photo("/p/a", "x", [A]))
    assert index.faces([1])[0].path == "/p/a"
    with index.transaction() as connection:
        catalog.mark_missing(connection, ["/p/a"])
    assert index.faces([1])[0].path == "/p/b"
    assert [path for path, _ in index.files_of(1)] == ["/p/b", "/p/a"]


def test_the_last_of_two_copies_is_missing_when_both_vanish(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "x", [A]), a_photo("/p/b", "x", [A]))
    assert settle(index, "/p/a", "/p/b") == (0, 2, 0)
    assert index.counts().missing == 2


def test_many_files_can_move_at_once(index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "CHUNK", 20)
    number, count = run(index), 3 * queries.CHUNK // 2
    put(index, number, *(a_photo(f"/old/{i}", str(i)) for i in range(count)))
    put(index, number, *(a_photo(f"/new/{i}", str(i)) for i in range(0, count, 2)))
    assert settle(index, *(f"/old/{i}" for i in range(count))) == (count // 2, count // 2, 0)
    assert index.counts().files == count


# -- edits --------------------------------------------------------------------------------------------------------


def test_an_edited_photo_keeps_the_ids_of_its_faces(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "before", [A, B]))
    put(index, run(index), a_photo("/p/a", "after", [C, near(A, 0.1)]))
    assert settle(index) == (0, 0, 0)
    assert face_ids(index) == [1, 3]  # A lives on, B is not on it any more, C is new
    assert {face.photo_id for face in index.faces([1, 3])} == {of(index, "/p/a")}
    np.testing.assert_array_equal(index.embeddings()[1], [near(A, 0.1), C])
    assert index.counts().photos == 1


def test_two_files_that_swap_names_swap_nothing_else(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]), a_photo("/p/b", "2", [near(A, 0.1)]))
    run(index)
    link(index, "/p/a", 2)
    link(index, "/p/b", 1)
    settle(index)
    assert (faces_of(index, "/p/a"), faces_of(index, "/p/b")) == ([2], [1])


def test_a_renamed_file_and_a_new_one_in_its_place(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    link(index, "/p/renamed", 1)
    settle(index)
    assert (faces_of(index, "/p/renamed"), faces_of(index, "/p/a")) == ([1], [2])


def test_an_edit_of_one_of_two_copies_makes_a_second_photo(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]), a_photo("/p/copy", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    settle(index)
    assert (faces_of(index, "/p/copy"), faces_of(index, "/p/a")) == ([1], [2])


def test_an_edit_whose_original_is_on_a_disk_that_is_away(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]), a_photo("/disk/a", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    assert settle(index, "/disk/a") == (0, 1, 0)
    assert (faces_of(index, "/disk/a"), faces_of(index, "/p/a")) == ([1], [2])


def test_an_edit_that_was_copied_in_the_same_run(index: Store) -> None:
    put(index, run(index), a_photo("/p/b", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]), a_photo("/p/b", "2", [near(A, 0.1)]))
    settle(index)
    assert faces_of(index, "/p/a") == faces_of(index, "/p/b") == [1]


def test_a_photo_that_was_known_keeps_its_own_ids_wherever_it_is_put(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]), a_photo("/p/edited", "2", [near(A, 0.1)]))
    run(index)
    link(index, "/p/a", 2)  # mv edited a
    settle(index, "/p/edited")
    assert faces_of(index, "/p/a") == face_ids(index) == [2]


def test_redo_of_a_known_photo_in_the_place_of_another_keeps_its_ids(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]), a_photo("/p/b", "2", [near(A, 0.1)]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]), redo=True)
    settle(index)
    assert faces_of(index, "/p/a") == faces_of(index, "/p/b") == [2]


# -- runs that were cut off ---------------------------------------------------------------------------------------


def test_an_edit_is_settled_by_the_next_run(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    run(index)  # the last one was killed; nothing is new to this one
    settle(index)
    assert face_ids(index) == faces_of(index, "/p/a") == [1]


def test_a_second_edit_before_the_first_was_settled(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    put(index, run(index), a_photo("/p/a", "3", [near(A, 0.2)]))
    settle(index)
    assert face_ids(index) == faces_of(index, "/p/a") == [1]


def test_an_edit_that_was_taken_back_before_it_was_settled(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    run(index)
    link(index, "/p/a", 1)
    settle(index)
    assert face_ids(index) == faces_of(index, "/p/a") == [1]
    np.testing.assert_array_equal(index.embeddings()[1], [A])


def test_files_removed_before_an_edit_was_settled_do_not_disturb_it(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]), a_photo("/p/other", "o", [B]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    index.forget_paths(["/p/other"])
    settle(index)
    assert face_ids(index) == faces_of(index, "/p/a") == [1]


def test_an_unsettled_edit_can_be_removed(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1)]))
    index.forget_paths(["/p/a"])
    assert (index.counts().photos, index.counts().faces) == (0, 0)


def test_settling_twice_changes_nothing_more(index: Store) -> None:
    put(index, run(index), a_photo("/p/a", "1", [A, B]))
    put(index, run(index), a_photo("/p/a", "2", [near(A, 0.1), D]))
    settle(index)
    before = faces_of(index, "/p/a")
    settle(index)
    assert faces_of(index, "/p/a") == before == [1, 4]


# -- bookkeeping --------------------------------------------------------------------------------------------------


def test_counts(index: Store) -> None:
    number = run(index)
    put(index, number, a_photo("/p/a", "a", [A, B]), a_photo("/p/b", "a", [A, B]), a_photo("/p/none", "none"))
    put(index, number, a_photo("/p/gone", "gone", [C]))
    settle(index, "/p/gone")
    index.record_failures(number, [("/p/bad", "damaged")])
    counts = index.counts()
    assert (counts.photos, counts.files, counts.missing) == (3, 4, 1)
    assert (counts.faces, counts.photos_without_faces, counts.failures, counts.people) == (3, 1, 1, 0)


def test_a_failure_has_its_latest_reason_and_is_forgotten_when_the_file_is_read(index: Store) -> None:
    number = run(index)
    index.record_failures(number, [("/p/b", "empty"), ("/p/a", "empty")])
    index.record_failures(run(index), [("/p/b", "damaged")])
    assert index.failures() == [("/p/a", "empty"), ("/p/b", "damaged")]
    put(index, number, a_photo("/p/b", "b"))
    assert index.failures() == [("/p/a", "empty")]
    index.forget_paths(["/p/a"])
    assert index.failures() == []


def test_roots_are_remembered_once(index: Store) -> None:
    index.start_run("index", ["/p", "/q"])
    index.start_run("index", ["/q", "/r"])
    assert index.roots() == ["/p", "/q", "/r"]
    index.forget_roots(["/q"])
    assert index.roots() == ["/p", "/r"]
