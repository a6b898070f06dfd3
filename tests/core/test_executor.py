"""Threads: results in order, and no more made ahead than wanted."""

import threading
import time

import pytest

from facesearch.core.executor import ThreadExecutor


def test_results_come_in_order_whoever_is_ready_first() -> None:
    def slow_start(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        return item * item

    assert list(ThreadExecutor(3).map(slow_start, range(30), 5)) == [item * item for item in range(30)]


def test_no_more_is_taken_than_was_asked_for() -> None:
    taken = []

    def items() -> "object":
        for item in range(100):
            taken.append(item)
            yield item

    results = ThreadExecutor(2).map(lambda item: item, items(), 4)  # type: ignore[arg-type]
    assert next(results) == 0
    assert len(taken) == 5
    results.close()  # type: ignore[attr-defined]


def test_several_are_worked_on_at_a_time() -> None:
    together = threading.Barrier(2, timeout=5)
    assert list(ThreadExecutor(2).map(lambda item: together.wait() >= 0, range(4), 2)) == [True] * 4


def test_an_exception_comes_out_in_its_place() -> None:
    results = ThreadExecutor(2).map(lambda item: 1 // (2 - item), range(5), 3)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
