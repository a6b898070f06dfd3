"""One defect is enough to make a face weak, and is named."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.core.quality import WEAK
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.core.types import Face
from facesearch.embedding.templates import FACENET_160, arcface_template, dlib_template
from facesearch.pipeline.alignment import align
from facesearch.pipeline.detail import blur
from facesearch.pipeline.quality import face_window, rated

# Of scikit-image's astronaut.
LANDMARKS = np.array([(198, 108), (240, 105), (226, 133), (204, 151), (240, 148)], np.float32)
BOX = (178.0, 70.0, 262.0, 178.0)
Pixels = NDArray[np.uint8]


def spec_for(size: int, landmarks: tuple[tuple[float, float], ...] | None, network: str = "other") -> ModelSpec:
    assert landmarks is not None
    return ModelSpec("model", network, 8, Preprocessing((size, size), landmarks, (0, 0, 0), (1, 1, 1)), "0" * 64)


ARCFACE = spec_for(112, arcface_template(112, 112))
DLIB, FACENET = spec_for(150, dlib_template(150, 0.2)), spec_for(160, FACENET_160)
SPECS = [ARCFACE, DLIB, FACENET, spec_for(224, arcface_template(224, 224))]


def a_face(photo: Pixels, spec: ModelSpec = ARCFACE, scale: float = 1.0) -> Face:
    x1, y1, x2, y2 = (value * scale for value in BOX)
    points = LANDMARKS * np.float32(scale)
    return Face((x1, y1, x2, y2), points, 0.93, crop=align(photo, points, spec.preprocessing))


def blurred(photo: Pixels, sigma: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8)


def moved(photo: Pixels, length: int) -> Pixels:
    return np.asarray(cv2.filter2D(photo, -1, np.full((1, length), 1 / length)), np.uint8)


def enlarged(photo: Pixels, factor: float) -> Pixels:
    small = cv2.resize(photo, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize("spec", SPECS)
def test_a_good_face_has_no_defect_whatever_its_crop(astronaut: Pixels, spec: ModelSpec) -> None:
    assert rated(a_face(astronaut, spec), spec) == (1.0, "")


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("spoil", [lambda p: blurred(p, 4), lambda p: moved(p, 31), lambda p: enlarged(p, 8)])
def test_blur_of_any_kind_is_enough(astronaut: Pixels, spec: ModelSpec, spoil: Callable[[Pixels], Pixels]) -> None:
    quality, defect = rated(a_face(spoil(astronaut), spec), spec)
    assert quality <= WEAK
    assert defect == "blurred"


def test_more_blur_is_worse(astronaut: Pixels) -> None:
    values = [blur(face_window(a_face(blurred(astronaut, sigma)).crop, ARCFACE)[0]) for sigma in (0.5, 1, 2, 3, 4, 6)]
    assert values == sorted(values)
    assert values[0] < 0 < 2 < values[3] < values[-1]


@pytest.mark.parametrize("gain", [0.3, 0.6, 1.0])
def test_contrast_and_brightness_are_no_blur(astronaut: Pixels, gain: float) -> None:
    photo = np.rint(astronaut * gain + 20 * (1 - gain)).astype(np.uint8)
    assert blur(face_window(a_face(photo).crop, ARCFACE)[0]) < 0.5


def test_noise_does_not_hide_blur(astronaut: Pixels) -> None:
    noise = np.random.default_rng(0).normal(0, 8, astronaut.shape)
    photo = np.clip(blurred(astronaut, 5) + noise, 0, 255).astype(np.uint8)
    assert rated(a_face(photo), ARCFACE)[0] <= WEAK


def test_an_even_crop_is_not_blurred() -> None:
    assert blur(np.full((64, 64), 90, np.float32)) == 0


def test_a_small_face_is_said_to_be_small(astronaut: Pixels) -> None:
    factor = 14 / (BOX[2] - BOX[0])
    photo = np.asarray(cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    quality, defect = rated(a_face(photo, scale=factor), ARCFACE)
    assert quality <= WEAK
    assert defect == "small (14 pixels)"


def test_an_overexposed_face(astronaut: Pixels) -> None:
    white = np.clip(astronaut.astype(np.float32) * 6, 0, 255).astype(np.uint8)
    quality, defect = rated(a_face(white), ARCFACE)
    assert (quality <= WEAK, defect) == (True, "overexposed")


def test_a_face_in_profile(astronaut: Pixels) -> None:
    turned = LANDMARKS.copy()
    turned[1] = turned[0] + (16, 0)
    quality, defect = rated(replace(a_face(astronaut), landmarks=turned), ARCFACE)
    assert (quality <= WEAK, defect) == (True, "turned away")


@pytest.mark.parametrize("model", ["sface", "sface+dlib"])
@pytest.mark.parametrize(("norm", "quality"), [(14.0, 1.0), (12.0, 1.0), (10.0, 0.5), (8.0, 0.25), (2.0, 2**-5)])
def test_the_network_sees_what_pixels_do_not_tell(astronaut: Pixels, model: str, norm: float, quality: float) -> None:
    spec = replace(ARCFACE, name=model)
    found, defect = rated(a_face(astronaut), spec, norm)
    assert found == pytest.approx(quality)
    assert defect == ("" if quality > WEAK else "covered, noisy or distorted")


def test_a_model_that_was_trained_further_is_not_asked(astronaut: Pixels) -> None:
    further = replace(ARCFACE, name="/runs/best.safetensors", network="sface")
    assert rated(a_face(astronaut, further), further, 2.0) == (1.0, "")


def test_a_network_whose_norm_tells_nothing_is_not_asked(astronaut: Pixels) -> None:
    assert rated(a_face(astronaut), ARCFACE, 0.1) == (1.0, "")


def test_the_norm_of_a_dark_face_is_put_down_to_the_dark(astronaut: Pixels) -> None:
    dark = (astronaut * 0.2).astype(np.uint8)
    assert rated(a_face(dark), replace(ARCFACE, name="sface"), 9.0)[1] == "dark"


def test_the_worst_defect_decides_and_good_sides_make_up_for_none(astronaut: Pixels) -> None:
    spec, spoiled = replace(ARCFACE, name="sface"), a_face(blurred(astronaut, 4))
    alone = rated(spoiled, ARCFACE)[0]
    assert rated(spoiled, spec, 20.0)[0] == alone
    assert rated(spoiled, spec, 6.5)[0] < alone
