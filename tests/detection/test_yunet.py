"""YuNet beside OpenCV's own reading of the same file, and on real faces of all sizes."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from detection_samples import Rgb, assert_same_faces, detect, resized
from PIL import Image

from facesearch.core.errors import ModelError
from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Face
from facesearch.detection.canvases import SIZES, Picture, canvases, square
from facesearch.detection.found import Found, nms
from facesearch.detection.main_face import main_face
from facesearch.detection.yunet import Yunet, YunetInt8
from facesearch.detection.yunet import detector as yunet_detector
from facesearch.detection.yunet.decoding import decoded
from facesearch.detection.yunet.int8 import calibration_canvas
from facesearch.detection.yunet.network import load_network
from facesearch.detection.yunet.weights import FILE


@pytest.fixture(scope="module")
def detector() -> Yunet:
    """Without the search for the upright orientation."""
    return Yunet()


@pytest.fixture
def mixed(hopper: Rgb, astronaut: Rgb) -> list[Rgb]:
    """Photos of several sizes, two with two faces, of which one leans."""
    both = np.zeros((620, 1024, 3), np.uint8)
    both[:600, :512], both[:512, 512:] = hopper, astronaut
    leaning = np.asarray(Image.fromarray(both).rotate(30), np.uint8)
    return [hopper, both, leaning, astronaut, resized(astronaut, 0.5), np.ascontiguousarray(astronaut[:200])]


def side(face: Face) -> float:
    return face.box[2] - face.box[0]


# --- Beside OpenCV ----------------------------------------------------------------------------------------------------


def oracle(image: Rgb, threshold: float) -> Found:
    """OpenCV's FaceDetectorYN on the published file, which its own DNN module reads; on the image as it is."""
    height, width = image.shape[:2]
    theirs = cv2.FaceDetectorYN.create(str(FILE.path), "", (width, height), threshold, 0.3)
    _, rows = theirs.detect(np.ascontiguousarray(image[:, :, ::-1]))
    rows = rows[(-rows[:, 14]).argsort()]
    boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
    return Found(boxes, rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14])


def one_look(image: Rgb, threshold: float) -> Found:
    """Our network and decoding on the image as it is, at the top left of a black canvas, as OpenCV does."""
    height, width = (-(-n // 32) * 32 for n in image.shape[:2])
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    found, _ = decoded(load_network("cpu")([canvas]), (height, width), threshold)
    return found.take(nms(found.boxes, found.scores, 0.3))


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0])
def test_one_look_is_what_opencv_gives(hopper: Rgb, astronaut: Rgb, factor: float) -> None:
    both = np.zeros((620, 1024, 3), np.uint8)
    both[:600, :512], both[:512, 512:] = hopper, astronaut
    for image in (resized(picture, factor) for picture in (hopper, astronaut, both)):
        ours, theirs = one_look(image, 0.3), oracle(image, 0.3)
        assert len(ours) == len(theirs) > 0
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=0.01)
        np.testing.assert_allclose(ours.landmarks, theirs.landmarks, atol=0.01)


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_faces_are_where_opencv_finds_them(detector: Yunet, hopper: Rgb, astronaut: Rgb, factor: float) -> None:
    for image in (resized(hopper, factor), resized(astronaut, factor)):
        (face,), theirs = detect(detector, image, 20), oracle(image, 0.6)
        assert np.abs(np.array(face.box) - theirs.boxes[0]).max() < 0.08 * side(face)
        assert np.abs(face.landmarks - theirs.landmarks[0]).max() < 0.08 * side(face)
        assert face.score == pytest.approx(theirs.scores[0], abs=0.05)


def test_landmarks_are_the_five_points_in_their_order(detector: Yunet, hopper: Rgb) -> None:
    (face,) = detect(detector, hopper)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert (face.landmarks.shape, face.landmarks.dtype) == ((5, 2), np.float32)
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


# --- Sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.2, 0.3, 0.5, 1.0, 2.0, 4.0])
def test_a_face_of_any_size(detector: Yunet, astronaut: Rgb, factor: float) -> None:
    """Of 18 to 350 pixels; looked for from 16 pixels on."""
    (as_it_is,) = detect(detector, astronaut, 16)
    (face,) = detect(detector, resized(astronaut, factor), 16)
    assert np.abs(face.landmarks / factor - as_it_is.landmarks).max() < 0.08 * side(as_it_is)


