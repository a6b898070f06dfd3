"""Checkpoints as ONNX files: the same embeddings, for any number of crops."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facesearch.core.errors import InputError, ModelError
from facesearch.core.settings import FLOAT32, ModelSpec
from facesearch.embedding import checkpoint, load_embedder, load_network, resolve
from facesearch.embedding.architectures import ARCHITECTURES
from train.exporting import export
from train.starting import PREPROCESSING


def saved(name: str, folder: Path, **changes: object) -> Path:
    """A checkpoint of this architecture with random weights."""
    torch.manual_seed(0)
    spec = ModelSpec("mine", name, 16, PREPROCESSING[name], "", 'MIT "or so"', "a test, für alle")
    spec = replace(spec, preprocessing=replace(spec.preprocessing, **changes))
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, ARCHITECTURES[name](spec.dim).state_dict(), spec, {})
    return path


@pytest.mark.parametrize("name", ["small-cnn", "dlib-resnet", "sface"])
def test_the_embeddings_are_the_checkpoints(name: str, tmp_path: Path) -> None:
    path = saved(name, tmp_path)
    before, after = resolve(str(path)), export(str(path), tmp_path / "out" / f"{name}.onnx")
    assert after.preprocessing == before.preprocessing
    assert (after.licence, after.source, after.dim) == (before.licence, before.source, 16)
    crops = list(np.random.default_rng(0).integers(0, 256, (3, *before.preprocessing.size, 3), np.uint8))
    expected, found = (load_embedder(spec, "cpu").embed(crops) for spec in (before, after))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_other_crops_are_told(tmp_path: Path) -> None:
    path = saved("small-cnn", tmp_path, channels="bgr", mirror=True, mean=(1.0, 2.0, 3.5), std=(3.0, 4.0, 5.0))
    assert export(str(path), tmp_path / "out.onnx").preprocessing == resolve(str(path)).preprocessing


@pytest.mark.slow
def test_built_in_models_and_their_combination_can_be_exported(tmp_path: Path) -> None:
    spec = export("sface+dlib", tmp_path / "both.onnx")
    crops = list(np.random.default_rng(0).integers(0, 256, (3, *spec.preprocessing.size, 3), np.uint8))
    expected = load_embedder(resolve("sface+dlib", FLOAT32), "cpu").embed(crops)
    np.testing.assert_allclose(load_embedder(spec, "cpu").embed(crops), expected, atol=1e-4)


def test_onnx_runtime_reads_it_too(tmp_path: Path) -> None:
    path = saved("small-cnn", tmp_path)
    onnxruntime = pytest.importorskip("onnxruntime")
    spec = export(str(path), tmp_path / "out.onnx")
    batch = np.random.default_rng(0).normal(size=(5, 3, 64, 64)).astype(np.float32)
    session = onnxruntime.InferenceSession(spec.name, providers=["CPUExecutionProvider"])
    expected = load_network(resolve(str(path)), "cpu")(batch)
    np.testing.assert_allclose(session.run(None, {"crops": batch})[0], expected, atol=1e-4, rtol=1e-3)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.onnx"):
        export("dlib", tmp_path / "out.pt")
    with pytest.raises(ModelError):
        export(str(tmp_path / "none.safetensors"), tmp_path / "out.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mine.toml", "mine.onnx"])
def test_files_that_are_there_stay(name: str, tmp_path: Path) -> None:
    """A recipe may be called as the model that came of it."""
    path = saved("small-cnn", tmp_path)
    (tmp_path / name).write_text("precious")
    with pytest.raises(InputError, match=f"{name} is there already"):
        export(str(path), tmp_path / "mine.onnx")
    assert (tmp_path / name).read_text() == "precious"
