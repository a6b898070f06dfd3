"""Worker processes: how they end, what goes wrong in them, and what they are spared."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facesearch.core.errors import InputError, WorkerError
from facesearch.core.executor import CORES_OF_A_WORKER
from facesearch.core.processes import ProcessExecutor

ROOT = Path(__file__).resolve().parents[2]
PARENT = """
import sys
from time import sleep
from facesearch.core.processes import ProcessExecutor
from test_processes import slow_pid
for pid in ProcessExecutor(2).map(slow_pid, [0, 0, 600, 600, 600]):
    print(pid, flush=True)
"""


class OwnError(Exception):
    """Can be pickled, and not be had back."""

    def __init__(self, what: str, which: int) -> None:
        super().__init__(f"{what} {which}")


def pid(_: int) -> int:
    return os.getpid()


def slow_pid(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def end_by(how: int) -> int:
    if how == signal.SIGINT:  # what Ctrl-C sends
        signal.raise_signal(signal.SIGINT)
    elif how < 0:
        os._exit(-how)
    elif how:
        os.kill(os.getpid(), how)
    return how


def refuse(_: int) -> None:
    raise InputError("refused")


def fail_oddly(number: int) -> None:
    raise OwnError("odd", number)


def chatter(item: int) -> tuple[int, str]:
    print("a line that some library prints", flush=True)
    os.write(1, b"and another")
    return item, sys.stdin.read()


def settings_of(_: int) -> tuple[str | None, str | None]:
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get(CORES_OF_A_WORKER)


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(come: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not come():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.02)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")


def test_they_are_other_processes_and_no_more_than_needed() -> None:
    assert os.getpid() not in set(ProcessExecutor(2).map(pid, range(6)))
    assert len(set(ProcessExecutor(4).map(pid, range(1)))) == 1


def test_each_has_its_share_of_threads() -> None:
    assert list(ProcessExecutor(1).map(settings_of, [0])) == [("1", "1")]
    assert CORES_OF_A_WORKER not in os.environ


@needs_proc
def test_they_are_gone_when_the_map_has_ended_or_is_given_up() -> None:
    whole = set(ProcessExecutor(2).map(pid, range(4)))
    given_up = ProcessExecutor(2).map(pid, range(100))
    some = {next(given_up)}
    given_up.close()  # type: ignore[attr-defined]
    assert not [one for one in whole | some if Path(f"/proc/{one}").exists()]  # no zombies either


@needs_proc
def test_they_end_with_their_parent_however_it_ends() -> None:
    """In the middle of what they do."""
    paths = os.pathsep.join(str(ROOT / name) for name in (".", "examples", "tests", "tests/core"))
    environment = os.environ | {"PYTHONPATH": paths}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    workers = {int(parent.stdout.readline()) for _ in range(2)}
    assert all(map(running, workers))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not any(map(running, workers)))


@pytest.mark.parametrize(
    ("how", "words"), [(signal.SIGKILL, "was ended by SIGKILL"), (-3, "has ended with exit code 3")]
)
def test_one_that_ends_is_one_clear_error_in_its_place(how: int, words: str) -> None:
    results = ProcessExecutor(4).map(end_by, [0, how, 0, 0])
    assert next(results) == 0
    with pytest.raises(WorkerError, match=f"{words}.*--workers 2;"):
        next(results)


def test_ctrl_c_is_not_for_them() -> None:
    assert list(ProcessExecutor(1).map(end_by, [signal.SIGINT, 0])) == [signal.SIGINT, 0]


@pytest.mark.skipif(not hasattr(os, "getpgid"), reason="there are no process groups")
def test_the_terminal_sends_its_ctrl_c_to_another_process_group() -> None:
    assert list(ProcessExecutor(1).map(os.getpgid, [0])) != [os.getpgid(0)]


def test_an_error_says_where_in_the_worker_it_was_raised() -> None:
    with pytest.raises(InputError, match=r"^refused") as raised:
        list(ProcessExecutor(1).map(refuse, [1]))
    assert str(raised.value) == "refused"
    assert "in refuse" in raised.value.__notes__[0]


def test_an_exception_that_cannot_be_had_back_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"OwnError.*odd 7"):
        list(ProcessExecutor(1).map(fail_oddly, [7]))


def test_what_cannot_be_pickled_is_an_error_and_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("it was started"))
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        list(ProcessExecutor(1).map(lambda item: item, [1]))


def test_what_a_library_prints_or_reads_does_not_matter() -> None:
    assert list(ProcessExecutor(1).map(chatter, [1, 2])) == [(1, ""), (2, "")]


def test_large_items_and_results() -> None:
    """More than a pipe holds."""
    large = [bytes([shade]) * 3_000_000 for shade in range(5)]
    assert list(ProcessExecutor(2).map(bytes.upper, large)) == [one.upper() for one in large]
