"""SCRFD and RetinaFace in ONNX files: small graphs that give known tensors, decoded beside slow loops."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from detection_samples import Rgb
from onnx import TensorProto, helper, numpy_helper

from facesearch.core.errors import ModelError, WeightsError
from facesearch.core.settings import DetectionConfig
from facesearch.detection import load, resolve
from facesearch.detection.onnx_detector import retinaface_found, scrfd_found

SIZE = (64, 96)
CELLS = [(SIZE[0] // stride) * (SIZE[1] // stride) for stride in (8, 16, 32)]


# --- Decoding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anchors", [1, 2])
def test_scrfd_as_a_slow_loop(anchors: int) -> None:
    rng = np.random.default_rng(0)
    kinds = [[rng.random((cells * anchors, n)).astype(np.float32) for cells in CELLS] for n in (1, 4, 10)]
    found, row = scrfd_found([each for kind in kinds for each in kind], SIZE, 0.8), 0
    for level, stride in enumerate((8, 16, 32)):
        scores, sides, points = (kind[level] for kind in kinds)
        for i in range(len(scores)):
            if scores[i, 0] >= 0.8:
                y, x = (stride * n for n in divmod(i // anchors, SIZE[1] // stride))
                left, top, right, bottom = sides[i] * stride
                np.testing.assert_allclose(found.boxes[row], (x - left, y - top, x + right, y + bottom), atol=1e-4)
                expected = [(x + points[i, 2 * k] * stride, y + points[i, 2 * k + 1] * stride) for k in range(5)]
                np.testing.assert_allclose(found.landmarks[row], expected, atol=1e-4)
                assert found.scores[row] == scores[i, 0]
                row += 1
    assert len(found) == row > 5


@pytest.mark.parametrize("logits", [False, True])
def test_retinaface_as_a_slow_loop(logits: bool) -> None:
    rng = np.random.default_rng(1)
    count = 2 * sum(CELLS)
    classes, places, points = (rng.normal(size=(count, n)).astype(np.float32) for n in (2, 4, 10))
    chances = np.exp(classes) / np.exp(classes).sum(axis=1, keepdims=True)
    found = retinaface_found([places, classes if logits else chances, points], SIZE, 0.7)
    row = prior = 0
    for stride, lengths in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for y in range(SIZE[0] // stride):
            for x in range(SIZE[1] // stride):
                for side in lengths:
                    if chances[prior, 1] >= 0.7:
                        cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                        px, py = cx + places[prior, 0] * 0.1 * side, cy + places[prior, 1] * 0.1 * side
                        w, h = side * np.exp(places[prior, 2] * 0.2), side * np.exp(places[prior, 3] * 0.2)
                        box = (px - w / 2, py - h / 2, px + w / 2, py + h / 2)
                        np.testing.assert_allclose(found.boxes[row], box, rtol=1e-4, atol=1e-3)
                        marks = [(cx + a * 0.1 * side, cy + b * 0.1 * side) for a, b in points[prior].reshape(5, 2)]
                        np.testing.assert_allclose(found.landmarks[row], marks, rtol=1e-4, atol=1e-3)
                        assert found.scores[row] == pytest.approx(chances[prior, 1], abs=1e-5)
                        row += 1
                    prior += 1
    assert len(found) == row > 5


# --- Files ------------------------------------------------------------------------------------------------------------


def saved(path: Path, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], outputs: list[str]) -> Path:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "detector", [image], ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def mean(stride: int) -> onnx.NodeProto:
    sides = [stride, stride]
    return helper.make_node("AveragePool", ["image"], [f"mean{stride}"], kernel_shape=sides, strides=sides)


def retinaface(path: Path) -> Path:
    """Sure of a face of 64 pixels where a cell of stride 16 is as red as can be."""
    nodes, weights, outputs = [], {}, []
    for columns in (4, 2, 10):
        weights[f"shape{columns}"] = np.array([1, -1, columns])
        for stride in (8, 16, 32):
            name = f"{stride}_{columns}"
            filters = np.zeros((2 * columns, 3, 1, 1), np.float32)
            biases = np.zeros(2 * columns, np.float32)
            if columns == 2:
                filters[1, 2], biases[[0, 2]] = (0.1 if stride == 16 else 0), 10  # the third channel of BGR
            weights |= {f"w{name}": filters, f"b{name}": biases}
            nodes += [
                *([mean(stride)] if columns == 4 else []),
                helper.make_node("Conv", [f"mean{stride}", f"w{name}", f"b{name}"], [f"conv{name}"]),
                helper.make_node("Transpose", [f"conv{name}"], [f"last{name}"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"last{name}", f"shape{columns}"], [f"part{name}"]),
            ]
        parts = [f"part{stride}_{columns}" for stride in (8, 16, 32)]
        nodes.append(helper.make_node("Concat", parts, [f"joined{columns}"], axis=1))
        outputs.append(f"joined{columns}")
    nodes.append(helper.make_node("Softmax", ["joined2"], ["chances"], axis=-1))
    outputs[1] = "chances"
    return saved(path, nodes, [numpy_helper.from_array(value, name) for name, value in weights.items()], outputs)


def scrfd(path: Path, batched: bool = False) -> Path:
    """At each position of stride 8 two anchors, of which the first is as sure as the pixels there are red."""
    nodes, outputs = [], []
    weights = {f"shape{n}": np.array([1, -1, n] if batched else [-1, n]) for n in (1, 4, 10)}
    for stride in (8, 16, 32):
        nodes.append(mean(stride))
        for columns in (1, 4, 10):
            filters = np.zeros((2 * columns, 3, 1, 1), np.float32)
            biases = np.zeros(2 * columns, np.float32)
            if columns == 1:
                filters[0, 0], biases[:] = 0.5 if stride == 16 else 0, (0.5 if stride == 16 else 0, 0)
            else:
                biases[:] = np.tile([1.0, 1, 1, 1] if columns == 4 else np.linspace(-0.5, 0.5, 10), 2)
            name = f"{stride}_{columns}"
            weights |= {f"w{name}": filters, f"b{name}": biases}
            nodes += [
                helper.make_node("Conv", [f"mean{stride}", f"w{name}", f"b{name}"], [f"conv{name}"]),
                helper.make_node("Transpose", [f"conv{name}"], [f"last{name}"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"last{name}", f"shape{columns}"], [f"out{name}"]),
            ]
    outputs = [f"out{stride}_{columns}" for columns in (1, 4, 10) for stride in (8, 16, 32)]
    return saved(path, nodes, [numpy_helper.from_array(value, name) for name, value in weights.items()], outputs)


def red_square(x: int, y: int, size: tuple[int, int] = (96, 128)) -> Rgb:
    image = np.zeros((*size, 3), np.uint8)
    image[y : y + 16, x : x + 16, 0] = 255
    return image


@pytest.mark.parametrize("batched", [False, True])
def test_a_scrfd_file_finds_what_it_is_made_for(tmp_path: Path, batched: bool) -> None:
    detector = load(str(scrfd(tmp_path / "scrfd.onnx", batched)), DetectionConfig(turned=False))
    (face,) = detector.detect([red_square(48, 32)], [12])[0]
    assert face.box == pytest.approx((32, 16, 64, 48))
    assert face.landmarks[0] == pytest.approx((48 - 8, 32 - 8 + 16 / 9), abs=1e-3)
    assert face.score == pytest.approx(0.5 + 0.5 * 127.5 / 128, abs=1e-4)
    assert detector.detect([np.zeros((96, 128, 3), np.uint8)], [12]) == [[]]
    assert detector.detect([red_square(48, 32)[:, :, ::-1]], [12]) == [[]], "blue is not red"


def test_a_retinaface_file_finds_what_it_is_made_for(tmp_path: Path) -> None:
    detector = load(str(retinaface(tmp_path / "retinaface.onnx")), DetectionConfig(turned=False))
    (face,) = detector.detect([red_square(48, 32)], [12])[0]
    assert face.box == pytest.approx((56 - 32, 40 - 32, 56 + 32, 40 + 32))
    np.testing.assert_allclose(face.landmarks, [(56, 40)] * 5, atol=1e-3)
    assert face.score == pytest.approx(1 / (1 + np.exp(10 - 0.1 * (255 - 123))), abs=1e-4)
    assert detector.detect([red_square(48, 32)[:, :, ::-1]], [12]) == [[]], "blue is not red"


def test_what_identifies_a_file(tmp_path: Path) -> None:
    path = scrfd(tmp_path / "scrfd.onnx")
    spec = resolve(str(path))
    assert (spec.name, len(spec.weights_sha256)) == (str(path), 1)
    assert load(str(path)).spec == spec
    changed = spec.fingerprint
    scrfd(path, batched=True)
    assert resolve(str(path)).fingerprint != changed


def test_files_that_are_no_detectors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*none\.onnx"):
        resolve(str(tmp_path / "none.onnx"))
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    with pytest.raises(WeightsError, match=r"text\.onnx cannot be used as a detector"):
        load(str(text))
    nodes = [helper.make_node("GlobalAveragePool", ["image"], ["mean"]), helper.make_node("Flatten", ["mean"], ["out"])]
    with pytest.raises(WeightsError, match="neither a SCRFD with landmarks nor a RetinaFace"):
        load(str(saved(tmp_path / "other.onnx", nodes, [], ["out"])))
    with pytest.raises(ModelError, match="runs on the CPU only, not on cuda"):
        load(str(scrfd(tmp_path / "scrfd.onnx")), device="cuda")