@pytest.mark.parametrize("degrees", [-60, -45, -30, 30, 45, 60])
def test_a_head_that_leans(detector: Yunet, astronaut: Rgb, degrees: float) -> None:
    """Its landmarks lean with it."""
    (upright,) = detect(detector, astronaut)
    centre = np.mean([upright.box[:2], upright.box[2:]], axis=0)
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), -degrees, 1.0)  # clockwise for OpenCV's -
    leaning = cv2.warpAffine(astronaut, matrix, (512, 512), borderMode=cv2.BORDER_REFLECT)
    (face,) = (face for face in detect(detector, leaning, 40) if abs(face.box[0] - upright.box[0]) < side(upright))
    expected = upright.landmarks @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(face.landmarks - expected).max() < 0.2 * side(upright)


def test_a_face_that_fills_the_picture(detector: Yunet, astronaut: Rgb) -> None:
    x1, y1, x2, y2 = (int(value) for value in detect(detector, astronaut)[0].box)
    for factor in (1, 4, 12):
        (face,) = detect(detector, resized(astronaut[y1:y2, x1:x2], factor), 20)
        assert side(face) > 0.7 * factor * (x2 - x1)


def test_small_faces_of_a_large_picture_in_tiles(detector: Yunet, astronaut: Rgb) -> None:
    """Wherever they lie, on the seams of tiles or in the corner; each is found once."""
    small = resized(astronaut[40:200, 140:320], 0.4)
    scene = np.full((2300, 3100, 3), 90, np.uint8)
    places = [(y, x) for y in (0, 720, 1490, 2300 - small.shape[0]) for x in (0, 700, 940, 3100 - small.shape[1])]
    for y, x in places:
        scene[y : y + small.shape[0], x : x + small.shape[1]] = small
    faces = detect(detector, scene, 20)
    centres = np.array([np.mean([face.box[:2], face.box[2:]], axis=0) for face in faces])
    expected = np.array([(x + small.shape[1] / 2, y + small.shape[0] / 2) for y, x in places])
    assert len(faces) == len(places)
    assert (np.linalg.norm(centres[:, None] - expected, axis=2).min(axis=0) < 15).all()


def test_a_panorama(detector: Yunet, astronaut: Rgb) -> None:
    scene = np.full((512, 40_000, 3), 90, np.uint8)
    for x in (0, 17_000, 39_488):
        scene[:, x : x + 512] = astronaut
    found = sorted(face.box[0] for face in detect(detector, scene, 40))
    np.testing.assert_allclose(np.diff(found), [17_000, 22_488], atol=6)


@pytest.mark.parametrize("factor", [0.35, 0.9])
def test_only_the_main_face(detector: Yunet, hopper: Rgb, astronaut: Rgb, factor: float) -> None:
    """The most prominent one is as it is among all; one that cannot be it may be missing."""
    scene = np.full((620, 1024, 3), 90, np.uint8)
    beside = resized(astronaut, factor)
    scene[:600, :512], scene[: beside.shape[0], 512 : 512 + beside.shape[1]] = hopper, beside
    everybody = detect(detector, scene, 20)
    some = detect(Yunet(DetectionConfig(only_main=True)), scene, 20)
    (main, again) = (main_face(faces, (1024, 620)) for faces in (everybody, some))
    assert main is not None
    assert again is not None
    assert_same_faces([again], [main], atol=0)
    assert (len(everybody), len(some)) == (2, 2 if factor > 0.5 else 1)


# --- Steps ------------------------------------------------------------------------------------------------------------


def test_decoding_as_a_slow_loop() -> None:
    height, width = 64, 96
    rng = np.random.default_rng(0)
    both = rng.normal(size=(2, 16, 8 * 12 + 4 * 6 + 2 * 3)).astype(np.float32)
    all_found, canvas = decoded(both, (height, width), 0.5)
    assert {0, 1} == set(canvas)
    found, maps, row, position = all_found.take(np.flatnonzero(canvas == 1)), both[1], 0, 0
    for stride in (8, 16, 32):
        for y in range(0, height, stride):
            for x in range(0, width, stride):
                score = ((1 / (1 + np.exp(-maps[0, position]))) * (1 / (1 + np.exp(-maps[1, position])))) ** 0.5
                if score >= 0.5:
                    dx, dy, log_w, log_h = maps[2:6, position].astype(float)
                    w, h = np.exp(log_w) * stride, np.exp(log_h) * stride
                    cx, cy = x + dx * stride, y + dy * stride
                    box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
                    points = maps[6:, position].reshape(5, 2) * stride + (x, y)
                    np.testing.assert_allclose(found.boxes[row], box, rtol=1e-4, atol=1e-3)
                    np.testing.assert_allclose(found.landmarks[row], points, rtol=1e-4, atol=1e-3)
                    assert found.scores[row] == pytest.approx(score, abs=1e-5)
                    row += 1
                position += 1
    assert len(found) == row > 10


