"""Libraries for the tests of the pages, and clients that ask for them."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from index_samples import near
from people_samples import CALIBRATION, PEOPLE_SPEC, Collection, a_portrait, portrait
from starlette.testclient import TestClient

from facesearch.calibration import write_library_calibration
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store
from facesearch.web.app import create_app
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.security import Guard, Keys
from facesearch.web.server import Serving
from facesearch.web.site import Site

__all__ = [
    *(
        "HOST",
        "OURS",
        "Visitor",
        "current_library",
        "demo_library",
        "everybody",
        "made_up",
        "parted",
        "parted_folder",
        "people_folder",
        "running",
        "three_people",
        "visit",
        "visiting",
    ),
]

HOST = "127.0.0.1:8377"
# What a browser says of a request by a page of ours.
OURS = {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}"}


class Visitor:
    """A user with a browser, and what the server has: the library beside it, for the truth."""

    def __init__(self, current: CurrentLibrary) -> None:
        self.current, self.keys, self.site = current, Keys(8377), Site(current)
        self.app: Guard = create_app(self.site, self.keys, [HOST])
        self.browser = TestClient(self.app, base_url=f"http://{HOST}", follow_redirects=False)

    def come_in(self) -> "Visitor":
        assert self.browser.get(f"/?token={self.keys.token}").status_code == 303
        return self

    @property
    def library(self) -> Library:
        return self.current.get()

    def get(self, path: str, **headers: str) -> Any:
        return self.browser.get(path, headers=headers)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        return self.browser.post(path, data=data, headers=OURS | options.pop("headers", {}), **options)

    def decide(self, what: str, then: str = "/", **data: Any) -> str:
        """Send a decision's form; the page that it leads to."""
        answer = self.post(f"/decide/{what}", data | {"then": then})
        assert answer.status_code == 303, answer.text
        return str(self.get(answer.headers["location"]).text)


def everybody(library: Library) -> list[tuple[object, ...]]:
    """What is known of everybody: cluster, name, ignored, and each face's id and whether it is confirmed."""
    shown = [cluster for show in ("all", "ignored") for cluster in library.browse.people(show, limit=500).items]
    faces = {one.id: library.browse.faces(str(one.id), limit=500).items for one in shown}
    return [
        (one.id, one.title, one.ignored, sorted((face.id, face.confirmed) for face in faces[one.id])) for one in shown
    ]


def visiting(current: CurrentLibrary) -> Visitor:
    return Visitor(current).come_in()


def current_library(folder: Path, pipeline: Pipeline | None = None) -> CurrentLibrary:
    """The library of a folder with its pipeline at hand: loading one takes seconds."""
    current = CurrentLibrary(folder)
    library = current.find()
    if pipeline is not None and library is not None:
        library.__dict__["pipeline"] = pipeline
    return current


def people_folder(tmp_path: Path, shots: dict[int, Sequence[int]], *, clustered: bool = True) -> Path:
    """A library of made-up people; its photos are not there."""
    folder = tmp_path / "library"
    index = Store.create(folder, PEOPLE_SPEC)
    collection = Collection(index)
    collection.add_people(shots)
    if clustered:
        collection.recluster()
    index.close()
    write_library_calibration(folder, replace(CALIBRATION, fingerprint=PEOPLE_SPEC.fingerprint))
    return folder


def parted_folder(tmp_path: Path) -> Path:
    """A library in which one person is two clusters, 1 and 2, of three faces each, and nothing was decided."""
    folder = tmp_path / "parted"
    index = Store.create(folder, PEOPLE_SPEC)
    ways = [near(portrait(0, way), 0.01 * step) for way in (0, 1) for step in range(3)]
    Collection(index).add(*([a_portrait(embedding)] for embedding in ways))
    index.close()
    write_library_calibration(folder, replace(CALIBRATION, fingerprint=PEOPLE_SPEC.fingerprint))
    with Library(folder, create=False) as library:
        library.cluster(eps=0.1)  # near enough for either way of taking a picture, not for both
    return folder


@pytest.fixture(scope="session")
def three_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library of three made-up people, with 5, 4 and 3 faces; copy it before changing it."""
    return people_folder(tmp_path_factory.mktemp("three"), {0: range(5), 1: range(4), 2: range(3)})


@pytest.fixture
def made_up(three_people: Path, tmp_path: Path) -> Iterator[Visitor]:
    """A user who looks at three made-up people, with 5, 4 and 3 faces; cluster 1 is the largest."""
    current = current_library(Path(shutil.copytree(three_people, tmp_path / "library")))
    yield visiting(current)
    current.close()


@pytest.fixture
def parted(tmp_path: Path) -> Iterator[Visitor]:
    """A user who looks at one person in two clusters, 1 and 2, of three faces each."""
    current = current_library(parted_folder(tmp_path))
    yield visiting(current)
    current.close()


@pytest.fixture(scope="session")
def demo_library(
    demo: tuple[Path, dict[str, tuple[str, ...]]], pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a library of the demo collection, clustered; copy it before changing it."""
    folder = tmp_path_factory.mktemp("web") / "library"
    with Library(folder) as library:
        library.__dict__["pipeline"] = pipeline
        library.index([demo[0]])
        library.cluster()
    return folder


@pytest.fixture
def visit(demo_library: Path, tmp_path: Path, pipeline: Pipeline) -> Iterator[Visitor]:
    """A user who looks at a copy of the demo library."""
    current = current_library(Path(shutil.copytree(demo_library, tmp_path / "library")), pipeline)
    yield visiting(current)
    current.close()


@contextmanager
def running(current: CurrentLibrary) -> Iterator[Serving]:
    """A server that browsers can reach."""
    serving = Serving(current, port=0)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        yield serving
    finally:
        serving.stop()
        thread.join(60)
        assert not thread.is_alive()
