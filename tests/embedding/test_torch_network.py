"""Networks on a device, PyTorch on the CPU in its place: crops go up as they are, one copy each way for a batch."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facesearch.core.errors import ModelError
from facesearch.core.settings import FLOAT16, ModelSpec, Preprocessing
from facesearch.core.torch_device import TorchDevice
from facesearch.embedding import NetworkEmbedder, load_embedder, load_module, load_network, resolve
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.base import Network
from facesearch.embedding.torch_network import TorchNetwork

NAMES = ("sface", "dlib", "sface+dlib")
PREPROCESSING = Preprocessing(
    size=(36, 32),
    landmarks=((9, 12), (22, 12), (16, 20), (10, 28), (21, 28)),
    mean=(122.5, 117.0, 104.25),
    std=(256.0, 128.0, 64.0),
)
# Between float32 and float16, of faces and of noise: L2 of unit vectors, and by how much a distance moves.
FLOAT16_L2, FLOAT16_DISTANCE = 0.02, 0.005


class OnTheHost:
    """A Network that takes no crops as they are: NetworkEmbedder prepares them in NumPy, as for any other runtime."""

    def __init__(self, network: Network) -> None:
        self.spec, self._network = network.spec, network

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._network(batch)


class CountingDevice(TorchDevice):
    """Notes what is copied to it and from it, and when the host waits."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.copies: list[tuple[str, tuple[int, ...], torch.dtype]] = []
        self.order: list[str] = []

    def upload(self, values: NDArray[np.float32]) -> Tensor:
        return self._noted("up", super().upload(values))

    def upload_stacked(self, arrays: list[NDArray[np.uint8]]) -> Tensor:
        return self._noted("up", super().upload_stacked(arrays))

    def download(self, values: Tensor) -> Callable[[], NDArray[np.float32]]:
        copied = super().download(self._noted("down", values))

        def wait() -> NDArray[np.float32]:
            self.order.append("wait")
            return copied()

        return wait

    def _noted(self, way: str, values: Tensor) -> Tensor:
        self.copies.append((way, tuple(values.shape), values.dtype))
        self.order.append(way)
        return values


def small(precision: str = "float32", **preprocessing: object) -> tuple[nn.Module, ModelSpec]:
    torch.manual_seed(0)
    pre = replace(PREPROCESSING, **preprocessing)
    return ARCHITECTURES["small-cnn"](16), ModelSpec("small", "small-cnn", 16, pre, "0" * 64, precision=precision)


def crops(count: int, size: tuple[int, int] = PREPROCESSING.size) -> list[NDArray[np.uint8]]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *size, 3), np.uint8))


def faces(astronaut: NDArray[np.uint8], size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    return [astronaut[top : top + size[0], left : left + size[1]] for top in (10, 30) for left in (120, 150)]


# --- What NumPy would have made of it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_the_device_prepares_crops_as_the_host_does(channels: str, mirror: bool, count: int) -> None:
    network = TorchNetwork(*small(channels=channels, mirror=mirror), TorchDevice("cpu"))
    vectors, norms = NetworkEmbedder(network, 4).embed_with_norms(crops(count))
    expected, expected_norms = NetworkEmbedder(OnTheHost(network), 4).embed_with_norms(crops(count))
    assert (vectors.dtype, norms.dtype, norms.shape) == (np.float32, np.float32, (count,))
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(norms, expected_norms, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_models_give_what_they_gave(name: str, astronaut: NDArray[np.uint8]) -> None:
    network = load_network(resolve(name, "float32"), "cpu")
    some = faces(astronaut, network.spec.preprocessing.size)
    vectors, norms = NetworkEmbedder(network, 8).embed_with_norms(some)
    expected, expected_norms = NetworkEmbedder(OnTheHost(network), 8).embed_with_norms(some)
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(norms, expected_norms, rtol=1e-6)
    in_openvino = load_embedder(network.spec, "cpu").embed(some)
    np.testing.assert_allclose(vectors, in_openvino, rtol=0, atol=1e-5)


# --- Copies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", FLOAT16])
@pytest.mark.parametrize(("mirror", "batches"), [(False, [8, 8, 3]), (True, [4, 4, 4, 4, 3])])
def test_one_upload_of_bytes_and_one_download_for_each_batch(mirror: bool, batches: list[int], precision: str) -> None:
    device = CountingDevice()
    embedder = NetworkEmbedder(TorchNetwork(*small(precision, mirror=mirror), device), 8)
    assert device.copies == []  # weights are no batches
    embedder.embed(crops(19))
    ups, downs = (sorted(copy for copy in device.copies if copy[0] == way) for way in ("up", "down"))
    assert ups == sorted(("up", (count, *PREPROCESSING.size, 3), torch.uint8) for count in batches)
    assert downs == sorted(("down", (count, 16 + 1), torch.float32) for count in batches)


def test_the_device_has_the_next_batch_before_the_host_waits() -> None:
    device = CountingDevice()
    NetworkEmbedder(TorchNetwork(*small(), device), 4).embed(crops(12))
    assert device.order == ["up", "down", "up", "down", "wait", "up", "down", "wait", "wait"]


def test_no_crops_are_no_copies() -> None:
    device = CountingDevice()
    vectors, norms = NetworkEmbedder(TorchNetwork(*small(), device)).embed_with_norms([])
    assert (vectors.shape, norms.shape, device.copies) == ((0, 16), (0,), [])


def test_crops_may_be_read_only_views() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    picture.flags.writeable = False
    views = [picture[top : top + 36, 10:42][:, ::-1] for top in (0, 9, 20)]
    embedder = NetworkEmbedder(TorchNetwork(*small(), TorchDevice("cpu")))
    assert (embedder.embed(views) == embedder.embed([view.copy() for view in views])).all()


# --- float16 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_float16_keeps_to_its_tolerance(name: str, astronaut: NDArray[np.uint8]) -> None:
    spec = resolve(name, "float32")
    half = TorchNetwork(load_module(spec), replace(spec, precision=FLOAT16), TorchDevice("cpu"))
    some = [*faces(astronaut, spec.preprocessing.size), *crops(2, spec.preprocessing.size)]
    exact, norms = NetworkEmbedder(load_network(spec, "cpu")).embed_with_norms(some)
    rough, rough_norms = NetworkEmbedder(half).embed_with_norms(some)
    assert rough.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rough, axis=1), 1, atol=1e-6)
    assert 0 < np.linalg.norm(rough - exact, axis=1).max() < FLOAT16_L2
    assert np.abs(_distances(rough) - _distances(exact)).max() < FLOAT16_DISTANCE
    np.testing.assert_allclose(rough_norms, norms, rtol=0.01)


def test_vectors_that_float16_cannot_hold_are_an_error() -> None:
    module, spec = small(FLOAT16)
    assert isinstance(module.fc, nn.Linear)
    module.fc.weight.data.fill_(60_000)
    network = TorchNetwork(module, spec, TorchDevice("cpu"))
    with pytest.raises(ModelError, match="NaN or zero"):
        NetworkEmbedder(network).embed(crops(2))


def test_a_network_in_float16_takes_normalised_crops_too() -> None:
    batch = np.random.default_rng(0).normal(size=(3, 3, *PREPROCESSING.size)).astype(np.float32)
    exact, rough = (TorchNetwork(*small(kind), TorchDevice("cpu"))(batch) for kind in ("float32", FLOAT16))
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, exact, rtol=0, atol=0.02 * np.abs(exact).max())


def _distances(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    return found
