"""The embeddings in the database: all of them in parts, or those of some faces."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from facesearch.core.distance import l2_matrix
from facesearch.storage import schema as db
from facesearch.storage.clusters import columns
from facesearch.storage.queries import parts
from facesearch.storage.values import unit_vectors

__all__ = [
    *("Vectors", "all_embeddings", "cluster_sums", "embedding_blocks"),
    *("embeddings_of", "embeddings_of_cluster", "scan"),
]

Vectors = tuple[NDArray[np.int64], NDArray[np.float32]]

# Embeddings that are read at a time.
ROWS = 10_000
# Up to so many faces are asked for by their ids; for more, all embeddings are gone through.
FEW = 50_000


def embedding_blocks(connection: Connection, dim: int) -> Iterator[Vectors]:
    """All faces, in parts: ids (m,) int64, ascending, and embeddings (m, d) float32.

    Raises LibraryFormatError for an embedding that has not `dim` numbers and unit L2 norm.
    """
    query = select(db.faces.c.id, db.faces.c.embedding).order_by(db.faces.c.id).execution_options(yield_per=ROWS)
    for rows in connection.execute(query).partitions():
        yield _arrays(rows, dim)


def all_embeddings(connection: Connection, dim: int) -> Vectors:
    """All faces: ids (n,) int64, ascending, and embeddings (n, d) float32. Raises as `embedding_blocks`."""
    count = int(connection.execute(select(func.count()).select_from(db.faces)).scalar_one())
    ids, vectors = np.empty(count, np.int64), np.empty((count, dim), np.float32)
    start = 0
    for some, block in embedding_blocks(connection, dim):
        ids[start : start + len(some)], vectors[start : start + len(some)] = some, block
        start += len(some)
    return ids, vectors


def scan(
    connection: Connection, query: NDArray[np.float32], radius: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ids and distances of all faces at a distance of at most radius from one embedding (d,), nearest first."""
    ids, distances = [np.zeros(0, np.int64)], [np.zeros(0)]
    for some, vectors in embedding_blocks(connection, len(query)):
        measured = l2_matrix(query[None], vectors)[0]
        ids.append(some[measured <= radius])
        distances.append(measured[measured <= radius])
    found, near = np.concatenate(ids), np.concatenate(distances)
    order = np.lexsort((found, near))
    return found[order], near[order]


def embeddings_of(connection: Connection, ids: Sequence[int], dim: int) -> Vectors:
    """Those of some faces, in their order; ids that are not there are left out. Raises as `embedding_blocks`."""
    found: dict[int, Any] = {}
    for some in parts(ids):
        query = select(db.faces.c.id, db.faces.c.embedding).where(db.faces.c.id.in_(some))
        found |= {row.id: row for row in connection.execute(query)}
    return _arrays([found[face] for face in ids if face in found], dim)


def embeddings_of_cluster(connection: Connection, cluster: int, dim: int) -> Vectors:
    """Those of a cluster's faces, as `all_embeddings`; none where there is no such cluster."""
    query = select(db.faces.c.id, db.faces.c.embedding).join(db.clustered, db.clustered.c.face_id == db.faces.c.id)
    rows = connection.execute(query.where(db.clustered.c.cluster_id == cluster).order_by(db.faces.c.id)).all()
    return _arrays(rows, dim)


def cluster_sums(
    connection: Connection, dim: int, clusters: Sequence[int] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The sums of the embeddings of clusters; embeddings are read in parts and not kept.

    Args:
        clusters: those wanted; None for all.

    Returns:
        n clusters (n,) int64, ascending; sums (n, d) float64; sizes (n,) int64. Those that are not there are left out.
    """
    faces, numbers = columns(connection, clusters)
    order = np.argsort(faces)
    faces, numbers = faces[order], numbers[order]
    found, rows, sizes = np.unique(numbers, return_inverse=True, return_counts=True)
    sums = np.zeros((len(found), dim))
    few = clusters is not None and len(faces) <= FEW
    blocks = _blocks_of(connection, faces, dim) if few else embedding_blocks(connection, dim)
    for ids, vectors in blocks if len(faces) else ():
        at = np.minimum(np.searchsorted(faces, ids), len(faces) - 1)
        there = faces[at] == ids
        np.add.at(sums, rows[at[there]], vectors[there])
    return found, sums, sizes


def _blocks_of(connection: Connection, faces: NDArray[np.int64], dim: int) -> Iterator[Vectors]:
    for some in parts(faces.tolist()):
        yield embeddings_of(connection, some, dim)


def _arrays(rows: Sequence[Any], dim: int) -> Vectors:
    ids, blobs = zip(*rows, strict=True) if rows else ((), ())
    return np.array(ids, np.int64), unit_vectors(ids, blobs, dim)
