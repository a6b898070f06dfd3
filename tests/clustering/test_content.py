"""Rows by their content: as if all their bytes were compared."""

import numpy as np
import pytest
from clustering_samples import people
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from facesearch.clustering.constraints import Constraints
from facesearch.clustering.content import by_content


def by_all_bytes(vectors: NDArray[np.float32]) -> list[int]:
    return sorted(range(len(vectors)), key=lambda row: (vectors[row].tobytes(), row))


def order(vectors: NDArray[np.float32]) -> list[int]:
    n = len(vectors)
    return by_content(vectors, np.zeros(n), np.arange(n), Constraints.none(n)).tolist()


@pytest.mark.parametrize("dim", [1, 2, 3, 6])
@given(st.data())
def test_rows_that_begin_alike_are_compared_to_their_end(dim: int, data: st.DataObject) -> None:
    values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-30])
    vectors = data.draw(st.integers(0, 12).flatmap(lambda n: arrays(np.float32, (n, dim), elements=values)))
    assert order(vectors) == by_all_bytes(vectors)


def test_of_real_faces_hardly_any_begin_alike() -> None:
    vectors = people([40, 30, 20], 1)[0]
    vectors[5, :2] = vectors[50, :2] = vectors[60, :2]
    vectors[70] = vectors[10]
    assert order(vectors) == by_all_bytes(vectors)
