"""Checkpoints of our own training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.embedding import load_network, resolve
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.checkpoint import FORMAT, read_header, save
from facesearch.embedding.templates import dlib_template

SPEC = ModelSpec(
    name="mine",
    network="dlib-resnet",
    dim=24,
    preprocessing=Preprocessing((150, 150), dlib_template(150, 0.2), (122.782, 117.001, 104.298), (256.0,) * 3),
    weights_sha256="not known before it is written",
    licence="MIT",
    source="a test",
)
TRAINING = {"recipe": "triplet", "steps": 3, "loss": [0.2, 0.1]}


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    torch.manual_seed(0)
    return ARCHITECTURES["dlib-resnet"](24).eval()


@pytest.fixture
def saved(tmp_path: Path, module: torch.nn.Module) -> Path:
    path = tmp_path / "mine.safetensors"
    save(path, module.state_dict(), SPEC, TRAINING, {"far": {"1e-3": 0.38}})
    return path


def test_round_trip(saved: Path, module: torch.nn.Module) -> None:
    spec = resolve(str(saved))
    assert replace(spec, name="mine", weights_sha256=SPEC.weights_sha256) == SPEC
    assert spec.name == str(saved)
    batch = np.random.default_rng(0).normal(size=(2, 3, 150, 150)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(load_network(spec, "cpu")(batch), expected, rtol=1e-4, atol=1e-5)
    assert [file.name for file in saved.parent.iterdir()] == ["mine.safetensors"]


def test_header_tells_everything(saved: Path) -> None:
    header = read_header(saved)
    assert header.training == TRAINING
    assert header.calibration == {"far": {"1e-3": 0.38}}
    assert header.spec.weights_sha256 == ""


def test_calibration_may_be_missing(tmp_path: Path, module: torch.nn.Module) -> None:
    save(tmp_path / "m.safetensors", module.state_dict(), SPEC, TRAINING)
    assert read_header(tmp_path / "m.safetensors").calibration is None


def test_fingerprint_is_the_files_not_its_names(saved: Path, module: torch.nn.Module) -> None:
    before = resolve(str(saved))
    moved = saved.rename(saved.with_name("moved.safetensors"))
    assert resolve(str(moved)).fingerprint == before.fingerprint
    state = {name: value + 1 for name, value in module.state_dict().items()}
    assert save(moved, state, SPEC, TRAINING).fingerprint != before.fingerprint
    with pytest.raises(WeightsError, match="not the expected file"):
        load_network(replace(before, name=str(moved)), "cpu")


def test_relative_paths_do_not_depend_on_the_folder_later(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    assert resolve("mine.safetensors").name == str(saved)


def test_channels_last_weights_are_saved(tmp_path: Path, module: torch.nn.Module) -> None:
    state = {
        k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in module.state_dict().items()
    }
    save(tmp_path / "m.safetensors", state, SPEC, TRAINING)
    for name, value in load_file(tmp_path / "m.safetensors").items():
        assert torch.equal(value, module.state_dict()[name])


def test_other_dims_of_inception_resnet() -> None:
    network = ARCHITECTURES["inception-resnet-v1"](64).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 160, 160)).shape == (1, 64)


@pytest.mark.parametrize("keep", [0, 5, 300, 1_000_000])
def test_truncated(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(WeightsError):
        resolve(str(saved))


def rewrite(path: Path, **metadata: str | None) -> None:
    """Change entries of the header; None removes one."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        old = file.metadata()
    save_file(load_file(path), path, {k: v for k, v in {**old, **metadata}.items() if v is not None})


def test_another_format(saved: Path) -> None:
    rewrite(saved, format="facesearch-embedder/2")
    with pytest.raises(WeightsError, match=f"format {FORMAT}, but 'facesearch-embedder/2'"):
        resolve(str(saved))
    save_file({"weight": torch.zeros(2)}, saved)
    with pytest.raises(WeightsError, match="'unknown'"):
        resolve(str(saved))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("spec", None),
        ("spec", "{"),
        ("spec", "{}"),
        ("spec", "[]"),
        ("training", None),
        ("training", "{"),
        ("training", "[]"),
        ("calibration", "3"),
    ],
)
def test_damaged_header(saved: Path, entry: str, value: str | None) -> None:
    rewrite(saved, **{entry: value})
    with pytest.raises(WeightsError):
        read_header(saved)


def test_network_that_is_not_known(saved: Path) -> None:
    rewrite(saved, spec=replace(SPEC, network="transformer").to_json())
    with pytest.raises(ModelError, match=r"'transformer'; known are dlib-resnet"):
        resolve(str(saved))


def test_tensors_of_another_network(saved: Path) -> None:
    rewrite(saved, spec=replace(SPEC, dim=25).to_json())
    with pytest.raises(WeightsError):
        load_network(resolve(str(saved)), "cpu")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.safetensors"):
        save(tmp_path / "mine.pt", {}, SPEC, TRAINING)
    with pytest.raises(ModelError, match="'onnx'"):
        save(tmp_path / "mine.safetensors", {}, replace(SPEC, network="onnx"), TRAINING)
    assert list(tmp_path.iterdir()) == []
