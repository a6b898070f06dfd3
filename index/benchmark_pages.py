"""How soon each page of `facesearch serve` is there in a large library, what it asks for, and how many bytes that is.

    python index/benchmark_pages.py --folder LIBRARY [--out FIGURES.json]

The library is made up (synthetic.py): 100,000 faces, two on a photo, in 10,000 clusters, 3,000 of them with a name, and
faces in none. Pictures that are asked for are put into its cache beforehand, as benchmark_serving.py does it.

Each page is opened in a browser context of its own, in a window of 1280 x 800 pixels that is not scrolled: first with
nothing in the cache but the cookie, then again, coming from another page, as people do who look around. First paint is
what headless Chromium says of it, from the start of the navigation; the answer is there when the last byte of the page
has come; `server_ms` is the same without a browser. All are medians. Beside them stands a page with one word, served by
another server: what this browser takes on this machine for nothing. What is late (over 300 ms) or asks for too much
(over 60 requests) is marked.
"""

import http.client
import http.server
import json
import os
import platform
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from benchmark_serving import CHROMIUM_ARGS, chromium, keep_pictures, read, serving
from filling import cluster_by_label, library_of_faces
from synthetic import synthetic_faces

from facesearch.library import Library

NAMED, FACES_PER_PHOTO = 3000, 2
# With people of up to so many photos there is a cluster for ten faces.
MOST_PHOTOS = 27
# How far down longer lists are looked at, in pages.
DEEP = 60
SETTLING_MS = 300
# No page may be later than that, or ask for more.
MOST_MS, MOST_REQUESTS = 300, 60
KEYS = ("first_paint_ms", "paint_again_ms", "answered_ms", "server_ms", "requests", "page_kb", "all_kb")
PICTURE = re.compile(r"/pictures/(face|photo)/(\d+)/")

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    faces: Annotated[int, typer.Option(min=1000, help="How many faces the library holds.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each page is opened.")] = 5,
    folder: Annotated[Path | None, typer.Option(help="Where the library is, or is made and kept.")] = None,
    only: Annotated[str, typer.Option(help="Measure the pages with this in their names.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the figures there, as JSON.")] = None,
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        held, addresses = filled(place, faces)
        wanted = {name: address for name, address in addresses.items() if only in name}
        with serving(place) as (_, address):
            pages = dict(measured(place, address, wanted, rounds))
    typer.echo(f"{held['faces']:,} faces in {held['clusters']:,} clusters, medians of {rounds}")
    titles = ("paint ms", "again ms", "answer ms", "server ms", "requests", "page kB", "all kB")
    typer.echo(f"{'':16}" + "".join(f"{title:>11}" for title in titles))
    for name, row in pages.items():
        typer.echo(f"{name:16}" + "".join(f"{row[key]:>11.0f}" for key in KEYS) + _too_much(row))
    if out is not None:
        machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        out.write_text(json.dumps(machine | held | {"pages": pages}, indent=2) + "\n", encoding="utf-8")


def _too_much(row: dict[str, float]) -> str:
    late, many = row["paint_again_ms"] > MOST_MS, row["requests"] > MOST_REQUESTS
    first = row["first_paint_ms"] > MOST_MS and not late
    return "  late" * late + "  late the first time" * first + "  asks for too much" * many


def filled(folder: Path, count: int) -> tuple[dict[str, int], dict[str, str]]:
    """A library with clusters. Returns how much it holds, and the addresses of its pages by name."""
    vectors, labels = synthetic_faces(count, most_photos=MOST_PHOTOS)
    store = library_of_faces(folder, vectors, FACES_PER_PHOTO)
    cluster_by_label(store, labels, NAMED)
    store.close()
    with Library(folder) as library:
        counts = library.browse.counts()
        held = {"faces": count, "clusters": counts.named + counts.unnamed + counts.ignored}
        return held, _addresses(library)


def _addresses(library: Library) -> dict[str, str]:
    people, photos = library.browse.people(), library.browse.photos()
    first, photo = people.items[0].id, photos.items[0].id
    return {
        "people": "/",
        "people, deep": f"/?cursor={_deep(library.browse.people)}",
        "named": "/?show=named",
        "person": f"/people/{first}",
        "doubt": f"/people/{first}?order=doubt",
        "loose": "/loose",
        "loose, deep": f"/loose?cursor={_deep(library.browse.unclustered)}",
        "photos": "/photos",
        "photos, deep": f"/photos?cursor={_deep(library.browse.photos)}",
        "photos with": f"/photos?with=cluster:{first}",
        "photo": f"/photos/{photo}",
        "review": "/review",
        "review faces": "/review/faces",
        "few": "/few",
        "together": "/together",
        "together with": f"/together?who=cluster:{first}",
        "search": "/search",
        "index": "/index",
        "history": "/history",
    }


def _deep(listing: Any) -> str:
    """Where a page far down a list begins."""
    cursor = None
    for _ in range(DEEP):
        cursor = listing(cursor=cursor).next or cursor
    return str(cursor)


def measured(folder: Path, address: str, pages: dict[str, str], rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Each page's figures; its first round, which warms everything up, does not count."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, Library(folder, create=False) as library:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        with one_word() as nothing:
            yield "one word", _medians([_one(browser, nothing, "/") for _ in range(rounds + 1)])
        for name, page in pages.items():
            text = _answer(address, page)[0]
            found = PICTURE.findall(text)
            kinds = [{int(number) for kind, number in found if kind == wanted} for wanted in ("face", "photo")]
            keep_pictures(library.store, *kinds)
            yield name, _medians([_one(browser, address, page) for _ in range(rounds + 1)])
        browser.close()


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Of all rounds but the first."""
    return {key: round(statistics.median(row[key] for row in rows[1:]), 1) for key in rows[0]}


@contextmanager
def one_word() -> Iterator[str]:
    """The address of a server whose every page is one word."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>one</title><p>word")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/?"
    server.shutdown()
    server.server_close()


def _answer(address: str, page: str) -> tuple[str, float]:
    """A page's text, and the milliseconds until it was there."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    headers = {"Cookie": (answer.getheader("set-cookie") or "").split(";")[0]}
    began = time.perf_counter()
    text = read(connection, page, headers).decode()
    connection.close()
    return text, (time.perf_counter() - began) * 1000


def _one(browser: Any, address: str, path: str) -> dict[str, float]:
    base = address.split("/?")[0]
    text, server_ms = _answer(address, path)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    assert context.request.get(address).ok  # gets the cookie, and nothing into the cache
    page = context.new_page()
    page.wait_for_timeout(SETTLING_MS)
    asked: list[str] = []
    page.on("request", lambda request: None if request.url.endswith("/changes") else asked.append(request.url))
    figures = _opened(page, base + path)
    requests = len(asked)
    _opened(page, base + ("/history" if path != "/history" else "/index"))
    figures["paint_again_ms"] = _opened(page, base + path)["first_paint_ms"]
    context.close()
    return figures | {"requests": requests, "page_kb": len(text.encode()) / 1000, "server_ms": server_ms}


def _opened(page: Any, url: str) -> dict[str, float]:
    page.goto(url, wait_until="load")
    page.wait_for_timeout(SETTLING_MS)
    figures: dict[str, float] = page.evaluate(
        """() => ({
            first_paint_ms: performance.getEntriesByName('first-paint')[0].startTime,
            answered_ms: performance.getEntriesByType('navigation')[0].responseEnd,
            all_kb: performance.getEntries().reduce((sum, one) => sum + (one.transferSize ?? 0), 0) / 1000,
        })"""
    )
    return figures


if __name__ == "__main__":
    app()
