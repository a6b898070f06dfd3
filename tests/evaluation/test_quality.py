"""Error versus discard, and the spoiled copies that it is measured on."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.core.errors import InputError
from facesearch.core.types import Face
from facesearch.evaluation.quality import error_versus_discard, quality_of_spoiled
from facesearch.evaluation.spoiling import DEFECTS, spoiled
from facesearch.pipeline.pipeline import Pipeline

LANDMARKS = np.array([(198, 108), (240, 105), (226, 133), (204, 151), (240, 148)], np.float32)
FACE = Face((178.0, 70.0, 262.0, 178.0), LANDMARKS)


def on_circle(*degrees: float) -> NDArray[np.float32]:
    turns = np.radians(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def test_by_hand() -> None:
    """Two people at 0 and 90 degrees; one face of each has gone astray, and its quality says so."""
    embeddings = on_circle(0, 1, 40, 90, 91, 60)
    quality = np.array([1.0, 0.9, 0.1, 1.0, 0.9, 0.2])
    people, photos = np.array([*"aaabbb"]), np.array([*"123456"])
    # strangers come as near as 20 degrees; the six pairs of one person are 1, 40, 39 and 1, 30, 31 degrees apart
    curve = error_versus_discard(embeddings, quality, people, photos, 0.0, (0.0, 0.2, 0.4))
    assert [missed for missed, _ in curve] == [pytest.approx(4 / 6), pytest.approx(2 / 4), 0.0]
    assert [taken for _, taken in curve] == [pytest.approx(1 / 9), 0.0, 0.0]


def test_a_quality_that_tells_nothing_saves_nothing() -> None:
    generator = np.random.default_rng(0)
    angles = np.repeat([0.0, 120.0, 240.0], 200) + generator.normal(0, 40, 600)
    people, photos = np.repeat(np.array([*"abc"]), 200), np.arange(600).astype(str)
    curve = np.array(error_versus_discard(on_circle(*angles), generator.random(600), people, photos))
    assert np.ptp(curve[:, 0]) < 0.03


def test_copies_of_one_photo_are_not_compared() -> None:
    """A copy that is far from the other is no error, and one that is near is no success."""
    embeddings, people = on_circle(0, 100, 1, 180, 280, 181), np.array([*"aaabbb"])
    photos = np.array([*"112334"])
    assert error_versus_discard(embeddings, np.ones(6), people, photos, 0.0, (0.0,))[0][0] == pytest.approx(2 / 4)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_copy_is_another_picture_of_the_same_shape(astronaut: NDArray[np.uint8], defect: str) -> None:
    copy = spoiled(defect, astronaut, FACE)
    assert copy.dtype == np.uint8
    assert copy.shape[1] / copy.shape[0] == pytest.approx(astronaut.shape[1] / astronaut.shape[0], rel=0.02)
    assert (copy.shape == astronaut.shape and (copy == astronaut).all()) == (defect == "none")
    assert (copy == spoiled(defect, astronaut, FACE)).all()


def test_people_with_one_photo_are_not_enough(tmp_path: Path, pipeline: Pipeline) -> None:
    with pytest.raises(InputError, match="2 photos each of at least two people"):
        quality_of_spoiled(pipeline, {tmp_path / "a.jpg": "a", tmp_path / "b.jpg": "b"})


@pytest.mark.data
def test_quality_tells_which_of_real_faces_are_missed(data: Path, pipeline: Pipeline) -> None:
    people = {photo: photo.parent.name for person in "012345" for photo in (data / "faces" / f"t00{person}").iterdir()}
    figures = quality_of_spoiled(pipeline, people)
    assert figures["people"] == 6
    curve = list(figures["fmr_at_discarded"].values())
    assert curve[-1] < 0.75 * curve[0]
    assert figures["defects"]["none"]["too_poor"] == 0
    assert figures["defects"]["blurred by 4 of 80 pixels"]["too_poor"] == 1
