"""The similarity transform against numpy's least squares; crops of pictures whose every point is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facesearch import embedding
from facesearch.core.settings import Preprocessing
from facesearch.pipeline.alignment import Similarity, align, similarity

TEMPLATE = ((38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2))


def preprocessing(height: int = 112, width: int = 112, landmarks=TEMPLATE) -> Preprocessing:
    return Preprocessing((height, width), landmarks, (0, 0, 0), (1, 1, 1))


def photo_landmarks(scale: float, degrees: float, x: float, y: float, landmarks=TEMPLATE) -> NDArray[np.float64]:
    """Landmarks of a face that is `scale` times as large as the template, turned, its nose tip at (x, y)."""
    points = np.asarray(landmarks, float)
    to_photo = Similarity(scale, math.radians(degrees), 0, 0)
    return np.add(to_photo(points - points[2]), (x, y))


# --- The transform ----------------------------------------------------------------------------------------------------

numbers = st.floats(-500, 500)
transforms = st.builds(Similarity, st.floats(0.01, 50), st.floats(-3.14, 3.14), numbers, numbers)
points = (
    st.lists(st.tuples(numbers, numbers), min_size=2, max_size=8)
    .map(np.array)
    .filter(lambda p: np.ptp(p, axis=0).max() > 1)
)


def least_squares(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(a, b, x, y) of [[a, -b], [b, a]] @ p + (x, y), by solving the normal equations as they stand."""
    rows, values = [], []
    for (px, py), (qx, qy) in zip(source, target, strict=True):
        rows += [(px, -py, 1, 0), (py, px, 0, 1)]
        values += [qx, qy]
    return np.linalg.lstsq(np.array(rows, float), np.array(values, float), rcond=None)[0]


@settings(deadline=None)
@given(transforms, points)
def test_a_similarity_is_recovered(transform, source):
    found = similarity(source, transform(source))
    np.testing.assert_allclose(found(source), transform(source), atol=1e-6 * max(1, transform.scale))
    assert found.scale == pytest.approx(transform.scale, rel=1e-6)
    assert math.cos(found.angle - transform.angle) == pytest.approx(1, abs=1e-9)


@settings(deadline=None)
@given(transforms, points, st.integers(0, 2**32 - 1))
def test_a_noisy_one_is_the_least_squares_one(transform, source, seed):
    target = transform(source) + np.random.default_rng(seed).normal(size=source.shape) * transform.scale
    a, b, x, y = least_squares(source, target)
    np.testing.assert_allclose(
        similarity(source, target)(source),
        source @ np.array([[a, b], [-b, a]]) + (x, y),
        atol=1e-5 * max(1, np.abs(target).max()),
    )


@settings(deadline=None)
@given(transforms, points)
def test_inverse(transform, source):
    np.testing.assert_allclose(transform.inverse()(transform(source)), source, atol=1e-4)
    np.testing.assert_allclose(transform(transform.inverse()(source)), source, atol=1e-4)


def test_by_hand():
    """A quarter turn takes x to y; y points down, so that it is clockwise as seen."""
    turned = Similarity(2, math.pi / 2, 10, 20)
    np.testing.assert_allclose(turned(np.array([[1, 0], [0, 1]])), [[10, 22], [8, 20]])
    found = similarity(np.array([[0, 0], [1, 0]]), np.array([[10, 20], [10, 22]]))
    assert (found.scale, found.angle, found.x, found.y) == pytest.approx((2, math.pi / 2, 10, 20))


def test_a_mirrored_face_is_not_mirrored_back():
    """A similarity has no reflection: the best one for mirrored points leaves an error."""
    source = np.array(TEMPLATE)
    mirrored = (112, 0) + source * (-1, 1)
    found = similarity(source, mirrored)
    assert found.scale < 1
    assert np.abs(found(source) - mirrored).max() > 10


# --- Where the landmarks come to lie ----------------------------------------------------------------------------------


def dot(shape: tuple[int, int], at: NDArray[np.float64], sigma: float) -> NDArray[np.uint8]:
    """A soft white dot on black, at a point in continuous coordinates."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    value = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))
    return np.repeat(value[:, :, None], 3, axis=2).astype(np.uint8)


def centroid(crop: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The bright spot's centre; pixel centres at whole numbers, as in templates."""
    weights = crop[:, :, 0].astype(float)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


def random_poses() -> list[tuple[float, float, float, float]]:
    rng = np.random.default_rng(3)
    scales = np.exp(rng.uniform(np.log(0.15), np.log(4), 12))
    return [
        (scale, angle, *xy)
        for scale, angle, xy in zip(scales, rng.uniform(-180, 180, 12), rng.uniform(240, 460, (12, 2)), strict=True)
    ]


