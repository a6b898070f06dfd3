"""Contact sheets and plots."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facesearch import embedding
from facesearch.calibration import load_calibration
from facesearch.evaluation.plots import calibration_plot
from facesearch.sharing.sheets import Row, contact_sheet, face_tile


@pytest.fixture
def red(tmp_path: Path) -> str:
    """A grey photo with a red square where the face is."""
    pixels = np.full((200, 300, 3), 128, np.uint8)
    pixels[80:120, 100:140] = (255, 0, 0)
    path = tmp_path / "red.png"
    Image.fromarray(pixels).save(path)
    return str(path)


def test_a_tile_shows_the_face_and_a_little_around_it(red: str) -> None:
    tile = np.array(face_tile(red, (100, 80, 140, 120), 68))
    assert tile.shape == (68, 68, 3)
    assert tuple(tile[34, 34]) == (255, 0, 0)
    assert tuple(tile[3, 3]) == (128, 128, 128)
    reds = (tile[..., 0] > 200).mean()
    assert reds == pytest.approx((40 / 68) ** 2, abs=0.05)


def test_a_tile_over_the_edge_and_one_of_a_photo_that_is_gone(red: str, tmp_path: Path) -> None:
    assert face_tile(red, (-50, -50, 10, 10), 40).size == (40, 40)
    assert np.ptp(np.array(face_tile(str(tmp_path / "gone.jpg"), (0, 0, 10, 10), 40))) == 0


def test_a_sheet_has_a_row_a_person(red: str) -> None:
    face = (red, (100.0, 80.0, 140.0, 120.0))
    one, two = contact_sheet([Row("A", "", [face])]), contact_sheet([Row("A", "", [face] * 30), Row("B", "", [face])])
    assert two.height == pytest.approx(2 * one.height, abs=10)
    assert two.width > one.width
    reds = (np.array(two)[..., 0] > 200) & (np.array(two)[..., 1] < 50)
    assert reds[: one.height].sum() == pytest.approx(10 * reds[one.height :].sum(), rel=0.05)  # ten of the thirty
    assert contact_sheet([]).width > 0
    contact_sheet([Row("A name that is far too long for its column " * 3, "\N{FOX FACE} Zoë", [face])])


def test_the_calibration_is_drawn(tmp_path: Path) -> None:
    calibration = load_calibration(embedding.resolve("dlib"))
    assert calibration is not None
    figure = calibration_plot(calibration)
    figure.savefig(tmp_path / "plot.png")
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [far for far, _ in calibration.far_curve])
    x, y = right.lines[0].get_data()
    np.testing.assert_allclose(y, calibration.probability(np.asarray(x)))
