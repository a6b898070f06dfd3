"""Libraries for the tests of the pages, and clients that ask for them."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from people_samples import CALIBRATION, PEOPLE_SPEC, Album
from starlette.testclient import TestClient

from facesearch.calibration import write_library_calibration
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store
from facesearch.web.app import create_app
from facesearch.web.security import Guard, Keys
from facesearch.web.server import Serving
from facesearch.web.shelf import Shelf
from facesearch.web.site import Site

__all__ = [
    *(
        "HOST",
        "OURS",
        "Visitor",
        "album_folder",
        "demo_library",
        "running",
        "shelf_of",
        "three_people",
        "visit",
        "visiting",
        "web_album",
    ),
]

HOST = "127.0.0.1:8377"
# What a browser says of a request by a page of ours.
OURS = {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}"}


class Visitor:
    """Somebody with a browser, and what the server has: the library beside it, for the truth."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.keys, self.site = shelf, Keys(8377), Site(shelf)
        self.app: Guard = create_app(self.site, self.keys, [HOST])
        self.browser = TestClient(self.app, base_url=f"http://{HOST}", follow_redirects=False)

    def come_in(self) -> "Visitor":
        assert self.browser.get(f"/?token={self.keys.token}").status_code == 303
        return self

    @property
    def library(self) -> Library:
        return self.shelf.get()

    def get(self, path: str, **headers: str) -> Any:
        return self.browser.get(path, headers=headers)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        return self.browser.post(path, data=data, headers=OURS | options.pop("headers", {}), **options)

    def decide(self, what: str, then: str = "/", **data: Any) -> str:
        """Send a decision's form; the page that it leads to."""
        answer = self.post(f"/decide/{what}", data | {"then": then})
        assert answer.status_code == 303, answer.text
        return str(self.get(answer.headers["location"]).text)


def visiting(shelf: Shelf) -> Visitor:
    return Visitor(shelf).come_in()


def shelf_of(folder: Path, engine: Pipeline | None = None) -> Shelf:
    """A shelf whose library has its engine already: loading one takes seconds."""
    shelf = Shelf(folder)
    library = shelf.find()
    if engine is not None and library is not None:
        library.__dict__["engine"] = engine
    return shelf


def album_folder(tmp_path: Path, shots: dict[int, Sequence[int]]) -> Path:
    """A library of made-up people, grouped; its photos are not there."""
    folder = tmp_path / "album"
    index = Store.create(folder, PEOPLE_SPEC)
    album = Album(index)
    album.add_people(shots)
    album.regroup()
    index.close()
    write_library_calibration(folder, replace(CALIBRATION, fingerprint=PEOPLE_SPEC.fingerprint))
    return folder


@pytest.fixture(scope="session")
def three_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library of three made-up people, with 5, 4 and 3 faces; copy it before changing it."""
    return album_folder(tmp_path_factory.mktemp("three"), {0: range(5), 1: range(4), 2: range(3)})


@pytest.fixture
def web_album(three_people: Path, tmp_path: Path) -> Iterator[Visitor]:
    """Somebody who looks at three made-up people, with 5, 4 and 3 faces; group 1 is the largest."""
    shelf = shelf_of(Path(shutil.copytree(three_people, tmp_path / "album")))
    yield visiting(shelf)
    shelf.close()


@pytest.fixture(scope="session")
def demo_library(
    demo: tuple[Path, dict[str, tuple[str, ...]]], engine: Pipeline, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a library of the demo collection, grouped; copy it before changing it."""
    folder = tmp_path_factory.mktemp("web") / "library"
    with Library(folder) as library:
        library.__dict__["engine"] = engine
        library.index([demo[0]])
        library.cluster()
    return folder


@pytest.fixture
def visit(demo_library: Path, tmp_path: Path, engine: Pipeline) -> Iterator[Visitor]:
    """Somebody who looks at a copy of the demo library."""
    shelf = shelf_of(Path(shutil.copytree(demo_library, tmp_path / "library")), engine)
    yield visiting(shelf)
    shelf.close()


@contextmanager
def running(shelf: Shelf) -> Iterator[Serving]:
    """A server that browsers can reach."""
    serving = Serving(shelf, port=0)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        yield serving
    finally:
        serving.stop()
        thread.join(60)
        assert not thread.is_alive()
