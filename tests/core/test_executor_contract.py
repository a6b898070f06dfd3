"""What every executor promises: threads, worker processes, and one thread."""

from collections.abc import Iterator

import pytest
from fakes import SerialExecutor

from facesearch.core.executor import Executor, ThreadExecutor
from facesearch.core.processes import ProcessExecutor

EXECUTORS = {
    "thread": ThreadExecutor(1),
    "threads": ThreadExecutor(3),
    "process": ProcessExecutor(1),
    "processes": ProcessExecutor(2),
    "serial": SerialExecutor(),
}


@pytest.fixture(params=EXECUTORS.values(), ids=EXECUTORS.keys())
def executor(request: pytest.FixtureRequest) -> Executor:
    found: Executor = request.param
    return found


def doubled(item: int) -> int:
    return 2 * item


def inverse(item: int) -> int:
    return 1 // (2 - item)


def test_results_come_in_order(executor: Executor) -> None:
    assert executor.workers >= 1
    assert list(executor.map(doubled, range(50))) == [doubled(item) for item in range(50)]
    assert list(executor.map(doubled, range(50), 0)) == [doubled(item) for item in range(50)]


def test_no_items(executor: Executor) -> None:
    assert list(executor.map(doubled, [])) == []


@pytest.mark.parametrize("ahead", [0, 2, None])
def test_no_more_items_are_taken_than_may_be_ahead(executor: Executor, ahead: int | None) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = executor.map(doubled, items(), ahead)
    assert next(results) == 0
    assert len(taken) <= 1 + (executor.workers if ahead is None else ahead)


def test_an_exception_comes_out_in_its_place(executor: Executor) -> None:
    results = executor.map(inverse, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_exception_of_the_items_comes_out(executor: Executor) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("no more")

    with pytest.raises(KeyError):
        list(executor.map(doubled, items()))


def test_it_can_be_used_again(executor: Executor) -> None:
    for _ in range(2):
        assert list(executor.map(doubled, range(3))) == [0, 2, 4]