@pytest.mark.parametrize("size", [(1, 1), (50, 80), (375, 500), (600, 400), (900, 1200), (1500, 2000), (300, 9000)])
def test_canvases_show_the_whole_picture(size: tuple[int, int]) -> None:
    """Every pixel is on a canvas at the scale wanted, and canvases have few sizes."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    image = np.stack([columns * 255 / size[1], rows * 255 / size[0], np.full(size, 255)], axis=2).astype(np.uint8)
    seen = np.zeros(size, bool)
    for canvas in canvases(Picture(image), 0.6):
        assert canvas.pixels.shape[:2] in SIZES
        shown = canvas.pixels[:, :, 2] > 0
        y, x = np.nonzero(shown)
        scale = canvas.to_picture[:, :2].diagonal()
        at = (np.stack([x, y], axis=1) + 0.5) * scale + canvas.to_picture[:, 2]
        expected = at * 255 / (size[1], size[0])
        assert np.abs(canvas.pixels[shown][:, :2] - expected).max() < 2 + 255 * scale.max() / min(size)
        if scale.max() <= 1 / 0.6 + 0.6 / min(size) + 0.05:
            (left, top), (right, bottom) = at.min(axis=0) - scale, at.max(axis=0) + scale + 1
            seen[max(int(top), 0) : int(bottom), max(int(left), 0) : int(right)] = True
    assert seen.all()


@pytest.mark.parametrize("turned", [0, 45, -30])
@pytest.mark.parametrize(("centre", "width"), [((300, 200), 90), ((300, 200), 500), ((-20, 30), 100), ((-900, 30), 99)])
def test_a_square_shows_what_is_there(centre: tuple[float, float], width: float, turned: float) -> None:
    """Where the canvas says that a pixel is from, the picture has its colour; outside it is black."""
    rows, columns = np.mgrid[0:400, 0:600]
    image = np.stack([columns / 600 * 255, rows / 400 * 255, np.full((400, 600), 255)], axis=2).astype(np.uint8)
    canvas = square(Picture(image), np.array([*centre, *centre], np.float32), width, 64, turned)
    y, x = np.mgrid[0:64, 0:64]
    at = (np.stack([x, y], axis=2) + 0.5) @ canvas.to_picture[:, :2].T + canvas.to_picture[:, 2]
    np.testing.assert_allclose(at.mean(axis=(0, 1)), centre, atol=0.01)
    right = at[0, 1] - at[0, 0]
    assert np.degrees(np.arctan2(right[1], right[0])) == pytest.approx(turned, abs=0.01)
    margin = 2 * width / 64 + 1
    inside = ((at > margin) & (at < (600 - margin, 400 - margin))).all(axis=2)
    outside = ((at < -margin) | (at > (600 + margin, 400 + margin))).any(axis=2)
    assert np.abs(canvas.pixels[inside][:, :2] - at[inside] / (600, 400) * 255).max(initial=0) < 2
    assert (canvas.pixels[inside][:, 2] == 255).all()
    assert not canvas.pixels[outside].any()


@pytest.mark.parametrize("size", [(64, 96), (320, 256)])
def test_pytorch_gives_the_same(astronaut: Rgb, size: tuple[int, int]) -> None:
    from facesearch.detection.yunet.network_torch import DeviceNetwork

    canvas = np.ascontiguousarray(astronaut[30 : 30 + size[0], 100 : 100 + size[1]])
    ours, theirs = load_network("cpu")([canvas]), DeviceNetwork("cpu")([canvas])
    assert np.abs(theirs).max() > 1
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.fixture
def on_device(detector: Yunet, monkeypatch: pytest.MonkeyPatch) -> tuple[Yunet, list[int]]:
    """The detector as on a GPU, on PyTorch's CPU; and how many canvases each copy to the device held."""
    from facesearch.core.torch_device import TorchDevice
    from facesearch.detection.yunet.network_torch import DeviceNetwork

    sent: list[int] = []
    upload = TorchDevice.upload_stacked

    def note(device: TorchDevice, arrays: Sequence[Rgb]) -> object:
        sent.append(len(arrays))
        return upload(device, arrays)

    monkeypatch.setattr(TorchDevice, "upload_stacked", note)
    yunet = Yunet(detector.config)
    yunet._network = DeviceNetwork("cpu")
    return yunet, sent


def test_a_device_finds_the_same_faces(detector: Yunet, on_device: tuple[Yunet, list[int]], mixed: list[Rgb]) -> None:
    ours, theirs = detector.detect(mixed, [20] * len(mixed)), on_device[0].detect(mixed, [20] * len(mixed))
    assert sum(map(len, ours)) > len(mixed)
    for faces, others in zip(ours, theirs, strict=True):
        assert len(faces) == len(others)
        for face, other in zip(faces, others, strict=True):
            np.testing.assert_allclose(face.box, other.box, atol=0.01)
            np.testing.assert_allclose(face.landmarks, other.landmarks, atol=0.01)


