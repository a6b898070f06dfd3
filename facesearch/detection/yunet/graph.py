"""YuNet as an OpenVINO graph, written out from its weights."""

from typing import Any

import numpy as np

from facesearch.core.openvino_cpu import convolution, graph_input, max_pool, openvino
from facesearch.detection.yunet.weights import Layer, Weights

__all__ = ["yunet_graph"]

Pair = tuple[Layer, Layer]


def yunet_graph(weights: Weights, height: int, width: int) -> Any:
    """(1, height, width, 3) RGB pixels from 0 to 255 -> (1, 16, positions), see `facesearch.detection.yunet.decoding`.

    Args:
        height, width: multiples of 32.
    """
    op, x = graph_input([1, height, width, 3])
    pairs = ((f"trunk{i}", pair) for i, pair in enumerate(weights.trunk))
    y = op.relu(convolution(op, op.transpose(x, [0, 3, 1, 2]), *weights.stem, stride=2, padding=1, name="stem"))
    y = max_pool(op, _block(op, y, *next(pairs)), 2)
    levels = []
    for blocks, is_level in ((4, False), (2, True), (2, True), (2, True)):
        for _ in range(blocks):
            y = _block(op, y, *next(pairs))
        if is_level:
            levels.append(y)
        if len(levels) < 3:
            y = max_pool(op, y, 2)
    seen = [_block(op, levels.pop(), *next(pairs))]
    while levels:
        seen.append(_block(op, op.add(levels.pop(), _doubled(op, seen[-1])), *next(pairs)))
    heads = [
        op.reshape(_pair(op, y, f"head{i}", pair), [1, 16, -1], special_zero=False)
        for i, (y, pair) in enumerate(zip(reversed(seen), weights.heads, strict=True))
    ]
    return openvino().Model([op.concat(heads, 2)], [x], "yunet")


def _pair(op: Any, x: Any, name: str, pair: Pair) -> Any:
    """Across channels, then within each."""
    across, (filters, biases) = pair
    y = convolution(op, x, *across, name=f"{name}.across")
    y = op.group_convolution(y, op.constant(filters[:, None]), [1, 1], [1, 1], [1, 1], [1, 1])
    y.set_friendly_name(f"{name}.within")
    return op.add(y, biases.reshape(1, -1, 1, 1))


def _block(op: Any, x: Any, name: str, pair: Pair) -> Any:
    return op.relu(_pair(op, x, name, pair))


def _doubled(op: Any, x: Any) -> Any:
    """Every value twice in both directions."""
    return op.interpolate(
        x,
        np.array([2, 2], np.float32),
        "nearest",
        "scales",
        axes=np.array([2, 3]),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
