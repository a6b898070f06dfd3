"""Embeddings in FAISS: a cache of what SQLite holds.

The cache is one file written by FAISS and a stamp beside it: which library and which generation of its faces it was
made from, and the file's SHA-256. Whatever does not fit its stamp is not loaded, and the caller builds it again.
FAISS's L2 metric gives squared distances; they are turned into distances here and never leave this folder.
"""

import hashlib
import json
import mmap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facesearch.core import strict_json
from facesearch.core.distance import l2_matrix
from facesearch.core.files import FILE_MODE, part_of, replace_file, require_file, sync_folder
from facesearch.core.forks import hold_native_threads
from facesearch.core.settings import SearchConfig
from facesearch.storage import coarse

__all__ = ["FaissIndex", "Stamp", "VectorIndex", "damage_of", "kind_for"]

Found = tuple[NDArray[np.int64], NDArray[np.float64]]
_Vectors = tuple[NDArray[np.int64], NDArray[np.float32]]
# From ids to those of them that are there, with their vectors.
ReadVectors = Callable[[NDArray[np.int64]], _Vectors]

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


def kind_for(count: int, config: SearchConfig) -> str:
    """How so many faces are searched, and why, for `status`."""
    if count <= config.exact_up_to:
        return f"flat: every face is compared (exact, up to {config.exact_up_to:,} faces)"
    lists = coarse.lists_for(count)
    some = coarse.looked_into(lists, count, config.probed)
    return (
        f"lists: candidates from {some:,} of about {lists:,} lists of alike faces,"
        f" distances exact (more than {config.exact_up_to:,} faces)"
    )


class VectorIndex(Protocol):
    """Proposes the faces that are near; (n, d) float32 vectors of unit L2 norm under int64 ids.

    An index is a cache: distances that decide are measured on the store's vectors, and all within a distance is only
    asked of an exact one.
    """

    @property
    def exact(self) -> bool:
        """Whether `search` misses no neighbour and `within` can be asked."""
        ...

    def __len__(self) -> int: ...

    def ids(self) -> NDArray[np.int64]:
        """(n,) int64, in no particular order."""
        ...

    def search(self, query: NDArray[np.float32], k: int) -> Found:
        """The k nearest to one query (d,), nearest first, equal distances by id: ids and L2 distances (float64)."""
        ...

    def within(self, query: NDArray[np.float32], radius: float) -> Found:
        """All at an L2 distance of at most radius, the boundary included; as `search`. Only if it is exact."""
        ...


