"""SFace as a module that can be trained, saved, and stand in the combination."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.errors import ModelError
from facesearch.core.settings import FLOAT32
from facesearch.embedding import checkpoint, load_embedder, load_module, resolve
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.loading import load_network

SPEC = resolve("sface", FLOAT32)


@pytest.fixture
def crops(astronaut: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    face = np.asarray(Image.fromarray(astronaut).crop((160, 50, 290, 180)).resize((112, 112)))
    noise = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    return [face, np.ascontiguousarray(face[:, ::-1]), *noise]


@pytest.fixture
def moved() -> torch.nn.Module:
    """SFace with weights a little other than the published ones."""
    module = load_module(SPEC)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.01)
    return module


def embedded(module: torch.nn.Module, crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    with torch.inference_mode():
        x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
        return torch.nn.functional.normalize(module.eval()(x)).numpy()


def test_agrees_with_the_path_that_users_run(crops: list[NDArray[np.uint8]]) -> None:
    cosines = (embedded(load_module(SPEC), crops) * load_embedder(SPEC, "cpu").embed(crops)).sum(axis=1)
    assert cosines.min() > 0.9999


def test_gradients_reach_all_parameters(crops: list[NDArray[np.uint8]]) -> None:
    module = load_module(SPEC).train()
    x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
    module(x)[:, :7].sum().backward()
    without = [
        name for name, p in module.named_parameters() if p.grad is None or not torch.any(p.grad) or not p.requires_grad
    ]
    assert without == []


def test_a_saved_checkpoint_gives_the_same_embeddings(
    moved: torch.nn.Module, crops: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    path = tmp_path / "mine.safetensors"
    checkpoint.save(path, moved.state_dict(), SPEC, {})
    spec = resolve(str(path))
    assert (spec.network, spec.precision) == ("sface", FLOAT32)
    found = load_embedder(spec, "cpu").embed(crops)
    np.testing.assert_allclose(found, embedded(moved, crops), atol=1e-4)
    assert not np.allclose(found, load_embedder(SPEC, "cpu").embed(crops), atol=1e-3)


def test_another_length(crops: list[NDArray[np.uint8]]) -> None:
    assert embedded(ARCHITECTURES["sface"](24), crops).shape == (len(crops), 24)


def test_a_checkpoint_stands_in_the_combination(moved: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    checkpoint.save(path, moved.state_dict(), SPEC, {})
    own, published = resolve(f"{path}+dlib"), resolve("sface+dlib", FLOAT32)
    assert own.fingerprint != published.fingerprint
    assert replace(own, weights_sha256="", name="", source="") == replace(
        published, weights_sha256="", name="", source=""
    )
    shared = np.random.default_rng(0).integers(0, 256, (2, *own.preprocessing.size, 3), np.uint8)
    found, before = (load_embedder(spec, "cpu").embed(list(shared)) for spec in (own, published))
    np.testing.assert_allclose(found[:, :128], before[:, :128], atol=1e-4)
    assert not np.allclose(found[:, 128:], before[:, 128:], atol=1e-3)
    planes = shared.transpose(0, 3, 1, 2).astype(np.float32)
    in_torch = load_network(own, "cpu")(planes)
    in_torch /= np.linalg.norm(in_torch, axis=1, keepdims=True)
    assert (in_torch * found).sum(axis=1).min() > 0.9999


def test_another_network_cannot_stand_there(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    module = ARCHITECTURES["small-cnn"](8)
    checkpoint.save(path, module.state_dict(), replace(SPEC, network="small-cnn", dim=8), {})
    with pytest.raises(ModelError, match=r"is no SFace with 128 numbers.*without \+dlib"):
        resolve(f"{path}+dlib")
