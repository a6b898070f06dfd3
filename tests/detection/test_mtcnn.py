"""Detection on real faces, beside facenet-pytorch's own MTCNN, and on pictures that are no photos."""

import numpy as np
import pytest
import skimage.data
from detection_samples import Rgb, assert_same_faces, detect, resized
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Face
from facesearch.detection import load
from facesearch.detection.mtcnn.candidates import Candidates, nms_by_smaller
from facesearch.detection.mtcnn.pyramid import Pyramid, crops
from facesearch.media import open_photo

Box = tuple[float, float, float, float]

FACE_IN_ASTRONAUT = (slice(0, 240), slice(110, 350))  # rows, columns: the head with some air


def side(face: Face) -> float:
    return face.box[2] - face.box[0]


def centre(face: Face) -> tuple[float, float]:
    return (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2


def iou(a: Box, b: Box) -> float:
    overlap = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return overlap / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap)


@pytest.fixture(scope="module")
def detector():
    return load("mtcnn")


# --- Beside facenet-pytorch -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference():
    """facenet-pytorch's detector: image, min_face_px -> boxes (n, 4), scores (n,), landmarks (n, 5, 2)."""
    from facenet_pytorch import MTCNN

    def detect_as_they_do(image: Rgb, min_face_px: int):
        boxes, scores, landmarks = MTCNN(keep_all=True, min_face_size=min_face_px, device="cpu").detect(
            Image.fromarray(image), landmarks=True
        )
        if boxes is None:
            return np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2))
        return boxes.astype(float), scores.astype(float), landmarks.astype(float)

    return detect_as_they_do


@pytest.mark.parametrize(("min_face_px", "photos"), [(40, ""), (20, "grace-hopper-tilted")])
def test_finds_what_facenet_pytorch_finds(detector, reference, demo, min_face_px, photos):
    folder, labels = demo
    for name, people in labels.items():
        if photos not in name:
            continue
        image = open_photo(folder / name).decode().rgb
        found = detect(detector, image, min_face_px)
        boxes, scores, landmarks = reference(image, min_face_px)
        confident = scores > 0.9

        assert confident.sum() == len(people), name
        assert len(found) == len(people), name
        for box, points in zip(boxes[confident], landmarks[confident], strict=True):
            face = max(found, key=lambda f: iou(f.box, tuple(box)))
            assert iou(face.box, tuple(box)) > 0.6, name
            assert np.abs(face.landmarks - points).max() < 0.06 * (box[2] - box[0]), name
            assert np.abs(face.landmarks - points).mean() < 0.03 * (box[2] - box[0]), name


def test_landmarks_are_the_five_points_in_their_order(detector, hopper):
    (face,) = detect(detector, hopper)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert face.landmarks.dtype == np.float32
    assert face.landmarks.shape == (5, 2)
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    x1, y1, x2, y2 = face.box
    assert ((face.landmarks > (x1, y1)) & (face.landmarks < (x2, y2))).all()
    assert 0.9 < face.score <= 1


def test_the_later_networks_see_squares(detector, hopper, monkeypatch):
    """They were trained on squares; a face's box is not one."""
    seen = {}

    def recording(candidates, pyramids, side):
        seen[side] = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
        return crops(candidates, pyramids, side)

    monkeypatch.setattr("facesearch.detection.mtcnn.detector.crops", recording)
    (face,) = detect(detector, hopper)
    assert set(seen) == {24, 48}
    for sides in seen.values():
        np.testing.assert_allclose(sides[:, 0], sides[:, 1], atol=1e-3)
    assert face.box[3] - face.box[1] > 1.1 * side(face)


# --- Emptiness and views ----------------------------------------------------------------------------------------------


def test_no_images(detector):
    assert detector.detect([], []) == []


def test_every_image_needs_its_smallest_face(detector, hopper):
    with pytest.raises(ValueError, match="zip"):
        detector.detect([hopper, hopper], [40])


def test_the_image_is_left_as_it_is_and_may_be_a_view(detector, hopper):
    before = hopper.copy()
    upside_down = hopper[::-1, ::-1]  # negative strides
    hopper.flags.writeable = False
    try:
        assert_same_faces(detect(detector, upside_down[::-1, ::-1]), detect(detector, hopper))
    finally:
        hopper.flags.writeable = True
    assert (hopper == before).all()


# --- Nothing to find --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (300, 5), (11, 11), (12, 12), (13, 700), (23, 24), (25, 47)])
@pytest.mark.parametrize("value", [0, 255])
def test_tiny_and_even_images_hold_no_face(detector, shape, value):
    assert detect(detector, np.full((*shape, 3), value, np.uint8), 12) == []


