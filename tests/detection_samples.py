"""Pictures of faces and a detector, for the tests of detection."""

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.types import Face
from facesearch.detection import Detector, load

Rgb = NDArray[np.uint8]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load()


@pytest.fixture(scope="module")
def hopper() -> Rgb:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.array(Image.open(file).convert("RGB"))


@pytest.fixture(scope="module")
def astronaut() -> Rgb:
    return np.array(skimage.data.astronaut())


def detect(detector: Detector, image: Rgb, min_face_px: float = 40) -> list[Face]:
    return detector.detect([image], [min_face_px])[0]


def resized(image: Rgb, factor: float) -> Rgb:
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def assert_same_faces(found: list[Face], expected: list[Face], atol: float = 1e-3) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.box, other.box, atol=atol)
        np.testing.assert_allclose(one.landmarks, other.landmarks, atol=atol)
        assert one.score == pytest.approx(other.score, abs=1e-4)
