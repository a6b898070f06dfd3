"""SFace: a MobileNet trained with the sigmoid-constrained hypersphere loss, as OpenCV Zoo publishes it (Apache-2.0).

Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition" (IEEE TIP 2021). The network
takes RGB pixels as they are, 0 to 255, 112 x 112, and normalises them itself.

A stem and 13 pairs of a convolution by channel (3 x 3) and one across channels (1 x 1), each followed by batch
normalisation and a PReLU; then batch normalisation, one fully connected layer of the whole map, and normalisation.
Every normalisation is folded into the weights beside it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import WeightsError
from facesearch.core.folded import folded
from facesearch.core.openvino_cpu import constants, convolution
from facesearch.embedding.compiled import Body

__all__ = [
    "CHANNELS",
    "MEAN",
    "PAIRS",
    "SCALE",
    "SIDE",
    "SFaceLayer",
    "SFaceWeights",
    "padding_of",
    "read_sface",
    "sface_body",
    "stride_of",
]

Floats = NDArray[np.float32]
PAIRS = 13
SIDE = 112
# What the stem and each pair give.
CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
# Convolutions by channel that halve the resolution.
HALVING = ("conv_3_dw", "conv_5_dw", "conv_7_dw", "conv_13_dw")
# The network's input is (pixel - MEAN) * SCALE.
MEAN, SCALE = 127.5, 0.0078125
# Of batch normalisation: in the network, and around its last layer.
EPSILON, LAST_EPSILON = 1e-3, 2e-5


@dataclass(frozen=True)
class SFaceLayer:
    """A convolution and its PReLU.

    filters: (out, in, rows, columns) float32; (out, 1, rows, columns) of one by channel.
    biases, slopes: (out,) float32.
    """

    name: str
    filters: Floats
    biases: Floats
    slopes: Floats

    @property
    def by_channel(self) -> bool:
        return self.name.endswith("_dw")

    @property
    def stride(self) -> int:
        return stride_of(self.name)

    @property
    def padding(self) -> int:
        return padding_of(int(self.filters.shape[2]))


@dataclass(frozen=True)
class SFaceWeights:
    """fc: (128, 50176) float32, of the last map's channels, rows and columns; fc_biases: (128,)."""

    layers: list[SFaceLayer]
    fc: Floats
    fc_biases: Floats


def stride_of(name: str) -> int:
    """Of the convolution of this name."""
    return 2 if name in HALVING else 1


def padding_of(side: int) -> int:
    """Of a convolution of so many rows."""
    return side // 2


def read_sface(path: Path, sha256: str) -> SFaceWeights:
    """The weights in OpenCV Zoo's file, quantised in blocks.

    Args:
        sha256: of the file.

    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    held = constants(folded(path, sha256))
    names = ["conv_1"] + [f"conv_{pair}{kind}" for pair in range(2, PAIRS + 2) for kind in ("_dw", "")]
    try:
        layers = [_layer(held, name) for name in names]
        return SFaceWeights(layers, *_fully_connected(held, len(layers[-1].biases)))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path} does not hold SFace: {error}") from error


def _layer(held: dict[str, Floats], name: str) -> SFaceLayer:
    factors, offsets = _normalisation(held, f"{name}_batchnorm", EPSILON)
    filters = held[f"{name}_conv2d_weight_reshaped"] * factors.reshape(-1, 1, 1, 1)
    slopes = held[f"{name}_relu_gamma"].reshape(-1)
    return SFaceLayer(name, filters.astype(np.float32), offsets.astype(np.float32), slopes)


def _fully_connected(held: dict[str, Floats], channels: int) -> tuple[Floats, Floats]:
    """The last layer, (out, in) and (out,), with the normalisations before and after it."""
    before, offsets = _normalisation(held, "bn1", LAST_EPSILON)
    after, last = _normalisation(held, "fc1", LAST_EPSILON)
    weights = held["pre_fc1_weight_dequantized"].astype(np.float64)
    by_channel = weights.reshape(len(weights), channels, -1)
    biases = held["pre_fc1_bias_dequantized"] + by_channel.sum(axis=2) @ offsets
    scaled = (by_channel * before[None, :, None]).reshape(weights.shape) * after[:, None]
    return scaled.astype(np.float32), (biases * after + last).astype(np.float32)


def _normalisation(held: dict[str, Floats], name: str, epsilon: float) -> tuple[NDArray[np.float64], ...]:
    """y = factor * x + offset, of each channel."""
    gamma, beta, mean, variance = (
        held[f"{name}_{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_var")
    )
    factor = gamma / np.sqrt(variance + epsilon)
    return factor, beta - mean * factor


def sface_body(weights: SFaceWeights) -> Body:
    """(n, 3, 112, 112) of 0 to 255 -> (n, 128)."""

    def body(op: Any, x: Any) -> Any:
        y = op.multiply(op.subtract(x, np.float32(MEAN)), np.float32(SCALE))
        for layer in weights.layers:
            groups = len(layer.filters) if layer.by_channel else 1
            y = convolution(op, y, layer.filters, layer.biases, layer.stride, layer.padding, layer.name, groups)
            y = op.prelu(y, layer.slopes)
        flat = op.reshape(y, np.array([y.shape[0], -1]), False)
        last = op.matmul(flat, op.constant(weights.fc), False, True)
        last.set_friendly_name("fc")
        return op.add(last, weights.fc_biases)

    return body
