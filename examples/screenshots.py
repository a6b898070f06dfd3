"""Draws the pages of `facesearch serve`.

python examples/screenshots.py LIBRARY OUT [PICTURE]    all, light and dark, wide and as on a phone, to be looked at
python examples/screenshots.py                          those of the README, of the demo collection

Needs Playwright (`pip install .[test]`) and a Chromium. PICTURE is what is searched with.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["chromium", "draw", "serving"]

HERE = Path(__file__).resolve().parent.parent
WIDTHS = {"wide": (1280, 860), "phone": (390, 844)}
# Photos of the demo collection are from the first of June 2024 on, a day each.
SUMMER_S = 1_717_236_000
SMALL_BYTES = 300_000
PAGES = {
    "people": "/",
    "person": "/people/{cluster}",
    "doubt": "/people/{cluster}?order=doubt",
    "review": "/review",
    "photos": "/photos",
    "photo": "/photos/{photo}?face={face}",
    "together": "/together?who=cluster:{cluster}",
    "search": "/search",
    "index": "/index",
    "history": "/history",
    "loose": "/loose",
}


def main() -> None:
    if len(sys.argv) < 3:
        draw_readme(HERE / "docs")
        return
    library, out = Path(sys.argv[1]), Path(sys.argv[2])
    picture = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    out.mkdir(parents=True, exist_ok=True)
    with serving(library) as address:
        draw(address, out, picture)


@contextmanager
def serving(library: Path, *options: str) -> Iterator[str]:
    """`facesearch serve` as a process; the address that it prints."""
    command = [sys.executable, HERE / "cli.py", "serve", "--no-browser", "--port", "0", "--library", library, *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(HERE)})
    try:
        assert server.stderr is not None
        printed = ""
        while (found := re.search(r"http://\S+", printed)) is None:
            line = server.stderr.readline()
            if not line:
                sys.exit(f"facesearch serve has ended: {printed}")
            printed += line
        yield found.group()
    finally:
        server.terminate()
        server.wait()


def chromium() -> str | None:
    """The browser that is installed; before all the one without windows, which is there in half the time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def draw(token_address: str, out: Path, picture: Path | None, scale: float = 1) -> None:
    """All pages in all widths and colours."""
    from playwright.sync_api import sync_playwright

    base = token_address.split("/?")[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for width, size in WIDTHS.items():
            for scheme in ("light", "dark"):
                viewport: Any = {"width": size[0], "height": size[1]}
                context = browser.new_context(
                    viewport=viewport, color_scheme=scheme, device_scale_factor=scale, has_touch=width == "phone"
                )  # type: ignore[arg-type]
                page = context.new_page()
                page.goto(token_address)
                for name, path in _addresses(page, base, picture).items():
                    page.goto(base + path)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=out / f"{name}-{width}-{scheme}.png")
                context.close()
        browser.close()


def draw_readme(out: Path) -> None:
    """Four pages of the demo collection, as docs/page-*.png; in fewer colours where a file would be large."""
    from demo_photos import COLLINS, HOPPER, make_demo_photos
    from playwright.sync_api import sync_playwright

    home = Path(tempfile.gettempdir()) / "demo"  # its path is in one of the pictures
    photos, library = home / "Pictures", home / "library"
    shutil.rmtree(home, ignore_errors=True)
    labels = make_demo_photos(photos)
    for day, path in enumerate(sorted(photos.iterdir())):
        os.utime(path, (SUMMER_S + 86_400 * day,) * 2)
    clusters = _name_demo(photos, library, {person: _portrait(labels, person) for person in (HOPPER, COLLINS)})
    with serving(library) as address, sync_playwright() as playwright:
        base = address.split("/?")[0]
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 980, "height": 620})
        page.goto(address)
        _shoot(page, f"{base}/people/{clusters[HOPPER]}?order=doubt", out / "page-person.png")
        page.goto(f"{base}/photos?with={clusters[HOPPER]}&with={clusters[COLLINS]}")
        photo = str(page.locator(".photo a").first.get_attribute("href"))
        _shoot(page, base + photo, out / "page-photo.png")
        page.goto(f"{base}/search")
        page.set_input_files("input[type=file]", photos / "together.jpg")
        page.wait_for_url("**/search/*", timeout=120_000)
        page.emulate_media(color_scheme="dark")
        _shoot(page, page.url, out / "page-search.png")
        _shoot(page, f"{base}/photos", out / "page-photos.png")
        browser.close()


def _portrait(labels: dict[str, tuple[str, ...]], person: str) -> str:
    return next(name for name, people in sorted(labels.items()) if people == (person,))


def _name_demo(photos: Path, library: Path, portraits: dict[str, str]) -> dict[str, int | None]:
    """Index and name the demo collection. Args: portraits: person -> a photo of them; returns person -> cluster."""
    from facesearch import Library

    with Library(library) as opened:
        opened.index([photos])
        opened.cluster()
        for person, name in portraits.items():
            opened.people.name(str(opened.people.cluster_of(opened.people.faces_in(photos / name)[0])), person)
        return {person: opened.browse.cluster(person).id for person in portraits}


def _shoot(page: Any, address: str, path: Path) -> None:
    from PIL import Image

    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    if path.stat().st_size < SMALL_BYTES:
        return
    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def _addresses(page: Any, base: str, picture: Path | None) -> dict[str, str]:
    """The pages of the first person with others on their photos, and what is found with a picture."""
    page.goto(f"{base}/")
    clusters = [card.get_attribute("data-cluster") for card in page.locator(".card").all()]
    for cluster in clusters:  # the first with others on their photos
        page.goto(f"{base}/people/{cluster}")
        if page.locator(".strip").count():
            break
    others = page.locator(".strip a").first
    page.goto(base + str(others.get_attribute("href")) if others.count() else f"{base}/photos?with={cluster}")
    photo = re.findall(r"\d+", str(page.locator(".photo a").first.get_attribute("href")))[0]
    page.goto(f"{base}/photos/{photo}")
    face = re.findall(r"\d+", str(page.locator(".who-list li").first.get_attribute("id")))[0]
    addresses = {name: path.format(cluster=cluster, photo=photo, face=face) for name, path in PAGES.items()}
    if picture is not None:
        page.goto(f"{base}/search")
        page.set_input_files("input[type=file]", picture)
        page.wait_for_url("**/search/*", timeout=120_000)
        addresses["found"] = page.url.removeprefix(base)
    return addresses


if __name__ == "__main__":
    main()
