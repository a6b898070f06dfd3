"""ONNX files: tiny ones made here, and a real one where FACESEARCH_DATA points to it."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from embedding_samples import WEIGHTS, Shape, write_model

from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.embedding import device_for, load_embedder, load_network, resolve
from facesearch.embedding.templates import arcface_template

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("batch_size", ["n", 1, 2, 3])
def test_embeds_whatever_the_files_batch_size(tmp_path: Path, batch_size: int | str, mirror: bool) -> None:
    path = write_model(tmp_path / "m.onnx", (batch_size, 3, 112, 112), (batch_size, 5))
    path.with_suffix(".toml").write_text(f"mirror = {str(mirror).lower()}")
    embedder = load_embedder(resolve(str(path)), "cpu")
    crops = np.random.default_rng(1).integers(0, 256, (5, 112, 112, 3), np.uint8)
    found = embedder.embed(list(crops))
    expected = ((crops.astype(np.float64) - 127.5) / 128).mean(axis=(1, 2)) @ WEIGHTS  # mirrored or not
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-4)
    assert embedder.embed([]).shape == (0, 5)


def test_layers_that_hold_the_batch_size(tmp_path: Path) -> None:
    """As files that were exported for one crop do: it is flattened to (1, -1)."""
    path = tmp_path / "m.onnx"
    model = onnx.load(write_model(path, (1, 3, 112, 112), (1, 5)))
    flatten = next(node for node in model.graph.node if node.op_type == "Flatten")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, -1]), "shape"))
    flatten.op_type, flatten.input[:] = "Reshape", ["pooled", "shape"]
    onnx.save(model, path)
    crops = list(np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3), np.uint8))
    plain = load_embedder(resolve(str(write_model(tmp_path / "plain.onnx"))), "cpu").embed(crops)
    np.testing.assert_allclose(load_embedder(resolve(str(path)), "cpu").embed(crops), plain, atol=1e-6)


def test_operations_that_are_not_known(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.graph.node[0].op_type = "NoSuchPool"
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"m\.onnx has operations that OpenVINO does not know: NoSuchPool"):
        resolve(str(path))


def test_defaults_are_arcfaces(tmp_path: Path) -> None:
    spec = resolve(str(write_model(tmp_path / "m.onnx", ("n", 3, "h", "w"))))
    assert (spec.network, spec.dim, spec.name) == ("onnx", 5, str(tmp_path / "m.onnx"))
    assert spec.preprocessing.size == (112, 112)
    assert spec.preprocessing.landmarks == arcface_template(112, 112)
    assert (spec.preprocessing.mean, spec.preprocessing.std) == ((127.5,) * 3, (128.0,) * 3)
    assert (spec.preprocessing.channels, spec.preprocessing.mirror) == ("rgb", False)


@pytest.mark.parametrize("size", [(112, 96), (128, 128)])
def test_size_comes_from_the_file(tmp_path: Path, size: tuple[int, int]) -> None:
    spec = resolve(str(write_model(tmp_path / "m.onnx", ("n", 3, *size))))
    assert spec.preprocessing.size == size
    assert spec.preprocessing.landmarks == arcface_template(*size)


@pytest.mark.parametrize("batch_size", ["n", 2])
def test_length_that_is_not_declared_is_tried_out(tmp_path: Path, batch_size: int | str) -> None:
    path = write_model(tmp_path / "m.onnx", (batch_size, 3, "h", "w"), (batch_size, "d"))
    assert resolve(str(path)).dim == 5


def test_settings_beside_the_file(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", ("n", 3, "h", "w"))
    plain = resolve(str(path))
    path.with_suffix(".toml").write_text(
        """
        size = [64, 48]
        landmarks = [[10, 20], [38, 20], [24, 30], [14, 44], [34, 44.5]]
        mean = [0, 0, 0]
        std = [255.0, 255.0, 255.0]
        channels = "bgr"
        mirror = true
        licence = "MIT"
        source = "mine"
        """
    )
    spec = resolve(str(path))
    pre = spec.preprocessing
    assert (pre.size, pre.landmarks[4], pre.mean, pre.std) == ((64, 48), (34, 44.5), (0, 0, 0), (255.0,) * 3)
    assert (pre.channels, pre.mirror, spec.licence, spec.source) == ("bgr", True, "MIT", "mine")
    assert spec.fingerprint != plain.fingerprint
    assert spec.weights_sha256 == plain.weights_sha256


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("scale = 2", "unknown preprocessing setting: scale"),
        ("size = [64, 64]", r"takes crops of \[112, 112\], not of size \[64, 64\]"),
        ("size = 112", r"m\.toml"),
        ("size = [112]", r"m\.toml"),
        ('channels = "grey"', "channels must be"),
        ("landmarks = [[1, 2]]", "five"),
        ("mean = 127.5", r"m\.toml"),
        ("mean = [", r"cannot read .*m\.toml"),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, settings: str, message: str) -> None:
    path = write_model(tmp_path / "m.onnx")
    path.with_suffix(".toml").write_text(settings)
    with pytest.raises(InputError, match=message):
        resolve(str(path))


def test_shape_without_a_known_template(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", ("n", 3, 128, 96))
    with pytest.raises(InputError, match=r"no landmarks are known for crops of \[128, 96\]"):
        resolve(str(path))


@pytest.mark.parametrize("shape", [("n", 112, 112, 4), ("n", 1, 112, 112), ("n", 3, 112)])
def test_what_is_not_a_face_embedder(tmp_path: Path, shape: Shape) -> None:
    with pytest.raises(ModelError, match=r"not float32 \(n, 3, height, width\)"):
        resolve(str(write_model(tmp_path / "m.onnx", shape)))


def test_two_outputs(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="1 inputs and 2 outputs"):
        resolve(str(write_model(tmp_path / "m.onnx", copies=2)))


def test_damaged_and_exchanged_files(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx")
    spec = resolve(str(path))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(WeightsError):
        resolve(str(path))
    with pytest.raises(WeightsError, match="not the expected file"):
        load_embedder(spec, "cpu")


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_devices_without_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    spec = resolve(str(write_model(tmp_path / "m.onnx")))
    with pytest.raises(InputError, match=device):
        load_network(spec, device)


@pytest.mark.parametrize(
    ("providers", "place"), [(["CPUExecutionProvider"], "cpu"), (["CUDAExecutionProvider"], "cuda")]
)
def test_auto_takes_the_gpu_that_onnx_runtime_can_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, providers: list[str], place: str
) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: providers)
    monkeypatch.setattr("facesearch.embedding.precision.pick_device", lambda name: "cuda")
    spec = resolve(str(write_model(tmp_path / "m.onnx")))
    assert (device_for(spec, "auto"), device_for(spec, "cuda")) == (place, "cuda")


def test_onnx_runtime_is_needed_on_gpus_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    spec = resolve(str(write_model(tmp_path / "m.onnx")))
    assert load_embedder(spec, "cpu").spec == spec
    with pytest.raises(ModelError, match=r"on cuda needs ONNX Runtime: pip install 'facesearch\[onnx\]'"):
        load_network(spec, "cuda")


def write_awkward(path: Path, shape: Shape, one_face: bool) -> Path:
    """A tiny model whose channels come last if shape says so, and whose graph holds one face if asked to."""
    model = onnx.load(write_model(path, ("n", 3, 112, 112)))
    graph = model.graph
    if shape[1] != 3:
        graph.node.insert(0, onnx.helper.make_node("Transpose", ["picture"], ["planes"], perm=[0, 3, 1, 2]))
        graph.node[1].input[:] = ["planes"]
    if one_face:
        flatten = next(node for node in graph.node if node.op_type == "Flatten")
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([3]), "all"))
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 3]), "one"))
        at = list(graph.node).index(flatten)
        graph.node.insert(at, onnx.helper.make_node("Reshape", ["pooled", "all"], ["values"]))
        flatten.op_type, flatten.input[:] = "Reshape", ["values", "one"]
    graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, shape))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("one_face", [False, True], ids=["any number", "one face"])
@pytest.mark.parametrize("shape", [("n", 3, 112, 112), ("n", 112, 112, 3), ("n", "a", "b", "c")], ids=str)
@pytest.mark.parametrize("runtime", ["OpenVINO", "ONNX Runtime"])
def test_what_a_file_declares_is_tried_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    shape: Shape,
    one_face: bool,
    runtime: str,
) -> None:
    """Channels first or last, or not said; a batch that is declared open around a graph of one face."""
    spec = resolve(str(write_awkward(tmp_path / "m.onnx", shape, one_face)))
    crops = np.random.default_rng(1).integers(0, 256, (5, 112, 112, 3), np.uint8)
    if runtime == "OpenVINO":
        found = load_embedder(spec, "cpu").embed(list(crops))
    else:
        cpu = onnxruntime.InferenceSession
        monkeypatch.setattr("facesearch.embedding.onnx_network._providers", lambda *_: ["CPUExecutionProvider"])
        monkeypatch.setattr(cpu, "get_providers", lambda _: ["CUDAExecutionProvider"])
        vectors = load_network(spec, "cuda")(((crops - 127.5) / 128).transpose(0, 3, 1, 2).astype(np.float32))
        found = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = ((crops.astype(np.float64) - 127.5) / 128).mean(axis=(1, 2)) @ WEIGHTS
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-4)
    assert capfd.readouterr().err == ""


def test_a_file_whose_embeddings_are_no_numbers_is_refused_when_it_is_named(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(WEIGHTS * 0, "weights"))
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"m\.onnx gives embeddings that are NaN or zero; use another model"):
        resolve(str(path))


@pytest.mark.data
def test_real_embedder() -> None:
    path = Path(os.environ.get("FACESEARCH_DATA", "")) / "models" / "mobilefacenet_casia_112x96.onnx"
    if not path.is_file():
        pytest.skip("FACESEARCH_DATA does not point to models/mobilefacenet_casia_112x96.onnx")
    spec = resolve(str(path))
    assert (spec.dim, spec.preprocessing.size) == (128, (112, 96))
    assert spec.preprocessing.landmarks[0] == (30.2946, 51.6963)
    crops = list(np.random.default_rng(0).integers(0, 256, (3, 112, 96, 3), np.uint8))
    embeddings = load_embedder(spec, "cpu").embed(crops)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch = ((np.array(crops, np.float32) - spec.preprocessing.mean) / spec.preprocessing.std).transpose(0, 3, 1, 2)
    (expected,) = session.run(None, {session.get_inputs()[0].name: batch.astype(np.float32)})
    assert ((embeddings * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)).min() > 0.99999


def test_gpus_compute_in_full_float32() -> None:
    from facesearch.embedding.onnx_network import _providers

    (cuda, options), cpu = _providers("cuda:1", ["CUDAExecutionProvider"])
    assert (cuda, cpu) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options == {"device_id": 1, "use_tf32": 0}