@pytest.mark.parametrize("pose", random_poses())
def test_landmarks_land_on_the_template(pose):
    landmarks = photo_landmarks(*pose)
    for point, target in zip(landmarks, TEMPLATE, strict=True):
        crop = align(dot((700, 700), point, max(2.5 * pose[0], 1.0)), landmarks, preprocessing())
        np.testing.assert_allclose(centroid(crop), target, atol=0.25)


def test_a_crop_that_is_not_square():
    landmarks = ((20.0, 30.0), (52.0, 30.0), (36.0, 60.0), (24.0, 90.0), (48.0, 90.0))
    pre = preprocessing(140, 72, landmarks)
    in_photo = photo_landmarks(1.7, 25, 200, 220, landmarks)
    for point, target in zip(in_photo, landmarks, strict=True):
        crop = align(dot((400, 450), point, 5), in_photo, pre)
        assert crop.shape == (140, 72, 3)
        assert crop.dtype == np.uint8
        np.testing.assert_allclose(centroid(crop), target, atol=0.25)


def test_the_default_models_template_is_met():
    pre = embedding.resolve("dlib").preprocessing
    landmarks = photo_landmarks(1.2, -12, 300, 300, pre.landmarks)
    for point, target in zip(landmarks, pre.landmarks, strict=True):
        crop = align(dot((600, 600), point, 3), landmarks, pre)
        assert crop.shape == (*pre.size, 3)
        np.testing.assert_allclose(centroid(crop), target, atol=0.25)


def test_a_face_that_lies_on_the_template_is_copied():
    """Not shifted by half a pixel, not blurred; Pillow's transform cuts off fractions, so that 94.9999 is 94."""
    rgb = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    crop = align(rgb, np.array(TEMPLATE) + 0.5, preprocessing())
    np.testing.assert_allclose(crop.astype(int), rgb, atol=1)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_exact(turns):
    rgb = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    x, y = (np.array(TEMPLATE) + 0.5).T
    turned = {1: (y, 112 - x), 2: (112 - x, 112 - y), 3: (112 - y, x)}[turns]  # as np.rot90 turns: counter-clockwise
    crop = align(np.rot90(rgb, turns), np.stack(turned, axis=1), preprocessing())
    np.testing.assert_allclose(crop.astype(int), rgb, atol=1)


def test_the_same_every_time_and_the_image_unchanged():
    rgb = np.random.default_rng(0).integers(0, 256, (500, 400, 3), np.uint8)
    before, landmarks = rgb.copy(), photo_landmarks(2.2, 17, 180, 260)
    crops = [align(rgb, landmarks, preprocessing()) for _ in range(3)]
    assert (crops[0] == crops[1]).all()
    assert (crops[0] == crops[2]).all()
    assert (rgb == before).all()


def test_float32_landmarks_and_views():
    rgb = np.random.default_rng(0).integers(0, 256, (500, 400, 3), np.uint8)
    landmarks = photo_landmarks(2.2, 17, 180, 260).astype(np.float32)
    crop = align(rgb, landmarks, preprocessing())
    padded = np.zeros((1000, 400, 3), np.uint8)
    padded[::2] = rgb
    np.testing.assert_array_equal(align(padded[::2], landmarks.astype(float), preprocessing()), crop)


def test_only_the_faces_surroundings_matter():
    """Cutting the image does not change the crop: what is far away is not looked at."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)).resize((900, 900))
    rgb = np.array(image)
    landmarks = photo_landmarks(2.5, 30, 450, 460)
    crop = align(rgb, landmarks, preprocessing())
    part = align(rgb[150:770, 140:800], landmarks - (140, 150), preprocessing())
    np.testing.assert_allclose(part.astype(int), crop, atol=2)


# --- Reducing ---------------------------------------------------------------------------------------------------------


def checkerboard(side: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:side, :side]
    return np.repeat((((x + y) % 2) * 255)[:, :, None], 3, axis=2).astype(np.uint8)


def zone_plate(side: int, finer_than: float) -> NDArray[np.uint8]:
    """Rings that are finer the farther out, even grey where their period is longer than finer_than pixels."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(x, y)
    contrast = np.clip(2 * (radius * finer_than / side - 1), 0, 1)  # the period at a radius is side / radius
    value = 127.5 + 127.5 * contrast * np.cos(np.pi * radius**2 / side)
    return np.repeat(value[:, :, None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 10, 45, 100])
