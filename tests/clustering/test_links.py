"""What is measured of pairs, some at a time and in threads."""

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.clustering.links import measured

A, B = np.arange(100), np.arange(100)[::-1]


def product(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(a * b, np.float64)


@pytest.mark.parametrize("each", [1, 7, 50, 99, 100, 1000])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_all_pairs_are_measured_in_their_order(count: int, each: int) -> None:
    found = measured(product, A[:count], B[:count], np.float64, each)
    np.testing.assert_array_equal(found, (A * B)[:count])
    assert found.dtype == np.float64


def test_no_more_pairs_at_a_time_than_is_said() -> None:
    sizes: list[int] = []

    def counted(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        sizes.append(len(a))
        return product(a, b)

    measured(counted, A, B, np.float64, 30)
    assert sorted(sizes) == [10, 30, 30, 30]


def test_what_goes_wrong_in_a_thread_is_told() -> None:
    def failing(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        raise MemoryError

    with pytest.raises(MemoryError):
        measured(failing, A, B, np.float64, 30)
