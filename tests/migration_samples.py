"""A library of made-up photos and what it is moved to, for tests of migration; and all that a library holds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conftest import Picture
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork
from numpy.typing import NDArray

from facesearch.core.settings import ModelSpec
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing.indexer import index_photos
from facesearch.indexing.migration import MigrationReport, migrate
from facesearch.indexing.targets import target_of
from facesearch.people import People
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

__all__ = [
    "NEW_SPEC",
    "PHOTOS",
    "Move",
    "NewNetwork",
    "decide",
    "indexed",
    "pictures",
    "pipeline_of",
    "stopping_after",
]

PHOTOS = 40
NEW_SPEC = ModelSpec("new", "new", 3, FAKE_SPEC.preprocessing, "1" * 64)


class NewNetwork:
    """The mean colour of a crop; counts the crops."""

    spec = NEW_SPEC

    def __init__(self) -> None:
        self.crops = 0

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.crops += len(batch)
        return batch.mean(axis=(2, 3)) + np.float32(1e-3)


def pictures(folder: Path, count: int = PHOTOS) -> Path:
    for i in range(count):
        Picture.save(folder / f"{i:02}.png", str(i))
    return folder


def pipeline_of(network: Any = None, detector: Any = None) -> Pipeline:
    return Pipeline(NetworkEmbedder(network or FakeNetwork()), detector or FakeDetector())


def indexed(folder: Path, photos: Path, network: Any = None, detector: Any = None) -> Store:
    """A library of the photos as these make it; by default as libraries are before they are moved."""
    pipeline = pipeline_of(network, detector)
    made = Store.create(folder, pipeline.embedder.spec, detector=pipeline.detector.spec)
    index_photos(made, lambda: pipeline, [str(photos)])
    return made


@dataclass
class Move:
    """Moves libraries to a network and a detector."""

    network: Any
    detector: Any

    def __call__(self, store: Store, **options: Any) -> MigrationReport:
        pipeline = pipeline_of(self.network, self.detector)
        target = target_of(store, pipeline.embedder.spec, pipeline.detector.spec)
        return migrate(store, lambda: pipeline, target, **options)


def stopping_after(batches: int) -> Callable[[], bool]:
    """A should_stop that lets so many batches through; it is asked once before the first one."""
    asked = iter([False] * (batches + 1))
    return lambda: next(asked, True)


def decide(store: Store) -> None:
    """Clusters of eight faces each, names, a merge, a split, rejections, and what is no face, in the undo log."""
    from facesearch.storage import clusters

    ids = store.embeddings()[0].tolist()
    with store.transaction() as connection:
        clusters.replace_all(connection, ids, [1 + i // 8 for i in range(len(ids))])
    people = People(store, lambda: None)
    people.name("1", "Ada")
    people.name("2", "Ben")
    people.merge(["Ada", "3"])
    people.split("Ben", [ids[8:10]])
    people.reject([ids[2]], "Ada")
    people.keep_apart("Ada", "4")
    people.not_a_face([ids[-1]])
    people.ignore("5")
