"""facenet-pytorch's network, with weights made here in place of the published ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facesearch.core.errors import WeightsError
from facesearch.embedding import load_network, resolve
from facesearch.embedding.inception_resnet import inception_resnet_v1, read_inception_resnet

CASIA = "20180408-102900-casia-webface.pt"


@pytest.fixture(scope="module")
def module() -> nn.Module:
    torch.manual_seed(0)
    return inception_resnet_v1().eval()


@pytest.fixture(scope="module", params=[True, False], ids=["zip", "legacy"])
def casia_cache(request: pytest.FixtureRequest, module: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with a casia-webface file; the published ones are of torch's legacy format."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "models").mkdir()
    state = {**module.state_dict(), "logits.weight": torch.zeros(7, 512), "logits.bias": torch.zeros(7)}
    torch.save(state, cache / "models" / CASIA, _use_new_zipfile_serialization=request.param)
    return cache


def test_file_put_there_by_hand_is_used(casia_cache: Path, module: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_CACHE", str(casia_cache))
    spec = resolve("facenet-casia")
    assert (spec.network, spec.dim, spec.preprocessing.size) == ("inception-resnet-v1", 512, (160, 160))
    batch = np.random.default_rng(0).normal(size=(2, 3, 160, 160)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(load_network(spec, "cpu")(batch), expected, rtol=0, atol=1e-5)


def test_fingerprint_follows_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path))
    path = tmp_path / "models" / CASIA
    path.parent.mkdir()
    path.write_bytes(b"one")
    one = resolve("facenet-casia")
    path.write_bytes(b"two")
    assert resolve("facenet-casia").fingerprint != one.fingerprint
    with pytest.raises(WeightsError, match="not the expected file"):
        load_network(one, "cpu")


class Attack:
    """Unpickled carelessly, it creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("new_format", [True, False])
def test_nothing_in_the_file_is_run(tmp_path: Path, new_format: bool) -> None:
    path, target = tmp_path / "evil.pt", tmp_path / "touched"
    torch.save({"conv.weight": Attack(target)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(WeightsError, match=r"evil\.pt is damaged or not a torch file"):
        read_inception_resnet(path)
    assert not target.exists()


def test_files_with_something_else(tmp_path: Path) -> None:
    other, garbage = tmp_path / "other.pt", tmp_path / "garbage.pt"
    torch.save({"weight": torch.zeros(3)}, other)
    with pytest.raises(WeightsError, match="does not hold Inception-ResNet-v1"):
        read_inception_resnet(other)
    torch.save([1, 2], other)
    with pytest.raises(WeightsError):
        read_inception_resnet(other)
    garbage.write_bytes(b"garbage" * 100)
    with pytest.raises(WeightsError):
        read_inception_resnet(garbage)
