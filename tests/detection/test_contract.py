"""What every detector promises: those of the registry, and a fake, which is one class and one line of the registry."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fakes import FakeDetector
from numpy.typing import NDArray

from facesearch.core.errors import ModelError
from facesearch.core.settings import DetectionConfig, DetectorSpec
from facesearch.detection import DEFAULT_DETECTOR, DETECTORS, Detector, Upright, load, resolve

Rgb = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a new detector needs: its class in a file, and this line."""
    monkeypatch.setitem(DETECTORS, "fake", FakeDetector)


@pytest.fixture(params=[*DETECTORS, "fake"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["plain", "upright"])
def found_by(request: pytest.FixtureRequest, name: str) -> Detector:
    """The detector, and the search for the upright orientation around it."""
    return load(name, DetectionConfig(turned=request.param))


@pytest.fixture
def images(astronaut: Rgb, hopper: Rgb) -> list[Rgb]:
    """Of several sizes; one is black, one lies on its side and is a view of another."""
    return [astronaut, np.zeros((50, 80, 3), np.uint8), hopper, np.rot90(astronaut)]


def test_the_registry_says_what_is_loaded(name: str) -> None:
    spec = resolve(name)
    assert (spec, spec.name) == (load(name).spec, name)
    assert DetectorSpec.from_json(spec.to_json()) == spec
    assert len(spec.fingerprint) == 16


def test_no_two_detectors_have_one_fingerprint() -> None:
    assert len({resolve(name).fingerprint for name in DETECTORS}) == len(DETECTORS)


def test_turned_pictures_are_looked_at_unless_that_is_switched_off(name: str) -> None:
    assert isinstance(load(name), Upright)
    assert not isinstance(load(name, DetectionConfig(turned=False)), Upright)


def test_a_name_that_is_not_known() -> None:
    for ask in (resolve, load):
        with pytest.raises(ModelError, match=f"'none'.*{DEFAULT_DETECTOR}"):
            ask("none")


def test_faces_are_what_is_promised(found_by: Detector, images: list[Rgb]) -> None:
    found = found_by.detect(images, [40.0, 20.0, 30.0, 40.0])
    assert [bool(faces) for faces in found[:3]] == [True, False, True]
    for image, faces in zip(images, found, strict=True):
        height, width = image.shape[:2]
        assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)
        for face in faces:
            x1, y1, x2, y2 = face.box
            assert x1 < x2
            assert y1 < y2
            assert all(type(value) is float for value in (*face.box, face.score))
            assert 0 < face.score <= 1
            assert (face.landmarks.shape, face.landmarks.dtype) == ((5, 2), np.float32)
            assert (face.landmarks > 0).all()
            assert (face.landmarks < (width, height)).all()
            assert face.embedding is None


def test_no_images(found_by: Detector) -> None:
    assert found_by.detect([], []) == []


def test_company_and_threads_change_nothing(found_by: Detector, images: list[Rgb]) -> None:
    sizes = [40.0, 20.0, 30.0, 40.0]
    together = found_by.detect(images, sizes)
    with ThreadPoolExecutor(2) as pool:
        alone = list(pool.map(lambda image, size: found_by.detect([image], [size])[0], images, sizes))
    for faces, others in zip(together, alone, strict=True):
        assert [(face.box, face.score) for face in faces] == [(face.box, face.score) for face in others]
        assert all((a.landmarks == b.landmarks).all() for a, b in zip(faces, others, strict=True))


def test_images_are_left_as_they_are(found_by: Detector, astronaut: Rgb) -> None:
    before = astronaut.copy()
    astronaut.flags.writeable = False
    found_by.detect([astronaut], [40.0])
    assert (astronaut == before).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 3), (3, 20_000)])
def test_an_image_of_any_shape_is_looked_at(found_by: Detector, name: str, shape: tuple[int, int]) -> None:
    (found,) = found_by.detect([np.full((*shape, 3), 128, np.uint8)], [20.0])
    assert found == [] or name == "fake"  # which sees faces everywhere
