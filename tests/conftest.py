"""Fixtures: real faces from packages, a demo collection, a real engine made once, and a fake one that needs no time."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
import torch
from browsing import browser, photos_library, visited  # noqa: F401  (fixtures)
from demo_photos import make_demo_photos
from detection_samples import astronaut, detector, hopper  # noqa: F401  (fixtures)
from hypothesis import settings
from index_samples import SPEC
from numpy.typing import NDArray
from shelf import export, import_names, shelf, trio  # noqa: F401  (fixtures)
from web_samples import demo_library, made_up, parted, three_people, visit  # noqa: F401  (fixtures)

from facesearch import embedding
from facesearch.core.settings import DetectionConfig, ModelSpec, Preprocessing
from facesearch.core.types import Face
from facesearch.embedding.embedder import Embedder
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

# Two test processes, or a test and whatever else the machine does, would otherwise wait for each other's threads.
torch.set_num_threads(1)


# What a test may take depends on who else is at work here, and that is another process of tests.
settings.register_profile("facesearch", deadline=None)
settings.load_profile("facesearch")


@pytest.fixture(scope="session")
def _places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every test gets its own places. Beside `tmp_path`, each look for a free name would go through them all."""
    return tmp_path_factory.mktemp("places")


@pytest.fixture(autouse=True)
def _own_places(_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the library or the cache of whoever runs it."""
    for kind in ("library", "cache"):
        monkeypatch.setenv(f"FACESEARCH_{kind.upper()}", mkdtemp(prefix=kind, dir=_places))


@pytest.fixture(scope="session")
def data() -> Path:
    """The shared data sets; tests that need them are skipped elsewhere."""
    place = os.environ.get("FACESEARCH_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("FACESEARCH_DATA does not name a folder with the shared data sets")
    return Path(place)


@pytest.fixture(scope="session")
def engine() -> Pipeline:
    """The engine of the default model, on the CPU."""
    return Pipeline.load(embedding.resolve("dlib"), "cpu")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """The demo collection: its folder, and who is in which photo."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, make_demo_photos(folder)


FAKE_SPEC = ModelSpec(
    name="fake",
    network="fake",
    dim=8,
    preprocessing=Preprocessing((16, 16), ((4, 4), (11, 4), (8, 8), (5, 12), (10, 12)), (0, 0, 0), (1, 1, 1)),
    weights_sha256="0" * 64,
)


class FakeNetwork:
    """The mean colours of the four quarters of a crop, turned about: alike crops are near, others are not."""

    spec = FAKE_SPEC

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        quarters = batch.reshape(len(batch), 3, 2, 8, 2, 8).mean(axis=(3, 5)).reshape(len(batch), 12)
        mixing = np.random.default_rng(0).normal(size=(12, self.spec.dim)).astype(np.float32)
        return (quarters - 127) @ mixing + np.float32(1e-3)


class FakeDetector:
    """One face in every picture, its middle; none in a picture that is black."""

    def __init__(self) -> None:
        self.config = DetectionConfig()
        self.device = "cpu"

    def detect(self, images: Sequence[NDArray[np.uint8]], min_face_px: Sequence[float]) -> list[list[Face]]:
        return [self._faces(image) for image in images]

    def _faces(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        if not image.any():
            return []
        box = (width * 0.25, height * 0.25, width * 0.75, height * 0.75)
        shares = np.array([(0.4, 0.4), (0.6, 0.4), (0.5, 0.5), (0.42, 0.6), (0.58, 0.6)], np.float32)
        return [Face(box, shares * np.array([width, height], np.float32), 0.99)]


@pytest.fixture
def fake_engine() -> Pipeline:
    """An engine that takes a millisecond a photo; its embeddings have 8 dimensions."""
    return Pipeline(Embedder(FakeNetwork()), FakeDetector())  # type: ignore[arg-type]


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
def engine_at_hand(engine: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads the default model's engine gets the one that is loaded already."""
    real = Pipeline.load

    def load(spec: ModelSpec, device: str = "auto", *settings: object) -> Pipeline:
        if spec == engine.embedder.spec and settings in ((), (None, None)):
            return engine
        return real(spec, device, *settings)  # type: ignore[arg-type]

    monkeypatch.setattr(Pipeline, "load", load)