class FaissIndex:
    """Nearest-neighbour search over (n, d) float32 vectors with int64 ids.

    Few vectors are held as they are, and search is exact. Of many it holds lists of rounded ones, which propose
    candidates (see `coarse`); those are measured on the exact vectors, which the caller reads.
    """

    def __init__(self, faiss_index: Any, read: ReadVectors | None, config: SearchConfig, memory: Any = None) -> None:
        hold_native_threads()  # FAISS's threads are OpenMP's
        self._faiss, self._read, self._config = faiss_index, read, config
        self._memory = memory  # what faiss_index looks into, if that is not its own

    @classmethod
    def build(
        cls,
        ids: NDArray[np.int64],
        vectors: NDArray[np.float32],
        read: ReadVectors | None = None,
        config: SearchConfig | None = None,
    ) -> "FaissIndex":
        """Index some vectors; of what kind follows from their number.

        Args:
            ids: (n,) int64.
            vectors: (n, d) float32.
            read: where the exact vectors are found later; without it the index holds them whatever their number.
        """
        config = config or SearchConfig()
        ids, vectors = np.ascontiguousarray(ids, np.int64), np.ascontiguousarray(vectors, np.float32)
        if read is not None and len(ids) > config.exact_up_to:
            return cls(coarse.build(ids, vectors), read, config)
        return cls(_flat(ids, vectors), None, config)

    def __len__(self) -> int:
        return int(self._faiss.ntotal)

    @property
    def exact(self) -> bool:
        """Whether it holds the vectors as they are; if not, `search` may miss a neighbour, and `within` cannot be."""
        return self._read is None

    @property
    def dim(self) -> int:
        return int(self._faiss.d)

    def ids(self) -> NDArray[np.int64]:
        """(n,) int64, in no particular order."""
        import faiss

        if not self.exact:
            return coarse.ids_of(self._faiss)
        return np.asarray(faiss.vector_to_array(self._faiss.id_map), np.int64)

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Args: ids (n,). Returns (n, d) float32. Raises RuntimeError for an id that is not there."""
        if self._read is None:
            return np.asarray(self._faiss.reconstruct_batch(np.ascontiguousarray(ids, np.int64)), np.float32)
        found, vectors = self._read(ids)
        if len(found) < len(ids):
            raise RuntimeError(f"{len(ids) - len(found)} of {len(ids)} ids are not there")
        return vectors

    def search(self, query: NDArray[np.float32], k: int) -> Found:
        """The k nearest to one query, nearest first; equal distances by id (of many that tie with the k-th, any).

        Args:
            query: (d,) float32.
            k: at least 1; fewer are returned where the index holds fewer.

        Returns:
            ids (k',) int64 and distances (k',) float64, L2.
        """
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0)
        if self.exact:
            # A few more, so that float32 does not push a true neighbour out among near ties.
            found = self._faiss.search(query[None], min(k + SPARE_CANDIDATES, len(self)))[1][0]
        else:
            found = coarse.candidates(self._faiss, query, k, self._config.probed)
        ids, distances = self._measured(query, found)
        return ids[:k], distances[:k]

    def within(self, query: NDArray[np.float32], radius: float) -> Found:
        """All at an L2 distance of at most radius from one query, nearest first; as `search`. Only if it is exact."""
        # FAISS compares in float32, so it is asked for a little more than is kept.
        _, _, found = self._faiss.range_search(query[None], float((radius + 1e-3) ** 2))
        ids, distances = self._measured(query, found)
        return ids[distances <= radius], distances[distances <= radius]

    def _measured(self, query: NDArray[np.float32], found: NDArray[np.int64]) -> Found:
        """Exact distances, and the order that follows from them; what is gone since is left out."""
        if not len(found):
            return np.zeros(0, np.int64), np.zeros(0)
        found, vectors = self._read(found) if self._read else (found, self.vectors(found))
        distances = l2_matrix(query[None], vectors)[0]
        order = np.lexsort((found, distances))
        return found[order], distances[order]

    # -- the cache file -------------------------------------------------------------------------------------------

    def save(self, folder: Path, stamp: Stamp) -> None:
        """Write the cache; the stamp last, so that a half-written one is never believed."""
        import faiss

        data = faiss.serialize_index(self._faiss).data
        replace_file(folder / FILE_NAME, data, mode=FILE_MODE)
        described = {**asdict(stamp), "sha256": hashlib.sha256(data).hexdigest()}
        replace_file(folder / STAMP_NAME, json.dumps(described).encode(), mode=FILE_MODE)

    @classmethod
    def load(
        cls, folder: Path, stamp: Stamp, read: ReadVectors | None = None, config: SearchConfig | None = None
    ) -> "FaissIndex | None":
        """The cache in a folder, mapped into memory; None where there is none that can be used as it is.

        That is: where it is missing, stale, damaged, of another library, or of a kind that does not suit its size.
        """
        found, digest = _described(folder)
        memory = _whole(folder / FILE_NAME, digest) if found == stamp else None
        if memory is None:
            return None
        index = _loaded(memory)
        return None if index is None else cls._if_suitable(index, read, config or SearchConfig(), memory)

    @classmethod
    def stale(cls, folder: Path, library: str, read: ReadVectors, config: SearchConfig) -> "FaissIndex | None":
        """The cache of any generation of a library, if it can be brought up to date with less than building costs."""
        import faiss

        found, digest = _described(folder)
        memory = _whole(folder / FILE_NAME, digest) if found is not None and found.library == library else None
        if memory is None:
            return None
        try:
            loaded = cls._if_suitable(faiss.deserialize_index(memory), read, config)
        except RuntimeError:
            return None
        return loaded if loaded is not None and not loaded.exact else None

    def follow(self, blocks: Iterable[_Vectors]) -> bool:
        """Bring one that was `stale` up to date, given all that there is; False where it has to be built after all."""
        return coarse.follow(self._faiss, blocks) and len(self) > self._config.exact_up_to

    @classmethod
    def _if_suitable(
        cls, index: Any, read: ReadVectors | None, config: SearchConfig, memory: Any = None
    ) -> "FaissIndex | None":
        """None where one of another kind, or with more or fewer lists, would be built of so many vectors."""
        import faiss

        many = read is not None and index.ntotal > config.exact_up_to
        rough = isinstance(index, faiss.IndexIVF)
        if rough != many or (rough and not coarse.fits(index)):
            return None
        return cls(index, read if rough else None, config, memory)

    @staticmethod
    def discard(folder: Path) -> None:
        """Remove the cache from a folder, for good."""
        for name in (STAMP_NAME, FILE_NAME):
            for path in (folder / name, part_of(folder / name)):
                if path.is_symlink() or not path.is_dir():  # a folder of that name is nothing of ours
                    path.unlink(missing_ok=True)
        sync_folder(folder)


def damage_of(folder: Path, stamp: Stamp, holds: "Callable[[FaissIndex], bool]") -> list[tuple[str, str]]:
    """What is wrong with the cache of a library, as (file, what); one that is missing or stale is not.

    Args:
        stamp: of the library as it is. holds: whether an index holds its faces.
    """
    if not (folder / STAMP_NAME).is_file() or not (folder / FILE_NAME).is_file():
        return []
    found, digest = _described(folder)
    if found is None:
        return [(STAMP_NAME, "cannot be read")]
    if found.library != stamp.library:
        return [(FILE_NAME, "is of another library")]
    if found != stamp:
        return []
    memory = _whole(folder / FILE_NAME, digest)
    index = _loaded(memory) if memory is not None else None
    if index is None or not holds(FaissIndex(index, None, SearchConfig(exact_up_to=0), memory)):
        return [(FILE_NAME, "is damaged, or not of this library")]
    return []


def _loaded(memory: NDArray[np.uint8]) -> Any:
    """FAISS's index in a file that is mapped; None where this FAISS does not understand it."""
    import faiss

    try:
        return faiss.read_index(faiss.ZeroCopyIOReader(faiss.swig_ptr(memory), memory.size))  # type: ignore[attr-defined]
    except RuntimeError:
        return None


def _described(folder: Path) -> tuple[Stamp | None, str]:
    """The stamp of the cache in a folder and the SHA-256 of its file; None where there is none that can be read."""
    try:
        require_file(folder / STAMP_NAME)
        fields = strict_json.parse((folder / STAMP_NAME).read_bytes())
        return Stamp(str(fields["library"]), str(fields["generation"])), str(fields["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""


def _whole(path: Path, digest: str) -> NDArray[np.uint8] | None:
    """A file, mapped into memory; None where it is missing or has not this SHA-256."""
    try:
        require_file(path)
        with path.open("rb") as file:
            memory = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError):  # ValueError: it is empty
        return None
    return memory if hashlib.sha256(memory.data).hexdigest() == digest else None


def _flat(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> Any:
    import faiss

    index = faiss.IndexIDMap2(faiss.IndexFlatL2(vectors.shape[1]))
    index.add_with_ids(vectors, ids)
    return index
