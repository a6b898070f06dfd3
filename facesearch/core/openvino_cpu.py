"""Networks on the CPU through OpenVINO, which runs convolutions 1.3 to 1.8 times as fast as PyTorch there.

Every network is compiled once, for one shape, and each call of it takes one thread: the same crop gives the same bits
whatever its company, the number of cores and the photos before it, and no new shape has to be compiled while photos
are looked at.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch.core.executor import CORES
from facesearch.core.forks import hold_native_threads
from facesearch.core.kept_networks import compiled

__all__ = ["CompiledNetwork", "constants", "convolution", "graph_input", "max_pool", "openvino", "read_onnx"]

Floats = npt.NDArray[np.float32]
_MAKING = threading.Lock()
_BESIDE = ThreadPoolExecutor(CORES, "networks")
# A stream is a thread that computes: one for each core, or batches that are looked at side by side would wait for each
# other. bfloat16 or float16, which OpenVINO chooses on CPUs that have them, would change distances in the third digit.
_SETTINGS = {
    "INFERENCE_PRECISION_HINT": "f32",
    "INFERENCE_NUM_THREADS": CORES,
    "NUM_STREAMS": CORES,
    "PERFORMANCE_HINT": "LATENCY",
    "ENABLE_CPU_PINNING": False,
}


def openvino() -> Any:
    """The package, without the one beside it that reports its use to its makers.

    Importing openvino imports openvino_telemetry, which writes into the home folder and may open connections; where
    that cannot be imported, openvino goes without.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # "there is no such module"
    import openvino

    return openvino


def _core() -> Any:
    """OpenVINO's runtime, made once, whatever thread asks first, and never taken down.

    Its CPU plugin gives the thread that loads it a stack for signals, and takes the memory back when it goes, from
    whatever thread lets go of it last: the next signal (Ctrl-C, a child's end) would then end the process.
    """
    hold_native_threads()  # before the lock, which in a forked process nobody may ever release
    with _MAKING:
        return _made()


@cache
def _made() -> Any:
    return openvino().Core()


class CompiledNetwork:
    """A graph of one input with a fixed batch size, for inputs of any number; threads may share it."""

    def __init__(self, graph: Any, kept_as: str = "") -> None:
        """Compile a network, or take it from the user's cache.

        Args:
            graph: of OpenVINO, or a function that makes one, called where none is in the cache.
            kept_as: what it is called in the cache, see `kept_networks.compiled`, and then it is got ready beside
                what the caller does until the first call. Without it, it is not kept, and compiled here and now.
        """
        make: Callable[[], Any] = graph if callable(graph) else lambda: graph
        self._mine = threading.local()
        if kept_as:
            self._coming = _BESIDE.submit(compiled, openvino(), _core(), make, _SETTINGS, kept_as)
        else:
            self._coming = Future()
            self._coming.set_result(_core().compile_model(make(), "CPU", _SETTINGS))

    @cached_property
    def _compiled(self) -> Any:
        return self._coming.result()

    @cached_property
    def _input(self) -> tuple[int, tuple[int, ...], Any]:
        """The batch size, the shape of one item, and the type of its values."""
        only = self._compiled.input(0)
        batch, *item = only.shape
        return batch, tuple(item), only.element_type.to_dtype()

    @cached_property
    def _outputs(self) -> list[tuple[int, ...]]:
        return [tuple(output.shape)[1:] for output in self._compiled.outputs]

    def __call__(self, items: npt.NDArray[Any]) -> list[Floats]:
        """Args: items (n, ...) as the graph's input. Returns (n, ...) float32 for each of its outputs."""
        results = [np.empty((len(items), *shape), np.float32) for shape in self._outputs]
        request, held = self._request()
        batch = self._input[0]
        for start in range(0, len(items), batch):
            count = min(batch, len(items) - start)
            held[:count] = items[start : start + count]
            request.infer()
            for i, result in enumerate(results):
                result[start : start + count] = request.get_output_tensor(i).data[:count]
        return results

    def _request(self) -> tuple[Any, npt.NDArray[Any]]:
        """This thread's own, and the memory of its input."""
        if not hasattr(self._mine, "request"):
            batch, item, dtype = self._input
            self._mine.request = self._compiled.create_infer_request()
            self._mine.request.set_input_tensor(openvino().Tensor(np.zeros((batch, *item), dtype)))
        request = self._mine.request
        return request, request.get_input_tensor().data


def read_onnx(network: bytes | Path) -> Any:
    """An ONNX file, or its content, as a graph. Raises RuntimeError where OpenVINO cannot read it."""
    return _core().read_model(network)


def constants(network: bytes) -> dict[str, Floats]:
    """The constants in an ONNX file's content, by name. Raises RuntimeError where OpenVINO cannot read it."""
    nodes = (node for node in read_onnx(network).get_ops() if node.get_type_name() == "Constant")
    return {node.get_friendly_name(): np.array(node.data) for node in nodes}


def graph_input(shape: Sequence[int], dtype: Any = np.float32) -> tuple[Any, Any]:
    """OpenVINO's operations, and the parameter."""
    openvino()
    from openvino import opset13 as op

    return op, op.parameter(list(shape), dtype)


def convolution(
    op: Any,
    x: Any,
    filters: Floats,
    biases: Floats,
    stride: int = 1,
    padding: int = 0,
    name: str = "",
    groups: int = 1,
) -> Any:
    """Args: name: of the layer, for activation ranges; see `quantisation`."""
    # given an array, OpenVINO makes a list of it first, which takes half of the time in which a network is loaded
    around = ([stride] * 2, [padding] * 2, [padding] * 2, [1, 1])
    if groups == 1:
        y = op.convolution(x, op.constant(filters), *around)
    else:
        y = op.group_convolution(x, op.constant(filters.reshape(groups, -1, *filters.shape[1:])), *around)
    if name:
        y.set_friendly_name(name)
    return op.add(y, biases.reshape(1, -1, 1, 1))


def max_pool(op: Any, x: Any, side: int, rounding: str = "ceil") -> Any:
    return op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [side, side], rounding_type=rounding).output(0)
