"""How much memory there is for photos, and that executors keep to it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from facesearch.core.errors import PhotoError
from facesearch.core.executor import Room, ThreadExecutor
from facesearch.core.memory import LARGE_BYTES, check_memory, free_memory, photo_budget

GB = 10**9


def group(folder: Path, limit: str, current: int, inactive: int) -> tuple[Path, Path]:
    (folder / "meminfo").write_text("MemTotal: 99 kB\nMemAvailable: 2000000 kB\nHugePages_Total: 0\n")
    (folder / "memory.max").write_text(limit)
    (folder / "memory.current").write_text(str(current))
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\n")
    return folder / "meminfo", folder / "memory.max"


def test_what_is_free_is_what_system_and_container_leave(tmp_path: Path) -> None:
    assert free_memory(*group(tmp_path, "max", GB, 0)) == 2_000_000 << 10
    assert free_memory(*group(tmp_path, str(GB), GB // 2, 0)) == GB // 2
    assert free_memory(*group(tmp_path, str(GB), GB // 2, GB // 4)) == 3 * GB // 4  # files that are only kept
    assert free_memory(*group(tmp_path, str(GB), 2 * GB, 0)) == 0
    assert free_memory(tmp_path / "none", tmp_path / "neither") is None


def test_the_budget_is_what_was_given_or_a_quarter_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.core.memory.free_memory", lambda: 8 * GB)
    assert photo_budget(None) == 2 * GB
    assert photo_budget(5) == 5


def test_a_photo_is_refused_only_where_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.core.memory.free_memory", lambda: 0)
    check_memory(12, LARGE_BYTES, None)
    with pytest.raises(
        PhotoError, match=r"^100 megapixels of this format need 0\.3 GB of memory, and 0 MB are free$"
    ):
        check_memory(100, LARGE_BYTES + 1, None)


def test_no_photo_is_read_that_needs_more_than_was_given() -> None:
    check_memory(1.2, 8_000_000, 8_000_000)
    with pytest.raises(
        PhotoError, match=r"^1 megapixels of this format need 8 MB of memory, more than 8 MB \(--memory\)$"
    ):
        check_memory(1.2, 8_000_001, 8_000_000)


class Watch:
    """Numbers that are worked on at a time; `most` is the largest sum."""

    def __init__(self) -> None:
        self.now, self.most, self.in_hand, self._lock = 0, 0, 0, threading.Lock()

    def given(self, numbers: list[int]) -> Iterator[int]:
        yield from numbers

    def work(self, number: int) -> int:
        with self._lock:
            self.now += number
            self.most = max(self.most, self.now)
        threading.Event().wait(0.005)
        with self._lock:
            self.now -= number
        return number


@pytest.mark.parametrize("numbers", [[1] * 20, [5, 1, 1, 9, 1, 30, 1, 6, 6, 6], [30, 30, 1], [6] * 8])
def test_no_more_is_in_hand_than_there_is_room_for(numbers: list[int]) -> None:
    watch = Watch()
    made = list(ThreadExecutor(4, Room(10, float)).map(watch.work, watch.given(numbers), ahead=8))
    assert made == numbers
    assert watch.most <= max(10, *numbers)


def test_without_a_room_all_workers_are_busy() -> None:
    both = threading.Barrier(4, timeout=10)
    assert len(list(ThreadExecutor(4).map(lambda _: both.wait(), range(4)))) == 4


def test_ordinary_items_go_beside_each_other_where_there_is_room() -> None:
    both = threading.Barrier(4, timeout=10)
    assert len(list(ThreadExecutor(4, Room(8, lambda _: 2.0)).map(lambda _: both.wait(), range(4)))) == 4
