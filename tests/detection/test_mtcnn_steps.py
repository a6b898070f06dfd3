"""Crops and suppression beside torchvision's operators, which say the same of tensors."""

import numpy as np
import pytest
import torch
import torchvision.ops

from facesearch.detection.mtcnn.candidates import Candidates, nms_by_union
from facesearch.detection.mtcnn.pyramid import OUTSIDE, Pyramid, crops


def boxes(count: int, seed: int, within: float = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, within, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(20, 90, (count, 1))], axis=1).astype(np.float32)


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_suppression_is_that_of_torchvision(threshold: float) -> None:
    some, group = boxes(120, 1), np.repeat([0, 2, 3], [50, 1, 69])
    scores = np.random.default_rng(2).uniform(0.6, 1, 120).astype(np.float32)
    kept = nms_by_union(some, scores, group, threshold)
    expected = [
        row + start
        for start, end in ((0, 50), (50, 51), (51, 120))
        for row in torchvision.ops.nms(
            torch.from_numpy(some[start:end]), torch.from_numpy(scores[start:end]), threshold
        ).tolist()
    ]
    assert 3 < len(expected) < 120
    assert kept.tolist() == expected


def test_no_boxes_to_suppress() -> None:
    kept = nms_by_union(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), 0.5)
    assert kept.tolist() == []


@pytest.mark.parametrize("side", [24, 48])
def test_crops_are_those_of_roi_align(astronaut: np.ndarray, side: int) -> None:
    """Two samples a side of each pixel, from the octave at which they see all; OpenCV places them to 1/32 pixel."""
    images = [astronaut, astronaut[100:331, 50:300]]
    pyramids = [Pyramid(image) for image in images]
    image = np.repeat([0, 1], [30, 20])
    some = np.concatenate([boxes(30, 3, 400), boxes(20, 4, 140)])
    found = crops(Candidates(some, np.ones(50, np.float32), image), pyramids, side)
    assert found.shape == (50, side, side, 3)
    for row, (box, number) in enumerate(zip(some, image, strict=True)):
        level = int(np.log2(max((box[2] - box[0]) / side, 1)))
        octave = torch.from_numpy(pyramids[number].octaves[level]).permute(2, 0, 1)[None]
        height, width = octave.shape[2:]
        inside = np.array([box[0], box[1], -box[2], -box[3]]) * 0.5**level > (2, 2, 2 - width, 2 - height)
        if not inside.all():
            continue
        expected = torchvision.ops.roi_align(
            octave, [torch.from_numpy(box)[None]], side, 0.5**level, sampling_ratio=2, aligned=True
        )[0]
        np.testing.assert_allclose(found[row], expected.permute(1, 2, 0), atol=4)
        assert np.abs(found[row] - expected.permute(1, 2, 0).numpy()).mean() < 0.5


def test_outside_is_grey() -> None:
    pyramid = Pyramid(np.zeros((100, 80, 3), np.uint8))
    beside = np.array([[-60, 10, -10, 60], [40, 50, 120, 130]], np.float32)
    one, other = crops(Candidates(beside, np.ones(2, np.float32), np.zeros(2, np.int64)), [pyramid], 24)
    assert (one == OUTSIDE).all()
    np.testing.assert_allclose(other[:11, :11], 0, atol=1e-3)
    np.testing.assert_allclose(other[16:, 16:], OUTSIDE, atol=1e-3)


def test_no_candidates() -> None:
    nothing = Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert crops(nothing, [], 24).shape == (0, 24, 24, 3)


def test_a_panorama_has_more_pixels_a_side_than_opencv_takes() -> None:
    image = np.zeros((60, 40_000, 3), np.uint8)
    image[:, 39_000:39_040] = 200
    there = np.array([[39_000, 10, 39_040, 50], [100, 10, 140, 50]], np.float32)
    one, other = crops(Candidates(there, np.ones(2, np.float32), np.zeros(2, np.int64)), [Pyramid(image)], 24)
    np.testing.assert_allclose(one[:, 1:-1], 200, atol=1e-3)
    assert (other == 0).all()
