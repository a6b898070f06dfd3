"""axe looks at every page that a link leads to, light and dark, wide and narrow; large letters cut nothing off."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import Visit

pytest.importorskip("axe_playwright_python", reason="axe is not installed")

# What the links of the pages lead to is found by following them, and one page of a kind is looked at: these are kinds.
SAME = re.compile(r"\d+|(?<=cursor=)[^&]+|(?<=after=)[^&]+")
MOST = 60
# What is not there, and what no link leads to.
BESIDES = (
    *("/nowhere", "/people/999", "/photos?with=1&only=1", "/photos?q=anna+-ben+only", "/photos?q=anna+1900&faces=2"),
    *("/photos?q=anna&faces=x", "/review/faces", "/few", "/left-out", "/left-out?show=skipped"),
    "/folders/remove?path=/photos",
)
# Elements that stick out of the window or of what they are in, where they cannot be scrolled to.
CUT_OFF = """() => {
    const width = document.documentElement.clientWidth, whole = document.documentElement.scrollWidth;
    const found = whole > width ? [`the page is ${whole} wide`] : [];
    const seen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
    for (const element of document.querySelectorAll("body *")) {
        const words = [...element.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (!words && !element.matches("button, input, img, a, summary")) continue;
        if (!seen(element) || element.closest(".unseen, .skip, svg, datalist")) continue;
        if (getComputedStyle(element).clipPath !== "none") continue; // for screen readers
        let inScroll = false;
        for (let around = element.parentElement; around; around = around.parentElement) inScroll ||= scrolls(around);
        const box = element.getBoundingClientRect();
        const name = `${element.tagName}.${element.className} “${(element.innerText ?? "").trim().slice(0, 40)}”`;
        if (!inScroll && (box.left < -1 || box.right > width + 1)) found.push(`${name} sticks out`);
        const style = getComputedStyle(element);
        const hides = style.overflowX !== "visible" && !scrolls(element) && !element.matches("input");
        if (hides && element.scrollWidth > element.clientWidth + 1) found.push(`${name} is cut off`);
    }
    return found;
}"""


def pages_of(visit: Visit) -> Iterator[str]:
    """Go to one page of each kind that links lead to, and to some besides; the path of each, while it is open."""
    for path in BESIDES:
        visit.go(path)
        yield path
    waiting, kinds = ["/"], set[str]()
    while waiting and len(kinds) < MOST:
        path = waiting.pop(0)
        if SAME.sub("#", path) in kinds:
            continue
        kinds.add(SAME.sub("#", path))
        visit.go(path)
        yield path
        links = visit.page.locator("a[href^='/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        waiting += [
            link.partition("#")[0] for link in links if not link.startswith(("/static", "/pictures", "/logout"))
        ]


def findings(page: Any, where: str) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{where}: {one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]


def prepare(visit: Visit) -> tuple[int, int]:
    """A person with a name, one who is ignored, and a face that is none; the numbers of both clusters."""
    first, second = visit.largest(2)
    visit.library.people.name(str(first), "Anna Example")
    visit.library.people.not_a_face(visit.library.browse.faces(str(second)).items[0].id)
    visit.library.people.ignore(str(second))
    return first, second


# Each width and each scheme once: they do not depend on each other, and each takes half a minute.
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing_on_any_page(visited: Visit, scheme: Any, width: int) -> None:
    visit = visited
    first, _ = prepare(visit)
    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # nothing is looked at half faded in
    visit.page.set_viewport_size({"width": width, "height": 800})
    loose = [face.id for face in visit.library.browse.faces(str(first)).items[:1]]
    visit.library.people.not_a_face(loose)
    visit.library.people.is_a_face(loose)
    problems = []
    for path in pages_of(visit):
        problems += findings(visit.page, path)
    assert problems == []


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 360)])
def test_axe_finds_nothing_while_something_is_done(visited: Visit, scheme: Any, width: int) -> None:
    """A selection, an open menu, a list of keys, a message, what a picture has found, and a box that is drawn."""
    visit = visited
    first, second = prepare(visit)
    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    visit.page.set_viewport_size({"width": width, "height": 800})
    visit.go(f"/people/{first}")
    visit.page.locator(".pick").first.check()
    problems = findings(visit.page, "selected")
    visit.page.locator("details.menu summary").first.click()
    problems += findings(visit.page, "menu")
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("?")
    visit.page.locator("dialog[open]").wait_for()
    problems += findings(visit.page, "keys")
    visit.page.keyboard.press("Escape")
    visit.page.get_by_role("button", name="They are right").click()
    visit.page.locator("#notes .note").wait_for()
    problems += findings(visit.page, "message")
    visit.library.people.ignore(f"cluster:{second}", False)
    visit.go("/")
    visit.page.locator(f"#cluster-{second} input[name=to]").fill("Anna Example")
    visit.page.keyboard.press("Enter")
    visit.page.locator("#notes .asked").wait_for()
    problems += findings(visit.page, "question")
    visit.go("/search")
    visit.page.set_input_files("input[type=file]", visit.portrait)
    visit.page.wait_for_url("**/search/*")
    problems += findings(visit.page, "found")
    visit.go(f"/photos/{visit.library.browse.photos(limit=1).items[0].id}")
    visit.page.keyboard.press("d")
    visit.page.locator(".edit rect").wait_for()
    problems += findings(visit.page, "a box is drawn")
    assert problems == []


def test_the_keyboard_is_enough(visited: Visit) -> None:
    """The first stop leads past the menu; a face is chosen and taken out of its cluster without a mouse."""
    visit = visited
    cluster = visit.largest(1)[0]
    visit.go(f"/people/{cluster}?order=doubt")
    visit.page.keyboard.press("Tab")
    assert visit.page.locator(":focus").text_content() == "Skip to the content"
    visit.page.keyboard.press("Enter")
    face = visit.library.browse.faces(str(cluster), "doubt").items[0].id
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        if visit.page.locator(f'[data-face="{face}"] .tile:focus').count():
            break
    visit.page.keyboard.press("x")
    assert visit.page.locator(f'[data-face="{face}"] .pick').is_checked()
    visit.page.get_by_role("button", name="Not this person").focus()
    visit.page.keyboard.press("Enter")
    visit.note()
    assert visit.library.people.cluster_of(face) != cluster


# Pixels of the window's width, and the size of letters that a browser is set to.
WINDOWS = ((360, "100%"), (360, "200%"), (1280, "200%"))


def test_nothing_is_cut_off(visited: Visit, browser: Any) -> None:
    """On a phone, also with letters twice as large, and with a long name.

    A phone's browser zooms out where anything is wider than it, so that its window becomes wider.
    """
    visit = visited
    first, second = prepare(visit)
    visit.library.people.name(str(first), "Annabel-Charlotte Wolfeschlegelsteinhausenbergerdorff " * 3)
    visit.library.people.split(str(second), [[face.id] for face in visit.library.browse.faces(str(second)).items[:6]])
    context = browser.new_context(has_touch=True, is_mobile=True)
    visit.page = page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(visit.serving.letting_in())
    cut = {}
    for path in pages_of(visit):
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360], path
        if page.locator(".pick").count():
            page.locator(".pick").first.check()
        small = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        for width, letters in WINDOWS:
            page.set_viewport_size({"width": width, "height": 740})
            page.evaluate("letters => { document.documentElement.style.fontSize = letters; }", letters)
            large = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
            assert large == small * float(letters[:-1]) / 100, path
            if found := page.evaluate(CUT_OFF):
                cut[path, width, letters] = found
    assert cut == {}
    context.close()
