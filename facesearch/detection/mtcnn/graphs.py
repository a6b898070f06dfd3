"""MTCNN's three networks as OpenVINO graphs, written out from their weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch.core.openvino_cpu import convolution, graph_input, max_pool, openvino

__all__ = ["onet_graph", "pnet_graph", "rnet_graph"]

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]


def pnet_graph(weights: Weights, height: int, width: int) -> Any:
    """(1, height, width, 3) pixels -> (1, 5, rows, columns): log-odds of a face, and four regressions."""
    op, x, y = _pixels([1, height, width])
    weights = _for_pixels(weights)
    y = max_pool(op, _layer(op, y, weights, "1"), 2)
    for i in (2, 3):
        y = _layer(op, y, weights, f"{i}")
    filters, biases = (  # both heads are one
        np.concatenate([_odds(weights[f"conv4_1.{part}"]), weights[f"conv4_2.{part}"]]) for part in ("weight", "bias")
    )
    return openvino().Model([convolution(op, y, filters, biases)], [x], "pnet")


def rnet_graph(weights: Weights, batch: int) -> Any:
    """(batch, 24, 24, 3) pixels -> (batch, 4) regressions and (batch, 2) probabilities."""
    op, x, y = _pixels([batch, 24, 24])
    weights = _for_pixels(weights)
    y = max_pool(op, _layer(op, y, weights, "1"), 3)
    y = max_pool(op, _layer(op, y, weights, "2"), 3)
    y = _dense(op, _flat(op, _layer(op, y, weights, "3")), weights, "dense4")
    y = op.prelu(y, weights["prelu4.weight"])
    probability = op.softmax(_dense(op, y, weights, "dense5_1"), 1)
    return openvino().Model([_dense(op, y, weights, "dense5_2"), probability], [x], "rnet")


def onet_graph(weights: Weights, batch: int) -> Any:
    """(batch, 48, 48, 3) pixels -> (batch, 4) regressions, (batch, 10) points and (batch, 2) probabilities."""
    op, x, y = _pixels([batch, 48, 48])
    weights = _for_pixels(weights)
    for i, pool in (("1", 3), ("2", 3), ("3", 2)):
        y = max_pool(op, _layer(op, y, weights, i), pool)
    y = _dense(op, _flat(op, _layer(op, y, weights, "4")), weights, "dense5")
    y = op.prelu(y, weights["prelu5.weight"])
    boxes, points = (_dense(op, y, weights, name) for name in ("dense6_2", "dense6_3"))
    probability = op.softmax(_dense(op, y, weights, "dense6_1"), 1)
    return openvino().Model([boxes, points, probability], [x], "onet")


def _pixels(shape: Sequence[int]) -> tuple[Any, Any, Any]:
    """OpenVINO's operations, the parameter (n, h, w, 3), and it as convolutions want it, (n, 3, h, w).

    They keep the colours of a pixel together in memory whatever it is called: nothing is moved.
    """
    op, x = graph_input([*shape, 3])
    return op, x, op.transpose(x, [0, 3, 1, 2])


def _for_pixels(weights: Weights) -> Weights:
    """The first layer as it says of pixels from 0 to 255 what it said of (pixel - 127.5) / 128."""
    filters = weights["conv1.weight"] / 128
    biases = weights["conv1.bias"] - 127.5 * filters.sum(axis=(1, 2, 3), dtype=np.float64)
    return {**weights, "conv1.weight": filters, "conv1.bias": biases.astype(np.float32)}


def _layer(op: Any, x: Any, weights: Weights, number: str) -> Any:
    conv = convolution(op, x, weights[f"conv{number}.weight"], weights[f"conv{number}.bias"])
    return op.prelu(conv, weights[f"prelu{number}.weight"])


def _flat(op: Any, x: Any) -> Any:
    """Columns, rows, channels: the order in which Caffe's MATLAB images were flattened."""
    return op.reshape(op.transpose(x, [0, 3, 2, 1]), [0, -1], special_zero=True)


def _dense(op: Any, x: Any, weights: Weights, name: str) -> Any:
    return op.add(op.matmul(x, weights[f"{name}.weight"], False, True), weights[f"{name}.bias"][None])


def _odds(pair: Floats) -> Floats:
    """What tells the second of two classes from the first: the softmax of a pair depends on the difference alone."""
    return pair[1:] - pair[:1]
