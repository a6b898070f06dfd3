"""Networks in int8: near the float network, the same on every processor, and never with another network's ranges."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.core.errors import WeightsError
from facesearch.core.openvino_cpu import CompiledNetwork, graph_input, openvino
from facesearch.core.quantisation import Layer, Ranges, measured, quantisable, quantise, read_ranges

Floats = NDArray[np.float32]


def graph(uneven: float = 1.0, shared: bool = False) -> Any:
    """Three layers: a convolution, one by channel, a matrix; the first one's channels differ by the factor.

    shared: something else takes what the first one gives, too.
    """
    rng = np.random.default_rng(0)
    op, x = graph_input([2, 8, 12, 12])
    sizes = np.geomspace(1, uneven, 16)
    filters = (rng.normal(size=(16, 8, 3, 3)) * sizes[:, None, None, None]).astype(np.float32)
    first = op.convolution(x, op.constant(filters), [1, 1], [1, 1], [1, 1], [1, 1])
    first.set_friendly_name("first")
    y = op.prelu(first, np.full(16, 0.25, np.float32))
    by_channel = (rng.normal(size=(16, 1, 1, 3, 3)) / sizes[:, None, None, None, None]).astype(np.float32)
    second = op.group_convolution(y, op.constant(by_channel), [2, 2], [0, 0], [0, 0], [1, 1])
    second.set_friendly_name("second")
    flat = op.reshape(op.relu(second), np.array([2, -1]), False)
    last = op.matmul(flat, op.constant(rng.normal(size=(5, 16 * 25)).astype(np.float32)), False, True)
    last.set_friendly_name("last")
    taken = [op.reduce_mean(y, [2, 3], keep_dims=False)] if shared else []
    return openvino().Model([last, *taken], [x], "three layers")


def inputs(seed: int, count: int = 20) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, 8, 12, 12)).astype(np.float32)


def ranges(uneven: float = 1.0, skip: tuple[str, ...] = (), shared: bool = False) -> Ranges:
    batches = inputs(1).reshape(10, 2, 8, 12, 12)
    return measured(graph(uneven, shared), batches, "noise", skip)


def outputs(uneven: float, how: Ranges | None, shared: bool = False) -> Floats:
    network = graph(uneven, shared)
    if how is not None:
        quantise(network, how)
    return CompiledNetwork(network)(inputs(2))[0]


def error(uneven: float, how: Ranges, shared: bool = False) -> float:
    """Of the outputs, relative to them."""
    expected = outputs(uneven, None, shared)
    return float(np.linalg.norm(outputs(uneven, how, shared) - expected) / np.linalg.norm(expected))


def test_layers_are_those_with_weights() -> None:
    assert list(quantisable(graph())) == ["first", "second", "last"]
    assert list(ranges(skip=("last",)).layers) == ["first", "second"]


def test_near_the_float_network_but_not_it() -> None:
    assert 1e-4 < error(1.0, ranges()) < 0.03


def test_integers_are_what_it_computes_with() -> None:
    network = graph()
    quantise(network, ranges())
    nodes = CompiledNetwork(network)._compiled.get_runtime_model().get_ordered_ops()
    facts = [node.get_rt_info() for node in nodes]
    kinds = [(str(fact["layerType"].value), str(fact["primitiveType"].value)) for fact in facts]
    heavy = [primitive for kind, primitive in kinds if kind in ("Convolution", "FullyConnected")]
    assert len(heavy) == 3
    assert all("8" in primitive.rpartition("_")[2] for primitive in heavy), heavy


def test_skipped_layers_stay_as_they_are() -> None:
    assert error(1.0, ranges(skip=("first", "second", "last"))) == 0


@pytest.mark.parametrize("shared", [False, True])
def test_factors_make_channels_of_different_size_as_good_as_alike_ones(shared: bool) -> None:
    uneven = ranges(1000.0, shared=shared)
    without = replace(uneven, layers={name: replace(layer, factors=()) for name, layer in uneven.layers.items()})
    factors = uneven.layers["second"].factors
    assert factors[-1] - factors[0] == pytest.approx(4 * np.log2(1000), abs=4)
    assert error(1000.0, uneven, shared) < 0.03
    assert error(1000.0, without, shared) > 0.1


def test_zero_is_exactly_a_level() -> None:
    for layer in ranges(5.0).layers.values():
        step = (layer.high - layer.low) / 255
        assert layer.low / step == pytest.approx(round(layer.low / step), abs=1e-3)
        assert layer.low <= 0 < layer.high


def test_no_value_that_was_measured_is_cut_off() -> None:
    found = ranges()
    assert found.layers["first"].low <= inputs(1).min()
    assert found.layers["first"].high >= inputs(1).max() * (1 - 1 / 255)


@pytest.mark.parametrize("processor", ["AVX2", "AVX512_CORE"])
def test_processors_without_vnni_give_the_same_numbers(processor: str) -> None:
    """oneDNN takes this for the processor it runs on, where the real one can do more."""
    program = "import test_quantisation as t; print(t.outputs(5.0, t.ranges(5.0)).tobytes().hex())"
    found = []
    for extra in ({}, {"ONEDNN_MAX_CPU_ISA": processor}):
        surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]), **extra}
        done = subprocess.run(
            [sys.executable, "-c", program], env=surroundings, capture_output=True, text=True, check=True
        )
        found.append(done.stdout)
    assert len(found[0]) > 100
    assert found[0] == found[1]


def test_ranges_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    path.write_text(ranges(5.0).to_json(), encoding="utf-8")
    assert read_ranges(path) == ranges(5.0)
    assert read_ranges(path).digits == ranges(5.0).digits


def test_digits_follow_whatever_changes_a_result() -> None:
    one = Ranges({"first": Layer(-1.0, 1.0, (1, 2))}, "here")
    assert replace(one, measured_on="there").digits == one.digits
    for layer in (Layer(-1.0, 2.0, (1, 2)), Layer(-2.0, 1.0, (1, 2)), Layer(-1.0, 1.0, (1, 3))):
        assert Ranges({"first": layer}, "here").digits != one.digits
    assert Ranges({"second": one.layers["first"]}, "here").digits != one.digits


@pytest.mark.parametrize(
    "layers", [{"fourth": Layer(-1.0, 1.0)}, {"second": Layer(-1.0, 1.0, (1, 2, 3))}], ids=["name", "channels"]
)
def test_another_networks_ranges_are_refused(layers: dict[str, Layer]) -> None:
    with pytest.raises(WeightsError, match="another network's"):
        quantise(graph(), Ranges(layers, "elsewhere"))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"layers": {"first": {"low": 1}}, "measured_on": ""}'])
def test_damaged_files_of_ranges(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ranges.json"
    path.write_text(text)
    with pytest.raises(WeightsError, match="holds no activation ranges"):
        read_ranges(path)
    with pytest.raises(WeightsError, match="holds no activation ranges"):
        read_ranges(tmp_path / "missing.json")
