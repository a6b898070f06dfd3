"""dlib's network in PyTorch against dlib itself."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from facesearch.core.errors import WeightsError
from facesearch.embedding import Network, load_embedder, load_network, resolve
from facesearch.embedding.dlib_file import read_dlib_file
from facesearch.embedding.dlib_resnet import DlibResNet, read_dlib_resnet
from facesearch.embedding.registry import BUILT_IN

dlib = pytest.importorskip("dlib", reason="dlib-bin is the oracle of these tests")


@pytest.fixture(scope="module")
def weights() -> Path:
    path = BUILT_IN["dlib"].weights.path
    assert path is not None
    return path


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network(resolve("dlib", "float32"), "cpu")


@pytest.fixture(scope="module")
def crops() -> npt.NDArray[np.uint8]:
    """(4, 150, 150, 3): two real faces, roughly cut out, and their mirror images."""
    from matplotlib.cbook import get_sample_data
    from skimage.data import astronaut

    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as photo:
        hopper = photo.convert("RGB").crop((170, 40, 370, 240)).resize((150, 150))
    collins = Image.fromarray(astronaut()).crop((150, 30, 300, 180))
    faces = np.stack([np.asarray(hopper), np.asarray(collins)])
    return np.concatenate([faces, faces[:, :, ::-1]])


def normalised(crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    values = (crops - np.float32([122.782, 117.001, 104.298])) / np.float32(256)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), np.float32)


def test_agrees_with_dlib(network: Network, weights: Path, crops: npt.NDArray[np.uint8]) -> None:
    oracle = dlib.face_recognition_model_v1(str(weights))
    expected = np.array([oracle.compute_face_descriptor(np.ascontiguousarray(crop)) for crop in crops])
    found = network(normalised(crops))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    # dlib's own cut for the same person is 0.6; the two women are told apart, the mirror images are not
    assert np.linalg.norm(found[0] - found[1]) > 0.6
    assert np.linalg.norm(found[0] - found[2]) < 0.6


def test_the_compiled_network_agrees_with_dlib(weights: Path, crops: npt.NDArray[np.uint8]) -> None:
    oracle = dlib.face_recognition_model_v1(str(weights))
    both = [[oracle.compute_face_descriptor(np.ascontiguousarray(c)) for c in (crop, crop[:, ::-1])] for crop in crops]
    expected = np.array(both) / np.linalg.norm(both, axis=2, keepdims=True)
    found = load_embedder(resolve("dlib", "float32"), "cpu").embed(list(crops))
    assert (found * expected.sum(axis=1)).sum(axis=1) / np.linalg.norm(expected.sum(axis=1), axis=1) == pytest.approx(1)


def test_batch_and_single_agree(network: Network, crops: npt.NDArray[np.uint8]) -> None:
    batch = normalised(crops)
    singles = np.concatenate([network(batch[i : i + 1]) for i in range(len(batch))])
    np.testing.assert_allclose(network(batch), singles, rtol=0, atol=1e-5)


def test_no_crops_give_no_embeddings(network: Network) -> None:
    assert network(np.zeros((0, 3, 150, 150), np.float32)).shape == (0, 128)


def test_spec_says_how_crops_are_made(network: Network) -> None:
    spec = network.spec
    assert (spec.name, spec.network, spec.dim) == ("dlib", "dlib-resnet", 128)
    assert spec.preprocessing.size == (150, 150)
    assert spec.preprocessing.mirror
    assert np.float32(spec.preprocessing.mean) == pytest.approx(np.float32([122.782, 117.001, 104.298]))


def test_untrained_network_learns() -> None:
    torch.manual_seed(0)
    network = DlibResNet(dim=16)
    embeddings = network(torch.rand(2, 3, 150, 150))
    assert embeddings.shape == (2, 16)
    embeddings.square().sum().backward()
    grads = [parameter.grad for parameter in network.parameters()]
    assert all(grad is not None and grad.isfinite().all() and grad.abs().sum() > 0 for grad in grads)


@pytest.mark.parametrize("keep", [0, 1, 200, 5_000, 19_500, 11_000_000, 22_400_000])
def test_truncated_file(tmp_path: Path, weights: Path, keep: int) -> None:
    path = tmp_path / "cut.dat"
    path.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"cut\.dat is not a readable dlib network"):
        read_dlib_file(path)


def test_garbage_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "garbage.dat"
    path.write_bytes(np.random.default_rng(0).bytes(100_000))
    with pytest.raises(WeightsError, match="no con_4 or fc_2 layer"):
        read_dlib_file(path)
    with pytest.raises(WeightsError):
        read_dlib_file(tmp_path / "missing.dat")


def test_another_network_in_dlibs_format(tmp_path: Path, weights: Path) -> None:
    data = weights.read_bytes()
    start, end = data.find(b"\x01\x05con_4", 400), data.find(b"\x01\x05con_4", 60_000)
    path = tmp_path / "shorter.dat"
    path.write_bytes(data[:start] + data[end:])  # the first residual block's first convolutions are left out
    with pytest.raises(WeightsError, match="convolutions instead of 29"):
        read_dlib_resnet(path)


def test_damaged_shape_is_noticed(tmp_path: Path, weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    stem = data.find(b"\x01\x05con_4") + 7
    assert data[stem : stem + 5] == bytes([1, 2, 2, 0x80, 0x12])  # version 2, then 4736 parameters in two bytes
    data[stem + 3] += 1
    path = tmp_path / "damaged.dat"
    path.write_bytes(data)
    with pytest.raises(WeightsError):
        read_dlib_file(path)
