"""The page stays where it is, whatever is done on it or elsewhere; in a browser of a desk's and of a phone's size."""

from typing import Any

import pytest
from browsing import Visit

from facesearch.web import people as people_pages

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def apart(one: Any, other: Any) -> bool:
    """Whether two elements share no place on the screen."""
    a, b = one.bounding_box(), other.bounding_box()
    beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    return bool(beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"])


def nothing_is_covered(visit: Visit, place: str) -> None:
    note = visit.page.locator("#notes .note")
    note.wait_for()
    note.evaluate("note => Promise.all(note.getAnimations().map(one => one.finished))")
    buttons = [one for one in visit.page.locator(f"{place} button, {place} a.button").all() if one.is_visible()]
    assert buttons
    assert all(apart(note, button) for button in buttons)


@SIZES
def test_a_message_covers_no_button_of_the_bar(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    first = visit.largest(1)[0]
    visit.go(f"/people/{first}")
    visit.page.locator(".pick").nth(0).check()
    visit.page.get_by_role("button", name="They are right").click()
    visit.note()
    visit.page.locator(".pick").nth(1).check()
    nothing_is_covered(visit, "form.bar")
    visit.page.get_by_role("button", name="Close the message").click()
    visit.counted("#notes .note", 0)


@SIZES
@pytest.mark.parametrize("visited", ["parted"], indirect=True)
def test_a_message_covers_no_answer(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    visit.library.people.name(str(visit.largest(1)[0]), "Anna")
    visit.go("/review")
    visit.page.keyboard.press("y")
    visit.note()
    visit.page.keyboard.press("u")
    visit.page.locator("#notes .note.plain").wait_for()
    nothing_is_covered(visit, ".answers")


def test_a_message_goes_by_escape(visited: Visit) -> None:
    visit = visited
    field = visit.page.locator(".card input[name=to]").first
    field.fill("Anna")
    field.press("Enter")
    visit.note()
    visit.page.keyboard.press("Escape")  # leaves the field of the next one
    visit.page.keyboard.press("Escape")
    visit.counted("#notes .note", 0)


@SIZES
def test_reload_and_back_lead_to_the_same_place(
    visited: Visit, size: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = visited
    monkeypatch.setattr(people_pages, "FACES", 4)
    visit.page.set_viewport_size({**size, "height": 400})
    cluster = visit.largest(1)[0]
    visit.go(f"/people/{cluster}?order=doubt")
    all_faces = visit.library.browse.cluster(str(cluster)).size
    for _ in range(all_faces):
        if visit.page.locator("[data-face]").count() == all_faces:
            break
        visit.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        visit.page.wait_for_timeout(100)
    visit.counted("[data-face]", all_faces)
    last = visit.page.locator(".pick").last
    last.check()
    value = last.get_attribute("value")
    visit.page.locator("form.bar input[name=to]").fill("Anna Exam")
    visit.page.evaluate("scrollTo(0, document.body.scrollHeight - innerHeight - 30)")
    top = visit.page.evaluate("scrollY")
    assert top > 0

    def same_place() -> None:
        visit.counted("[data-face]", all_faces)
        visit.counted(".pick:checked", 1)
        assert visit.page.locator(".pick:checked").get_attribute("value") == value
        assert visit.page.locator("form.bar input[name=to]").input_value() == "Anna Exam"
        assert visit.page.locator("[aria-current=true]", has_text="doubt").count() <= 1
        assert "order=doubt" in visit.page.url
        assert abs(visit.page.evaluate("scrollY") - top) <= 2

    visit.page.reload()
    same_place()
    visit.go("/history")
    visit.page.go_back()
    same_place()


def test_a_name_is_kept_while_the_server_is_away(visited: Visit) -> None:
    from playwright.sync_api import expect

    visit = visited
    cluster = visit.largest(1)[0]
    field = visit.page.locator(f"#cluster-{cluster} input[name=to]")
    button = visit.page.locator(f"#cluster-{cluster} .ask button")
    expect(button).to_have_css("position", "absolute")  # out of sight
    field.fill("Anna")
    visit.page.context.set_offline(True)
    field.press("Enter")
    assert "does not answer" in visit.note()
    assert field.input_value() == "Anna"
    visit.page.locator("h1").click()  # a click elsewhere
    assert field.input_value() == "Anna"
    visit.page.context.set_offline(False)
    expect(button).to_have_css("position", "static")  # without it, nothing on a phone would send the name that is left
    button.click()
    visit.page.locator(f"#cluster-{cluster} .name", has_text="Anna").wait_for()
    visit.problems.clear()  # what the browser itself says of a server that is away


def test_u_is_a_letter_while_a_name_is_typed(visited: Visit) -> None:
    visit = visited
    fields = visit.page.locator(".card input[name=to]")
    fields.first.fill("Anna")
    fields.first.press("Enter")
    visit.note()
    field = visit.page.locator(".card input[name=to]:focus")
    field.wait_for()  # the next one
    hint = visit.page.locator("#notes kbd:visible")
    assert hint.text_content() == "Ctrl Z"
    visit.page.keyboard.type("Ulla u")
    assert field.input_value() == "Ulla u"
    assert [one.summary for one in visit.library.people.history()] == [f"cluster {visit.largest(1)[0]} is Anna"]
    field.fill("")
    visit.page.keyboard.press("Control+z")
    visit.page.locator("#notes .note.plain").wait_for()
    assert visit.library.people.history() == []
    visit.page.keyboard.press("Escape")
    fields.first.fill("Anna")
    fields.first.press("Enter")
    visit.page.locator("#notes .note.done").wait_for()
    visit.page.keyboard.press("Escape")
    assert visit.page.locator("#notes kbd:visible").text_content() == "U"
    visit.page.keyboard.press("u")
    visit.page.locator("#notes .note.plain").wait_for()
    assert visit.library.people.history() == []


def test_a_key_that_is_pressed_twice_answers_once(visited: Visit) -> None:
    visit = visited
    first, second = visit.largest(2)
    for cluster in (first, second):
        visit.page.locator(f"#cluster-{cluster} .pick").check()
    visit.page.get_by_role("button", name="They are one person").dblclick()
    visit.note()
    visit.page.locator("#notes .note.done").wait_for()
    assert len(visit.library.people.history()) == 1


def test_what_another_window_does_comes_in_and_nothing_is_overwritten(visited: Visit) -> None:
    visit = visited
    first, second, *_ = visit.largest(3)
    other = visit.page.context.new_page()
    other.goto(visit.serving.address)
    there = other.locator(f"#cluster-{first} input[name=to]")
    there.fill("Bea")
    picked = other.locator(f"#cluster-{second} .pick")
    picked.check()
    other.bring_to_front()
    visit.library.people.name(str(first), "Anna")  # as another process
    other.locator(f"#cluster-{first} .name", has_text="Anna").wait_for(timeout=4000)  # 2 s, on a machine with load
    assert there.input_value() == "Bea", "what was typed stays"
    assert picked.is_checked()
    there.press("Enter")
    other.locator("#notes .error").wait_for()
    assert f"cluster {first} has been named Anna meanwhile" in str(other.locator("#notes .error").text_content())
    assert visit.library.browse.cluster(str(first)).person.name == "Anna"  # type: ignore[union-attr]
    assert visit.page.locator("h1").text_content() == "People"
    visit.page.bring_to_front()
    visit.page.locator(f"#cluster-{first} .name", has_text="Anna").wait_for(timeout=4000)
    visit.page.locator(f"#cluster-{second} input[name=to]").fill("Carla")
    visit.page.locator(f"#cluster-{second} input[name=to]").press("Enter")
    visit.note()
    other.bring_to_front()
    other.locator(f"#cluster-{second} .name", has_text="Carla").wait_for(timeout=4000)


def test_the_counts_of_the_head_follow(visited: Visit) -> None:
    visit = visited
    head = visit.page.locator(".head p").first
    before = str(head.text_content())
    field = visit.page.locator(".card input[name=to]").first
    field.fill("Anna")
    field.press("Enter")
    visit.note()
    assert str(head.text_content()) != before
    assert str(head.text_content()).startswith("1 person with a name")


def test_keys_are_listed(visited: Visit) -> None:
    visit = visited
    visit.page.keyboard.press("?")
    dialog = visit.page.get_by_role("dialog")
    dialog.wait_for()
    assert "undo what was just done" in str(dialog.text_content())
    visit.page.keyboard.press("Escape")
    visit.counted("dialog[open]", 0)
