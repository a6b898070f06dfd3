"""Exact neighbours among vectors on a device of PyTorch's: fast products propose, exact distances decide.

-d²/2 of two vectors is one inner product, if each vector carries its half squared norm along. Products are in half
precision on a GPU and in float32 on a CPU; how far they can be off is known (Higham, Accuracy and Stability of
Numerical Algorithms, section 3.1). What they propose is measured again from the vectors in float64. Where the bound
does not prove that no nearer vector was left out, as among very near duplicates, products are made again in float32.

Memory on the device for n vectors and q queries of d numbers, in bytes, with w = d + 4 rounded up to a multiple of 8:
4 d (n + q) for the vectors, 2 w n for products, 4 w n more where some are made again, and at most 4 times
WORKING_BYTES for a block of queries, which is made small enough for that.
"""

import math
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facesearch.core.torch_device import TorchDevice

__all__ = ["TorchNeighbours"]

Ids = NDArray[np.int64]

# What products are computed in, where not in float32.
PRODUCTS = {"cuda": torch.float16}
# For the largest arrays of a block of queries: their products with all vectors, and the vectors that are measured.
WORKING_BYTES = {"cpu": 1 << 26, "cuda": 1 << 31}
# Vectors of which only the largest product is looked at first; they lie far apart, as duplicates lie together.
SEGMENT = 32
# Vectors that are measured beyond k: of a million faces' 16 nearest this leaves next to no row in doubt.
SPARE = 80
# Pairs that are taken out of the products, and vectors that are prepared, at a time.
PAIRS, PART = 1 << 24, 1 << 16


class TorchNeighbours:
    """Vectors on a device, and those that are near some queries."""

    def __init__(self, device: str, vectors: NDArray[np.float32], queries: NDArray[np.float32] | None = None) -> None:
        """Put them on the device.

        Args:
            device: "cuda", "cuda:1" or "cpu".
            vectors: (n, d) float32, finite, n and d at least 1; unit norm is not required.
            queries: (q, d) float32, finite; None for the vectors themselves.
        """
        self._on = TorchDevice(device)
        self._vectors = self._on.upload(vectors)
        self._queries = self._vectors if queries is None else self._on.upload(queries)
        centre = self._vectors.mean(0)
        norms = [torch.linalg.vector_norm(rows - centre, dim=1).max() for rows in self._parts()]
        self._frame = _Frame.of(centre, float(max(map(float, norms))))
        precision = PRODUCTS.get(self._on.device.type, torch.float32)
        self._products = _Products(self._vectors, self._frame, precision)

    def nearest(self, k: int) -> tuple[Ids, NDArray[np.float64]]:
        """The k nearest vectors of each query.

        Returns:
            ids (q, min(k, n)) int64 row numbers and distances (q, min(k, n)) float64, nearest first, equal distances
            by row number. Of more than SPARE that tie with the k-th within float32's error, any may be returned.
        """
        k = min(k, len(self._vectors))
        count = len(self._queries)
        ids = torch.empty((count, k), dtype=torch.int64, device=self._on.device)
        distances = torch.empty((count, k), dtype=torch.float64, device=self._on.device)
        proven = torch.ones(count, dtype=torch.bool, device=self._on.device)
        for rows in self._blocks(torch.arange(count, device=self._on.device), k):
            ids[rows], distances[rows], proven[rows] = self._nearest(self._products, rows, k)
        if self._products.dtype != torch.float32:
            for rows in self._blocks(torch.nonzero(~proven)[:, 0], k):
                ids[rows], distances[rows], _ = self._nearest(self._in_float32, rows, k)
        return ids.cpu().numpy(), distances.cpu().numpy()

    def within(self, radius: float, labels: Ids | None = None) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Block by block pairs of a query and a vector that can be at most an L2 distance apart.

        None of those that are is missing; whoever needs to know measures the distance. A vector that is its own query
        is a pair. Args: labels: (n,) of queries that are the vectors: only pairs of different labels are given.
        """
        of = None if labels is None else self._on.upload(labels)
        least = self._products.least(radius)
        for rows in self._blocks(torch.arange(len(self._queries), device=self._on.device), 0):
            products = self._products.of(self._queries[rows])
            near, segments = torch.nonzero(self._products.maxima(products) >= least, as_tuple=True)
            for start in range(0, len(near), PAIRS // SEGMENT):
                part = slice(start, start + PAIRS // SEGMENT)
                columns = self._products.columns(segments[part])
                wanted = products[near[part, None], columns] >= least
                if of is not None:
                    wanted &= of[columns.clamp(max=len(of) - 1)] != of[rows[near[part]], None]
                pairs, members = torch.nonzero(wanted, as_tuple=True)
                found = rows[near[part]][pairs], columns[pairs, members]
                yield found[0].int().cpu().numpy(), found[1].int().cpu().numpy()

    @cached_property
    def _in_float32(self) -> "_Products":
        return _Products(self._vectors, self._frame, torch.float32)

    def _parts(self) -> Iterator[Tensor]:
        """The vectors and the queries, some at a time."""
        return (rows for matrix in (self._vectors, self._queries) for rows in matrix.split(PART) if len(rows))

    def _blocks(self, rows: Tensor, k: int) -> Iterator[Tensor]:
        """Queries in blocks for which there is memory; in float32, as products may be made again."""
        n, dim = self._vectors.shape
        measured = min(k + SPARE, n)
        each = max(n * self._products.dtype.itemsize, measured * dim * 16, measured * SEGMENT * 16)
        block = max(1, WORKING_BYTES[self._on.device.type] // each)
        return iter(rows.split(block)) if len(rows) else iter(())

    def _nearest(self, products: "_Products", rows: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of some queries (b,): ids and distances (b, k), and (b,) whether no nearer vector can have been left out."""
        queries = self._queries[rows]
        found, worst = products.best(products.of(queries), min(k + SPARE, len(self._vectors)))
        found = found.sort(1).values
        differences = self._vectors[found].double()
        differences -= queries.double()[:, None]
        distances, order = differences.square_().sum(-1).sqrt_().sort(stable=True)
        ids, distances = found.gather(1, order[:, :k]), distances[:, :k]
        if found.shape[1] == len(self._vectors):
            return ids, distances, torch.ones_like(rows, dtype=torch.bool)
        return ids, distances, self._frame.product(distances[:, -1]) > products.most(worst)


