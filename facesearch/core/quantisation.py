"""Networks in int8 on CPUs: activation ranges that were measured once and kept, applied when a network is loaded.

A layer that multiplies by weights gets its input in 256 levels between two bounds, and its weights in 127 for each
output channel; OpenVINO then computes it in integers. Channels of an input that differ in size are brought to one
size by factors, which the weights take back (Nagel et al., "Data-Free Quantization Through Weight Equalization and
Bias Correction", ICCV 2019; between the layers, so that nothing else in the network has to know).

Weights have 7 bits, not 8: without VNNI, processors add two products in 16 bits, and 8 bits would saturate there. With
7 a network gives the same numbers on processors with and without it (AVX2, AVX-512, VNNI).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import WeightsError
from facesearch.core.openvino_cpu import openvino

__all__ = ["Layer", "Ranges", "measured", "quantisable", "quantise", "read_ranges"]

Floats = NDArray[np.floating[Any]]
LEVELS = 256
# Of the weights; OpenVINO wants 255 levels, and 7 bits are half of them.
WEIGHT_STEPS, WEIGHT_LEVELS = 63, 255
# Factors are powers of 2 ** (1 / FACTOR_STEPS), so that an integer stands for each.
FACTOR_STEPS = 4
# How far factors go from even weights (0) to even inputs (1).
TOWARDS_INPUTS = 0.8
KINDS = ("Convolution", "GroupConvolution", "MatMul")


@dataclass(frozen=True)
class Layer:
    """The input of a layer.

    low, high: its bounds, after it was divided by the factors; 0 is one of the 256 levels.
    factors: of each channel, as exponents of 2 ** (1 / 4); empty where all are 1.
    """

    low: float
    high: float
    factors: tuple[int, ...] = ()

    def channel_factors(self) -> NDArray[np.float32]:
        """(c,) float32, or (1,)."""
        return np.exp2(np.array(self.factors or (0,), np.float64) / FACTOR_STEPS).astype(np.float32)


@dataclass(frozen=True)
class Ranges:
    """Of one network: its layers by the names that they have in the graph; those not named stay float32.

    measured_on: the data, for people.
    """

    layers: Mapping[str, Layer]
    measured_on: str

    @property
    def digits(self) -> str:
        """8 hexadecimal digits over everything that changes a result."""
        parts = {name: (layer.low, layer.high, layer.factors) for name, layer in self.layers.items()}
        how = [LEVELS, WEIGHT_STEPS, FACTOR_STEPS, sorted(parts.items())]
        return hashlib.sha256(json.dumps(how).encode()).hexdigest()[:8]

    def to_json(self) -> str:
        layers = [
            f"  {json.dumps(name)}: {json.dumps({'low': layer.low, 'high': layer.high, 'factors': layer.factors})}"
            for name, layer in self.layers.items()
        ]
        body = ",\n".join(layers)
        return f'{{\n "measured_on": {json.dumps(self.measured_on)},\n "layers": {{\n{body}\n }}\n}}\n'


def read_ranges(path: Path) -> Ranges:
    """Raises WeightsError where the file is not one of ranges."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        layers = {
            str(name): Layer(float(layer["low"]), float(layer["high"]), tuple(map(int, layer["factors"])))
            for name, layer in fields["layers"].items()
        }
        return Ranges(layers, str(fields["measured_on"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} holds no activation ranges ({error}): install facesearch again") from error


def quantisable(graph: Any) -> dict[str, Any]:
    """The layers of a graph that multiply by weights, by name, in the order of computation. Folds its constants."""
    from openvino.passes import ConstantFolding, Manager

    passes = Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(graph)
    nodes = (node for node in graph.get_ordered_ops() if node.get_type_name() in KINDS)
    return {node.get_friendly_name(): node for node in nodes if _is_constant(node.input_value(1).node)}


def quantise(graph: Any, ranges: Ranges) -> None:
    """Change the graph so that OpenVINO computes the layers with ranges in int8.

    Raises:
        WeightsError: the ranges are those of another network.
    """
    nodes = quantisable(graph)
    for name, layer in ranges.layers.items():
        node = nodes.get(name)
        if node is None or (layer.factors and len(layer.factors) != node.input_value(0).shape[1]):
            raise WeightsError(f"the activation ranges of {name} are another network's: install facesearch again")
        if layer.factors:
            _multiply(node, _for_inputs(node, layer.channel_factors()))
    # Weights of a layer are what they will be only when those after it have given it their factors.
    divided = {name for name, layer in ranges.layers.items() if layer.factors and _divide_before(nodes[name], layer)}
    for name, layer in ranges.layers.items():
        _quantise_layer(nodes[name], layer, name in divided)


def _quantise_layer(node: Any, layer: Layer, divided: bool) -> None:
    """Args: divided: its input comes divided by the factors already."""
    from openvino import opset13 as op

    x = node.input_value(0)
    factors = np.ones(1, np.float32) if divided else layer.channel_factors()
    bounds = np.float32(layer.low), np.float32(layer.high)
    held = (bound * factors.reshape(1, -1, *[1] * (len(x.shape) - 2)) for bound in bounds)
    node.input(0).replace_source_output(op.fake_quantize(x, *held, *bounds, LEVELS).output(0))
    weights = np.array(node.input_value(1).node.data, np.float32)
    step = _largest(node, np.abs(weights)) / WEIGHT_STEPS
    most = step * np.float32(WEIGHT_LEVELS // 2)
    quantised = op.fake_quantize(op.constant(weights), -most, most, -most, most, WEIGHT_LEVELS)
    node.input(1).replace_source_output(quantised.output(0))


def _divide_before(node: Any, layer: Layer) -> bool:
    """Whether the convolution before the layer could be made to give what the factors have divided.

    It can where nothing but biases and (P)ReLU lie between, and nothing else takes its results. Then the layer's input
    is rounded with one scale, which all processors do alike; with one for each channel they do not.
    """
    x = node.input_value(0)
    activation = x.node
    if activation.get_type_name() not in ("Relu", "PRelu") or len(x.get_target_inputs()) != 1:
        return False
    biased = activation.input_value(0).node
    before = biased.input_value(0).node if biased.get_type_name() == "Add" else None
    if before is None or "Convolution" not in before.get_type_name():
        return False
    if not (_is_constant(biased.input_value(1).node) and _is_constant(before.input_value(1).node)):
        return False
    shares = np.float32(1) / layer.channel_factors()
    _multiply(biased, shares.reshape(1, -1, 1, 1))
    grouped = before.get_type_name() == "GroupConvolution"
    groups = before.input_value(1).shape[0] if grouped else 1
    _multiply(before, shares.reshape((groups, -1, 1, 1, 1) if grouped else (-1, 1, 1, 1)))
    return True


def _multiply(node: Any, factors: Floats) -> None:
    """Multiply the constant that a node takes as its second input."""
    from openvino import opset13 as op

    values = np.array(node.input_value(1).node.data, np.float32) * factors
    node.input(1).replace_source_output(op.constant(values).output(0))


def _largest(node: Any, sizes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest size of a weight of each output channel, in a shape that goes with the weights."""
    kind = node.get_type_name()
    if kind == "Convolution":  # (out, in, rows, columns)
        over: tuple[int, ...] = (1, 2, 3)
    elif kind == "GroupConvolution":  # (groups, out, in, rows, columns)
        over = (2, 3, 4)
    else:
        over = (1,) if node.get_attributes()["transpose_b"] else (0,)
    return np.asarray(np.maximum(sizes.max(axis=over, keepdims=True), np.float32(1e-9)))


def _for_inputs(node: Any, factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The factors of the input's channels in a shape that goes with the weights."""
    if len(factors) == 1:
        return factors
    kind = node.get_type_name()
    if kind == "Convolution":
        return factors.reshape(1, -1, 1, 1)
    if kind == "GroupConvolution":
        groups, _, channels, *_ = node.input_value(1).shape
        return factors.reshape(groups, 1, channels, 1, 1)
    return factors.reshape(1, -1) if node.get_attributes()["transpose_b"] else factors.reshape(-1, 1)


def _is_constant(node: Any) -> bool:
    return bool(node.get_type_name() == "Constant")


# -- measuring


def measured(graph: Any, batches: Iterable[NDArray[Any]], measured_on: str, skip: Iterable[str] = ()) -> Ranges:
    """The ranges of a network's layers over its inputs.

    Nothing is cut off: of the networks here the largest values matter most, and what they cost is what factors are for.

    Args:
        graph: of one input of a fixed shape; it is not changed but for folded constants.
        batches: arrays of that shape.
        skip: layers that stay float32.
    """
    from facesearch.core.openvino_cpu import CompiledNetwork

    nodes = {name: node for name, node in quantisable(graph).items() if name not in set(skip)}
    tapped = openvino().Model([node.input_value(0) for node in nodes.values()], graph.get_parameters(), "tapped")
    network = CompiledNetwork(tapped)
    lows: dict[str, Floats] = {}
    highs: dict[str, Floats] = {}
    for batch in batches:
        for name, values in zip(nodes, network(batch), strict=True):
            low, high = _by_channel(values)
            lows[name] = np.minimum(lows.get(name, low), low)
            highs[name] = np.maximum(highs.get(name, high), high)
    return Ranges({name: _layer(node, lows[name], highs[name]) for name, node in nodes.items()}, measured_on)


def _by_channel(values: Floats) -> tuple[Floats, Floats]:
    """The smallest and largest value of each channel of (n, c, ...)."""
    others = (0, *range(2, values.ndim))
    return values.min(axis=others), values.max(axis=others)


def _layer(node: Any, lows: Floats, highs: Floats) -> Layer:
    """Convolutions get factors; those of a picture's three channels, and of a matrix, would save nothing."""
    factors: NDArray[np.int64] = np.zeros(len(lows), np.int64)
    if "Convolution" in node.get_type_name() and len(lows) > 3:
        factors = _factors(node, np.maximum(np.maximum(-lows, highs), 1e-6))
    scale = np.exp2(factors / FACTOR_STEPS)
    low, high = _spanning(float((lows / scale).min()), float((highs / scale).max()))
    return Layer(low, high, tuple(map(int, factors)) if factors.any() else ())


def _factors(node: Any, sizes: Floats) -> NDArray[np.int64]:
    """Exponents that make channels alike: fully where each has weights of its own, else shared with the weights."""
    weights = np.abs(np.array(node.input_value(1).node.data, np.float64))
    if node.get_type_name() == "GroupConvolution":
        wanted = sizes if weights.shape[2] == 1 else np.ones_like(sizes)
    else:
        of_weights = np.maximum(weights.max(axis=(0, 2, 3)), 1e-6)
        wanted = sizes**TOWARDS_INPUTS / of_weights ** (1 - TOWARDS_INPUTS)
    exponents = FACTOR_STEPS * np.log2(wanted)
    return np.asarray(np.rint(exponents - exponents.mean()), np.int64)


def _spanning(low: float, high: float) -> tuple[float, float]:
    """Bounds around both and 0, with 0 on one of the levels."""
    low, high = min(low, 0.0), max(high, 1e-6)
    step = (high - low) / (LEVELS - 1)
    below = round(-low / step)
    step = max(-low / below if below else 0.0, high / (LEVELS - 1 - below))
    return float(np.float32(-below * step)), float(np.float32((LEVELS - 1 - below) * step))
