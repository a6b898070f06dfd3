"""Faces that are drawn and boxes that are moved, and what becomes of them, whatever is done to photo and library."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from detection_samples import Rgb
from drawing_samples import HUGE_PX, as_found, for_faces_from, wider
from migration_samples import NEW_SPEC, Move, NewNetwork, indexed, pictures, stopping_after
from numpy.typing import NDArray
from people_samples import State, check, state
from PIL import Image

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.types import Box, Face
from facesearch.library import Library
from facesearch.people import People
from facesearch.pipeline.pipeline import Pipeline

Vector = NDArray[np.float32]


class Photo:
    """A real photo of one person in a library that has not found them."""

    def __init__(self, folder: Path, pipeline: Pipeline, rgb: Rgb) -> None:
        self.path, self.pipeline = folder / "photos" / "astronaut.png", pipeline
        self.path.parent.mkdir()
        self.save(rgb)
        self.library = Library(folder / "library")
        self.use(HUGE_PX)
        self.library.index(self.path.parent)
        assert self.faces() == []

    def save(self, rgb: Rgb) -> None:
        Image.fromarray(rgb).save(self.path)

    def use(self, px: int | None) -> None:
        """Look for faces from so many pixels on."""
        self.library.__dict__["pipeline"] = for_faces_from(self.pipeline, px)

    def faces(self) -> list[Face]:
        known = self.library.store.known_paths()[str(self.path)].photo_id
        return self.library.store.faces_of_photos([known])[known]

    def state(self) -> State:
        return state(self.library.store)


@pytest.fixture
def photo(tmp_path: Path, pipeline: Pipeline, astronaut: Rgb) -> Iterator[Photo]:
    made = Photo(tmp_path, pipeline, astronaut)
    yield made
    check(made.library.store)
    made.library.close()


@pytest.fixture
def found(pipeline: Pipeline, photo: Photo) -> Face:
    """The face as the detector finds it."""
    return as_found(pipeline, photo.path)


def overlap(a: Box, b: Box) -> float:
    from facesearch.core.matching import _overlaps

    return float(_overlaps(np.array([a]), np.array([b]))[0, 0])


def embedding(photo: Photo, face: int) -> Vector:
    return photo.library.store.embedding(face)


def test_a_drawn_face_has_the_landmarks_that_the_detector_sees_in_the_box(photo: Photo, found: Face) -> None:
    drawn = photo.library.people.draw(photo.path, wider(found.box))
    (face,) = photo.faces()
    assert (face.id, face.box, face.drawn) == (drawn.face, wider(found.box), True)
    assert np.abs(face.landmarks - found.landmarks).max() < 0.06 * (found.box[2] - found.box[0])
    assert np.linalg.norm(embedding(photo, face.id) - found.embedding) < 0.4


def test_where_the_detector_sees_nobody_the_box_says_how_the_face_lies(photo: Photo) -> None:
    face = photo.library.people.draw(photo.path, (10.0, 300.0, 110.0, 400.0)).face
    (one,) = photo.faces()
    assert one.id == face
    assert one.landmarks[0].tolist() == pytest.approx([38.5, 341.0])
    assert one.score == 0


def test_drawing_with_a_name_is_one_decision_and_undo_is_exact(photo: Photo, found: Face) -> None:
    before = photo.state()
    drawn = photo.library.people.draw(photo.path, found.box, "Eileen")
    assert drawn.decision is not None
    assert drawn.decision.summary == f"face {drawn.face} drawn, Eileen"
    assert photo.library.people.find("Eileen").face_ids == (drawn.face,)
    assert len(photo.library.people.history()) == 1
    photo.library.people.undo()
    assert photo.state() == before
    assert photo.faces() == []
    assert len(photo.library.store.vectors) == 0


def test_a_found_face_is_moved_and_keeps_its_name_and_undo_is_exact(photo: Photo) -> None:
    photo.use(None)
    photo.library.index(photo.path.parent, redo=True)
    face = photo.faces()[0].id
    photo.library.people.assign(face, "Eileen")
    before, vector = photo.state(), embedding(photo, face)
    box = wider(photo.faces()[0].box, -8.0)
    drawn = photo.library.people.move(face, box)
    assert (drawn.face, photo.faces()[0].box, photo.faces()[0].drawn) == (face, box, True)
    assert photo.library.people.find("Eileen").face_ids == (face,)
    assert photo.library.people.move(face, box).decision is None
    assert len(photo.library.people.history()) == 2
    photo.library.people.undo()
    assert photo.state() == before
    assert (embedding(photo, face) == vector).all()


def test_looked_at_again_the_drawn_face_is_neither_found_twice_nor_lost(photo: Photo, found: Face) -> None:
    box = wider(found.box)
    face = photo.library.people.draw(photo.path, box, "Eileen").face
    vector = embedding(photo, face)
    for px in (None, HUGE_PX, 40, None):
        photo.use(px)
        photo.library.index(photo.path.parent, redo=True)
        assert [(one.id, one.box, one.drawn) for one in photo.faces() if overlap(one.box, box) > 0.1] == [
            (face, box, True)
        ]
    assert (embedding(photo, face) == vector).all()
    assert photo.library.people.find("Eileen").face_ids == (face,)


@pytest.mark.parametrize("edit", ["brighter", "half the size", "turned left", "turned right", "head down"])
def test_an_edit_of_the_photo_keeps_the_drawn_face(photo: Photo, found: Face, astronaut: Rgb, edit: str) -> None:
    face = photo.library.people.draw(photo.path, found.box, "Eileen").face
    turns = {"turned left": 1, "head down": 2, "turned right": 3}
    edited = {
        "brighter": lambda: np.clip(astronaut.astype(int) + 20, 0, 255).astype(np.uint8),
        "half the size": lambda: np.asarray(Image.fromarray(astronaut).reduce(2)),
    }
    photo.save(edited[edit]() if edit in edited else np.ascontiguousarray(np.rot90(astronaut, turns[edit])))
    photo.library.index(photo.path.parent)
    (one,) = photo.faces()
    assert (one.id, one.drawn) == (face, True)
    assert photo.library.people.find("Eileen").face_ids == (face,)
    assert photo.library.store.counts().photos == 1
    photo.use(None)
    photo.library.index(photo.path.parent, redo=True)
    assert [same.id for same in photo.faces() if overlap(same.box, one.box) > 0.1] == [face]


def test_another_picture_in_its_place_takes_the_drawn_face_away(photo: Photo, found: Face, hopper: Rgb) -> None:
    photo.library.people.draw(photo.path, found.box, "Eileen")
    photo.save(np.asarray(Image.fromarray(hopper).resize((512, 512))))
    photo.library.index(photo.path.parent)
    assert photo.faces() == []
    assert photo.library.people.history() == []


def test_another_detector_keeps_the_drawn_face_and_embeds_it_anew(photo: Photo, found: Face) -> None:
    box = wider(found.box)
    face = photo.library.people.draw(photo.path, box, "Eileen").face
    report = photo.library.migrate("dlib", detector="mtcnn")
    assert report.unmatched == []
    assert [(one.id, one.box) for one in photo.faces() if overlap(one.box, box) > 0.1] == [(face, box)]
    assert len(embedding(photo, face)) == 128
    assert photo.library.people.find("Eileen").face_ids == (face,)
    photo.library.people.undo()
    assert face not in [one.id for one in photo.faces()]


def test_the_place_where_a_face_was_moved_stays_when_it_was_embedded_anew_since(photo: Photo) -> None:
    photo.use(None)
    photo.library.index(photo.path.parent, redo=True)
    face = photo.faces()[0]
    box = wider(face.box)
    photo.library.people.move(face.id, box)
    photo.library.migrate("dlib")
    vector = embedding(photo, face.id)
    photo.library.people.undo()
    assert photo.faces()[0].box == box
    assert (embedding(photo, face.id) == vector).all()


def test_forget_and_remove_take_it_away_for_good(photo: Photo, found: Face) -> None:
    people = photo.library.people
    people.draw(photo.path, found.box, "Eileen")
    assert people.forget("Eileen") == 1
    assert photo.faces() == []
    assert people.history() == []
    people.draw(photo.path, found.box)
    photo.library.remove(photo.path)
    assert photo.library.store.counts().faces == 0
    assert people.history() == []


def test_what_cannot_be_drawn_is_said(photo: Photo, found: Face, tmp_path: Path) -> None:
    people = photo.library.people
    for box, words in (
        ((600.0, 10.0, 700.0, 90.0), "has not 8 pixels a side on the photo of 512 × 512 pixels"),
        ((10.0, 10.0, 16.0, 90.0), "has not 8 pixels"),
        ((30.0, 10.0, 20.0, 90.0), "x1 < x2"),
    ):
        with pytest.raises(InputError, match=words):
            people.draw(photo.path, box)
    with pytest.raises(InputError, match="there is no photo 99"):
        people.draw(99, found.box)
    with pytest.raises(InputError, match="there is no face 99"):
        people.move(99, found.box)
    with pytest.raises(InputError, match="a name has 1 to 200 characters"):
        people.draw(photo.path, found.box, "n" * 300)
    assert photo.faces() == []
    face = people.draw(photo.path, found.box).face
    with pytest.raises(InputError, match=f"there is face {face} already"):
        people.draw(photo.path, wider(found.box))
    photo.path.unlink()
    with pytest.raises(PhotoError, match=r"astronaut\.png"):
        people.move(face, wider(found.box))


def test_a_box_that_reaches_over_the_edge_ends_there(photo: Photo) -> None:
    photo.library.people.draw(photo.path, (-20.0, -10.0, 60.0, 80.0))
    assert photo.faces()[0].box == (0.0, 0.0, 60.0, 80.0)


def test_what_waits_for_a_migration_is_made_anew_for_a_face_that_was_moved(
    tmp_path: Path, fake_pipeline: Pipeline
) -> None:
    store = indexed(tmp_path / "library", pictures(tmp_path / "photos", 20))
    people, network = People(store, lambda: None, lambda: fake_pipeline), NewNetwork()
    move = Move(network, None)
    assert move(store, should_stop=stopping_after(1)).stopped
    first = store.embeddings()[0].tolist()[0]
    people.move(first, (12.0, 12.0, 50.0, 50.0))
    move(store)
    assert network.crops == 16 + 1 + 4
    assert store.faces([first])[0].box == (12.0, 12.0, 50.0, 50.0)
    assert store.spec == NEW_SPEC
    store.close()


def test_who_a_drawn_face_may_be(demo_library: Path, tmp_path: Path, pipeline: Pipeline) -> None:
    with Library(shutil.copytree(demo_library, tmp_path / "copy")) as library:
        cluster = library.browse.people(limit=1).items[0]
        library.people.name(str(cluster.id), "Somebody")
        face = library.browse.faces(str(cluster.id)).items[0]
        path = library.browse.photo(face.photo_id).photo.paths[0]
        library.remove(path)
        library.__dict__["pipeline"] = for_faces_from(pipeline, HUGE_PX)
        library.index(path)
        drawn = library.people.draw(path, wider(face.box, 5.0)).face
        likely = library.search.candidates(drawn)
        assert likely[0].face.title == "Somebody"
        assert likely[0].same_person
        assert len({match.face.cluster for match in likely}) == len(likely)
        library.people.reject(drawn, "Somebody")
        assert "Somebody" not in [match.face.title for match in library.search.candidates(drawn)]
