"""One photo in a real browser: drawn on, looked at closely, turned, opened, and gone; desktop and phone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from browsing import Visit
from drawing_samples import put_unseen

from facesearch.core.types import Box, Face, Photo
from facesearch.pipeline.pipeline import Pipeline

PHONE = {"width": 360, "height": 740}


class Unseen(NamedTuple):
    """A photo of Grace Hopper on which nobody was found, and where she is; the cluster that she is in on others."""

    photo: int
    box: Box
    cluster: int


@pytest.fixture
def unseen(visited: Visit, pipeline: Pipeline) -> Unseen:
    library = visited.library
    (face,) = library.people.faces_in(visited.portrait)
    cluster = library.people.cluster_of(face)
    assert cluster is not None
    library.people.name(str(cluster), "Grace Hopper")
    photo, box = put_unseen(library, pipeline, visited.more / "grace-hopper-close-up.png")
    visited.go(f"/photos/{photo}")
    return Unseen(photo, box, cluster)


@pytest.fixture
def phone(visited: Visit) -> Iterator[Any]:
    """Its screen; sends touches of one finger or several, each a way of points in pixels of the window."""
    visited.page.set_viewport_size(PHONE)
    devtools = visited.page.context.new_cdp_session(visited.page)
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})

    def touch(*ways: list[tuple[float, float]]) -> None:
        for step, fingers in enumerate(zip(*ways, strict=True)):
            points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
            kind = "touchMove" if step else "touchStart"
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    yield touch
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def on_screen(visit: Visit, *points: tuple[float, float]) -> list[tuple[float, float]]:
    """Points of the photo, in pixels of the window."""
    frame = visit.page.locator("[data-boxes]").bounding_box()
    width = float(visit.page.locator("[data-stage]").get_attribute("data-width"))
    scale = frame["width"] / width
    return [(frame["x"] + x * scale, frame["y"] + y * scale) for x, y in points]


def drag(visit: Visit, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x1, y1), (x2, y2) = on_screen(visit, start, end)
    visit.page.mouse.move(x1, y1)
    visit.page.mouse.down()
    visit.page.mouse.move((x1 + x2) / 2, (y1 + y2) / 2)
    visit.page.mouse.move(x2, y2)
    visit.page.mouse.up()


def faces_on(visit: Visit, photo: int) -> tuple[Face, ...]:
    return visit.library.browse.photo(photo).photo.faces


def near(box: Box, other: Box, by: float) -> bool:
    return all(abs(a - b) <= by for a, b in zip(box, other, strict=True))


def with_two(visit: Visit) -> Photo:
    found = next(photo for photo in visit.library.browse.photos(limit=60).items if photo.face_count == 2)
    return visit.library.browse.photo(found.id).photo


def percent(visit: Visit) -> int:
    return int(re.sub(r"\D", "", str(visit.page.locator("[data-percent]").text_content())))


# -- drawing


def test_a_face_is_drawn_with_the_mouse_proposed_and_named(visited: Visit, unseen: Unseen) -> None:
    visit, before = visited, visited.state()
    x1, y1, x2, y2 = unseen.box
    visit.page.get_by_role("button", name="Draw a face").click()
    drag(visit, (x1, y1), (x2, y2))
    visit.page.get_by_role("button", name="Keep").click()
    assert "drawn" in visit.note()
    (face,) = faces_on(visit, unseen.photo)
    assert (face.drawn, near(face.box, unseen.box, 3)) == (True, True)
    proposed = visit.page.locator(".likely button", has_text="Grace Hopper")
    assert proposed.evaluate("button => button === document.activeElement")
    assert len(visit.library.people.history()) == 2
    visit.page.keyboard.press("Enter")
    visit.page.locator("#notes .note", has_text="Grace Hopper").wait_for()
    assert visit.library.people.cluster_of(face.id) == unseen.cluster
    assert visit.page.locator("[data-boxes] text").text_content() == "Grace Hopper"
    visit.undo()
    visit.go("/history")
    visit.page.locator(".history").get_by_role("button", name="Undo").click()
    visit.page.locator("#notes .note.plain").wait_for()
    assert faces_on(visit, unseen.photo) == ()
    assert visit.state() == before


def test_a_face_is_drawn_and_moved_by_keys_alone(visited: Visit, unseen: Unseen) -> None:
    visit, keys = visited, visited.page.keyboard
    keys.press("d")
    box = visit.page.locator(".edit rect")
    start = [float(box.get_attribute(name)) for name in ("x", "y", "width", "height")]
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        keys.press(key)
    now = [float(box.get_attribute(name)) for name in ("x", "y", "width", "height")]
    assert now[0] < start[0]
    assert now[1] < start[1]
    assert now[2] > start[2]
    assert now[3] > start[3]
    assert visit.page.url.endswith(f"/photos/{unseen.photo}")
    keys.press("Enter")
    assert "drawn" in visit.note()
    (face,) = faces_on(visit, unseen.photo)
    assert near(face.box, (now[0], now[1], now[0] + now[2], now[1] + now[3]), 0.11)
    keys.press("Escape")  # out of what has the focus, or the message away
    visit.page.locator("[data-stage]").evaluate("stage => document.activeElement.blur()")
    keys.press("m")
    keys.press("ArrowDown")
    keys.press("Enter")
    visit.page.locator("#notes .note", has_text="moved").wait_for()
    (moved,) = faces_on(visit, unseen.photo)
    assert moved.id == face.id
    assert moved.box[1] > face.box[1]
    visit.undo()
    assert faces_on(visit, unseen.photo)[0].box == face.box


def test_leaving_draws_nothing(visited: Visit, unseen: Unseen) -> None:
    visit = visited
    decisions = visit.library.people.history()
    visit.page.keyboard.press("d")
    visit.page.keyboard.press("ArrowLeft")
    visit.page.keyboard.press("Escape")
    assert visit.page.locator(".edit").count() == 0
    assert visit.page.locator("[data-drawing]").is_hidden()
    assert (faces_on(visit, unseen.photo), visit.library.people.history()) == ((), decisions)


def test_a_box_is_resized_by_its_corner_and_survives_another_look(visited: Visit) -> None:
    visit, photo = visited, with_two(visited)
    face = photo.faces[0]
    x1, y1, x2, y2 = face.box
    visit.go(f"/photos/{photo.id}?face={face.id}")
    visit.page.locator(f"#face-{face.id}").get_by_role("button", name="Move its box").click()
    drag(visit, (x2, y2), (x2 + 14, y2 + 10))
    visit.page.get_by_role("button", name="Keep").click()
    assert "moved" in visit.note()
    wanted = (x1, y1, x2 + 14, y2 + 10)
    assert near(visit.library.browse.face(face.id).box, wanted, 2)
    visit.library.index(Path(photo.paths[0]).parent, redo=True)
    assert near(visit.library.browse.face(face.id).box, wanted, 2)
    assert len(faces_on(visit, photo.id)) == 2


def test_a_box_over_a_face_is_refused_and_stays_to_be_drawn_again(visited: Visit) -> None:
    visit, photo = visited, with_two(visited)
    face = photo.faces[0]
    visit.go(f"/photos/{photo.id}")
    visit.page.keyboard.press("d")
    drag(visit, face.box[:2], face.box[2:])
    visit.page.keyboard.press("Enter")
    visit.page.locator("#notes .note.error", has_text=f"There is face {face.id} already").wait_for()
    assert visit.page.locator(".edit rect").count() == 1
    assert visit.page.locator("[data-drawing]").is_visible()
    assert visit.library.people.history() == []


def test_a_change_elsewhere_does_not_take_away_what_is_being_drawn(visited: Visit, unseen: Unseen) -> None:
    visit = visited
    visit.page.keyboard.press("d")
    visit.page.keyboard.press("ArrowLeft")
    box = visit.page.locator(".edit rect").get_attribute("x")
    visit.library.people.name(str(unseen.cluster), "Rear Admiral Hopper")
    visit.page.wait_for_timeout(2500)  # pages ask every second
    assert visit.page.locator(".edit rect").get_attribute("x") == box
    visit.page.keyboard.press("Enter")
    visit.page.locator("#notes .note", has_text="drawn").wait_for()
    assert len(faces_on(visit, unseen.photo)) == 1


def test_a_face_is_drawn_with_a_finger(visited: Visit, unseen: Unseen, phone: Any) -> None:
    visit = visited
    x1, y1, x2, y2 = unseen.box
    visit.page.get_by_role("button", name="Draw a face").click()
    (start, middle, end) = on_screen(visit, (x1, y1), ((x1 + x2) / 2, (y1 + y2) / 2), (x2, y2))
    phone([start, middle, end])
    assert visit.page.get_by_role("button", name="Keep").is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    visit.page.get_by_role("button", name="Keep").click()
    assert "drawn" in visit.note()
    (face,) = faces_on(visit, unseen.photo)
    assert near(face.box, unseen.box, 6)


# -- looking


def test_it_is_turned_in_the_list_that_one_came_from(visited: Visit) -> None:
    visit = visited
    cluster = visit.largest(1)[0]
    faces = [face.photo_id for face in visit.library.browse.faces(str(cluster)).items]
    photos = list(dict.fromkeys(faces))
    visit.go(f"/people/{cluster}")
    visit.page.locator(f'[href^="/photos/{photos[0]}?"]').first.click()
    for place, photo in enumerate(photos, start=1):
        visit.page.wait_for_url(re.compile(rf"/photos/{photo}\?"))
        visit.page.locator("[data-place]", has_text=f"{place} of {len(photos)}").wait_for()
        visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("ArrowLeft")
    visit.page.wait_for_url(re.compile(rf"/photos/{photos[-2]}\?"))
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_url(f"**/people/{cluster}")
    visit.page.go_forward()
    visit.page.wait_for_url(re.compile(rf"/photos/{photos[-2]}\?"))
    visit.page.go_back()  # turning has not filled the history
    visit.page.wait_for_url(f"**/people/{cluster}")


def test_esc_leads_back_to_the_same_place_in_the_list(visited: Visit) -> None:
    visit = visited
    visit.page.set_viewport_size({"width": 900, "height": 400})
    visit.go("/photos")
    visit.page.mouse.move(450, 200)
    visit.page.mouse.wheel(0, 500)
    last = visit.page.locator(".photo a").last
    last.scroll_into_view_if_needed()
    top = visit.page.evaluate("scrollY")
    assert top > 200
    last.click()
    visit.page.locator("[data-place]", has_text=" of ").wait_for()
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_url("**/photos")
    for _ in range(200):  # the list comes, then its place
        if abs(visit.page.evaluate("scrollY") - top) <= 2:
            return
        visit.page.wait_for_timeout(50)
    pytest.fail("the list is not where it was")


def test_turning_goes_on_behind_what_the_list_had_shown(visited: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.web.finding.PHOTOS", 3)
    visit = visited
    photos = [photo.id for photo in visit.library.browse.photos(limit=60).items]
    visit.page.set_viewport_size({"width": 1280, "height": 300})
    visit.go("/photos")
    visit.page.locator(".photo a").first.click()
    for photo in photos[:8]:
        visit.page.wait_for_url(f"**/photos/{photo}")
        visit.page.locator("[data-place]", has_text=" of ").wait_for()
        visit.page.locator("[rel=next][href]").wait_for()
        visit.page.keyboard.press("ArrowRight")


def test_opened_by_its_address_it_is_turned_by_date(visited: Visit) -> None:
    visit = visited
    photos = [photo.id for photo in visit.library.browse.photos(limit=60).items]
    visit.go(f"/photos/{photos[1]}")
    visit.page.keyboard.press("ArrowRight")
    visit.page.wait_for_url(f"**/photos/{photos[2]}")


def test_it_is_looked_at_closely_with_keys_wheel_and_mouse(visited: Visit) -> None:
    visit = visited
    visit.go(f"/photos/{with_two(visit).id}")
    sheet = visit.page.locator("[data-sheet]")
    whole = sheet.bounding_box()
    visit.page.keyboard.press("+")
    visit.page.keyboard.press("=")
    assert percent(visit) > 150
    assert sheet.bounding_box()["width"] > 1.5 * whole["width"]
    visit.page.keyboard.press("-")
    assert 120 < percent(visit) < 150
    visit.page.keyboard.press("0")
    assert percent(visit) == 100
    assert sheet.bounding_box() == whole
    at = (whole["x"] + whole["width"] / 4, whole["y"] + whole["height"] / 4)
    visit.page.mouse.move(*at)
    for _ in range(4):
        visit.page.mouse.wheel(0, -200)
    visit.page.locator("[data-percent]", has_text=re.compile("^[2-9]")).wait_for()
    before = sheet.bounding_box()
    visit.page.mouse.down()
    visit.page.mouse.move(at[0] - 60, at[1] - 40, steps=4)
    visit.page.mouse.up()
    after = sheet.bounding_box()
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (-60, -40)
    visit.page.mouse.dblclick(*at)
    assert percent(visit) == 100


def test_it_is_looked_at_closely_with_two_fingers_and_turned_with_one(visited: Visit, phone: Any) -> None:
    visit = visited
    photos = [photo.id for photo in visit.library.browse.photos(limit=60).items]
    visit.go(f"/photos/{photos[1]}")
    frame = visit.page.locator("[data-stage]").bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    phone([(x - 20 - 10 * step, y) for step in range(5)], [(x + 20 + 10 * step, y) for step in range(5)])
    assert percent(visit) > 200
    visit.page.locator("[data-zoom=fit]").click()
    phone([(x + 80 - 30 * step, y + step) for step in range(6)])
    visit.page.wait_for_url(f"**/photos/{photos[2]}")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_boxes_are_hidden_and_stay_so_on_the_next_photo(visited: Visit) -> None:
    visit, photo = visited, with_two(visited)
    visit.go(f"/photos/{photo.id}")
    box = visit.page.locator("[data-boxes] a").first
    assert box.is_visible()
    visit.page.keyboard.press("b")
    assert not box.is_visible()
    visit.page.reload()
    assert not visit.page.locator("[data-boxes] a").first.is_visible()
    visit.page.keyboard.press("b")
    assert visit.page.locator("[data-boxes] a").first.is_visible()


def test_faces_without_a_name_are_named_one_after_the_other(visited: Visit) -> None:
    visit, photo = visited, with_two(visited)
    visit.go(f"/photos/{photo.id}")
    for name in ("Anna", "Ben"):
        visit.page.keyboard.press("n")
        visit.page.keyboard.type(name)
        visit.page.keyboard.press("Enter")
        visit.page.locator("[data-boxes] text", has_text=name).wait_for()
        visit.page.keyboard.press("Escape")
    assert {face.title for face in faces_on(visit, photo.id)} == {"Anna", "Ben"}
    assert visit.page.locator("[data-unnamed]").count() == 0


# -- where it is


def test_its_path_is_copied_and_its_folder_opened(
    visited: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("facesearch.web.photos.can_open", lambda: True)
    monkeypatch.setattr("facesearch.web.photos.open_folder_of", opened.append)
    visit, photo = visited, with_two(visited)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.go(f"/photos/{photo.id}")
    visit.page.get_by_role("button", name="Copy").click()
    visit.page.get_by_role("button", name="Copied").wait_for()
    assert visit.page.evaluate("navigator.clipboard.readText()") == photo.paths[0]
    visit.page.get_by_role("button", name="Open the folder").click()
    assert "The folder is open." in visit.note()
    assert opened == [photo.paths[0]]


@pytest.mark.parametrize("width", [1280, 360])
def test_a_photo_that_was_deleted_says_so_on_its_page_and_in_lists(visited: Visit, tmp_path: Path, width: int) -> None:
    visit, photo = visited, with_two(visited)
    visit.page.set_viewport_size({"width": width, "height": 740})
    file = Path(photo.paths[0])
    kept = file.rename(tmp_path / file.name)
    try:
        visit.go("/photos")
        picture = visit.page.locator(f'.photo [src="/pictures/photo/{photo.id}/480"]')
        answer = visit.page.request.get(visit.serving.address + f"pictures/photo/{photo.id}/480")
        assert "No longer there." in answer.text()
        picture.click()
        visit.page.get_by_role("heading", name=f"This photo is no longer at {file}").wait_for()
        assert visit.page.get_by_role("button", name="Draw a face").count() == 0
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        visit.page.get_by_role("link", name="Look in folders again").click()
        visit.page.wait_for_url("**/index")
    finally:
        kept.rename(file)
