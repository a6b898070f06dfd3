"""Fixtures: real faces from packages, a demo collection, a pipeline made once, a fake one that takes no time."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

# Two test processes, or a test and whatever else the machine does, would otherwise wait for each other's threads. FAISS
# and the processes that tests start read this when they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pytest
import torch
from browsing import browser, photos_library, visited  # noqa: F401  (fixtures)
from demo_photos import make_demo_photos
from detection_samples import astronaut, detector, hopper  # noqa: F401  (fixtures)
from fakes import FakeDetector, FakeNetwork
from hypothesis import settings
from index_samples import SPEC
from sharing_samples import export, import_names, photo_library, trio  # noqa: F401  (fixtures)
from web_samples import demo_library, made_up, parted, three_people, visit  # noqa: F401  (fixtures)

from facesearch import embedding
from facesearch.core.settings import ModelSpec
from facesearch.detection import DEFAULT_DETECTOR
from facesearch.embedding import NetworkEmbedder
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

torch.set_num_threads(1)

# What a test may take depends on who else is at work here, and that is another process of tests.
settings.register_profile("facesearch", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("facesearch")


@pytest.fixture(scope="session")
def _places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every test gets its own places. Beside `tmp_path`, each look for a free name would go through them all."""
    return tmp_path_factory.mktemp("places")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(_places: Path) -> None:
    """No test reads or writes the cache of whoever runs it; networks are compiled once for all tests."""
    os.environ["FACESEARCH_CACHE"] = str(_places / "cache")


@pytest.fixture(autouse=True)
def _own_library(_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the library of whoever runs it."""
    monkeypatch.setenv("FACESEARCH_LIBRARY", mkdtemp(prefix="library", dir=_places))


@pytest.fixture(scope="session")
def data() -> Path:
    """The shared data sets; tests that need them are skipped elsewhere."""
    place = os.environ.get("FACESEARCH_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("FACESEARCH_DATA does not name a folder with the shared data sets")
    return Path(place)


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    """The pipeline of the default model, on the CPU."""
    return Pipeline.load(embedding.resolve(embedding.DEFAULT_MODEL), "cpu")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """The demo collection: its folder, and who is in which photo."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, make_demo_photos(folder)


@pytest.fixture
def fake_pipeline() -> Pipeline:
    """A pipeline that takes a millisecond a photo; its embeddings have 8 dimensions."""
    return Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Store]:
    """An empty index in tmp_path / "library"; its embeddings have 8 dimensions."""
    index = Store.create(tmp_path / "library", SPEC)
    yield index
    index.close()


@pytest.fixture
def picture(tmp_path: Path) -> "type[Picture]":
    return Picture


class Picture:
    """Small pictures of a colour pattern that depends on a word, for tests that need photos and not faces."""

    @staticmethod
    def save(path: Path, word: str, size: tuple[int, int] = (64, 64)) -> Path:
        from PIL import Image

        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        blocks = np.random.default_rng(seed).integers(1, 255, (2, 2, 3), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(path)
        return path


@dataclass(frozen=True)
class Answer:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object that stdout must be."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def error(self) -> str:
        """The one line on stderr with which a command must refuse."""
        assert (self.code, self.out) == (2, ""), self
        assert self.err.startswith("Error: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("Error: ").strip()


def program(
    name: str, main: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Runs `NAME ARGUMENTS…` in this process, as the console script does."""

    def command(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Answer(int(ended.value.code or 0), printed.out, printed.err)

    return command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs `facesearch ARGUMENTS…`."""
    from facesearch.cli import main

    return program("facesearch", main, monkeypatch, capsys)


@pytest.fixture
def pipeline_at_hand(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads the default model's pipeline gets the one that is loaded already."""
    real = Pipeline.load

    def load(spec: ModelSpec, device: str = "auto", *settings: object, **other: object) -> Pipeline:
        usual = settings in ((), (None, None)) and other in ({}, {"detector": DEFAULT_DETECTOR})
        if spec == pipeline.embedder.spec and usual:
            return pipeline
        return real(spec, device, *settings, **other)  # type: ignore[arg-type]

    monkeypatch.setattr(Pipeline, "load", load)