def test_more_photos_are_no_more_copies_to_a_device(
    on_device: tuple[Yunet, list[int]], hopper: Rgb, astronaut: Rgb
) -> None:
    yunet, sent = on_device
    part = np.ascontiguousarray(astronaut[:400, :400])
    yunet.detect([hopper, part], [20, 20])
    few = len(sent)
    sent.clear()
    yunet.detect([hopper, part] * 6, [20] * 12)
    assert len(sent) == few
    assert max(sent) >= 6


def test_what_does_not_fit_on_a_device_goes_in_parts(
    on_device: tuple[Yunet, list[int]], astronaut: Rgb, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facesearch.detection.yunet import network_torch

    yunet, sent = on_device
    whole = yunet.detect([astronaut] * 5, [20] * 5)
    monkeypatch.setattr(network_torch, "AT_ONCE", 1)
    sent.clear()
    parts = yunet.detect([astronaut] * 5, [20] * 5)
    assert set(sent) == {1}
    for faces, others in zip(whole, parts, strict=True):
        np.testing.assert_allclose([face.box for face in faces], [face.box for face in others], atol=0.01)


@pytest.mark.parametrize("at_once", [1, 10**9])
def test_canvases_go_in_parts_with_the_same_result(
    detector: Yunet, mixed: list[Rgb], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = detector.detect(mixed, [20] * len(mixed))
    monkeypatch.setattr(yunet_detector, "CANVASES_PX", at_once)
    found = detector.detect(mixed, [20] * len(mixed))
    assert [[face.box for face in faces] for faces in found] == [[face.box for face in faces] for faces in expected]


# --- Nothing to find, company -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (300, 5), (11, 11), (13, 700), (23, 24)])
@pytest.mark.parametrize("value", [0, 255])
def test_tiny_and_even_images_hold_no_face(detector: Yunet, shape: tuple[int, int], value: int) -> None:
    assert detect(detector, np.full((*shape, 3), value, np.uint8), 12) == []


def test_every_image_needs_its_smallest_face(detector: Yunet, hopper: Rgb) -> None:
    with pytest.raises(ValueError, match="zip"):
        detector.detect([hopper, hopper], [40])


def test_company_changes_no_bit(detector: Yunet, hopper: Rgb, astronaut: Rgb) -> None:
    pictures = [hopper[:333, :257], astronaut, resized(astronaut, 0.6)]
    together = detector.detect(pictures, [20, 25, 20])
    for image, wanted, faces in zip(pictures, [20, 25, 20], together, strict=True):
        assert_same_faces(faces, detect(detector, image, wanted), atol=0)


def test_the_image_may_be_a_view(detector: Yunet, hopper: Rgb) -> None:
    assert_same_faces(detect(detector, hopper[::-1, ::-1][::-1, ::-1]), detect(detector, hopper), atol=0)


def test_the_least_score_is_a_setting(hopper: Rgb) -> None:
    assert detect(Yunet(DetectionConfig(min_score=0.97)), hopper) == []


def test_grey_and_jpeg_change_little(detector: Yunet, hopper: Rgb) -> None:
    grey = np.array(Image.fromarray(hopper).convert("L").convert("RGB"))
    (face,), (other,) = detect(detector, hopper), detect(detector, grey)
    assert np.abs(face.landmarks - other.landmarks).max() < 0.06 * side(face)


# --- int8 -------------------------------------------------------------------------------------------------------------


def test_int8_finds_the_same_faces_elsewhere_by_little(detector: Yunet, hopper: Rgb, astronaut: Rgb) -> None:
    int8 = YunetInt8()
    assert int8.spec.fingerprint != detector.spec.fingerprint
    for image in (hopper, astronaut, resized(astronaut, 0.4)):
        (face,), (other,) = detect(detector, image, 20), detect(int8, image, 20)
        assert 0 < np.abs(face.landmarks - other.landmarks).max() < 0.06 * side(face)
        assert np.abs(np.array(face.box) - other.box).max() < 0.06 * side(face)
        assert face.score == pytest.approx(other.score, abs=0.03)


def test_int8_is_for_the_cpu() -> None:
    with pytest.raises(ModelError, match="yunet-int8 runs on the CPU only, not on cuda: use --device cpu"):
        YunetInt8(device="cuda")


def test_calibration_looks_at_whole_photos(hopper: Rgb) -> None:
    canvas = calibration_canvas(hopper)
    assert canvas.shape == (288, 288, 3)
    assert canvas[:, :245].any(axis=2).mean() > 0.9
    assert not canvas[:, 252:].any()
