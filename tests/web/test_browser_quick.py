"""Long lists keep their place, and no page asks for much: in a real browser, on a desktop's and a phone's screen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browsing import Visit

SIZES = pytest.mark.parametrize("size", [(1280, 600), (360, 740)], ids=["desktop", "phone"])
PHOTOS = pytest.mark.parametrize("visited", [pytest.param("photos", marks=pytest.mark.data)], indirect=True)
MOST_REQUESTS = 60
ROWS = "[data-list] > li:not([data-when])"
# The rows that are wholly in sight, by where they lead.
IN_SIGHT = """rows => rows.filter(row => {
    const box = row.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight;
}).map(row => row.querySelector("a").getAttribute("href"))"""


@contextmanager
def asked(page: Any) -> Iterator[list[str]]:
    """What the page asks for meanwhile, other than whether something has changed."""
    addresses: list[str] = []

    def note(request: Any) -> None:
        if not request.url.endswith("/changes"):
            addresses.append(request.url)

    page.on("request", note)
    yield addresses
    page.remove_listener("request", note)


def in_sight(visit: Visit) -> list[str]:
    shown: list[str] = visit.page.locator(ROWS).evaluate_all(IN_SIGHT)
    return shown


def turn(visit: Visit, pixels: int, until: Callable[[], bool]) -> None:
    """Turn the wheel, until something is so."""
    visit.page.mouse.move(180, 200)
    for _ in range(300):
        if until():
            return
        visit.page.mouse.wheel(0, pixels)
        visit.page.wait_for_timeout(100)
    assert until()


def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages so short that a small library has many of them."""
    monkeypatch.setattr("facesearch.web.finding.PHOTOS", 8)
    monkeypatch.setattr("facesearch.web.people.FACES", 4)


@SIZES
@PHOTOS
def test_back_leads_into_the_middle_of_a_long_list(
    visited: Visit, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """The rows before it are not asked for again, and come when one goes up."""
    visit = visited
    small_pages(monkeypatch)
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.go("/photos")
    first = visit.page.locator(f'{ROWS} a[href="{visit.page.locator(ROWS).first.locator("a").get_attribute("href")}"]')
    turn(visit, 400, lambda: not first.count())
    visit.page.wait_for_timeout(500)
    opened = in_sight(visit)[-1]
    visit.page.locator(f'{ROWS} a[href="{opened}"]').click()
    visit.page.wait_for_url("**/photos/*")
    visit.page.go_back()
    visit.page.locator(f'{ROWS} a[href="{opened}"]').wait_for(state="attached")
    turn(visit, 0, lambda: opened in in_sight(visit))
    assert not first.count()
    turn(visit, -400, lambda: bool(first.count()) and visit.page.evaluate("scrollY") == 0)
    assert not visit.page.get_by_role("link", name="Show what is before").is_visible()


@SIZES
@PHOTOS
def test_what_is_in_sight_stays_when_more_comes_in_above_it(
    visited: Visit, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    visit = visited
    small_pages(monkeypatch)
    visit.page.set_viewport_size({"width": size[0], "height": 400})
    cluster = visit.largest(1)[0]
    middle = visit.library.browse.faces(str(cluster), limit=5).next
    visit.go(f"/people/{cluster}?cursor={middle}")
    row = visit.page.locator(ROWS).first
    known = visit.page.locator(f'[data-face="{row.get_attribute("data-face")}"]')
    row.scroll_into_view_if_needed()
    visit.page.get_by_role("link", name="Show what is before").evaluate("link => link.click()")
    first = visit.library.browse.faces(str(cluster), limit=1).items[0].id
    visit.page.locator(f'[data-face="{first}"]').wait_for(state="attached")
    visit.page.wait_for_timeout(500)
    box = known.bounding_box()
    assert -box["height"] < box["y"] < 400


@PHOTOS
def test_no_page_asks_for_more_than_sixty_things(visited: Visit) -> None:
    """Before it is scrolled, with nothing kept from before."""
    visit = visited
    cluster = visit.largest(1)[0]
    photo = visit.library.browse.photos().items[0].id
    pages = (
        "",
        "?show=named",
        f"people/{cluster}",
        f"people/{cluster}?order=doubt",
        "loose",
        "photos",
        f"photos/{photo}",
    )
    for path in (*pages, "review", "together", f"together?who=cluster:{cluster}", "search", "index", "history"):
        context = visit.page.context.browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies(visit.page.context.cookies())
        page = context.new_page()
        with asked(page) as addresses:
            assert page.goto(visit.serving.address + path).ok, path
            page.wait_for_timeout(700)
        assert len(addresses) <= MOST_REQUESTS, (path, addresses)
        context.close()
