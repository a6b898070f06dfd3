"""A headless Chromium, and a server that it reaches; for the tests of the pages as people use them."""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from screenshots import chromium
from web_samples import current_library, everybody, parted_folder, running

from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.web.server import Serving

__all__ = ["Visit", "browser", "photos_library", "visited"]

PEOPLE, PHOTOS_OF_EACH = 10, 10


@dataclass
class Visit:
    """A page in a browser; library: the same one, opened a second time, for the truth. photos: those in it.

    more: a folder of photos that are not in it. portrait: a photo in it that shows one person of several photos.
    problems: what pages complained of; a test that provokes a complaint empties it.
    """

    page: Any
    serving: Serving
    library: Library
    more: Path
    portrait: Path
    problems: list[str]

    def go(self, path: str) -> None:
        self.page.goto(self.serving.address + path.lstrip("/"))

    def note(self) -> str:
        """What the page says has been done."""
        note = self.page.locator("#notes .note p")
        note.wait_for()
        return str(note.text_content())

    def counted(self, selector: str, count: int) -> None:
        """Wait until the page has so many. (Playwright's wait_for_function needs the eval that our policy forbids.)"""
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_have_count(count)

    def undo(self) -> None:
        """By the button that is offered."""
        self.page.locator("#notes").get_by_role("button", name="Undo").click()
        self.page.locator("#notes .note.plain").wait_for()
        assert "Undone:" in self.note()

    def state(self) -> object:
        """All clusters, whose they are, and the decisions."""
        return everybody(self.library), self.library.people.history()

    def clusters_shown(self) -> list[int]:
        return [int(card.get_attribute("data-cluster")) for card in self.page.locator(".card").all()]

    def largest(self, count: int) -> list[int]:
        return [cluster.id for cluster in self.library.browse.people(limit=count).items]


@pytest.fixture(scope="module")  # Playwright keeps an event loop in this thread, in which no other can run meanwhile
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium: install chromium to test the pages in a browser")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def photos_library(data: Path, pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A library of some photos of some people of data/photos; its folder, more photos, and a portrait in it."""
    with (data / "photos.csv").open(encoding="utf-8") as file:
        rows = [tuple(row.values())[:2] for row in csv.DictReader(file)]
    of: dict[str, list[str]] = {}
    for name, person in rows:
        of.setdefault(person, []).append(name)
    some = [names for names in of.values() if len(names) > PHOTOS_OF_EACH + 1][:PEOPLE]
    home = tmp_path_factory.mktemp("photos")
    for folder, part in (("in", slice(0, PHOTOS_OF_EACH)), ("more", slice(PHOTOS_OF_EACH, PHOTOS_OF_EACH + 2))):
        (home / folder).mkdir()
        for names in some:
            for name in names[part]:
                shutil.copy(data / "photos" / name, home / folder)
    with Library(home / "library") as library:
        library.__dict__["pipeline"] = pipeline
        library.index([home / "in"])
        library.cluster()
    return home / "library", home / "more", home / "in" / some[0][0]


@pytest.fixture
def visited(request: pytest.FixtureRequest, browser: Any, pipeline: Pipeline, tmp_path: Path) -> Iterator[Visit]:
    """A copy of a library, served and visited; which one is the parameter."""
    if getattr(request, "param", "demo") == "parted":
        folder = more = portrait = parted_folder(tmp_path)
    elif getattr(request, "param", "demo") == "demo":
        folder = request.getfixturevalue("demo_library")
        photos = request.getfixturevalue("demo")[0]
        more, portrait = _more_of(photos, tmp_path / "more"), photos / "grace-hopper-close-up.png"
    else:
        folder, more, portrait = request.getfixturevalue("photos_library")
    copy = Path(shutil.copytree(folder, tmp_path / "library"))
    with running(current_library(copy, pipeline)) as serving, Library(copy, create=False) as library:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if _is_problem(line) else None)
        page.goto(serving.letting_in())
        yield Visit(page, serving, library, more, portrait, problems)
        context.close()
        assert problems == []


def _is_problem(line: Any) -> bool:
    """Whether a page complains, as of a policy that was broken; a page that is not there is none."""
    return line.type == "error" and "status of 404" not in line.text


def _more_of(photos: Path, folder: Path) -> Path:
    """Three photos that are new, by being a little smaller."""
    from PIL import Image

    folder.mkdir()
    for name in ("grace-hopper-close-up.png", "eileen-collins-close-up.png", "together.jpg"):
        with Image.open(photos / name) as image:
            image.resize((image.width * 9 // 10, image.height * 9 // 10)).save(folder / f"{Path(name).stem}.png")
    return folder
