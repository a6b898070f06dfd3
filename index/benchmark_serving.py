"""How soon `facesearch serve` shows the people of a large library, and what memory browsing takes.

    python index/benchmark_serving.py --faces 100000 --folder LIBRARY

The library is made up (synthetic.py): a photo for each face, clusters as the faces were made, every other one of the
largest with a name. There are no photos to make pictures of, so the tiles and previews that are asked for are put into
the library's cache beforehand: coloured noise, as large as real ones. The server is a process of its own.

First paint is what headless Chromium says of the people page (paint timing, from the start of the navigation), in a
browser context of its own each round, so that nothing is cached but the cookie. The memory is the server's resident
set, while pages of people, faces, photos and single photos are read with all pictures on them, without a browser.
"""

import http.client
import io
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import numpy as np
import typer
from filling import cluster_by_label, library_of_faces
from PIL import Image
from synthetic import synthetic_faces

from facesearch.library import Library
from facesearch.storage import Store
from facesearch.storage.thumbnails import Picture, face_keys, photo_keys

ROOT = Path(__file__).resolve().parent.parent
NAMED = 300
# Of how many of the largest clusters faces are looked at, how many pages of each, and so many pages of photos.
CLUSTERS, FACE_PAGES, PHOTO_PAGES = 40, 3, 12
# A new page, still empty, is given so long before it goes anywhere: starting a browser is not part of a paint.
SETTLING_MS = 1000
CHROMIUM_ARGS = ["--no-sandbox"]
LINK = re.compile(r'(?:src|href)="(/[^"]*)"')

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    faces: Annotated[int, typer.Option(min=1000, help="How many faces the library holds.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often the page is opened.")] = 9,
    pages: Annotated[int, typer.Option(min=1, help="How many pages are browsed for the memory.")] = 600,
    folder: Annotated[Path | None, typer.Option(help="Where the library is, or is made and kept.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures there, as JSON.")] = None,
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        addresses = filled(place, faces)
        with serving(place) as (process, address):
            paints = list(painted(address, rounds))
            memory = list(browsed(process, address, addresses, pages))
    figures = {"faces": faces, "cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    figures |= {key: round(statistics.median(paint[key] for paint in paints), 1) for key in paints[0]}
    figures |= {"slowest_first_paint_ms": round(max(paint["first_paint_ms"] for paint in paints), 1)}
    figures |= {"rss_mb": {str(done): round(mb, 1) for done, mb in memory}}
    typer.echo(json.dumps(figures, indent=2))
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


# -- the library


def filled(folder: Path, count: int) -> list[str]:
    """A library with clusters, and the pictures of some pages. Returns the addresses of these pages."""
    vectors, labels = synthetic_faces(count)
    store = library_of_faces(folder, vectors)
    cluster_by_label(store, labels, NAMED)
    store.close()
    with Library(folder) as library:
        addresses, faces, photos = _pages(library)
        keep_pictures(library.store, faces, photos)
    return addresses


def _pages(library: Library) -> tuple[list[str], set[int], set[int]]:
    """Pages that are browsed, and the faces and photos on them."""
    addresses, faces, photos = [], set[int](), set[int]()
    cursor, clusters = None, list[int]()
    while True:
        addresses.append(f"/?cursor={cursor}" if cursor else "/")
        page = library.browse.people(cursor=cursor)
        clusters += [cluster.id for cluster in page.items]
        faces |= {cluster.cover.id for cluster in page.items if cluster.cover}
        if (cursor := page.next) is None:
            break
    for cluster in clusters[:CLUSTERS]:
        cursor = None
        for _ in range(FACE_PAGES):
            addresses.append(f"/people/{cluster}?cursor={cursor}" if cursor else f"/people/{cluster}")
            shown = library.browse.faces(str(cluster), cursor=cursor)
            faces |= {face.id for face in shown.items}
            if (cursor := shown.next) is None:
                break
    cursor = None
    for _ in range(PHOTO_PAGES):
        addresses.append(f"/photos?cursor={cursor}" if cursor else "/photos")
        listed = library.browse.photos(cursor=cursor)
        photos |= {photo.id for photo in listed.items}
        cursor = listed.next
    for photo in sorted(photos)[:CLUSTERS]:
        addresses.append(f"/photos/{photo}")
        faces |= {face.id for face in library.browse.photo(photo).photo.faces}
    return addresses, faces, photos


def keep_pictures(store: Store, faces: set[int], photos: set[int]) -> None:
    """Stand-ins for pictures: colours and noise, so that they are as many bytes as pictures of people."""
    stock = {size: [_noise(size, shade) for shade in range(32)] for size in (96, 192, 480, 1600)}
    with store.reading() as connection:
        keys = [("face", number, key) for number, key in face_keys(connection, faces).items()]
        keys += [("photo", number, key) for number, key in photo_keys(connection, photos).items()]
    sizes = {"face": (96, 192), "photo": (480, 1600)}
    waiting = iter(keys)
    while some := list(islice(waiting, 500)):
        jpegs = {
            Picture(kind, number, size, key): stock[size][number % 32]
            for kind, number, key in some
            for size in sizes[kind]
        }
        store.pictures.put(jpegs, store.reading)


def _noise(size: int, shade: int) -> bytes:
    generator = np.random.default_rng((size, shade))
    small = generator.uniform(0, 255, (max(size // 6, 2), max(size // 6, 2), 3)).astype(np.uint8)
    colour = Image.new("RGB", small.shape[1::-1], tuple(generator.integers(60, 200, 3).tolist()))
    image = Image.blend(colour, Image.fromarray(small), 0.3).resize((size, size), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=82)
    return file.getvalue()


# -- the server


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a process, and the address that it prints, with the token."""
    command = [sys.executable, ROOT / "cli.py", "serve", "--no-browser", "--port", "0", "--library", folder]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stderr is not None
        told = ""
        while (found := re.search(r"http://\S+", told)) is None:
            line = process.stderr.readline()
            if not line:
                raise SystemExit(f"facesearch serve has ended: {told}")
            told += line
        yield process, found.group()
    finally:
        process.terminate()
        process.wait(10)


def painted(address: str, rounds: int) -> Iterator[dict[str, float]]:
    """Open the people page in a new browser context each time; the first round, which warms both up, does not count."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        for number in range(rounds + 1):
            figures = _one_paint(browser, address)
            if number:
                yield figures
        browser.close()


def chromium() -> str:
    """The browser that is installed. Raises SystemExit where there is none."""
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    found = os.environ.get("FACESEARCH_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("no Chromium is installed: install it, or name it in FACESEARCH_CHROMIUM")
    return found


def _one_paint(browser: Any, address: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    login = context.request.get(address)  # gets the cookie, and nothing into the cache
    assert login.ok, login.status
    page = context.new_page()
    page.wait_for_timeout(SETTLING_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address.split("?")[0], wait_until="networkidle")
    paint = page.evaluate(
        """() => ({
            paints: Object.fromEntries(performance.getEntriesByType('paint').map(e => [e.name, e.startTime])),
            answered: performance.getEntriesByType('navigation')[0].responseEnd,
            loaded: performance.getEntriesByType('navigation')[0].loadEventEnd,
            tiles: [...document.querySelectorAll('img')].filter(i => i.complete && i.naturalWidth).length,
        })"""
    )
    context.close()
    return {
        "first_paint_ms": paint["paints"]["first-paint"],
        "first_contentful_paint_ms": paint["paints"]["first-contentful-paint"],
        "answered_ms": paint["answered"],
        "loaded_ms": paint["loaded"],
        "requests": len(asked),
        "tiles": paint["tiles"],
    }


def browsed(
    process: subprocess.Popen[str], address: str, addresses: list[str], pages: int
) -> Iterator[tuple[int, float]]:
    """Read pages with their pictures; every so often (pages so far, the server's resident set in MB)."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    headers = {"Cookie": (answer.getheader("set-cookie") or "").split(";")[0]}
    yield 0, _resident_mb(process.pid)
    for done, wanted in enumerate(islice(cycle(addresses), pages), start=1):
        text = read(connection, wanted, headers).decode()
        for picture in LINK.findall(text):
            if picture.startswith("/pictures/"):
                read(connection, picture, headers)
        if done % max(pages // 6, 1) == 0:
            yield done, _resident_mb(process.pid)


def read(connection: http.client.HTTPConnection, address: str, headers: dict[str, str]) -> bytes:
    connection.request("GET", address, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{address}: {answer.status} {answer.reason}")
    return content


def _resident_mb(process: int) -> float:
    """Of a Linux process; elsewhere not a number."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return float("nan")
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


if __name__ == "__main__":
    app()
