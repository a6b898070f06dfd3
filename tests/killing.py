"""Processes that are to be killed, for tests of what a killed run leaves behind."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

__all__ = ["processes", "start"]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Starts processes that have torch imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["interrupted_run"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / name) for name in (".", "examples", "tests")))
        forkserver.ensure_running()
    return context


def start(processes: ForkServerContext, work: Callable[..., None], *args: object) -> BaseProcess:
    """A process that works, once it has begun to; args as of the work, which hears last whom to tell."""
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=work, args=(*args, sender))
    process.start()
    assert receiver.poll(120), "the process has not started"
    assert receiver.recv() == "started"
    return process
