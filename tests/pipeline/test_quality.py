from itertools import pairwise

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageFilter

from facesearch.pipeline.quality import sharpness

CROP = np.array(skimage.data.astronaut())[40:190, 150:300]


def blurred(radius: float) -> np.ndarray:
    return np.array(Image.fromarray(CROP).filter(ImageFilter.GaussianBlur(radius)))


def test_falls_with_every_bit_of_blur():
    values = [sharpness(blurred(radius)) for radius in (0, 0.5, 1, 1.5, 2, 3, 5)]
    assert all(a > 1.15 * b for a, b in pairwise(values))
    assert values[0] > 0.02
    assert 0 < values[-1] < 0.002


def test_falls_where_a_small_face_had_to_be_enlarged():
    image = Image.fromarray(CROP)
    values = [sharpness(np.array(image.resize((n, n), Image.Resampling.BOX).resize(image.size))) for n in (150, 75, 38)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 3 * values[-1]


@pytest.mark.parametrize("contrast", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("brightness", [0, 40])
def test_does_not_depend_on_contrast_or_brightness(contrast, brightness):
    faded = np.clip(CROP * contrast + brightness, 0, 255).round().astype(np.uint8)
    assert sharpness(faded) == pytest.approx(sharpness(CROP), rel=0.1)


@pytest.mark.parametrize("value", [0, 127, 255])
def test_an_even_surface_has_none(value):
    assert sharpness(np.full((150, 150, 3), value, np.uint8)) == 0


def test_only_the_middle_counts():
    """Hair, background and the black beyond the photo's edge say nothing about the face."""
    noisy = np.random.default_rng(0).integers(0, 256, CROP.shape, np.uint8)
    noisy[37:-37, 37:-37] = CROP[37:-37, 37:-37]
    assert sharpness(noisy) == sharpness(CROP)


def test_by_hand():
    """Stripes of one pixel: both neighbours in x are of the other colour, both in y of the same."""
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[:, ::2] = 200
    # grey is 0 or 200, variance 100²; the Laplacian is ±400, variance 400²
    assert sharpness(stripes) == pytest.approx(16)


def test_mirrored_and_turned_is_as_sharp():
    for other in (CROP[:, ::-1], CROP[::-1], np.rot90(CROP)):
        assert sharpness(other) == pytest.approx(sharpness(CROP), rel=1e-4)


@pytest.mark.parametrize("size", [(16, 16), (112, 96), (96, 112), (17, 31)])
def test_every_size_that_a_crop_can_have(size):
    crop = np.array(Image.fromarray(CROP).resize(size[::-1]))
    assert 0 < sharpness(crop) < 20
    assert isinstance(sharpness(crop), float)
