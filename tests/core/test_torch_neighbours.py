"""Neighbours from products on a device, against distances in float64; PyTorch's CPU stands in for the GPU.

`half` has the products in half precision there, too, as a GPU has them.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from facesearch.core import torch_neighbours
from facesearch.core.distance import l2_matrix
from facesearch.core.torch_neighbours import SEGMENT, SPARE, TorchNeighbours, _Products

Floats = NDArray[np.float32]


@pytest.fixture(params=["float32", "half"], autouse=True)
def half(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param == "half":
        monkeypatch.setattr(torch_neighbours, "PRODUCTS", {"cpu": torch.float16})
    return bool(request.param == "half")


def vectors(n: int, dim: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def true(base: Floats, queries: Floats, k: int) -> NDArray[np.int64]:
    """The nearest rows, equal distances by row."""
    distances = l2_matrix(queries, base)
    return np.lexsort((np.broadcast_to(np.arange(len(base)), distances.shape), distances), axis=1)[:, :k]


def small_blocks(monkeypatch: pytest.MonkeyPatch, pairs: int = 64) -> None:
    monkeypatch.setattr(torch_neighbours, "WORKING_BYTES", {"cpu": 1 << 19})
    monkeypatch.setattr(torch_neighbours, "PAIRS", pairs)
    monkeypatch.setattr(torch_neighbours, "PART", 50)


@pytest.mark.parametrize("dim", [1, 5, 64])
@pytest.mark.parametrize("n", [1, 2, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 500])
def test_nearest_are_those_of_all_distances(n: int, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch)
    base, queries = vectors(n, dim), vectors(150, dim, 1)
    ids, distances = TorchNeighbours("cpu", base, queries).nearest(7)
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids, true(base, queries, 7))
    np.testing.assert_allclose(distances, np.sort(l2_matrix(queries, base), axis=1)[:, :7], rtol=1e-12)


@pytest.mark.parametrize(
    "move",
    [lambda x: x * 1e6, lambda x: x * 1e-20, lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), lambda x: x + 40],
    ids=["long", "short", "unit", "far from the origin"],
)
def test_of_any_length_and_anywhere(move: "type[Floats]") -> None:
    base = np.asarray(move(vectors(400, 32)), np.float32)
    np.testing.assert_array_equal(TorchNeighbours("cpu", base).nearest(9)[0], true(base, base, 9))


def test_products_are_as_exact_as_is_said() -> None:
    base = vectors(300, 128) / np.float32(11) + np.float32(0.05)
    found = TorchNeighbours("cpu", base)
    products = found._products.of(found._queries).double()[:, : len(base)]
    exact = found._frame.product(torch.from_numpy(l2_matrix(base, base)))
    assert (exact <= found._products.most(products)).all()
    for radius in (0.0, 0.5, 1.0):
        near = exact >= found._frame.product(torch.tensor(radius))
        assert (products[near] >= found._products.least(radius)).all()


def test_very_near_duplicates_are_compared_again(half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half precision cannot tell them apart; more of them than are measured."""
    base = vectors(600, 24)
    base[100:300] = base[100] + 5e-3 * vectors(200, 24, 1)
    found = TorchNeighbours("cpu", base)
    again: list[int] = []
    first = found._nearest

    def counted(products: _Products, rows: torch.Tensor, k: int) -> tuple[torch.Tensor, ...]:
        again.extend(rows.tolist() if products.dtype == torch.float32 else [])
        return first(products, rows, k)

    monkeypatch.setattr(found, "_nearest", counted)
    np.testing.assert_array_equal(found.nearest(6)[0], true(base, base, 6))
    assert set(again) >= set(range(100, 300))
    assert len(again) < 250 or not half


def test_equal_vectors_come_by_row_at_distance_0() -> None:
    base = np.repeat(vectors(30, 16), 3, axis=0)
    ids, distances = TorchNeighbours("cpu", base).nearest(3)
    np.testing.assert_array_equal(ids, np.repeat(np.arange(90).reshape(30, 3), 3, axis=0))
    assert not distances.any()


@pytest.mark.parametrize("n", [3, SPARE + 40])
def test_vectors_that_are_all_equal(n: int) -> None:
    ids, distances = TorchNeighbours("cpu", np.ones((n, 8), np.float32)).nearest(5)
    assert all(len(set(row)) == min(5, n) for row in ids.tolist())
    assert not distances.any()


def test_no_queries() -> None:
    found = TorchNeighbours("cpu", vectors(5, 3), np.zeros((0, 3), np.float32))
    assert found.nearest(2)[0].shape == (0, 2)
    assert list(found.within(1.0)) == []


@pytest.mark.parametrize("n", [1, SEGMENT, SEGMENT + 1, 333])
@pytest.mark.parametrize("radius", [0.0, 4.0, 5.0, 1e6])
def test_no_pair_within_a_radius_is_missing(n: int, radius: float, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch)
    base = vectors(n, 16)
    there = {(int(a), int(b)) for a, b in np.argwhere(l2_matrix(base, base) <= radius)}
    found = pairs(TorchNeighbours("cpu", base), radius)
    assert len(found) == len(set(found))
    assert there <= set(found)
    assert all(l2_matrix(base[[a]], base[[b]])[0, 0] <= radius + 0.2 for a, b in set(found) - there)


def test_pairs_of_different_labels_only() -> None:
    base, labels = vectors(200, 8), np.random.default_rng(2).integers(0, 3, 200)
    every = pairs(TorchNeighbours("cpu", base), 3.0)
    assert pairs(TorchNeighbours("cpu", base), 3.0, labels) == [(a, b) for a, b in every if labels[a] != labels[b]]


def test_blocks_fit_into_the_memory_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors that are made on the way are at most as large as the module says."""
    limit = 1 << 20
    monkeypatch.setattr(torch_neighbours, "WORKING_BYTES", {"cpu": limit})
    found = TorchNeighbours("cpu", vectors(2000, 16))
    blocks = [len(rows) for rows in found._blocks(torch.arange(2000), 16)]
    assert sum(blocks) == 2000
    each = max(2000 * found._products.dtype.itemsize, (16 + SPARE) * 16 * 16, (16 + SPARE) * SEGMENT * 16)
    assert max(blocks) * each <= limit
    assert (max(blocks) + 1) * each > limit


def pairs(found: TorchNeighbours, radius: float, labels: NDArray[np.int64] | None = None) -> list[tuple[int, int]]:
    return sorted(
        (int(a), int(b)) for rows, columns in found.within(radius, labels) for a, b in zip(rows, columns, strict=True)
    )