def test_pictures_without_a_face(detector):
    pictures = [
        np.zeros((400, 600, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8),
        np.array(skimage.data.coffee()),
        np.repeat(skimage.data.coins()[:, :, None], 3, axis=2),
    ]
    assert detector.detect(pictures, [20] * 4) == [[], [], [], []]


# --- Size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.0, 2.0])
def test_smallest_face(detector, astronaut, factor):
    face_px = 90 * factor
    image = resized(astronaut, factor)
    (face,) = detect(detector, image, 0.6 * face_px)
    assert side(face) == pytest.approx(face_px, rel=0.1)
    # P-Net's smallest window is as large as the smallest face, and the later stages move it by less than that
    assert detect(detector, image, 2.5 * face_px) == []


def test_a_face_as_large_as_the_image(detector, hopper):
    (face,) = detect(detector, hopper)
    x1, y1, x2, y2 = (round(v) for v in face.box)
    tight = hopper[y1:y2, x1:x2]
    (again,) = detect(detector, tight, min(tight.shape[:2]))
    assert iou(again.box, (0, 0, tight.shape[1], tight.shape[0])) > 0.6


@pytest.mark.parametrize(("factor", "tolerance"), [(2, 0.01), (3, 0.06)])
def test_an_enlarged_image_gives_enlarged_coordinates(detector, hopper, astronaut, factor, tolerance):
    """Nearly the same ones where the factor is that of the pyramid's octaves, similar ones otherwise."""
    for image in (hopper, astronaut):
        (face,) = detect(detector, image, 30)
        (large,) = detect(detector, resized(image, factor), 30 * factor)
        expected = face.scaled(factor)
        np.testing.assert_allclose(large.box, expected.box, atol=tolerance * side(expected))
        np.testing.assert_allclose(large.landmarks, expected.landmarks, atol=tolerance * side(expected))


def test_a_moved_image_gives_moved_coordinates(detector, hopper):
    """Also by odd numbers of pixels, which neither P-Net's stride nor the pyramid's octaves divide."""
    expected = detect(detector, hopper)[0]
    for dx, dy in [(37, 5), (101, 64)]:
        canvas = np.zeros((600 + dy, 512 + dx, 3), np.uint8)
        canvas[dy:, dx:] = hopper
        (face,) = detect(detector, canvas)
        assert iou(face.box, tuple(np.add(expected.box, (dx, dy, dx, dy)))) > 0.8
        assert np.abs(face.landmarks - (dx, dy) - expected.landmarks).max() < 0.04 * side(expected)


def test_a_scaled_face():
    face = Face((1, 2, 3, 4), np.arange(10, dtype=np.float32).reshape(5, 2), 0.5)
    larger = face.scaled(2.5)
    assert larger.box == (2.5, 5, 7.5, 10)
    np.testing.assert_array_equal(larger.landmarks, face.landmarks * 2.5)
    assert larger.landmarks.dtype == np.float32
    assert larger.score == 0.5


@pytest.mark.parametrize("shape", [(97, 131), (600, 512), (33, 1000)])
@pytest.mark.parametrize("scale", [0.9, 0.709, 0.5, 0.43, 0.3, 12 / 33])
def test_the_pyramid_says_which_scale_it_has(shape, scale):
    """A ramp shows where each pixel comes from: that of the scaled image is at (pixel + 1/2) / ratio."""
    height, width = shape
    ramps = np.stack([*np.broadcast_arrays(np.arange(width)[None], np.arange(height)[:, None]), np.zeros(shape)], -1)
    pyramid = Pyramid((ramps * (255 / max(shape))).astype(np.uint8))
    octaves = pyramid.octaves
    octaves[0] = (ramps + 0.5).astype(np.float32)  # the octaves, without 8-bit rounding
    for level in range(1, len(octaves)):
        even = octaves[level - 1][: 2 * octaves[level].shape[0], : 2 * octaves[level].shape[1]]
        octaves[level] = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4

    pixels, (ratio_x, ratio_y) = pyramid.resized(scale)

    np.testing.assert_allclose(pixels.shape[:2], (height * scale, width * scale), atol=1)
    inner = slice(2, -2)  # a filter that reaches over the edge bends the ramp
    x = (np.arange(pixels.shape[1]) + 0.5) / ratio_x
    y = (np.arange(pixels.shape[0]) + 0.5) / ratio_y
    np.testing.assert_allclose(pixels[0, :, 0][inner], x[inner], atol=0.15 / scale)
    np.testing.assert_allclose(pixels[:, 0, 1][inner], y[inner], atol=0.15 / scale)


# --- Edges and crowds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
def test_a_face_cut_by_the_edge(detector, hopper, edge):
    (whole,) = detect(detector, hopper)
    x1, y1, x2, y2 = whole.box
    left = round(x1 + 0.2 * (x2 - x1)) if edge == "left" else 0
    right = round(x2 - 0.2 * (x2 - x1)) if edge == "right" else hopper.shape[1]
    top = round(y1 + 0.2 * (y2 - y1)) if edge == "top" else 0
    bottom = round(y2 - 0.2 * (y2 - y1)) if edge == "bottom" else hopper.shape[0]

    faces = detect(detector, hopper[top:bottom, left:right])

    assert len(faces) == 1
    moved = np.add(faces[0].box, (left, top, left, top))
    assert iou(tuple(moved), whole.box) > 0.6
    assert np.abs(np.add(faces[0].landmarks, (left, top)) - whole.landmarks).max() < 0.15 * side(whole)


def test_a_crowd(detector, astronaut):
    one = astronaut[FACE_IN_ASTRONAUT]
    (expected,) = detect(detector, one)
    faces = detect(detector, np.tile(one, (4, 4, 1)))
    x, y = centre(expected)
    cells = {(int((cx - x) / 240 + 0.5), int((cy - y) / 240 + 0.5)) for cx, cy in map(centre, faces)}
    assert len(faces) == 16
    assert cells == {(column, row) for column in range(4) for row in range(4)}
    for face in faces:
        column, row = (round((c - e) / 240) for c, e in zip(centre(face), (x, y), strict=True))
        home = np.subtract(face.box, np.multiply(240, (column, row, column, row)))
        assert iou(tuple(home), expected.box) > 0.75


def test_best_score_first_and_thresholds(detector, astronaut):
    crowd = np.tile(resized(astronaut, 0.5), (1, 3, 1))
    crowd[:, 256:512] = crowd[:, 256:512] // 4 + 90  # a washed-out one
    scores = [face.score for face in detect(detector, crowd, 20)]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > DetectionConfig().thresholds[2]

    strict = load("mtcnn", config=DetectionConfig(thresholds=(0.6, 0.7, (scores[0] + scores[-1]) / 2)))
    assert 1 <= len(detect(strict, crowd, 20)) < 3


def test_the_same_every_time(detector, hopper):
    first, second = detect(detector, hopper), detect(detector, hopper)
    assert [f.box for f in first] == [f.box for f in second]
    assert (first[0].landmarks == second[0].landmarks).all()


# --- Non-maximum suppression by the smaller box -----------------------------------------------------------------------


def written_out_nms(boxes: list[Box], scores: list[float], image: list[int], threshold: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        clashes = False
        for j in kept:
            width = min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0])
            height = min(boxes[i][3], boxes[j][3]) - max(boxes[i][1], boxes[j][1])
            if image[i] == image[j] and width > 0 and height > 0:
                areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (boxes[i], boxes[j])]
                clashes |= width * height > threshold * min(areas)
        if not clashes:
            kept.append(i)
    return kept


