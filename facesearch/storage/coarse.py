"""Vectors of many faces, rounded to a byte a number and sorted into lists: what proposes candidates quickly.

FAISS's inverted lists (IndexIVFScalarQuantizer): k-means makes about √n lists, a query looks into those whose centres
are nearest to it. Rounding makes the file a quarter of the embeddings' size, so that it can be read, checked and
written as a whole; what it costs does not matter, because distances are measured on the exact vectors.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["build", "candidates", "fits", "follow", "ids_of", "lists_for", "looked_into"]

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]

# Lists are found on so many vectors a list, in so many steps: twice as many of either gains no recall.
SAMPLE_PER_LIST, STEPS = 50, 10
# The lists are found anew when there are so many times more faces than when they were, or fewer.
GROWTH = 4
# Rounding covers the range of the sample and this share of it on either side; beyond it vectors are cut off.
MARGIN = 0.1
# So many vectors are always looked at, up to which nothing is missed. Strangers nearest to a face lie in many lists:
# of LFW's, a quarter of the lists has 0.97 of the nearest ten, an eighth 0.89.
LOOKED_AT = 125_000
# For more neighbours than this share of what is looked into, everything is looked into.
MANY = 0.01
# FAISS's number for lists that several threads look through for one query; by itself it shares out queries only.
ONE_QUERY = 1
# Candidates beyond those wanted, so that rounding pushes no true neighbour out: this share of them, and so many.
SPARE_SHARE, SPARE = 0.25, 16


def lists_for(count: int) -> int:
    """How many lists so many vectors are sorted into."""
    return max(1, round(math.sqrt(count)))


def looked_into(lists: int, count: int, probed: float) -> int:
    """How many lists, of so many with so many vectors, a query looks into."""
    return min(lists, max(1, round(lists * max(probed, LOOKED_AT / max(count, 1)))))


def build(ids: Ids, vectors: Floats) -> Any:
    """The index of (n, d) vectors, n at least 1, with (n,) ids; the same every time."""
    import faiss

    count, dim = vectors.shape
    lists = lists_for(count)
    index: Any = faiss.index_factory(dim, f"IVF{lists},SQ8")
    index.by_residual = False  # codes then depend on the vector only, and can be compared
    index.sq.rangestat_arg = MARGIN
    index.cp.niter, index.cp.min_points_per_centroid = STEPS, 1
    sample = np.random.default_rng(0).choice(count, min(count, SAMPLE_PER_LIST * lists), replace=False)
    index.train(vectors[np.sort(sample)])
    index.add_with_ids(vectors, ids)
    return index


def fits(index: Any) -> bool:
    """Whether the lists suit the number of vectors that they hold by now."""
    made_for = index.nlist**2
    return bool(made_for / GROWTH <= index.ntotal <= made_for * GROWTH)


def candidates(index: Any, query: Floats, k: int, probed: float) -> Ids:
    """Ids of vectors that are probably the k nearest to one (d,), and some more, in no particular order."""
    import faiss

    wanted = min(k + int(k * SPARE_SHARE) + SPARE, index.ntotal)
    many = wanted > MANY * probed * index.ntotal
    lists = index.nlist if many else looked_into(index.nlist, index.ntotal, probed)
    index.parallel_mode = ONE_QUERY
    parameters = faiss.SearchParametersIVF(nprobe=lists)  # type: ignore[call-arg]
    found = index.search(query[None], wanted, params=parameters)[1][0]
    return np.asarray(found[found >= 0], np.int64)


def ids_of(index: Any) -> Ids:
    """(n,) the ids, list by list."""
    import faiss

    lists = index.invlists
    parts = [faiss.rev_swig_ptr(lists.get_ids(i), lists.list_size(i)) for i in range(lists.nlist)]
    return np.concatenate(parts).astype(np.int64)


def _codes_of(index: Any) -> NDArray[np.uint8]:
    """(n, d) the rounded vectors, list by list."""
    import faiss

    lists, size = index.invlists, index.code_size
    parts = [faiss.rev_swig_ptr(lists.get_codes(i), lists.list_size(i) * size) for i in range(lists.nlist)]
    return np.concatenate(parts).reshape(-1, size)


def follow(index: Any, blocks: Iterable[tuple[Ids, Floats]]) -> bool:
    """Make an index hold what there is now: remove what is gone, add what is new, replace what has changed.

    Args:
        blocks: all there is, in parts: ids (m,), each once, and vectors (m, d).

    Returns:
        False where it holds so little of that, or so much more, that lists should be found anew; it may be as before.
    """
    import faiss

    ids, codes = ids_of(index), _codes_of(index)
    order = np.argsort(ids)
    held, kept = ids[order], np.zeros(len(ids), bool)
    new: list[tuple[Ids, Floats]] = []
    for some, vectors in blocks:
        if vectors.shape[1] != index.d:
            return False
        at = np.minimum(np.searchsorted(held, some), len(held) - 1)
        same = (held[at] == some) & (codes[order[at]] == index.sq.compute_codes(vectors)).all(axis=1)
        kept[at[same]] = True
        new.append((some[~same], vectors[~same]))
    if kept.sum() * (GROWTH - 1) < sum(len(some) for some, _ in new):  # another model's, for example
        return False
    index.remove_ids(faiss.IDSelectorBatch(held[~kept]))
    for some, vectors in new:
        if len(some):
            index.add_with_ids(np.ascontiguousarray(vectors), some)
    return fits(index)
