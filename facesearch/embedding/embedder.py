"""Aligned crops -> embeddings: (n, d) float32 of unit L2 norm."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import ModelError
from facesearch.core.settings import ModelSpec
from facesearch.embedding.base import Embedded, Network, PixelNetwork

__all__ = ["GPU_BATCH_SIZE", "Embedder", "NetworkEmbedder", "check_unit"]

# Images that the network sees at once on a CPU, mirrored ones among them. More are 5 % faster, but PyTorch then
# computes in another order, and the same crop would get another embedding (by 1e-7) depending on its company; so would
# an image on its own.
BATCH_SIZE = 8
GPU_BATCH_SIZE = 128


class Embedder(Protocol):
    """Turns aligned crops into embeddings; threads may share it."""

    @property
    def spec(self) -> ModelSpec:
        """What identifies it, and how crops are to be made for it; kept in every library."""
        ...

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embed aligned crops; how near two embeddings are says how alike the faces are.

        Args:
            crops: n of (height, width, 3) uint8 RGB, of the size that `spec.preprocessing` says. n may be 0.

        Returns:
            (n, d) float32, unit L2 norm; an embedding does not depend on the others of the batch by more than 1e-5.

        Raises:
            ModelError: the network gives NaN, infinity or nothing but zeros.
        """
        ...

    def embed_with_norms(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `embed`, with the (n,) float32 norms that the network's vectors had before.

        Of some networks they tell how much of a face there was to see, see `facesearch.pipeline.quality`; of a crop and
        its mirror image it is the mean, of several networks that of the one which tells most.
        """
        ...


class NetworkEmbedder:
    """An Embedder: one network, with its preprocessing around it where it does not take crops as they are."""

    def __init__(self, network: Network, batch_size: int = BATCH_SIZE) -> None:
        self.network = network
        self.batch_size = batch_size

    @property
    def spec(self) -> ModelSpec:
        return self.network.spec

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """As `Embedder.embed`."""
        return self.embed_with_norms(crops)[0]

    def embed_with_norms(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `Embedder.embed_with_norms`."""
        vectors, norms = [np.zeros((0, self.spec.dim), np.float32)], [np.zeros(0, np.float32)]
        step = max(self.batch_size // 2, 1) if self.spec.preprocessing.mirror else self.batch_size
        for unit, norm in self._embedded(crops[start : start + step] for start in range(0, len(crops), step)):
            vectors.append(unit)
            norms.append(norm)
        return check_unit(np.concatenate(vectors), self.spec.name), np.concatenate(norms)

    def _embedded(self, batches: Iterable[Sequence[NDArray[np.uint8]]]) -> Iterator[Embedded]:
        if isinstance(self.network, PixelNetwork):
            return _one_ahead(self.network.begin(batch) for batch in batches)
        return (self._embed_batch(np.stack(batch)) for batch in batches)

    def _embed_batch(self, crops: NDArray[np.uint8]) -> Embedded:
        count, inputs = len(crops), self._normalised(crops)
        if not self.spec.preprocessing.mirror:
            vectors = self.network(np.repeat(inputs, 2, axis=0) if count == 1 else inputs)[:count]
            return _unit(vectors), np.linalg.norm(vectors, axis=1)
        vectors = self.network(np.concatenate([inputs, inputs[..., ::-1]]))
        unit, norms = _unit(vectors), np.linalg.norm(vectors, axis=1)
        # the sum of two unit vectors points where their mean does
        return _unit(unit[:count] + unit[count:]), (norms[:count] + norms[count:]) / 2

    def _normalised(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, height, width, 3) uint8 RGB -> (n, 3, height, width) float32 as the network was trained on."""
        pre = self.spec.preprocessing
        ordered = crops if pre.channels == "rgb" else crops[..., ::-1]
        values = (ordered.astype(np.float32) - np.array(pre.mean, np.float32)) / np.array(pre.std, np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def _one_ahead(begun: Iterable[Callable[[], Embedded]]) -> Iterator[Embedded]:
    """What was begun, in order; the next is begun before one is waited for, so that the device has work meanwhile."""
    last: Callable[[], Embedded] | None = None
    for each in begun:
        if last is not None:
            yield last()
        last = each
    if last is not None:
        yield last()


def check_unit(embeddings: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The embeddings. Raises ModelError where they are not of unit norm; name: of the model."""
    if not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3):  # NaN is close to nothing
        raise ModelError(f"{name} gives embeddings that are NaN or zero; use another model")
    return embeddings


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)