# Whole numbers and eighths are exact in float32, so that ties are ties for both.
a_box = st.tuples(st.integers(-10, 30), st.integers(-10, 30), st.integers(1, 20), st.integers(1, 20))
candidates = st.lists(st.tuples(a_box, st.integers(0, 8), st.integers(0, 2)), max_size=25)


@settings(deadline=None, max_examples=150)
@given(candidates, st.sampled_from([0.25, 0.5, 0.75]))
def test_nms_against_a_written_out_loop(rows, threshold):
    boxes = [(float(x), float(y), float(x + w), float(y + h)) for (x, y, w, h), _, _ in rows]
    scores, image = [score / 8 for _, score, _ in rows], [i for _, _, i in rows]
    arrays = Candidates(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(image, np.int64)
    )
    assert nms_by_smaller(arrays, threshold).tolist() == written_out_nms(boxes, scores, image, threshold)


def test_nms_drops_the_weaker_of_two_nested_boxes_of_one_image_only():
    boxes = np.array([[0, 0, 100, 100], [40, 40, 60, 60], [40, 40, 60, 60], [95, 95, 120, 120]], np.float32)
    several = Candidates(boxes, np.array([0.8, 0.9, 0.7, 0.75], np.float32), np.array([0, 0, 1, 0]))
    assert nms_by_smaller(several, 0.7).tolist() == [1, 3, 2]
