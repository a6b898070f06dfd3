"""Detection does not depend on company or threads, and OpenVINO finds what PyTorch finds."""

from concurrent.futures import ThreadPoolExecutor

import facenet_pytorch
import numpy as np
import pytest
import torch
from detection_samples import assert_same_faces, detect, resized
from scipy.special import expit

from facesearch.detection.mtcnn import Mtcnn
from facesearch.detection.mtcnn.cascade_torch import DeviceCascade
from facesearch.detection.mtcnn.proposals import _bands, _hits, propose
from facesearch.detection.mtcnn.pyramid import Pyramid, scales

# --- Batches ----------------------------------------------------------------------------------------------------------


def test_a_batch_gives_what_its_images_give_alone(detector, hopper, astronaut):
    both = np.zeros((620, 1024, 3), np.uint8)
    both[:600, :512], both[:512, 512:] = hopper, astronaut
    images = [hopper, np.zeros((50, 80, 3), np.uint8), both, astronaut[:, ::-1], resized(astronaut, 0.6), hopper]
    min_faces = [40.0, 20.0, 30.0, 60.0, 20.0, 90.0]
    together = detector.detect(images, min_faces)

    assert [len(faces) for faces in together] == [1, 0, 2, 1, 1, 1]
    for image, min_face, faces in zip(images, min_faces, together, strict=True):
        assert_same_faces(faces, detect(detector, image, min_face))


def test_company_changes_no_bit(detector, hopper, astronaut):
    """Wherever a tile of P-Net's tape happens to end, and whoever is a crop's neighbour."""
    pictures = [hopper[:333, :257], astronaut, resized(astronaut, 0.6)]
    together = detector.detect(pictures, [20, 25, 20])
    others = detector.detect([*pictures[::-1], hopper], [20, 25, 20, 40])[2::-1]
    for image, min_face, *several in zip(pictures, [20, 25, 20], together, others, strict=True):
        for faces, alone in zip(several, [detect(detector, image, min_face)] * 2, strict=True):
            assert [(f.box, f.score) for f in faces] == [(f.box, f.score) for f in alone]
            assert all((f.landmarks == a.landmarks).all() for f, a in zip(faces, alone, strict=True))


def test_threads_change_no_bit(detector, hopper, astronaut):
    images = [hopper, astronaut] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: detect(detector, image, 30), images))
    expected = [detect(detector, image, 30) for image in images]
    assert [[(f.box, f.score) for f in faces] for faces in found] == [
        [(f.box, f.score) for f in faces] for faces in expected
    ]


# --- The same networks in PyTorch -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    """Without the search for the upright orientation."""
    return Mtcnn()


@pytest.fixture(scope="module")
def in_torch() -> Mtcnn:
    """The detector as it runs on other devices, on the CPU."""
    other = Mtcnn()
    other.cascade = DeviceCascade("cpu")
    return other


def test_openvino_finds_what_pytorch_finds(detector, in_torch, hopper, astronaut):
    images, min_faces = [hopper, astronaut, resized(hopper, 0.7)[:, :301]], [20, 30, 20]
    for image, faces, others in zip(
        images, detector.detect(images, min_faces), in_torch.detect(images, min_faces), strict=True
    ):
        assert_same_faces(faces, others, atol=1e-5 * max(image.shape))
        assert [f.score for f in faces] == pytest.approx([f.score for f in others], abs=1e-5)


def test_openvino_proposes_what_pytorch_proposes(detector, in_torch, hopper):
    """All candidates of P-Net, in bands and tiles that are full and in those that are not."""
    pictures = [hopper[:203, :333], hopper[:77, 100:177], np.zeros((12, 900, 3), np.uint8)]
    pyramids = [Pyramid(picture) for picture in pictures]
    one, other = (propose(d.cascade, pyramids, [12, 20, 12], d.config) for d in (detector, in_torch))
    assert len(one) > 20
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    assert (one.image == other.image).all()


def test_more_crops_than_a_network_sees_at_once(in_torch, hopper, astronaut, monkeypatch):
    expected = in_torch.detect([hopper, astronaut], [20, 20])
    monkeypatch.setattr("facesearch.detection.mtcnn.cascade_torch.MAX_CROPS", 3)
    monkeypatch.setattr("facesearch.detection.mtcnn.cascade_torch.MAX_TILES", 2)
    for faces, others in zip(in_torch.detect([hopper, astronaut], [20, 20]), expected, strict=True):
        assert_same_faces(faces, others)


@pytest.mark.parametrize("shape", [(12, 12), (13, 12), (74, 266), (73, 265), (75, 267), (138, 299), (141, 300)])
@pytest.mark.parametrize("at_once", [1, 64])
def test_tiles_say_what_pnet_says_of_the_whole_image(detector, hopper, monkeypatch, shape, at_once):
    """Around the sides of a tile, and at odd ones, whose last row or column is left out."""
    monkeypatch.setattr("facesearch.detection.mtcnn.proposals.TILES_AT_ONCE", at_once)
    pyramid = Pyramid(hopper[-shape[0] :, : shape[1]])
    whole = facenet_pytorch.MTCNN().pnet
    bands = _bands([pyramid], [12], 0.709)
    hits, values = _hits(detector.cascade, bands, -np.inf)
    images = [pyramid.resized(scale)[0] for scale in scales(pyramid.size, 12, 0.709)]
    even = [image[: len(image) // 2 * 2, : image.shape[1] // 2 * 2].transpose(2, 0, 1) for image in images]
    with torch.inference_mode():
        maps = [whole((torch.from_numpy(image)[None] - 127.5) / 128) for image in even]
    for number, (regression, probability) in enumerate(maps):
        rows = np.array([bands[band].scale == number for band in hits[:, 0]])
        y = hits[rows, 1] + np.array([bands[band].top for band in hits[rows, 0]])
        assert sorted(zip(y, hits[rows, 2], strict=True)) == list(np.ndindex(tuple(regression.shape[2:])))
        np.testing.assert_allclose(values[rows, 1:], regression.numpy()[0, :, y, hits[rows, 2]], atol=1e-5)
        np.testing.assert_allclose(expit(values[rows, 0]), probability.numpy()[0, 1, y, hits[rows, 2]], atol=1e-5)
