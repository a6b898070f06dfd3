"""Embeddings in FAISS: a cache of what SQLite holds.

The cache is one file written by FAISS and a stamp beside it: which library and which generation of its faces it was
made from, and the file's SHA-256. Whatever does not fit its stamp is not loaded, and the caller builds it again.
FAISS's L2 metric gives squared distances; they are turned into distances here and never leave this folder.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facesearch.distance import l2_matrix

__all__ = ["Stamp", "VectorIndex"]

_Found = tuple[NDArray[np.int64], NDArray[np.float64]]

FILE_NAME, STAMP_NAME = "faces.faiss", "faces.faiss.json"
SPARE_CANDIDATES = 16


@dataclass(frozen=True)
class Stamp:
    """What a cache was made from."""

    library: str
    generation: str

    def describes(self, folder: Path) -> bool:
        """Whether the cache in a folder says that it was made from this; its file is not looked at."""
        return _described(folder)[0] == self


class VectorIndex:
    """Exact and nearest-neighbour search over (n, d) float32 vectors with int64 ids."""

    def __init__(self, faiss_index: Any) -> None:
        self._faiss = faiss_index

    @classmethod
    def build(cls, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> "VectorIndex":
        """Args: ids (n,) int64, vectors (n, d) float32."""
        index = _new_faiss_index(vectors.shape[1])
        index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids, np.int64))
        return cls(index)

    def __len__(self) -> int:
        return int(self._faiss.ntotal)

    @property
    def kind(self) -> str:
        return "flat (exact)"

    def ids(self) -> NDArray[np.int64]:
        """(n,) int64, in the order in which they were added."""
        import faiss

        return np.asarray(faiss.vector_to_array(self._faiss.id_map), np.int64)

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Args: ids (n,). Returns (n, d) float32. Raises RuntimeError for an id that is not there."""
        return np.asarray(self._faiss.reconstruct_batch(np.ascontiguousarray(ids, np.int64)), np.float32)

    def search(self, query: NDArray[np.float32], k: int) -> _Found:
        """The k nearest to one query, nearest first; equal distances by id (of many that tie with the k-th, any).

        Args:
            query: (d,) float32.
            k: at least 1; fewer are returned where the index holds fewer.

        Returns:
            ids (k',) int64 and distances (k',) float64, L2.
        """
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0)
        # A few more, so that float32 does not push a true neighbour out among near ties.
        _, found = self._faiss.search(query[None], min(k + SPARE_CANDIDATES, len(self)))
        ids, distances = self._measured(query, found[0])
        return ids[:k], distances[:k]

    def within(self, query: NDArray[np.float32], radius: float) -> _Found:
        """All at an L2 distance of at most radius from one query, nearest first; as `search`."""
        # FAISS compares in float32, so it is asked for a little more than is kept.
        _, _, found = self._faiss.range_search(query[None], float((radius + 1e-3) ** 2))
        ids, distances = self._measured(query, found)
        return ids[distances <= radius], distances[distances <= radius]

    def _measured(self, query: NDArray[np.float32], found: NDArray[np.int64]) -> _Found:
        """Exact distances, and the order that follows from them."""
        if not len(found):
            return np.zeros(0, np.int64), np.zeros(0)
        distances = l2_matrix(query[None], self.vectors(found))[0]
        order = np.lexsort((found, distances))
        return found[order], distances[order]

    def save(self, folder: Path, stamp: Stamp) -> None:
        """Write the cache; the stamp last, so that a half-written one is never believed."""
        import faiss

        data = faiss.serialize_index(self._faiss).tobytes()
        _replace(folder / FILE_NAME, data)
        described = {**asdict(stamp), "sha256": hashlib.sha256(data).hexdigest()}
        _replace(folder / STAMP_NAME, json.dumps(described).encode())

    @classmethod
    def load(cls, folder: Path, stamp: Stamp) -> "VectorIndex | None":
        """The cache in a folder; None where there is none, or it is stale, damaged or of another library."""
        import faiss

        found, digest = _described(folder)
        if found != stamp:
            return None
        try:
            data = (folder / FILE_NAME).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            return None
        try:
            return cls(faiss.deserialize_index(np.frombuffer(data, np.uint8)))
        except RuntimeError:  # written by a FAISS that this one does not understand
            return None

    @staticmethod
    def discard(folder: Path) -> None:
        """Remove the cache from a folder."""
        for name in (STAMP_NAME, FILE_NAME):
            for path in (folder / name, _part(folder / name)):
                path.unlink(missing_ok=True)


def _described(folder: Path) -> tuple[Stamp | None, str]:
    """The stamp of the cache in a folder and the SHA-256 of its file; None where there is none that can be read."""
    try:
        fields = json.loads((folder / STAMP_NAME).read_bytes())
        return Stamp(str(fields["library"]), str(fields["generation"])), str(fields["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""


def _new_faiss_index(dim: int) -> Any:
    """The one place where the kind of index is chosen."""
    import faiss

    return faiss.IndexIDMap2(faiss.IndexFlatL2(dim))


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    part = _part(path)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")
