"""Networks as OpenVINO graphs, written out from their weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch.networks.dlib_resnet import DlibResNet, ResidualBlock
from facesearch.networks.openvino_cpu import openvino

__all__ = ["dlib_graph", "onet_graph", "pnet_graph", "rnet_graph"]

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]


def pnet_graph(weights: Weights, height: int, width: int) -> Any:
    """(1, 4, height, width) -> (1, 5, rows, columns): log-odds of a face, and four regressions; both heads are one.

    The fourth plane is added to what the first layer says of the pixels up to there, before pooling.
    """
    op, x = _input([1, 4, height, width])
    y = _layer(op, _part(op, x, [0, 0, 0], [3, height, width]), weights, "1")
    y = _pool(op, op.add(y, _part(op, x, [3, 2, 2], [4, height, width])), 2)
    for i in (2, 3):
        y = _layer(op, y, weights, f"{i}")
    filters, biases = (
        np.concatenate([_odds(weights[f"conv4_1.{part}"]), weights[f"conv4_2.{part}"]]) for part in ("weight", "bias")
    )
    return openvino().Model([_conv(op, y, filters, biases)], [x], "pnet")


def rnet_graph(weights: Weights, batch: int) -> Any:
    """(batch, 3, 24, 24) -> (batch, 4) regressions and (batch, 2) probabilities."""
    op, x = _input([batch, 3, 24, 24])
    y = _pool(op, _layer(op, x, weights, "1"), 3)
    y = _pool(op, _layer(op, y, weights, "2"), 3)
    y = _dense(op, _flat(op, _layer(op, y, weights, "3")), weights, "dense4")
    y = op.prelu(y, weights["prelu4.weight"])
    probability = op.softmax(_dense(op, y, weights, "dense5_1"), 1)
    return openvino().Model([_dense(op, y, weights, "dense5_2"), probability], [x], "rnet")


def onet_graph(weights: Weights, batch: int) -> Any:
    """(batch, 3, 48, 48) -> (batch, 4) regressions, (batch, 10) points and (batch, 2) probabilities."""
    op, x = _input([batch, 3, 48, 48])
    y = x
    for i, pool in (("1", 3), ("2", 3), ("3", 2)):
        y = _pool(op, _layer(op, y, weights, i), pool)
    y = _dense(op, _flat(op, _layer(op, y, weights, "4")), weights, "dense5")
    y = op.prelu(y, weights["prelu5.weight"])
    boxes, points = (_dense(op, y, weights, name) for name in ("dense6_2", "dense6_3"))
    probability = op.softmax(_dense(op, y, weights, "dense6_1"), 1)
    return openvino().Model([boxes, points, probability], [x], "onet")


def dlib_graph(network: DlibResNet, height: int, width: int, batch: int) -> Any:
    """(batch, 3, height, width) -> (batch, dim), as DlibResNet computes it."""
    op, x = _input([batch, 3, height, width])
    y = op.relu(_conv(op, x, *_parameters(network.stem), stride=2))
    y = _pool(op, y, 3, rounding="floor")
    for block in network.blocks:
        assert isinstance(block, ResidualBlock)
        y = _residual(op, y, block)
    mean = op.reduce_mean(y, [2, 3], keep_dims=False)
    return openvino().Model([op.matmul(mean, _array(network.fc.weight), False, True)], [x], "dlib-resnet")


def _residual(op: Any, x: Any, block: ResidualBlock) -> Any:
    stride, padding = (2, 0) if block.halve else (1, 1)
    y = op.relu(_conv(op, x, *_parameters(block.conv1), stride=stride, padding=padding))
    y = _conv(op, y, *_parameters(block.conv2), padding=1)
    if block.halve:
        x = op.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True, rounding_type="floor")
    return op.relu(op.add(_padded(op, x, y), _padded(op, y, x)))


def _padded(op: Any, x: Any, other: Any) -> Any:
    """x with zeros after its last channel, row and column, up to the other's."""
    missing = [max(theirs - ours, 0) for ours, theirs in zip(x.shape, other.shape, strict=True)]
    return op.pad(x, [0] * 4, missing, "constant", np.float32(0)) if any(missing) else x


def _input(shape: Sequence[int], dtype: Any = np.float32) -> tuple[Any, Any]:
    """OpenVINO's operations, and the parameter."""
    openvino()
    from openvino import opset13 as op

    return op, op.parameter(list(shape), dtype)


def _part(op: Any, x: Any, start: Sequence[int], stop: Sequence[int]) -> Any:
    """Of all images, x[:, start[0]:stop[0], ...]."""
    return op.slice(x, *(np.array(values) for values in (start, stop, [1, 1, 1], [1, 2, 3])))


def _layer(op: Any, x: Any, weights: Weights, number: str) -> Any:
    conv = _conv(op, x, weights[f"conv{number}.weight"], weights[f"conv{number}.bias"])
    return op.prelu(conv, weights[f"prelu{number}.weight"])


def _conv(op: Any, x: Any, filters: Floats, biases: Floats, stride: int = 1, padding: int = 0) -> Any:
    # given an array, OpenVINO makes a list of it first, which takes half of the time in which a network is loaded
    y = op.convolution(x, op.constant(filters), [stride] * 2, [padding] * 2, [padding] * 2, [1, 1])
    return op.add(y, biases.reshape(1, -1, 1, 1))


def _pool(op: Any, x: Any, side: int, rounding: str = "ceil") -> Any:
    return op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [side, side], rounding_type=rounding).output(0)


def _flat(op: Any, x: Any) -> Any:
    """Columns, rows, channels: the order in which Caffe's MATLAB images were flattened."""
    return op.reshape(op.transpose(x, [0, 3, 2, 1]), [0, -1], special_zero=True)


def _dense(op: Any, x: Any, weights: Weights, name: str) -> Any:
    return op.add(op.matmul(x, weights[f"{name}.weight"], False, True), weights[f"{name}.bias"][None])


def _odds(pair: Floats) -> Floats:
    """What tells the second of two classes from the first: the softmax of a pair depends on the difference alone."""
    return pair[1:] - pair[:1]


def _parameters(conv: Any) -> tuple[Floats, Floats]:
    return _array(conv.weight), _array(conv.bias)


def _array(tensor: Any) -> Floats:
    values: Floats = tensor.detach().cpu().numpy()
    return values
