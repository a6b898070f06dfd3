"""Folders, names that somebody has, and what is left to do, in a real browser at a desk's and a phone's size."""

import threading
from pathlib import Path

import pytest
from browsing import Visit

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SIZES = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


def left(visit: Visit) -> str:
    return str(visit.page.get_by_role("navigation", name="What is left to do").text_content())


def fits(visit: Visit) -> bool:
    """Whether nothing is wider than the screen."""
    return bool(visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def name_in_list(visit: Visit, cluster: int, name: str) -> None:
    field = visit.page.locator(f"#cluster-{cluster} input[name=to]")
    field.fill(name)
    field.press("Enter")


@SIZES
def test_a_name_that_somebody_has_is_asked_about_and_answered_by_keyboard(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    first, second = visit.largest(2)
    visit.library.people.name(f"cluster:{first}", "Anna")
    visit.go("/")
    before = visit.state()
    name_in_list(visit, second, "anna")
    assert "Anna is there already: the same person?" in visit.note()
    visit.page.locator(".asked button:focus", has_text="The same person").wait_for()
    assert fits(visit)
    assert visit.state() == before
    visit.page.keyboard.press("Escape")  # what was typed is not lost by it
    visit.counted(".asked", 0)
    assert visit.page.locator(f"#cluster-{second} input[name=to]").input_value() == "anna"
    visit.page.locator(f"#cluster-{second} input[name=to]").press("Enter")
    visit.page.locator(".asked button:focus").wait_for()
    visit.page.keyboard.press("Enter")
    visit.counted(f"#cluster-{second}", 0)
    assert [one.title for one in visit.library.browse.people().items].count("Anna") == 1
    assert "1 person with a name, 0 clusters without" in str(visit.page.locator(".head").text_content())
    visit.undo()
    visit.page.locator(f"#cluster-{second}").wait_for()
    assert visit.state() == before


def test_another_person_of_a_name_and_one_called_by_a_number(visited: Visit) -> None:
    visit = visited
    first, second = visit.largest(2)
    name_in_list(visit, first, str(second))
    visit.page.locator(f"#cluster-{first} .name", has_text=str(second)).wait_for()
    assert visit.library.browse.cluster(f"name:{second}").id == first
    name_in_list(visit, second, str(second))
    visit.page.get_by_role("button", name=f"Another {second}").click()
    visit.page.locator(f"#cluster-{second} .name", has_text=str(second)).wait_for()
    assert [one.title for one in visit.library.browse.people().items] == [str(second)] * 2
    visit.go(f"/people/{first}")
    assert visit.page.get_by_role("heading", level=1).text_content() == str(second)
    visit.page.get_by_text("More", exact=True).click()
    visit.page.get_by_label("Who is the same person").fill(str(second))
    visit.page.get_by_role("button", name="Merge").click()
    assert f"{second} is there already: the same person?" in visit.note()
    visit.page.locator(".asked button").click()
    visit.counted(".asked", 0)
    assert [one.title for one in visit.library.browse.people().items] == [str(second)]


def test_what_is_left_to_do_and_the_counts_follow_each_answer(visited: Visit) -> None:
    visit = visited
    first, second = visit.largest(2)
    assert "2 people without a name" in left(visit)
    name_in_list(visit, first, "Anna")
    visit.page.get_by_text("1 person with a name, 1 cluster without").wait_for()
    assert "1 person without a name" in left(visit)
    visit.library.people.name(f"cluster:{second}", "Ben")  # by somebody else
    visit.page.get_by_text("2 people with a name, 0 clusters without").wait_for()
    assert "without a name" not in left(visit)
    for path in ("/review", "/history", "/together", "/search", "/not-faces", "/people/999"):
        visit.go(path)
        assert visit.page.locator("#left a").count(), path
    visit.problems.clear()  # a page that is not there


@SIZES
def test_folders_are_paused_resumed_and_removed(visited: Visit, size: dict[str, int], tmp_path: Path) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    (visit.more / "broken.jpg").write_bytes(b"no picture")
    (visit.more / "1.CR2").touch()
    visit.library.people.name(f"cluster:{visit.largest(1)[0]}", "Anna")
    whole = visit.library.status().roots[0]
    visit.go("/index")
    visit.page.get_by_label("Add a folder").fill(str(visit.more))
    visit.page.get_by_role("button", name="Look for faces").click()
    visit.page.get_by_role("heading", name="Done").wait_for(timeout=120_000)
    assert fits(visit)
    visit.page.get_by_role("button", name=f"Pause {visit.more}").click()
    visit.page.get_by_role("button", name=f"Resume {visit.more}").wait_for()
    assert visit.library.status().paused == (str(visit.more),)
    visit.page.get_by_role("button", name=f"Resume {visit.more}").click()
    visit.page.get_by_role("button", name=f"Pause {visit.more}").wait_for()
    visit.page.get_by_role("link", name="1 not readable").click()
    visit.page.get_by_text("broken.jpg").wait_for()
    assert fits(visit)
    visit.page.get_by_role("link", name="Skipped").click()
    visit.page.get_by_text("Files of the kind .CR2 are not read.").wait_for()
    visit.go("/index")
    visit.page.get_by_role("link", name=f"Remove {whole}", exact=True).click()
    visit.page.get_by_role("heading", name="Remove this folder from the library?").wait_for()
    assert fits(visit)
    told = str(visit.page.get_by_role("region", name="What goes with it").text_content())
    loss = visit.library.folders.loss(whole)
    assert f"{loss.photos} photos with {loss.faces} faces go out of the library" in told
    visit.page.get_by_role("link", name="Keep it").click()
    visit.page.get_by_role("link", name=f"Remove {whole}", exact=True).click()
    visit.page.get_by_role("button", name="Remove it").click()
    assert "taken out of the library" in visit.note()
    assert visit.library.status().roots == (str(visit.more),)


def test_a_person_is_named_while_photos_come_in(visited: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = visited
    monkeypatch.setattr("facesearch.people.growing.SOONEST_S", 0.0)
    monkeypatch.setattr("facesearch.people.growing.PAUSE", 0.0)
    monkeypatch.setattr("facesearch.indexing.analysis.BATCH_PHOTOS", 1)
    (whole,) = visit.library.status().roots
    visit.library.remove(whole)
    here, go_on, real = threading.Event(), threading.Event(), visit.serving.site.jobs.progress

    def progress(todo: int, done: int, faces: int) -> None:
        real(todo, done, faces)
        if done == todo - 3:
            here.set()
            go_on.wait(60)

    monkeypatch.setattr(visit.serving.site.jobs, "progress", progress)
    visit.go("/index")
    visit.page.get_by_label("Add a folder").fill(whole)
    visit.page.get_by_role("button", name="Look for faces").click()
    visit.page.get_by_role("link", name="Say who they are meanwhile").click(timeout=120_000)
    visit.page.locator(".card").first.wait_for()
    assert here.wait(120)
    (first, *_) = visit.library.browse.people().items
    visit.page.get_by_text(f"{first.size} faces").first.wait_for()  # it has grown on the page
    name_in_list(visit, first.id, "Anna")
    assert "is Anna" in visit.note()
    go_on.set()
    assert visit.serving.site.jobs.wait(120)
    assert visit.library.browse.cluster("Anna").size >= first.size
    visit.page.locator(".name", has_text="Anna").wait_for()
    assert visit.library.status().faces_since_clustering == 0


@SIZES
def test_a_stranger_is_nobody_and_the_nearest_are_shown(visited: Visit, size: dict[str, int]) -> None:
    visit = visited
    visit.page.set_viewport_size(size)
    whole = Path(visit.library.status().roots[0])
    others = [path for path in whole.iterdir() if path.name.startswith(("eileen", "together"))]
    stranger = next(path for path in others if "soft" in path.name)
    visit.library.remove(others)
    visit.go("/search")
    visit.page.set_input_files("input[type=file]", stranger)
    visit.page.wait_for_url("**/search/*")
    answer = visit.page.locator(".answer").first
    assert "Nobody in this library" in str(answer.get_by_role("heading").text_content())
    near = [str(one.text_content()) for one in answer.locator(".matches .near strong").all()]
    assert near
    assert {"somebody else" in one for one in near} == {True}
    assert fits(visit)
