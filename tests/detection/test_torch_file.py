"""Tensors of an old PyTorch file, read without PyTorch; and nothing that is not a tensor."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from facesearch.core.errors import WeightsError
from facesearch.detection.mtcnn.torch_file import read_torch_file
from facesearch.detection.mtcnn.weights import weights_file


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "some.pt"
    tensors = {"a": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1), "b": torch.tensor([0.5])}
    tensors["of a"] = tensors["a"][1]  # a part of the same storage
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return path


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_mtcnns_weights_are_what_pytorch_reads(name: str) -> None:
    expected = torch.load(weights_file(name), weights_only=True)
    found = read_torch_file(weights_file(name))
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == np.float32
        np.testing.assert_array_equal(found[key], tensor.numpy())


def test_views_and_shared_storages(saved: Path) -> None:
    expected = torch.load(saved, weights_only=True)
    found = read_torch_file(saved)
    assert {name: array.tolist() for name, array in found.items()} == {n: t.tolist() for n, t in expected.items()}


@pytest.mark.parametrize("keep", [0, 5, 30, 200, -1])
def test_a_file_that_is_cut_off(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"some\.pt is not a readable file of PyTorch tensors"):
        read_torch_file(saved)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        read_torch_file(tmp_path / "missing.pt")


@pytest.mark.parametrize("values", [torch.tensor([1, 2]), torch.tensor([1.0]).double(), torch.nn.Linear(2, 2)])
def test_other_things_than_float_tensors(tmp_path: Path, values: object) -> None:
    torch.save({"a": values}, tmp_path / "other.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(WeightsError, match="not just tensors"):
        read_torch_file(tmp_path / "other.pt")


def test_the_newer_format(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "new.pt")
    with pytest.raises(WeightsError):
        read_torch_file(tmp_path / "new.pt")


def test_a_tensor_that_reaches_beyond_its_storage(saved: Path) -> None:
    """Its strides would have read whatever lies behind."""
    data = saved.read_bytes()
    shape = data.index(b"K\x04K\x02K\x03")  # (4, 2, 3)
    saved.write_bytes(data[:shape] + b"K\x09" + data[shape + 2 :])
    with pytest.raises(WeightsError, match="beyond its storage"):
        read_torch_file(saved)


class _Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_nothing_in_a_file_is_run(saved: Path, tmp_path: Path) -> None:
    file = io.BytesIO(saved.read_bytes())
    head = [pickle.load(file) for _ in range(3)]
    pieces = [pickle.dumps(part, 2) for part in (*head, {"a": _Harmful(tmp_path / "run")}, [])]
    saved.write_bytes(b"".join(pieces))
    with pytest.raises(WeightsError, match="not just tensors"):
        read_torch_file(saved)
    assert not (tmp_path / "run").exists()
