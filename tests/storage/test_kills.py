"""Some of the kills of `kill_campaign.py`, which can be run for longer by itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from storage.kill_campaign import can_trace

SCRIPT = Path(__file__).with_name("kill_campaign.py")
ROOT = Path(__file__).parents[2]


def campaign(*arguments: str) -> str:
    """In a process of its own: what it forks must not have used facesearch before."""
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, SCRIPT, *arguments]
    done = subprocess.run(command, env=os.environ | path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_kills_at_random_moments() -> None:
    assert "6 kills at random moments (seed 0), no fault" in campaign("--kills", "6", "--seed", "0")


@pytest.mark.slow
def test_kills_at_calls_that_write() -> None:
    if not can_trace():
        pytest.skip("strace is not there, or may not watch")
    told = campaign("--every-write", "index", "remove", "forget", "--first", "3", "--stride", "29").splitlines()
    assert len(told) == 3
    assert all(int(line.split()[0]) >= 2 for line in told)
