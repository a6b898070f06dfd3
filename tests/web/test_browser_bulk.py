"""Selecting many and deciding about all of them at once, and answering questions by keys; at a desk and on a phone."""

from typing import Any

import pytest
from browsing import Visit

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
PHOTOS = pytest.mark.parametrize("visited", [pytest.param("photos", marks=pytest.mark.data)], indirect=True)
# The demo on a phone, photos of many people at a desk: each takes half a minute, and neither depends on the other.
BOTH = pytest.mark.parametrize(
    ("visited", "size"), [("demo", PHONE), pytest.param("photos", DESK, marks=pytest.mark.data)], indirect=["visited"]
)


def sizes(*keys: str) -> Any:
    """Each of some keys, at a desk and on a phone in turn: what they do does not depend on each other."""
    return pytest.mark.parametrize(("size", "key"), [((DESK, PHONE)[at % 2], key) for at, key in enumerate(keys)])


# As long as the next question must have been there before a key answers it.
SEEN_MS = 450


def selected(visit: Visit) -> list[int]:
    """Which of the pictures are, by their place."""
    return [at for at, box in enumerate(visit.page.locator(".pick").all()) if box.is_checked()]


def loosen(visit: Visit, cluster: int, count: int) -> list[int]:
    """Some faces of a cluster are in none any more, and nothing is decided about them."""
    faces = [face.id for face in visit.library.browse.faces(str(cluster), "doubt").items[-count:]]
    visit.library.people.not_a_face(faces)
    visit.library.people.is_a_face(faces)
    return faces


def question(visit: Visit) -> str:
    return str(visit.page.locator("[data-question]").get_attribute("data-question"))


def answered(visit: Visit, key: str, *, seen: bool = True) -> None:
    """Press a key, and wait until something else is asked, or nothing."""
    before = question(visit)
    if seen:
        visit.page.wait_for_timeout(SEEN_MS)
    visit.page.keyboard.press(key)
    visit.counted(f'[data-question="{before}"]', 0)


