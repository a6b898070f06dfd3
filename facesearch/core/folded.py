"""ONNX files whose weights are quantised in blocks (OpenCV Zoo's `int8bq`) -> plain float32 ONNX that runtimes read.

OpenVINO cannot read DequantizeLinear with a block size, and ONNX Runtime wants no weights among a graph's inputs.
Folding takes the `onnx` package and a tenth of a second; the result is kept in the cache of models.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from facesearch.core.files import make_folders, replace_file
from facesearch.core.weights import cache_dir, check_sha256

__all__ = ["folded"]

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
    kept = cache_dir() / f"{path.stem}-{sha256[:16]}-v{VERSION}.onnx"
    known = _kept(kept)
    if known is not None:
        return known
    network = _fold(path.read_bytes())
    try:
        make_folders(kept.parent)
        replace_file(kept, hashlib.sha256(network).digest() + network)
    except OSError:
        pass  # a cache that cannot be written costs a tenth of a second each time
    return network


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