@pytest.mark.parametrize("scale", [3, 8])
def test_what_is_too_fine_for_the_crop_becomes_grey_and_no_moire(degrees, scale):
    side = 112 * scale * 2
    landmarks = photo_landmarks(scale, degrees, side / 2, side / 2 + 15 * scale)
    for picture in (checkerboard(side), zone_plate(side, scale)):
        crop = align(picture, landmarks, preprocessing()).astype(float)
        assert np.abs(crop - 127).max() < 12


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.4, 2.5, 8.0])
def test_what_is_coarse_enough_keeps_its_contrast(scale):
    """Waves of eight crop pixels come through, at every reduction: anti-aliasing is not blurring."""
    side = round(112 * scale * 2)
    x = np.arange(side) + 0.5
    wave = 127.5 + 100 * np.sin(2 * np.pi * x / (8 * scale))
    picture = np.broadcast_to(wave[None, :, None], (side, side, 3)).astype(np.uint8)
    crop = align(picture, photo_landmarks(scale, 0, side / 2, side / 2), preprocessing()).astype(float)
    assert crop[20:-20, 20:-20].std() == pytest.approx(100 / math.sqrt(2), rel=0.1)


def test_a_smooth_picture_is_sampled_where_it_should_be():
    """Every pixel, not only the landmarks: a picture given by a formula, and the same formula at the crop's points."""

    def formula(x, y):
        return np.stack([127 + 90 * np.sin(x / 50), 127 + 90 * np.cos(y / 40), 127 + 90 * np.sin((x + y) / 70)], -1)

    y, x = np.mgrid[:800, :800] + 0.5
    rgb = formula(x, y).round().astype(np.uint8)
    for pose in [(0.6, 20, 400, 400), (1.3, -50, 380, 420), (2.6, 160, 400, 390)]:
        landmarks = photo_landmarks(*pose)
        crop = align(rgb, landmarks, preprocessing(100, 120))
        rows, columns = np.mgrid[:100, :120]
        to_photo = similarity(np.array(TEMPLATE), landmarks)
        at = to_photo(np.stack([columns.ravel(), rows.ravel()], axis=1))
        expected = formula(at[:, 0], at[:, 1]).reshape(100, 120, 3)
        np.testing.assert_allclose(crop, expected, atol=3)


# --- The image's edge -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("degrees", [0, 33])
@pytest.mark.parametrize("nose", [(0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0), (0.05, 0.98)])
def test_beyond_the_edge_is_black_and_inside_is_the_image(scale, degrees, nose):
    height, width = 500, 400
    landmarks = photo_landmarks(scale, degrees, nose[0] * width, nose[1] * height)
    crop = align(np.full((height, width, 3), 200, np.uint8), landmarks, preprocessing())

    rows, columns = np.mgrid[:112, :112]
    at = similarity(np.array(TEMPLATE), landmarks)(np.stack([columns.ravel(), rows.ravel()], axis=1))
    x, y = at.reshape(112, 112, 2).transpose(2, 0, 1)
    inside = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y))  # pixels of the photo; negative outside
    assert (crop[inside > scale] == 200).all()
    assert (crop[inside < -scale] == 0).all()
    assert 0.05 < (inside > scale).mean() < 0.95


@pytest.mark.parametrize("nose", [(-900, 100), (100, -900), (1500, 100), (100, 1500)])
def test_a_face_outside_the_image_is_black(nose):
    crop = align(np.full((300, 300, 3), 200, np.uint8), photo_landmarks(2, 10, *nose), preprocessing())
    assert crop.shape == (112, 112, 3)
    assert not crop.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_tiny_images(shape):
    for scale in (0.01, 1, 5):
        rgb = np.full((*shape, 3), 77, np.uint8)
        crop = align(rgb, photo_landmarks(scale, 5, shape[1] / 2, shape[0] / 2), preprocessing())
        assert crop.shape == (112, 112, 3)
        assert set(np.unique(crop)) <= {0, 77}


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-4])
@pytest.mark.parametrize("at", [(50, 60), (0, 0), (-1e4, 1e5)])
def test_landmarks_that_lie_all_in_one_point(spread, at):
    """No face is like that, but a detector can say so: the crop is of no use, and the photo's others go on."""
    landmarks = np.array(at) + spread * np.array(TEMPLATE)
    for dtype in (np.float32, np.float64):
        crop = align(np.full((100, 120, 3), 90, np.uint8), landmarks.astype(dtype), preprocessing())
        assert crop.shape == (112, 112, 3)
    turned_over = np.array(TEMPLATE)[::-1]  # and points whose best similarity is next to none
    assert align(np.full((100, 120, 3), 90, np.uint8), turned_over, preprocessing()).shape == (112, 112, 3)
