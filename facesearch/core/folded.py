"""ONNX files whose weights are quantised in blocks (OpenCV Zoo's `int8bq`) -> plain float32 ONNX that runtimes read.

OpenVINO cannot read DequantizeLinear with a block size, and ONNX Runtime wants no weights among a graph's inputs.
Folding takes the `onnx` package and a tenth of a second; the result is kept in the cache of models.
"""

import hashlib
import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facesearch.core.files import make_folders, replace_file
from facesearch.core.weights import cache_dir, check_sha256

__all__ = ["convolutions", "folded"]

Floats = npt.NDArray[np.float32]

# Another one where the same file is folded otherwise.
VERSION = 1
FOLDABLE = ("DequantizeLinear", "Reshape")


@lru_cache(maxsize=4)
def folded(path: Path, sha256: str) -> bytes:
    """The network in a published file as float32 ONNX, its batch size free.

    Args:
        sha256: of the published file, which is checked.

    Raises:
        WeightsError: it cannot be read, or is another file.
    """
    check_sha256(path, sha256)
    return _cached(f"{path.stem}-{sha256[:16]}-v{VERSION}.onnx", lambda: _fold(path.read_bytes()))


@lru_cache(maxsize=4)
def convolutions(path: Path, sha256: str) -> list[tuple[Floats, Floats]]:
    """The weights of the convolutions in a published file, in the order of its graph.

    Args:
        sha256: of the published file, which is checked.

    Returns:
        Filters (outputs, inputs / groups, height, width) and biases (outputs,), both float32.

    Raises:
        WeightsError: it cannot be read, or is another file.
    """
    check_sha256(path, sha256)
    kept = _cached(f"{path.stem}-{sha256[:16]}-v{VERSION}.npz", lambda: _convolutions(folded(path, sha256)))
    with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
        return [(arrays[f"filters{i}"], arrays[f"biases{i}"]) for i in range(len(arrays.files) // 2)]


def _cached(name: str, make: Callable[[], bytes]) -> bytes:
    """What the cache of models has under this name, made if it is not there."""
    cache = cache_dir()
    if cache is None:
        return make()
    path = cache / name
    known = _kept(path)
    if known is not None:
        return known
    made = make()
    try:
        make_folders(path.parent)
        replace_file(path, hashlib.sha256(made).digest() + made)
    except OSError:
        pass  # a cache that cannot be written costs a tenth of a second each time
    return made


def _kept(path: Path) -> bytes | None:
    """What is in the cache: its own SHA-256, then the network; None where it is not there, or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content[32:] if hashlib.sha256(content[32:]).digest() == content[:32] else None


def _fold(published: bytes) -> bytes:
    import onnx
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_from_string(published)
    graph = model.graph
    constants: dict[str, Any] = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type in FOLDABLE and all(name in constants for name in node.input):
            (constants[node.output[0]],) = ReferenceEvaluator(node).run(None, {n: constants[n] for n in node.input})
        else:
            nodes.append(node)
    for node in nodes:
        if node.op_type == "Reshape":  # (1, …), the batch as it was written -> (0, …), as it comes
            shape = constants[node.input[1]]
            constants[node.input[1]] = np.concatenate([[0], shape[1:]]).astype(shape.dtype)
    used = {name for node in nodes for name in node.input}
    inputs = [each for each in graph.input if each.name in used and each.name not in constants]
    for value in (*inputs, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    weights = [numpy_helper.from_array(np.asarray(constants[name]), name) for name in sorted(used & constants.keys())]
    for field, content in ((graph.node, nodes), (graph.input, inputs), (graph.initializer, weights)):
        del field[:]
        field.extend(content)
    return bytes(model.SerializeToString(deterministic=True))


def _convolutions(network: bytes) -> bytes:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(network).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    arrays: dict[str, Any] = {}
    for i, node in enumerate(node for node in graph.node if node.op_type == "Conv"):
        arrays[f"filters{i}"], arrays[f"biases{i}"] = (constants[name] for name in node.input[1:])
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()