class _Frame:
    """Where vectors are moved for products: around their centre, and no longer than 1, so that half precision holds."""

    def __init__(self, centre: Tensor, scale: float, longest: float) -> None:
        """Args: centre: (d,). scale: a power of 2. longest: the largest norm after both."""
        self.centre, self.scale, self.longest = centre, scale, longest

    @classmethod
    def of(cls, centre: Tensor, longest: float) -> "_Frame":
        """Args: longest: the largest distance of a vector to the centre."""
        exponent = min(max(math.frexp(longest)[1], -100), 100) if longest else 0
        return cls(centre, 2.0**-exponent, longest * 2.0**-exponent * 1.0001)

    def product(self, distances: Tensor) -> Tensor:
        """What the exact product is at a distance."""
        return -(distances * self.scale).square() / 2


class _Products:
    """Vectors as they are multiplied with queries: the product is -d²/2 within a known error."""

    def __init__(self, vectors: Tensor, frame: _Frame, dtype: torch.dtype) -> None:
        self.dtype, self._frame, self._count = dtype, frame, len(vectors)
        self._width = -(-len(vectors) // SEGMENT)  # of segments; its members lie so far apart
        dim = vectors.shape[1]
        self._base = vectors.new_zeros((self._width * SEGMENT, -(-(dim + 4) // 8) * 8), dtype=dtype)
        for start in range(0, len(vectors), PART):
            part = slice(start, min(start + PART, len(vectors)))
            self._base[part] = self._carrying(vectors[part], self._base.shape[1], is_query=False)
        self._base[len(vectors) :, dim + 2] = torch.finfo(dtype).min / 4  # what fills the last segments is far away
        unit = torch.finfo(dtype).eps / 2 + 2.0**-24
        # of the numbers of two vectors, and of a sum of so many terms in float32, with what half precision rounds to 0
        self._error = 1.01 * (2 * unit * frame.longest**2 + self._base.shape[1] * 2.0**-21)
        self._rounding = 1.01 * torch.finfo(dtype).eps / 2  # of the product itself

    def of(self, queries: Tensor) -> Tensor:
        """(b, more than n) products of a dtype with (b, d) float32 queries."""
        return self._carrying(queries, self._base.shape[1], is_query=True) @ self._base.T

    def maxima(self, products: Tensor) -> Tensor:
        """(b, s) the largest product of each segment."""
        return products.view(len(products), SEGMENT, self._width).amax(1)

    def columns(self, segments: Tensor) -> Tensor:
        """(m, SEGMENT) the columns of (m,) segments; beyond n there are none."""
        return segments[:, None] + torch.arange(SEGMENT, device=segments.device) * self._width

    def best(self, products: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The columns (b, count) of the largest products, and (b,) float64 the least of these.

        As many segments hold them, since each of these has a maximum that is among the largest.
        """
        segments = self.maxima(products).topk(min(count, self._width), sorted=False).indices
        columns = self.columns(segments.flatten()).view(len(products), -1)
        largest, places = products.gather(1, columns).topk(count)
        return columns.gather(1, places), largest[:, -1].double()

    def least(self, radius: float) -> float:
        """The least product that a pair within a distance can have; that of all pairs beyond any distance there is."""
        exact = -((radius * self._frame.scale) ** 2) / 2 - self._error
        return max(exact * (1 + 8 * self._rounding), -4.0)

    def most(self, products: Tensor) -> Tensor:
        """What the exact product can be at most. Args: products: float64."""
        return products + self._error + products.abs() * self._rounding

    def _carrying(self, vectors: Tensor, width: int, is_query: bool) -> Tensor:
        """(m, width): vectors in the frame, with the half of their squared norm in two numbers, and two ones."""
        dim = vectors.shape[1]
        moved = (vectors - self._frame.centre).mul_(self._frame.scale)
        half = torch.linalg.vector_norm(moved, dim=1, dtype=torch.float64).square() / -2
        carrying = moved.new_zeros((len(vectors), width), dtype=self.dtype)
        norm, ones = (dim, dim + 2) if is_query else (dim + 2, dim)
        carrying[:, :dim] = moved
        carrying[:, norm] = half
        carrying[:, norm + 1] = half - carrying[:, norm].double()
        carrying[:, ones : ones + 2] = 1
        return carrying
