"""dlib's ResNet as an OpenVINO graph, written out from its weights."""

from typing import Any

import numpy as np

from facesearch.core.openvino_cpu import convolution, max_pool
from facesearch.embedding.compiled import Body
from facesearch.embedding.dlib_file import ConvWeights, DlibWeights

__all__ = ["dlib_body"]


def dlib_body(weights: DlibWeights) -> Body:
    """(n, 3, height, width) -> (n, dim), as DlibResNet computes it."""

    def body(op: Any, x: Any) -> Any:
        stem, *layers = weights.convolutions
        y = op.relu(_dlib_conv(op, x, stem, "stem"))
        y = max_pool(op, y, 3, rounding="floor")
        for block, (first, second) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
            y = _residual(op, y, first, second, f"block{block}")
        mean = op.reduce_mean(y, [2, 3], keep_dims=False)
        last = op.matmul(mean, weights.fc, False, True)
        last.set_friendly_name("fc")
        return last

    return body


def _residual(op: Any, x: Any, first: ConvWeights, second: ConvWeights, name: str) -> Any:
    y = op.relu(_dlib_conv(op, x, first, f"{name}.conv1"))
    y = _dlib_conv(op, y, second, f"{name}.conv2")
    if first.stride == 2:
        x = op.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True, rounding_type="floor")
    return op.relu(op.add(_padded(op, x, y), _padded(op, y, x)))


def _dlib_conv(op: Any, x: Any, weights: ConvWeights, name: str) -> Any:
    return convolution(op, x, weights.filters, weights.biases, weights.stride, weights.padding, name)


def _padded(op: Any, x: Any, other: Any) -> Any:
    """x with zeros after its last channel, row and column, up to the other's."""
    missing = [max(theirs - ours, 0) for ours, theirs in zip(x.shape, other.shape, strict=True)]
    return op.pad(x, [0] * 4, missing, "constant", np.float32(0)) if any(missing) else x
