"""From crops to unit vectors, with networks that show what they were given."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facesearch.core.errors import ModelError
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.embedding import NetworkEmbedder, load_embedder, load_network, resolve

HEIGHT, WIDTH = 20, 16
PREPROCESSING = Preprocessing(
    size=(HEIGHT, WIDTH),
    landmarks=((4, 6), (11, 6), (8, 10), (5, 14), (10, 14)),
    mean=(122.5, 117.0, 104.25),
    std=(256.0, 128.0, 64.0),
)
SPEC = ModelSpec("linear", "linear", 6, PREPROCESSING, "0" * 64)


class LinearNetwork:
    """Every pixel of every channel counts differently; remembers its inputs."""

    def __init__(self, **preprocessing: object) -> None:
        self.spec = replace(SPEC, preprocessing=replace(PREPROCESSING, **preprocessing))
        self.seen: list[NDArray[np.float32]] = []
        self.weights = np.random.default_rng(1).normal(size=(3 * HEIGHT * WIDTH, self.spec.dim)).astype(np.float32)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen.append(batch)
        return batch.reshape(len(batch), -1) @ self.weights


class ConstantNetwork:
    """Gives the same row for every crop."""

    spec = SPEC

    def __init__(self, *row: float) -> None:
        self.row = np.array(row, np.float32)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(self.row, (len(batch), 1))


def crops(count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8))


# --- What the network is given ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_normalisation_against_a_written_out_loop(channels):
    network = LinearNetwork(channels=channels)
    (crop,) = crops(1)
    NetworkEmbedder(network).embed([crop])
    (batch,) = network.seen

    expected = np.empty((3, HEIGHT, WIDTH))
    for channel in range(3):
        mean, std = PREPROCESSING.mean[channel], PREPROCESSING.std[channel]  # in the network's own order
        for y in range(HEIGHT):
            for x in range(WIDTH):
                value = crop[y, x, channel if channels == "rgb" else 2 - channel]
                expected[channel, y, x] = (float(value) - mean) / std
    assert batch.shape[1:] == (3, HEIGHT, WIDTH)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    np.testing.assert_allclose(batch[0], expected, atol=1e-6)


def test_bgr_is_rgb_with_swapped_channels():
    rgb, bgr = (
        NetworkEmbedder(LinearNetwork(mean=(9, 9, 9))),
        NetworkEmbedder(LinearNetwork(mean=(9, 9, 9), channels="bgr")),
    )
    some = crops(5)
    np.testing.assert_allclose(bgr.embed([crop[:, :, ::-1] for crop in some]), rgb.embed(some), atol=1e-6)
    assert np.abs(bgr.embed(some) - rgb.embed(some)).max() > 0.05


def test_crops_are_left_as_they_are():
    some = crops(3)
    before = [crop.copy() for crop in some]
    for crop in some:
        crop.flags.writeable = False
    network = LinearNetwork(mirror=True, channels="bgr")
    NetworkEmbedder(network).embed(some)
    assert all((crop == old).all() for crop, old in zip(some, before, strict=True))
    assert all(batch.flags.c_contiguous for batch in network.seen)


# --- What comes out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_unit_norm(mirror, channels):
    embeddings = NetworkEmbedder(LinearNetwork(mirror=mirror, channels=channels)).embed(crops(7))
    assert embeddings.shape == (7, 6)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_without_a_mirror_it_is_the_networks_own_direction():
    network = LinearNetwork()
    embeddings = NetworkEmbedder(network).embed(crops(4))
    raw = network.seen[0].reshape(4, -1).astype(float) @ network.weights
    np.testing.assert_allclose(embeddings, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-5)


def test_the_mirror_average_is_the_direction_of_the_mean_of_both_unit_vectors():
    some = crops(6)
    plain = NetworkEmbedder(LinearNetwork())
    mean = (plain.embed(some).astype(float) + plain.embed([crop[:, ::-1] for crop in some])) / 2
    expected = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(NetworkEmbedder(LinearNetwork(mirror=True)).embed(some), expected, atol=1e-5)


def test_a_mirrored_crop_has_the_same_embedding():
    some = crops(6)
    mirrored = [crop[:, ::-1] for crop in some]
    averaging, plain = NetworkEmbedder(LinearNetwork(mirror=True)), NetworkEmbedder(LinearNetwork())
    np.testing.assert_allclose(averaging.embed(some), averaging.embed(mirrored), atol=1e-6)
    assert np.abs(plain.embed(some) - plain.embed(mirrored)).max() > 0.05


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 20), st.integers(1, 25), st.booleans())
def test_the_batch_size_changes_nothing(count, batch_size, mirror):
    some = crops(count)
    network = LinearNetwork(mirror=mirror)
    embeddings = NetworkEmbedder(network, batch_size).embed(some)
    one_by_one = [NetworkEmbedder(LinearNetwork(mirror=mirror), 1).embed([crop])[0] for crop in some]
    np.testing.assert_allclose(embeddings, np.reshape(one_by_one, (count, 6)), atol=1e-6)
    assert all(2 <= len(batch) <= max(batch_size, 2) for batch in network.seen)  # none alone: see BATCH_SIZE


def test_no_crops():
    network = LinearNetwork()
    embeddings = NetworkEmbedder(network).embed([])
    assert embeddings.shape == (0, 6)
    assert embeddings.dtype == np.float32
    assert network.seen == []


@pytest.mark.parametrize("row", [(0,) * 6, (np.nan, 1, 1, 1, 1, 1), (np.inf, 1, 1, 1, 1, 1)])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_vectors_without_a_direction_are_an_error(row):
    with pytest.raises(ModelError):
        NetworkEmbedder(ConstantNetwork(*row)).embed(crops(2))


@pytest.mark.parametrize("scale", [1e-6, 1e15])
def test_very_short_and_very_long_vectors_become_unit_vectors(scale):
    embeddings = NetworkEmbedder(ConstantNetwork(*(scale * np.array([3, 0, 0, -4, 0, 0])))).embed(crops(2))
    np.testing.assert_allclose(embeddings, [[0.6, 0, 0, -0.8, 0, 0]] * 2, atol=1e-6)


def test_dlibs_model():
    """Its own crops: in batches as alone, mirrored as not, 128 numbers."""
    embedder = load_embedder(resolve("dlib", "float32"), "cpu")
    height, width = embedder.spec.preprocessing.size
    rough = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (5, 3, 6, 6)))
    smooth = torch.nn.functional.interpolate(rough, (height, width), mode="bilinear").permute(0, 2, 3, 1)
    some = list(smooth.numpy().astype(np.uint8))

    embeddings = embedder.embed(some)

    assert embeddings.shape == (5, 128)
    np.testing.assert_allclose(embedder.embed(some[3:4])[0], embeddings[3], atol=1e-5)
    in_pytorch = NetworkEmbedder(load_network(embedder.spec, "cpu"), 2)
    np.testing.assert_allclose(in_pytorch.embed(some), embeddings, atol=1e-5)
    np.testing.assert_allclose(embedder.embed([crop[:, ::-1] for crop in some]), embeddings, atol=1e-5)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 0.01