@BOTH
def test_many_are_selected_by_mouse_and_keys(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    visit.go(f"/people/{visit.largest(1)[0]}")
    boxes, press = visit.page.locator(".pick"), visit.page.keyboard.press
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    assert selected(visit) == [0, 1, 2, 3]
    boxes.nth(1).click(modifiers=["Shift"])
    assert selected(visit) == [0, 2, 3] or selected(visit) == [2, 3]  # taken out from the anchor to there
    press("Escape")
    assert selected(visit) == []
    boxes.nth(1).focus()
    press("x")
    assert selected(visit) == [1]
    press("Space")
    assert selected(visit) == []
    press("ArrowRight")
    press("Shift+ArrowRight")
    press("Shift+ArrowRight")
    assert selected(visit) == [2, 3, 4]
    press("Shift+ArrowLeft")
    assert selected(visit) == [2, 3]
    assert visit.page.locator(".chosen").text_content() == "2 faces selected"
    press("Control+a")
    assert selected(visit) == list(range(boxes.count()))
    press("Escape")
    assert selected(visit) == []
    press("ArrowDown")
    press("x")
    (below,) = selected(visit)
    assert below > 3, "it is in the next row"


@SIZES
def test_with_some_selected_a_picture_is_selected_and_not_opened(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    visit.go(f"/people/{visit.largest(1)[0]}")
    boxes, tiles = visit.page.locator(".pick"), visit.page.locator(".faces .tile")
    boxes.nth(0).check()
    tiles.nth(2).click()
    assert selected(visit) == [0, 2]
    tiles.nth(4).click(modifiers=["Shift"])
    assert selected(visit) == [0, 2, 3, 4]
    for at in (0, 2, 3, 4):
        boxes.nth(at).uncheck()
    tiles.nth(2).click()
    visit.page.wait_for_url("**/photos/*")


@sizes("h", "f", "n")
def test_many_faces_are_decided_about_at_once_and_undone_at_once(
    visited: Visit, size: dict[str, int], key: str
) -> None:
    visit, before = visited, visited.state()
    visit.page.set_viewport_size(size)
    cluster = visit.largest(1)[0]
    visit.go(f"/people/{cluster}?order=doubt")
    faces = [face.id for face in visit.library.browse.faces(str(cluster), "doubt").items[:3]]
    visit.page.locator(".pick").nth(0).click()
    visit.page.locator(".pick").nth(2).click(modifiers=["Shift"])
    if key == "n":
        visit.page.get_by_label("Who they are").fill("Bea")
        visit.page.keyboard.press("Enter")
    else:
        visit.page.keyboard.press(key)
    visit.note()
    visit.counted(f'[data-face="{faces[0]}"]', 0)
    shown = {"h": None, "f": None, "n": "Bea"}[key]
    now = [visit.library.browse.face(face) for face in faces]
    assert all(face.cluster != cluster and (face.person and face.person.name) == shown for face in now)
    assert all(face.not_a_face == (key == "f") for face in now)
    if key == "h":
        assert {one.id for one in visit.library.browse.people("ignored").items} == {face.cluster for face in now}
    assert len(visit.library.people.history()) == 1
    visit.undo()
    visit.counted(f'[data-face="{faces[0]}"]', 1)
    assert visit.state() == before


@PHOTOS
@sizes("h", "f", "n", "m")
def test_many_people_are_decided_about_at_once_and_undone_at_once(
    visited: Visit, size: dict[str, int], key: str
) -> None:
    visit, before = visited, visited.state()
    visit.page.set_viewport_size(size)
    first, *others = visit.clusters_shown()[:4]
    faces = sum(visit.library.browse.cluster(str(cluster)).size for cluster in (first, *others))
    visit.page.locator(".pick").nth(0).focus()
    for _ in others:
        visit.page.keyboard.press("Shift+ArrowRight")
    assert selected(visit) == [0, 1, 2, 3]
    visit.page.keyboard.press(key)
    if key == "n":
        visit.page.keyboard.type("Anna nonymous")  # n and m are letters now
        visit.page.keyboard.press("Enter")
    visit.note()
    visit.counted(f'[data-cluster="{others[-1]}"]', 0)
    assert len(visit.library.people.history()) == 1
    assert (first in visit.clusters_shown()) == (key in "mn")
    if key in "mn":
        one = visit.library.browse.cluster(str(first))
        assert (one.size, one.title) == (faces, "Anna nonymous" if key == "n" else f"cluster {first}")
    else:
        counts = visit.library.browse.counts()
        assert (counts.ignored, counts.not_faces) == ((4, 0) if key == "h" else (0, faces))
    visit.undo()
    visit.counted(f'[data-cluster="{others[-1]}"]', 1)
    assert visit.state() == before


@SIZES
def test_keys_decide_nothing_while_nothing_is_selected(visited: Visit, size: dict[str, int]) -> None:
    visit, before = visited, visited.state()
    visit.page.set_viewport_size(size)
    for key in "hfm":
        visit.page.keyboard.press(key)
    visit.page.wait_for_timeout(300)
    assert visit.page.locator("#notes .note").count() == 0
    assert visit.state() == before


@SIZES
def test_everybody_on_few_photos_is_hidden_in_one_step_which_says_how_many(
    visited: Visit, size: dict[str, int]
) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    visit.library.people.name(str(visit.largest(1)[0]), "Anna")
    before, shown = visit.state(), visit.clusters_shown()
    visit.page.get_by_role("link", name="Hide people on few photos").click()
    visit.page.get_by_label("On fewer photos than").fill("500")
    heading = visit.page.get_by_role("heading", name="1 person without a name is on fewer than 500 photos")
    heading.wait_for()
    assert "and 1 person with one" in str(heading.text_content())
    visit.page.get_by_role("button", name="Hide 1 person").click()
    visit.page.wait_for_url("**/?message=*")
    assert "1 person on fewer than 500 photos is ignored" in visit.note()
    assert visit.clusters_shown() == visit.largest(1) == shown[:1]
    visit.undo()
    visit.counted(".card", len(shown))
    assert visit.state() == before


@BOTH
def test_faces_are_asked_about_by_keys_one_each(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    cluster = visit.largest(1)[0]
    visit.library.people.name(str(cluster), "Anna")
    faces = loosen(visit, cluster, 3)
    decided = len(visit.library.people.history())
    visit.go("/review/faces")
    assert visit.page.locator("h1").text_content() == "Is this Anna?"
    first = question(visit)
    answered(visit, "y", seen=False)
    assert "is Anna" in visit.note()
    answered(visit, "n")
    kinds = [one.kind for one in visit.library.people.history()[:2]]
    assert kinds == ["reject", "assign"]
    third = question(visit)
    visit.page.keyboard.press("u")
    visit.page.locator("#notes .note.plain").wait_for()
    second = question(visit)
    assert second not in (first, third)
    answered(visit, "s")
    visit.page.wait_for_url("**/review/faces?after=*")
    assert question(visit) == third
    assert len(visit.library.people.history()) == decided + 1
    assert sum(visit.library.people.cluster_of(face) == cluster for face in faces) == 1
    visit.page.keyboard.press("w")
    visit.page.keyboard.type("Bea")
    visit.page.keyboard.press("Enter")
    visit.page.locator("#notes .note", has_text="is Bea").wait_for()
    visit.page.keyboard.press("u")  # the next keys are answers again, and not text
    visit.page.locator("#notes .note", has_text="Undone").wait_for()


@pytest.mark.parametrize("visited", ["demo"], indirect=True)
@SIZES
def test_the_place_in_review_is_kept(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    cluster = visit.largest(1)[0]
    visit.library.people.name(str(cluster), "Anna")
    loosen(visit, cluster, 4)
    visit.go("/review/faces")
    first = question(visit)
    answered(visit, "s")
    second = question(visit)
    visit.page.reload()
    assert question(visit) == second
    answered(visit, "y")
    third = question(visit)
    visit.page.reload()
    assert question(visit) == third
    visit.page.locator(".side h2 a").first.click()
    visit.page.wait_for_url("**/people/*")
    visit.page.go_back()
    visit.page.locator("[data-question]").wait_for()
    assert question(visit) == third
    visit.page.go_back()
    visit.page.locator(f'[data-question="{first}"]').wait_for()


@pytest.mark.parametrize(("visited", "path"), [("demo", "/review/faces"), ("parted", "/review")], indirect=["visited"])
def test_a_key_pressed_twice_answers_one_question_and_alarms_nobody(visited: Visit, path: str) -> None:
    visit = visited
    if path == "/review/faces":
        cluster = visit.largest(1)[0]
        visit.library.people.name(str(cluster), "Anna")
        loosen(visit, cluster, 3)
    decided = len(visit.library.people.history())
    visit.go(path)
    before = question(visit)
    visit.page.evaluate(
        """() => document.addEventListener("page:changed", () => {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "y", bubbles: true }));
        }, { once: true })"""
    )  # once more as soon as there is another one, which nobody has seen
    visit.page.keyboard.press("y")
    visit.page.keyboard.press("y")
    visit.counted(f'[data-question="{before}"]', 0)
    visit.page.wait_for_timeout(SEEN_MS)
    assert len(visit.library.people.history()) == decided + 1
    assert visit.page.locator("#notes .note.error").count() == 0


@sizes("1", "2", "b", "n")
def test_whoever_is_twice_on_a_photo_is_asked_about(visited: Visit, size: dict[str, int], key: str) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    first = visit.largest(1)[0]
    visit.library.people.name(str(first), "Anna")
    photo = next(card for card in visit.library.browse.photos(limit=60).items if card.face_count == 2)
    left, right = (face.id for face in visit.library.browse.photo(photo.id).photo.faces)
    visit.library.people.assign([left, right], "Anna")
    before = visit.state()
    visit.go("/review/faces")
    assert visit.page.locator("h1").text_content() == "Anna is twice in this photo: which one is Anna?"
    assert inside(visit.page.locator(".picture svg rect").first, visit.page.locator(".picture img"))
    visit.page.keyboard.press(key)
    visit.note()
    visit.page.locator("h1", has_not_text="twice").wait_for()
    mine = {"1": [left], "2": [right], "b": [left, right], "n": []}[key]
    assert [face for face in (left, right) if visit.library.people.cluster_of(face) == first] == mine
    visit.undo()
    visit.page.locator("h1", has_text="Anna is twice").wait_for()
    assert visit.state() == before


def inside(one: Any, other: Any) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    return bool(b["x"] <= a["x"] <= b["x"] + b["width"] and b["y"] <= a["y"] <= b["y"] + b["height"])


def test_the_pictures_of_the_next_question_are_there_before_it_is_asked(visited: Visit) -> None:
    visit = visited
    cluster = visit.largest(1)[0]
    visit.library.people.name(str(cluster), "Anna")
    loosen(visit, cluster, 3)
    asked: list[str] = []
    visit.go("/review/faces")
    visit.page.wait_for_load_state("networkidle")
    visit.page.on("request", lambda request: asked.append(request.url))
    answered(visit, "y")
    visit.page.wait_for_load_state("networkidle")
    face = int(question(visit).split("-")[1])
    shown = visit.page.locator(f'.side img[src="/pictures/face/{face}/192"]')
    assert shown.evaluate("image => image.complete && image.naturalWidth > 0")
    assert not [url for url in asked if url.endswith(f"/face/{face}/192")]
