"""Moving a library to another model: all or nothing, and at any time again."""

import numpy as np
import pytest
from index_samples import DIM, OTHER_SPEC, SPEC, a_photo, face_ids, filled, near, put, settle, unit
from numpy.typing import NDArray

from facesearch.core.errors import LibraryError, ModelMismatchError
from facesearch.storage import Store, pending_embeddings

NEW = OTHER_SPEC.fingerprint


def waiting(index: Store, fingerprint: str = NEW) -> dict[int, list[int]]:
    with index.transaction() as connection:
        return pending_embeddings.waiting(connection, fingerprint)


def pend(index: Store, *faces: int, fingerprint: str = NEW, dim: int = 2 * DIM) -> None:
    with index.transaction() as connection:
        pending_embeddings.put(connection, fingerprint, {face: new_vector(face, dim) for face in faces})


def new_vector(face: int, dim: int = 2 * DIM) -> NDArray[np.float32]:
    return unit(1000 + face, dim)


def test_every_face_waits_at_first_by_photo(index: Store) -> None:
    filled(index, 2, faces=2)
    assert waiting(index) == {1: [1, 2], 2: [3, 4]}


def test_what_is_pending_does_not_wait_any_more_not_even_after_an_interruption(index: Store) -> None:
    filled(index, 2, faces=2)
    pend(index, 1, 2)
    assert waiting(index) == {2: [3, 4]}
    resumed = Store.open(index.folder)
    assert waiting(resumed) == {2: [3, 4]}
    resumed.close()


def test_the_library_keeps_its_embeddings_until_the_last_one_is_there(index: Store) -> None:
    vectors = filled(index, 2)
    pend(index, 1)
    assert index.spec == SPEC
    np.testing.assert_array_equal(index.embeddings()[1], vectors)
    assert index.search(vectors[0], 1) == [(1, 0.0)]


def test_the_fingerprint_of_another_model_drops_what_is_pending(index: Store) -> None:
    filled(index, 2)
    pend(index, 1, 2)
    assert waiting(index, "another") == {1: [1], 2: [2]}
    assert waiting(index) == {1: [1], 2: [2]}


def test_a_pending_face_given_again_replaces_it(index: Store) -> None:
    filled(index, 1)
    pend(index, 1, dim=4)
    pend(index, 1)
    index.adopt(OTHER_SPEC, [])
    np.testing.assert_array_equal(index.embeddings()[1], [new_vector(1)])


def test_adopting_makes_the_new_model_the_librarys(index: Store) -> None:
    filled(index, 3)
    _ = index.vectors
    pend(index, 1, 2, 3)
    assert index.adopt(OTHER_SPEC, []) == 3
    again = Store.open(index.folder)
    for one in (index, again):
        assert one.spec == OTHER_SPEC
        ids, vectors = one.embeddings()
        assert ids.tolist() == [1, 2, 3]
        np.testing.assert_array_equal(vectors, [new_vector(face) for face in (1, 2, 3)])
        assert one.search(new_vector(2), 1) == [(2, 0.0)]
    assert waiting(index, "another") == {1: [1], 2: [2], 3: [3]}  # nothing is left over
    again.close()


def test_adopting_is_all_or_nothing(index: Store) -> None:
    vectors = filled(index, 3)
    pend(index, 1, 3)
    with pytest.raises(LibraryError, match=r"other \(1\).*`facesearch reembed`"):
        index.adopt(OTHER_SPEC, [])
    assert index.spec == Store.open(index.folder).spec == SPEC
    np.testing.assert_array_equal(index.embeddings()[1], vectors)
    assert waiting(index) == {2: [2]}  # and the work that was done is kept


def test_embeddings_of_yet_another_model_are_not_adopted(index: Store) -> None:
    filled(index, 1)
    pend(index, 1, fingerprint="another")
    with pytest.raises(LibraryError, match=r"\(1\)"):
        index.adopt(OTHER_SPEC, [])


def test_embeddings_of_another_length_are_not_adopted(index: Store) -> None:
    vectors = filled(index, 2)
    pend(index, 1)
    pend(index, 2, dim=DIM)
    with pytest.raises(LibraryError, match=r"\(1\)"):
        index.adopt(OTHER_SPEC, [])
    np.testing.assert_array_equal(index.embeddings()[1], vectors)


def test_photos_that_could_not_be_read_go(index: Store) -> None:
    filled(index, 3)
    pend(index, 1, 3)
    assert index.adopt(OTHER_SPEC, [2]) == 2
    assert face_ids(index) == [1, 3]
    assert list(index.known_paths()) == ["/p/0", "/p/2"]


def test_an_empty_library_can_change_its_model(index: Store) -> None:
    assert index.adopt(OTHER_SPEC, []) == 0
    put(index, index.start_run("index"), a_photo("/p/a", "a", [new_vector(1)]))
    assert index.search(new_vector(1), 1) == [(1, 0.0)]


def test_a_face_that_was_edited_since_waits_again(index: Store) -> None:
    put(index, index.start_run("index"), a_photo("/p/a", "1", [unit(1)]), a_photo("/p/b", "2", [unit(2)]))
    pend(index, 1, 2)
    put(index, index.start_run("index"), a_photo("/p/a", "3", [near(unit(1), 0.1)]))
    settle(index)
    assert face_ids(index) == [1, 2]
    assert list(waiting(index).values()) == [[1]]


def test_whoever_has_the_old_model_in_mind_neither_reads_nor_writes_any_more(index: Store) -> None:
    filled(index, 1)
    other = Store.open(index.folder)
    assert other.search(unit(0), 1)
    pend(index, 1)
    index.adopt(OTHER_SPEC, [])
    message = r"made-up .*other"
    with pytest.raises(ModelMismatchError, match=message):
        other.search(unit(0), 1)
    with pytest.raises(ModelMismatchError, match=message):
        other.embeddings()
    with pytest.raises(ModelMismatchError, match=message):
        other.start_run("index")
    other.close()
