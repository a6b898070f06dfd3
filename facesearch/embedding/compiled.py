"""A whole embedder as one OpenVINO graph on the CPU: pixels of crops in, unit vectors out.

Normalisation, mirroring and averaging are part of the graph, so that Python takes one step for a batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.openvino_cpu import CompiledNetwork, graph_input, openvino
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.embedding.embedder import check_unit

__all__ = ["Body", "CompiledEmbedder", "embedding_of", "pixels_graph"]

# (operations, a node (n, 3, height, width) float32) -> a node (n, dim): a network inside a larger graph.
Body = Callable[[Any, Any], Any]


class CompiledEmbedder:
    """An Embedder: one graph of (batch, height, width, 3) uint8 -> (batch, dim) float32 of unit norm, (batch, 1)."""

    def __init__(self, graph: Callable[[], Any], spec: ModelSpec, kept_as: str = "") -> None:
        """Args as CompiledNetwork."""
        self.spec = spec
        self._network = CompiledNetwork(graph, kept_as)

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """As `Embedder.embed`."""
        return self.embed_with_norms(crops)[0]

    def embed_with_norms(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `Embedder.embed_with_norms`."""
        if not crops:
            return np.zeros((0, self.spec.dim), np.float32), np.zeros(0, np.float32)
        embeddings, norms = self._network(np.stack(crops))
        return check_unit(embeddings, self.spec.name), norms[:, 0]


def pixels_graph(spec: ModelSpec, batch: int, body: Body) -> Any:
    """The graph of a CompiledEmbedder around a network."""
    op, pixels = graph_input([batch, *spec.preprocessing.size, 3], np.uint8)
    planes = op.transpose(op.convert(pixels, "f32"), [0, 3, 1, 2])
    return openvino().Model([*embedding_of(op, planes, spec.preprocessing, body)], [pixels], spec.network)


def embedding_of(op: Any, planes: Any, pre: Preprocessing, body: Body) -> tuple[Any, Any]:
    """(n, 3, height, width) float32 of 0 to 255 in RGB -> (n, dim) of unit norm, (n, 1) the norms before."""
    x = _normalised(op, planes, pre)
    if not pre.mirror:
        vectors = body(op, x)
        return _unit(op, vectors), _norm(op, vectors)
    mirrored = op.gather(x, np.arange(pre.size[1])[::-1].copy(), 3)
    vectors = body(op, op.concat([x, mirrored], 0))
    # the sum of two unit vectors points where their mean does
    return _unit(op, _sum_of_halves(op, _unit(op, vectors))), op.multiply(
        _sum_of_halves(op, _norm(op, vectors)), np.float32(0.5)
    )


def _sum_of_halves(op: Any, rows: Any) -> Any:
    halves = op.split(rows, 0, 2)
    return op.add(halves.output(0), halves.output(1))


def _norm(op: Any, vectors: Any) -> Any:
    return op.sqrt(op.reduce_sum(op.multiply(vectors, vectors), [1], True))


def _normalised(op: Any, planes: Any, pre: Preprocessing) -> Any:
    x = planes if pre.channels == "rgb" else op.gather(planes, np.array([2, 1, 0]), 1)
    if any(pre.mean):
        x = op.subtract(x, np.array(pre.mean, np.float32).reshape(1, 3, 1, 1))
    if set(pre.std) != {1.0}:
        x = op.divide(x, np.array(pre.std, np.float32).reshape(1, 3, 1, 1))
    return x


def _unit(op: Any, vectors: Any) -> Any:
    return op.normalize_l2(vectors, [1], 1e-24, "max")
