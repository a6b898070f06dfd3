"""What a process does that is to be killed: index a folder, or move a library, slowly or up to some moment."""

import os
import signal
import time
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fakes import FAKE_SPEC, FakeDetector, FakeNetwork, OtherDetector

from facesearch.core.processes import ProcessExecutor
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing import indexer as indexing
from facesearch.indexing import migration
from facesearch.indexing.targets import target_of
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

__all__ = ["SlowPipeline", "index_in_processes", "index_slowly", "migrate_slowly"]


class SlowNetwork(FakeNetwork):
    """Takes as long as it is told."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, batch):  # type: ignore[no-untyped-def]
        time.sleep(self._seconds)
        return super().__call__(batch)


class SlowPipeline(Pipeline):
    """Can be pickled; each batch takes as long as it is told."""

    def __init__(self, seconds: float) -> None:
        super().__init__(NetworkEmbedder(SlowNetwork(seconds)), FakeDetector())
        self._seconds = seconds

    def __reduce__(self) -> Any:
        return SlowPipeline, (self._seconds,)


def index_in_processes(library: Path, photos: Path, seconds: float, started: Connection) -> None:
    """Index a folder with two worker processes; args as of `index_slowly`."""
    indexing.BATCH_PHOTOS = 4
    index = Store.create(library, FAKE_SPEC)
    started.send("started")
    indexing.index_photos(index, lambda: SlowPipeline(seconds), [str(photos)], executor=ProcessExecutor(2))


def index_slowly(library: Path, photos: Path, seconds: float, moment: str, started: Connection) -> None:
    """Index a folder.

    Args:
        seconds: that each batch of four photos takes.
        moment: "module:owner.function:n", where the process kills itself behind the n-th call; "" for never.
        started: hears when the index has been opened.
    """
    indexing.BATCH_PHOTOS = 4  # so that there are many moments at which something is half done
    pipeline = Pipeline(NetworkEmbedder(SlowNetwork(seconds)), FakeDetector())
    index = Store.create(library, FAKE_SPEC)
    if moment:
        _die_behind(moment)
    started.send("started")
    indexing.index_photos(index, lambda: pipeline, [str(photos)])


def migrate_slowly(library: Path, seconds: float, moment: str, started: Connection) -> None:
    """Move a library to the other detector; args as of `index_slowly`."""
    migration.BATCH_PHOTOS = 4
    pipeline = Pipeline(NetworkEmbedder(SlowNetwork(seconds)), OtherDetector())
    store = Store.open(library)
    target = target_of(store, FAKE_SPEC, OtherDetector.spec)
    if moment:
        _die_behind(moment)
    started.send("started")
    migration.migrate(store, lambda: pipeline, target)


def _die_behind(moment: str) -> None:
    module, name, calls = moment.split(":")
    *owners, function = name.split(".")
    owner = import_module(module)
    for attribute in owners:
        owner = getattr(owner, attribute)
    real, left = getattr(owner, function), [int(calls)]

    def die(*args: object, **options: object) -> object:
        result = real(*args, **options)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, function, die)
