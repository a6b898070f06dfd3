"""What was answered as done is on the medium: the system calls of a process are watched with strace.

A file that was written and not synced, and a folder in which a name is new and not synced, may be lost in a power cut.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facesearch.storage import Store

CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink"
# Shared memory and locks mean nothing after a power cut, and caches are made again.
MEANS_NOTHING = re.compile(r"(-shm|\.lock|writer\.txt|pictures\.sqlite3.*)$")
SAID = re.compile(r"^done: (.*?)(?:\\n)?$")
CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?: resumed>)?(.*)$")


def trace(folder: Path) -> list[str]:
    """The calls of tests/power_cut.py in order; skips where they cannot be watched."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: system calls cannot be watched")
    log, tests = folder / "trace", Path(__file__).resolve().parents[1]
    paths = os.pathsep.join([str(tests.parent), str(tests), *(path for path in sys.path if path)])
    command = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "32", "-e", f"trace={CALLS}", "-o", log]
    command += [sys.executable, tests / "power_cut.py", folder]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths})
    if "ptrace" in ended.stderr and not log.read_text():
        pytest.skip(f"strace may not watch here: {ended.stderr.strip()}")
    assert ended.returncode == 0, ended.stderr
    return log.read_text().splitlines()


class Medium:
    """What would be lost if the power went now."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/new"
        self.lost: dict[str, set[str]] = {}  # what was said to be done -> files and folders that were not synced then
        self._dirty: set[str] = set()

    def see(self, line: str) -> None:
        found = CALL.match(line)
        if found is None:
            return
        call, rest = found.groups()
        on = re.match(r"\((\d+)<([^>]*)>", rest)
        names = re.findall(r'"([^"]*)"', rest)
        if call == "write" and names and (said := SAID.match(names[0])):
            self.lost[said.group(1)] = set(self._dirty)
        elif call in ("write", "pwrite64") and on:
            self._touch(on.group(2))
        elif call in ("fsync", "fdatasync") and on:
            self._dirty.discard(on.group(2))
        elif call.startswith("unlink") and "faces.faiss" in names[0] and " = -1 " not in rest:
            self._touch(os.path.dirname(names[0]))
        elif call.startswith("rename"):
            assert names[0] not in self._dirty, f"{names[0]} was renamed before it was synced"
            self._touch(os.path.dirname(names[1]))
        elif call == "openat" and "O_EXCL" in rest and " = -1 " not in rest and not MEANS_NOTHING.search(names[0]):
            self._touch(os.path.dirname(names[0]))

    def _touch(self, path: str) -> None:
        if path.startswith(self._folder) and not MEANS_NOTHING.search(path):
            self._dirty.add(path)


def test_a_power_cut_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    medium = Medium(tmp_path)
    for line in trace(tmp_path):
        medium.see(line)
    assert list(medium.lost) == [
        *("begun", "created", "0 photos", "2 photos", "4 photos", "6 photos", "clustered"),
        *("Anna", "Berta", "Carla", "calibrated", "removed"),
        *(
            f"command {name}"
            for name in ("index", "cluster", "import-names", "name", "merge", "undo", "forget", "remove")
        ),
        *(f"page {name}" for name in ("name", "merge", "undo", "index")),
    ]
    assert {what: files for what, files in medium.lost.items() if files} == {}


def test_every_connection_syncs_its_commits(index: Store) -> None:
    for reading in (index.reading, index.transaction):
        with reading() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
