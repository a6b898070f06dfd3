"""Pictures that lie on their side, or stand on their head, without saying so."""

import numpy as np
import pytest
import skimage.data

from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Face
from facesearch.detection import load
from facesearch.pipeline.alignment import align
from facesearch.pipeline.pipeline import Pipeline


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_picture_shows_the_same_face(pipeline: Pipeline, quarters: int) -> None:
    picture = skimage.data.astronaut()
    turned = np.ascontiguousarray(np.rot90(picture, quarters))
    (upright,) = pipeline.detector.detect([picture], [40])[0]
    (found,) = pipeline.detector.detect([turned], [40])[0]
    back = found.turned_back(quarters, picture.shape[1], picture.shape[0])
    np.testing.assert_allclose(back.box, upright.box, atol=3)
    np.testing.assert_allclose(back.landmarks, upright.landmarks, atol=3)


def test_the_crop_of_a_turned_face_stands_upright(pipeline: Pipeline) -> None:
    picture = skimage.data.astronaut()
    turned = np.ascontiguousarray(np.rot90(picture))
    preprocessing = pipeline.embedder.spec.preprocessing
    crops = [
        align(image, pipeline.detector.detect([image], [40])[0][0].landmarks, preprocessing)
        for image in (picture, turned)
    ]
    a, b = pipeline.embedder.embed(crops)
    assert np.linalg.norm(a - b) < 0.1


def test_no_face_is_seen_into_a_turned_picture(pipeline: Pipeline) -> None:
    for picture in (skimage.data.coffee(), np.full((200, 300, 3), 90, np.uint8)):
        assert pipeline.detector.detect([picture], [20]) == [[]]


def test_turning_can_be_switched_off() -> None:
    turned = np.ascontiguousarray(np.rot90(skimage.data.astronaut()))
    found = load(config=DetectionConfig(turned=False)).detect([turned], [40])[0]
    assert all(face.score < 0.995 for face in found)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turning_back(quarters: int) -> None:
    """A point in a picture of 100 by 50, found again where np.rot90 has put it."""
    width, height = 100, 50
    landmarks = np.tile(np.array([[10, 10]], np.float32), (5, 1))
    face = Face((5, 5, 15, 15), landmarks, 0.9).turned_back(quarters, width, height)
    marked = np.zeros((height, width))
    turned = np.rot90(marked, quarters).copy()
    turned[10, 10] = 1
    y, x = np.argwhere(np.rot90(turned, -quarters))[0]
    assert np.abs(face.landmarks[0] - (x + 0.5, y + 0.5)).max() <= 0.5
    assert face.box[0] < face.box[2]
    assert face.box[1] < face.box[3]
