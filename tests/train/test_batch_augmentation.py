"""Variations of whole batches against Pillow's and OpenCV's of one image."""

import io
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from facesearch.core.settings import Preprocessing
from facesearch.embedding.templates import dlib_template
from train.augmentation import LOW_RESAMPLINGS
from train.batch_augmentation import BatchAugmentation, cut, low_resolution
from train.canvases import margin_for
from train.config import AugmentConfig
from train.dataset import about_centre, crop_of
from train.filters import along_both, blur_matrices, jpeg

PRE = Preprocessing((64, 64), dlib_template(64, 0.25), (0.0,) * 3, (1.0,) * 3)
KINDS = ["mirror", "light", "grey", "occlusion", "dark", "low_resolution", "blur", "jpeg", "shift", "scale", "turn"]
ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def picture(side: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    """Coarse and fine structure in colour, as photos have it."""
    generator = np.random.default_rng(seed)
    layers = [
        np.asarray(Image.fromarray(generator.integers(0, 256, (n, n, 3), np.uint8)).resize((side, side)), float) * share
        for n, share in ((4, 0.6), (12, 0.25), (side // 2, 0.15))
    ]
    return np.asarray(sum(layers), np.uint8)


def planes(*pictures: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()


def pixels_of(crops: torch.Tensor) -> NDArray[np.float32]:
    """The first of a batch of planes, (h, w, 3)."""
    found: NDArray[np.float32] = crops[0].permute(1, 2, 0).numpy()
    return found


def difference(first: NDArray[np.generic], second: NDArray[np.generic]) -> float:
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def vary(seed: int = 0, share: slice = slice(0, 8), step: int = 3, **kinds: float) -> NDArray[np.uint8]:
    augment = AugmentConfig(**{"mirror": 0.0, **kinds})  # type: ignore[arg-type]
    side = 64 + 2 * margin_for(augment, PRE)
    canvases = torch.from_numpy(np.stack([picture(side, seed=i) for i in range(8)])[share])
    found: NDArray[np.uint8] = BatchAugmentation(augment, PRE, torch.device("cpu"), seed)(
        canvases, step, 8, share
    ).numpy()
    return found


def test_no_variation_is_the_canvas() -> None:
    np.testing.assert_array_equal(vary(), np.stack([picture(seed=i) for i in range(8)]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_variation_follows_seed_and_step_whatever_the_share(kind: str) -> None:
    amount = {"shift": 0.05, "scale": 0.1, "turn": 10.0}.get(kind, 0.6)
    whole = vary(**{kind: amount})
    assert whole.shape == (8, 64, 64, 3)
    np.testing.assert_array_equal(whole, vary(**{kind: amount}))
    parts = [vary(share=slice(first, first + 2), **{kind: amount}) for first in range(0, 8, 2)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert (whole != vary(seed=1, **{kind: amount})).any()
    assert (whole != vary(step=4, **{kind: amount})).any()


def test_a_variation_leaves_the_draws_of_the_others_alone() -> None:
    kinds = {"light": 0.5, "jpeg": 0.5, "shift": 0.03}
    np.testing.assert_array_equal(vary(**kinds), vary(**kinds, blur=1e-12, dark=1e-12, occlusion=1e-12))


@pytest.mark.parametrize(
    ("scale", "angle", "place"), [(1.0, 0.0, (0.0, 0.0)), (1.1, 0.1, (3.0, -2.0)), (0.9, -0.2, (-1.5, 4.25))]
)
def test_a_cut_is_the_crop_moved(scale: float, angle: float, place: tuple[float, float]) -> None:
    pixels = picture(160)
    landmarks = (np.array(PRE.landmarks) + 0.5 + 48).tolist()  # the crop is the picture's middle
    unmoved, moved = about_centre(PRE, 1.0), about_centre(PRE, scale, angle, place)
    canvas = planes(crop_of(pixels, landmarks, PRE, unmoved, 24))
    found = pixels_of(cut(canvas, torch.tensor([[scale, angle, *place, 1.0]]), PRE.size))
    expected = crop_of(pixels, landmarks, PRE, moved)
    assert difference(found, expected) < 1.0  # of a smaller face, Pillow averages
    assert difference(expected, crop_of(pixels, landmarks, PRE, unmoved)) > 3 or scale == 1


def test_a_moved_crop_can_be_mirrored() -> None:
    moved, mirrored = vary(shift=0.03, turn=5.0), vary(shift=0.03, turn=5.0, mirror=1.0)
    assert np.abs(moved[:, :, ::-1].astype(int) - mirrored).max() <= 1


def test_the_middle_of_a_canvas_is_the_crop() -> None:
    """Of a picture without landmarks, too."""
    pixels, unmoved = picture(182), about_centre(PRE, 1.0)
    wide = crop_of(pixels, None, PRE, unmoved, 4)
    assert wide.shape == (72, 72, 3)
    assert np.abs(wide[4:-4, 4:-4].astype(int) - crop_of(pixels, None, PRE, unmoved)).max() <= 1


def test_a_margin_covers_what_moves() -> None:
    margin = margin_for(AugmentConfig(shift=0.02, scale=0.05, turn=3.0), PRE)
    white = torch.full((1, 3, 64 + 2 * margin, 64 + 2 * margin), 255.0)
    for sign in (-1, 1):
        moved = torch.tensor([[math.exp(-0.15), sign * math.radians(9), 64 * 0.06, -64 * 0.06 * sign, 1.0]])
        assert float(cut(white, moved, PRE.size).min()) > 254.9
    assert margin_for(AugmentConfig(), PRE) == 0
    assert margin_for(AugmentConfig(scale=1.0, turn=90.0), PRE) == 32


@pytest.mark.parametrize("sigma", [0.2, 0.7, 1.3])
def test_blur_is_pillows(sigma: float) -> None:
    matrices = blur_matrices(64, torch.tensor([sigma]), 2.0)
    found = pixels_of(along_both(planes(picture()), matrices, matrices))
    expected = np.asarray(Image.fromarray(picture()).filter(ImageFilter.GaussianBlur(sigma)))
    assert difference(found, expected) < 0.8  # Pillow's is three boxes


@pytest.mark.parametrize("kind", range(len(LOW_RESAMPLINGS)))
@pytest.mark.parametrize("side", [12, 40])
def test_low_resolution_is_pillows(kind: int, side: int) -> None:
    matrices = torch.from_numpy(low_resolution(64, np.array([side / 64]), np.array([kind])))
    found = pixels_of(along_both(planes(picture()), matrices, matrices).clamp(0, 255))
    small = Image.fromarray(picture()).resize((side, side), LOW_RESAMPLINGS[kind])
    assert difference(found, np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC))) < 0.8


@pytest.mark.parametrize("quality", [25, 49, 50, 75, 89])
@pytest.mark.parametrize("side", [64, 52])
def test_jpeg_is_pillows(quality: int, side: int) -> None:
    file = io.BytesIO()
    Image.fromarray(picture(side)).save(file, "JPEG", quality=quality)
    expected = np.asarray(Image.open(file))
    found = pixels_of(jpeg(planes(picture(side)), torch.tensor([quality])))
    assert difference(found, expected) < difference(expected, picture(side)) / 3  # libjpeg computes in whole numbers


def test_light_is_pillows() -> None:
    """All three in a row, at amounts that are drawn."""
    found = vary(light=1.0)
    generator = np.random.default_rng(np.random.SeedSequence((0, 3), spawn_key=(2,)))
    generator.random(8)
    for i, amounts in enumerate(generator.uniform(0.7, 1.3, (8, 3))):
        expected = Image.fromarray(picture(seed=i))
        for kind, amount in zip(ENHANCERS, amounts, strict=True):
            expected = kind(expected).enhance(amount)
        assert difference(found[i], np.asarray(expected)) < 0.4


def test_grey_is_pillows_and_a_mirror_image_is_one() -> None:
    grey = np.asarray(Image.fromarray(picture()).convert("L"), int)
    assert np.abs(vary(grey=1.0)[0] - grey[..., None]).max() <= 1
    np.testing.assert_array_equal(vary(mirror=1.0)[0], picture()[:, ::-1])


def test_a_cover_is_a_rectangle_within_the_crop() -> None:
    for changed in (vary(occlusion=1.0) != vary()).any(axis=3):
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / changed.size
        assert 0.03 < area < 0.28


def test_the_dark_is_darker() -> None:
    dark, plain = vary(dark=1.0).astype(float), vary().astype(float)
    assert (dark.mean(axis=(1, 2, 3)) < 0.6 * plain.mean(axis=(1, 2, 3))).all()


def test_as_many_are_varied_as_the_probability_says() -> None:
    varied = [(vary(step=step, mirror=0.25) != vary()).any(axis=(1, 2, 3)).mean() for step in range(60)]
    assert 0.18 < float(np.mean(varied)) < 0.32
