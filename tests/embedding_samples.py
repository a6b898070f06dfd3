"""A tiny embedder in an ONNX file."""

from pathlib import Path

import numpy as np

__all__ = ["WEIGHTS", "Shape", "write_model"]

# Channels of the picture (3) x length of the embedding (5).
WEIGHTS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
Shape = tuple[int | str | None, ...]


def write_model(path: Path, shape: Shape = ("n", 3, 112, 112), output: Shape = ("n", 5), copies: int = 1) -> Path:
    """The mean of each channel, times WEIGHTS: (n, 3, h, w) -> (n, 5)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
    ]
    nodes += [helper.make_node("MatMul", ["flat", "weights"], [f"embedding{i}"]) for i in range(copies)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"embedding{i}", TensorProto.FLOAT, output) for i in range(copies)],
        [numpy_helper.from_array(np.resize(WEIGHTS, (shape[1], 5)), "weights")],
    )
    # Old enough for every onnxruntime that the project allows.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path
