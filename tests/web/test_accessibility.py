"""axe looks at every page, light and dark, wide and as on a phone."""

from typing import Any

import pytest
from browsing import Visit

pytest.importorskip("axe_playwright_python", reason="axe is not installed")

GRAVE = ("serious", "critical")


def findings(page: Any, where: str) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{where}: {one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


# Each width and each scheme once: they do not depend on each other, and all four take half a minute.
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_serious_findings(visited: Visit, scheme: Any, width: int) -> None:
    visit = visited
    first, second = visit.largest(2)
    visit.library.people.name(str(first), "Anna Example")
    visit.library.people.not_a_face(visit.library.browse.faces(str(second)).items[0].id)
    visit.library.people.ignore(str(second))
    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # nothing is looked at half faded in
    visit.page.set_viewport_size({"width": width, "height": 860})
    photo = next(photo.id for photo in visit.library.browse.photos(limit=60).items if photo.face_count == 2)
    pages = (
        *("/", "/?show=ignored", f"/people/{first}", f"/people/{first}?order=doubt", f"/people/{second}", "/review"),
        *("/loose", "/not-faces", "/photos", f"/photos?with={first}&only=1", f"/photos/{photo}", "/together"),
        *("/photos?q=anna+-ben+only", "/photos?q=anna+1900&faces=2", "/photos?q=anna&faces=x"),
        *(f"/together?who=cluster:{first}", "/search", "/index", "/history", "/nowhere", "/people/999"),
        *("/review/faces", "/few"),
        *("/left-out", "/left-out?show=skipped", "/folders/remove?path=/photos"),
    )
    loose = [face.id for face in visit.library.browse.faces(str(first)).items[:1]]
    visit.library.people.not_a_face(loose)
    visit.library.people.is_a_face(loose)
    problems = []
    for path in pages:
        visit.page.goto(visit.serving.address + path.lstrip("/"))
        problems += findings(visit.page, path)
    visit.go("/search")
    visit.page.set_input_files("input[type=file]", visit.portrait)
    visit.page.wait_for_url("**/search/*")
    problems += findings(visit.page, "found")
    visit.go(f"/people/{first}")
    visit.page.locator(".pick").first.check()
    visit.page.locator("details.menu summary").click()
    problems += findings(visit.page, "chosen")
    visit.page.get_by_role("button", name="They are right").click()
    visit.page.locator("#notes .note").wait_for()
    problems += findings(visit.page, "message")
    visit.library.people.ignore(f"cluster:{second}", False)
    visit.go("/")
    visit.page.locator(f"#cluster-{second} input[name=to]").fill("Anna Example")
    visit.page.keyboard.press("Enter")
    visit.page.locator("#notes .asked").wait_for()
    problems += findings(visit.page, "question")
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


def test_no_page_is_wider_than_a_phone(visited: Visit, browser: Any) -> None:
    """A phone's browser zooms out where anything is, so that its window becomes wider."""
    visit = visited
    first, second = visit.largest(2)
    visit.library.people.name(str(first), "Annabel-Charlotte Wolfeschlegelsteinhausenbergerdorff " * 3)
    visit.library.people.split(str(second), [[face.id] for face in visit.library.browse.faces(str(second)).items[:6]])
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(visit.serving.letting_in())
    pages = ("/", f"/people/{first}", "/review", "/photos", "/photos/1", "/together", f"/together?who=cluster:{first}")
    for path in (*pages, "/search", "/index", "/history", "/loose", "/few", "/review/faces"):
        page.goto(visit.serving.address + path.lstrip("/"))
        widths = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
        assert widths == [390, 390], path
    context.close()
