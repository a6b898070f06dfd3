"""What every embedder promises: the models that have a name and are here, files, and a fake."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from embedding_samples import write_model
from fakes import FakeNetwork
from numpy.typing import NDArray

from facesearch.core.settings import ModelSpec
from facesearch.embedding import Embedder, NetworkEmbedder, available, load_embedder, resolve
from facesearch.embedding import checkpoint as checkpoints
from facesearch.embedding.architectures import ARCHITECTURES


def _named(name: str) -> Callable[[Path], Embedder]:
    return lambda _: load_embedder(resolve(name), "cpu")


def _onnx(folder: Path) -> Embedder:
    pytest.importorskip("onnx")
    return load_embedder(resolve(str(write_model(folder / "tiny.onnx"))), "cpu")


def _checkpoint(folder: Path) -> Embedder:
    pre = resolve("dlib").preprocessing
    spec = ModelSpec("small", "small-cnn", 16, pre, "")
    state = ARCHITECTURES["small-cnn"](16).state_dict()
    return load_embedder(checkpoints.save(folder / "small.safetensors", state, spec, {}), "cpu")


EMBEDDERS: dict[str, Callable[[Path], Embedder]] = {
    **{model.name: _named(model.name) for model in available() if model.ready},
    "onnx": _onnx,
    "checkpoint": _checkpoint,
    "fake": lambda _: NetworkEmbedder(FakeNetwork()),
}


@pytest.fixture(scope="module", params=EMBEDDERS)
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return EMBEDDERS[request.param](tmp_path_factory.mktemp("models"))


def crops(embedder: Embedder, count: int) -> list[NDArray[np.uint8]]:
    height, width = embedder.spec.preprocessing.size
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8))


def test_embeddings_are_what_is_promised(embedder: Embedder) -> None:
    embeddings = embedder.embed(crops(embedder, 5))
    assert (embeddings.shape, embeddings.dtype) == ((5, embedder.spec.dim), np.float32)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_no_crops(embedder: Embedder) -> None:
    embeddings = embedder.embed([])
    assert (embeddings.shape, embeddings.dtype) == ((0, embedder.spec.dim), np.float32)


def test_company_and_threads_change_next_to_nothing(embedder: Embedder) -> None:
    some = crops(embedder, 11)
    together = embedder.embed(some)
    with ThreadPoolExecutor(2) as pool:
        alone = list(pool.map(lambda crop: embedder.embed([crop])[0], some))
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_same_crop_is_the_same_face(embedder: Embedder) -> None:
    (crop,) = crops(embedder, 1)
    first, second = embedder.embed([crop]), embedder.embed([crop.copy()])
    assert (first == second).all()


def test_a_spec_identifies_it_and_survives_storage(embedder: Embedder) -> None:
    again = ModelSpec.from_json(embedder.spec.to_json())
    assert again == embedder.spec
    assert again.fingerprint == embedder.spec.fingerprint
