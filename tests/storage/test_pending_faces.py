"""Moving a library to another model or detector: all or nothing, at any time again, and by target."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from index_samples import DIM, OTHER_SPEC, SPEC, a_face, a_photo, face_ids, filled, near, put, settle, unit
from numpy.typing import NDArray
from sqlalchemy import select

from facesearch.core.errors import LibraryError, ModelMismatchError
from facesearch.core.settings import DetectorSpec
from facesearch.core.types import Face
from facesearch.storage import Store, pending_faces, persons
from facesearch.storage import schema as db
from facesearch.storage.pending_faces import PendingFace, Target

OLD, NEW = DetectorSpec("old", 1, ()), DetectorSpec("new", 1, ())
SAME_PLACES = Target(OTHER_SPEC, OLD, anew=False)
ANEW = Target(OTHER_SPEC, NEW, anew=True)
BOTH = pytest.mark.parametrize("target", [SAME_PLACES, ANEW], ids=["same places", "anew"])


def waiting(index: Store, target: Target = SAME_PLACES) -> list[int]:
    with index.reading() as connection:
        return pending_faces.waiting(connection, target)


def pend(index: Store, *photos: int, target: Target = SAME_PLACES, dim: int = 2 * DIM, new: int = 0) -> None:
    """Keep new embeddings for the faces of some photos, and so many new faces on each."""
    with index.transaction() as connection:
        for photo, faces in index.faces_of_photos(photos).items():
            kept = [PendingFace(replace(face, embedding=new_vector(face.id, dim)), True) for face in faces]
            added = [PendingFace(new_face(photo, number), True) for number in range(new)]
            pending_faces.put(connection, target, photo, 16.0, kept + added)


def new_face(photo: int, number: int) -> Face:
    return a_face(new_vector(100 * photo + number), 200.0 + 20 * number)


def new_vector(face: int, dim: int = 2 * DIM) -> NDArray[np.float32]:
    return unit(1000 + face, dim)


def redo(index: Store, *embeddings: NDArray[np.float32]) -> None:
    """Photo p0 is looked at again, and has these faces."""
    put(index, index.start_run("index"), a_photo("/p/0", "p0", embeddings), redo=True)


def test_all_that_is_kept_of_a_face_waits_with_it() -> None:
    """A column that is new in `faces` must be in `pending_faces`, too; a face that was drawn is kept by its id."""
    kept = {column.name: str(column.type) for column in db.faces.columns if column.name not in ("id", "drawn")}
    assert kept.items() <= {column.name: str(column.type) for column in db.pending_faces.columns}.items()


@BOTH
def test_every_photo_waits_at_first(index: Store, target: Target) -> None:
    filled(index, 2, faces=2)
    assert waiting(index, target) == [1, 2]


def test_photos_without_a_face_wait_where_faces_are_looked_for(index: Store) -> None:
    put(index, index.start_run("index"), a_photo("/p/a", "a"), a_photo("/p/b", "b", [unit(1)]))
    assert (waiting(index), waiting(index, ANEW)) == ([2], [1, 2])
    pend(index, 1, target=ANEW)
    assert waiting(index, ANEW) == [2]


@BOTH
def test_what_is_done_does_not_wait_any_more_not_even_after_an_interruption(index: Store, target: Target) -> None:
    filled(index, 2, faces=2)
    pend(index, 1, target=target)
    assert waiting(index, target) == [2]
    resumed = Store.open(index.folder)
    assert waiting(resumed, target) == [2]
    resumed.close()


def test_the_library_keeps_what_it_has_until_all_is_there(index: Store) -> None:
    vectors = filled(index, 2)
    pend(index, 1, target=ANEW, new=2)
    assert (index.spec, face_ids(index)) == (SPEC, [1, 2])
    np.testing.assert_array_equal(index.embeddings()[1], vectors)
    assert index.search(vectors[0], 1) == [(1, 0.0)]


def test_targets_do_not_mix(index: Store) -> None:
    filled(index, 2)
    others = [Target(OTHER_SPEC, NEW, False), Target(replace(OTHER_SPEC, weights_sha256="2" * 64), OLD, False)]
    pend(index, 1, 2)
    assert [waiting(index, other) for other in others] == [[1, 2], [1, 2]]
    pend(index, 1, target=others[0])
    assert (waiting(index), waiting(index, others[0]), waiting(index, others[1])) == ([], [2], [1, 2])
    with pytest.raises(LibraryError, match=r"^1 photo "):
        index.adopt(others[0], [])
    index.adopt(SAME_PLACES, [])
    assert waiting(index, others[0]) == [1, 2]  # what was done for others is not of this library any more


def test_a_photo_given_again_replaces_what_was_kept_of_it(index: Store) -> None:
    filled(index, 1)
    pend(index, 1, target=ANEW, new=3)
    pend(index, 1, target=ANEW, new=1)
    assert index.adopt(ANEW, []).added == 1
    np.testing.assert_array_equal(index.embeddings()[1], [new_vector(1), new_vector(100)])


def test_adopting_makes_model_and_detector_the_librarys(index: Store) -> None:
    filled(index, 3)
    _ = index.vectors
    pend(index, 1, 2, 3)
    assert index.adopt(SAME_PLACES, []) == (3, 3, 0, [])
    again = Store.open(index.folder)
    for one in (index, again):
        assert (one.spec, one.detector) == (OTHER_SPEC, OLD)
        ids, vectors = one.embeddings()
        assert ids.tolist() == [1, 2, 3]
        np.testing.assert_array_equal(vectors, [new_vector(face) for face in (1, 2, 3)])
        assert one.search(new_vector(2), 1) == [(2, 0.0)]
    again.close()


def test_nothing_is_left_over_behind_it(index: Store) -> None:
    filled(index, 2)
    pend(index, 1, 2, new=1)
    index.adopt(SAME_PLACES, [])
    with index.reading() as connection:
        assert not connection.execute(select(db.pending_faces)).all()
        assert not connection.execute(select(db.pending_photos)).all()


def test_a_face_gets_all_that_was_found_of_it_and_keeps_its_id(index: Store) -> None:
    filled(index, 2)
    moved = replace(new_face(1, 3), id=1, score=0.5, sharpness=0.25)
    with index.transaction() as connection:
        pending_faces.put(connection, ANEW, 1, 16.0, [PendingFace(moved, True)])
    pend(index, 2, target=ANEW)
    index.adopt(ANEW, [])
    (face,) = index.faces([1])
    assert (face.box, face.score, face.sharpness, face.photo_id) == (moved.box, 0.5, 0.25, 1)
    np.testing.assert_array_equal(face.landmarks, moved.landmarks)
    np.testing.assert_array_equal(index.embedding(1), moved.embedding)
    with index.reading() as connection:
        assert {one.min_face_px for one in pending_faces.looked_for(connection, [1, 2]).values()} == {16.0}


def test_new_faces_get_ids_by_photo_and_place_in_whatever_order_photos_were_done(index: Store) -> None:
    filled(index, 3)
    for photo in (3, 1, 2):
        pend(index, photo, target=ANEW, new=2)
    assert index.adopt(ANEW, []) == (9, 3, 6, [])
    assert [(face.id, face.photo_id) for face in index.faces(range(4, 10))] == [
        *((4, 1), (5, 1), (6, 2), (7, 2), (8, 3), (9, 3))
    ]
    expected = [new_face(photo, number).embedding for photo in (1, 2, 3) for number in (0, 1)]
    np.testing.assert_array_equal(index.embeddings()[1][3:], np.array(expected))


def test_faces_that_were_not_found_are_named_and_kept(index: Store) -> None:
    filled(index, 2)
    (lost,) = index.faces([2])
    pend(index, 1, target=ANEW)
    with index.transaction() as connection:
        kept = replace(lost, embedding=new_vector(2))
        pending_faces.put(connection, ANEW, 2, 16.0, [PendingFace(new_face(2, 0), True), PendingFace(kept, False)])
    assert index.adopt(ANEW, []) == (3, 1, 1, [2])
    assert index.faces([2]) == [lost]
    with index.reading() as connection:
        kind, summary = connection.execute(
            select(db.runs.c.kind, db.runs.c.summary).order_by(db.runs.c.id.desc())
        ).first()
    assert (kind, json.loads(summary)["unmatched"]) == ("migrate", [2])


@BOTH
def test_adopting_is_all_or_nothing(index: Store, target: Target) -> None:
    vectors = filled(index, 3)
    pend(index, 1, 3, target=target, new=1)
    with pytest.raises(LibraryError, match=r"^1 photo .*other.*`facesearch migrate`"):
        index.adopt(target, [])
    assert index.spec == Store.open(index.folder).spec == SPEC
    np.testing.assert_array_equal(index.embeddings()[1], vectors)
    assert waiting(index, target) == [2]  # and the work that was done is kept


@BOTH
def test_embeddings_of_another_length_are_made_again(index: Store, target: Target) -> None:
    vectors = filled(index, 2)
    pend(index, 1, target=target)
    pend(index, 2, target=target, dim=DIM)
    assert waiting(index, target) == [2]
    with pytest.raises(LibraryError, match=r"^1 photo "):
        index.adopt(target, [])
    np.testing.assert_array_equal(index.embeddings()[1], vectors)
    pend(index, 2, target=target)
    assert index.adopt(target, []).matched == 2


def test_photos_that_could_not_be_read_go(index: Store) -> None:
    filled(index, 3)
    pend(index, 1, 3)
    assert index.adopt(SAME_PLACES, [2]).faces == 2
    assert face_ids(index) == [1, 3]
    assert list(index.known_paths()) == ["/p/0", "/p/2"]


def test_an_empty_library_can_change_its_model(index: Store) -> None:
    assert index.adopt(ANEW, []) == (0, 0, 0, [])
    put(index, index.start_run("index"), a_photo("/p/a", "a", [new_vector(1)]))
    assert index.search(new_vector(1), 1) == [(1, 0.0)]


@BOTH
def test_photos_that_came_since_wait(index: Store, target: Target) -> None:
    filled(index, 2)
    pend(index, 1, 2, target=target)
    put(index, index.start_run("index"), a_photo("/p/new", "new", [unit(50)]))
    assert waiting(index, target) == [3]


@BOTH
def test_a_face_that_was_edited_since_waits_again(index: Store, target: Target) -> None:
    put(index, index.start_run("index"), a_photo("/p/a", "1", [unit(1)]), a_photo("/p/b", "2", [unit(2)]))
    pend(index, 1, 2, target=target)
    put(index, index.start_run("index"), a_photo("/p/a", "3", [near(unit(1), 0.1)]))
    settle(index)
    assert face_ids(index) == [1, 2]
    assert waiting(index, target) == [3]


@BOTH
def test_a_photo_that_was_looked_at_anew_since_waits_again(index: Store, target: Target) -> None:
    filled(index, 2)
    pend(index, 1, 2, target=target)
    redo(index, near(unit(0), 0.1), unit(60))
    assert waiting(index, target) == [1]


def test_a_photo_on_which_a_face_is_not_found_any_more_waits_again(index: Store) -> None:
    """The new detector may have found it, and matched it to what has gone."""
    filled(index, 2)
    pend(index, 1, 2, target=ANEW)
    redo(index)
    assert waiting(index, ANEW) == [1]


def test_a_face_that_was_forgotten_since_is_not_found_again(index: Store) -> None:
    filled(index, 2)
    pend(index, 1, 2, target=ANEW)
    with index.transaction() as connection:
        persons.delete_with_faces(connection, [], [1])
    assert waiting(index, ANEW) == []
    index.adopt(ANEW, [])
    assert face_ids(index) == [2]


@pytest.mark.parametrize("target", [SAME_PLACES, Target(SPEC, NEW, True)], ids=["model", "detector"])
def test_whoever_has_the_old_one_in_mind_neither_reads_nor_writes_any_more(tmp_path: Path, target: Target) -> None:
    index = Store.create(tmp_path / "library", SPEC, detector=OLD)
    filled(index, 1)
    other = Store.open(index.folder)
    assert other.search(unit(0), 1)
    pend(index, 1, target=target, dim=target.model.dim)
    index.adopt(target, [])
    message = r"made-up .*other" if target is SAME_PLACES else r"detector old to new"
    with pytest.raises(ModelMismatchError, match=message):
        other.search(unit(0), 1)
    with pytest.raises(ModelMismatchError, match=message):
        other.embeddings()
    with pytest.raises(ModelMismatchError, match=message):
        other.start_run("index")
    for one in (index, other):
        one.close()
