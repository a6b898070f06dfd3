"""Every page, asked for without a browser: what it shows, and what its forms do."""

import json
import re
from pathlib import Path

import pytest
from conftest import Picture
from web_samples import Visitor, visiting

from facesearch.library import Library
from facesearch.storage import Store
from facesearch.web.filling import _path_of
from facesearch.web.shelf import Shelf


def faces_of(visitor: Visitor, group: int) -> list[int]:
    return [face.id for face in visitor.library.browse.faces(str(group), "oldest").items]


# -- before there is anything


@pytest.mark.parametrize(
    "page", ["/", "/people/1", "/photos", "/photos/1", "/review", "/search", "/history", "/together"]
)
def test_without_a_library_every_page_says_what_to_do(tmp_path: Path, page: str) -> None:
    visitor = visiting(Shelf(tmp_path / "none"))
    assert "There is no library yet" in visitor.get(page).text
    assert not (tmp_path / "none").exists()


def test_an_empty_library_says_what_to_do(tmp_path: Path) -> None:
    Library(tmp_path / "library").close()
    visitor = visiting(Shelf(tmp_path / "library"))
    assert "The library is empty" in visitor.get("/").text
    for page in ("/photos", "/review", "/history", "/loose", "/index", "/search", "/together"):
        assert visitor.get(page).status_code == 200, page


def test_faces_that_are_not_grouped_can_be(web_album: Visitor) -> None:
    from sqlalchemy import text

    index: Store = web_album.library.store
    with index.transaction() as connection:
        connection.execute(text("DELETE FROM clustered"))
    assert "12 faces wait to be grouped" in web_album.get("/").text
    assert web_album.post("/group").headers["location"] == "/index"
    assert web_album.site.jobs.wait(60)
    assert "3 groups" in web_album.get("/index").text
    assert web_album.library.browse.counts().unnamed == 3


# -- looking


def test_people_come_largest_first_and_unnamed_ones_can_be_asked(web_album: Visitor) -> None:
    text = web_album.get("/").text
    assert re.findall(r'data-group="(\d+)"', text) == ["1", "2", "3"]
    assert text.count('placeholder="Who is this?"') == 3


def test_ignored_people_are_out_of_the_way(web_album: Visitor) -> None:
    web_album.decide("ignore", group="2")
    assert re.findall(r'data-group="(\d+)"', web_album.get("/").text) == ["1", "3"]
    assert re.findall(r'data-group="(\d+)"', web_album.get("/?show=ignored").text) == ["2"]
    web_album.decide("show", group="2")
    assert re.findall(r'data-group="(\d+)"', web_album.get("/").text) == ["1", "2", "3"]


def test_pages_continue(web_album: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.web.people.PEOPLE", 2)
    monkeypatch.setattr("facesearch.web.people.FACES", 2)
    seen, address = [], "/people/1?order=doubt"
    while address:
        text = web_album.get(address).text
        seen += re.findall(r'data-face="(\d+)"', text)
        found = re.search(r'href="([^"]+)" data-more', text)
        address = found.group(1).replace("&amp;", "&") if found else ""
    assert sorted(map(int, seen)) == faces_of(web_album, 1)
    assert re.findall(r'data-group="(\d+)"', web_album.get("/").text) == ["1", "2"]


def test_a_person_can_be_sorted_by_doubt_which_says_distances(web_album: Visitor) -> None:
    assert re.search(r'class="about">0\.\d\d<', web_album.get("/people/1?order=doubt").text)


def test_a_photo_has_its_faces_boxed_with_names(visit: Visitor) -> None:
    together = next(photo for photo in visit.library.browse.photos(limit=60).items if photo.faces == 2)
    text = visit.get(f"/photos/{together.id}").text
    view = visit.library.browse.photo(together.id)
    assert f'viewBox="0 0 {view.card.size[0]} {view.card.size[1]}"' in text
    for face in view.faces:
        assert f'<rect x="{round(face.box[0], 1)}" y="{round(face.box[1], 1)}"' in text
    assert view.paths[0] in text


def test_pictures_are_answered_with_304_when_they_are_the_same(visit: Visitor) -> None:
    face = faces_of(visit, 1)[0]
    for address in (f"/pictures/face/{face}/96", f"/pictures/face/{face}/192", "/pictures/photo/1/480"):
        first = visit.get(address)
        assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
        assert first.headers["cache-control"].startswith("private")
        again = visit.get(address, **{"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_picture_that_cannot_be_made_is_grey(web_album: Visitor) -> None:
    answer = web_album.get("/pictures/face/1/96")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_names_are_completed(web_album: Visitor) -> None:
    web_album.decide("name", group="1", to="Zoë Quinn")
    web_album.decide("name", group="2", to="Zoë Quinn")
    web_album.decide("name", group="3", to="Anna")
    assert web_album.get("/names?text=an").json() == [{"value": "Anna", "title": "Anna", "size": 3}]
    # two of one name: their groups tell them apart
    assert [one["value"] for one in web_album.get("/names?text=quinn").json()] == ["1", "2"]


def test_who_is_with_whom(visit: Visitor) -> None:
    first, second = (card.group for card in visit.library.browse.people().items[:2])
    assert f"/photos?with={first}&amp;with={second}" in visit.get(f"/together?who={first}").text
    both = visit.get(f"/photos?with={first}&with={second}").text
    alone = visit.get(f"/photos?with={first}&only=1").text
    assert both.count('class="photo"') == visit.library.browse.together(str(first))[0].photos
    assert alone.count('class="photo"') == len(visit.library.browse.photos([str(first)], only=True).items)


# -- deciding, each with undo


def test_naming_says_so_and_offers_undo(web_album: Visitor) -> None:
    text = web_album.decide("name", group="1", to="Anna")
    assert "Group 1 is Anna." in text
    assert web_album.library.browse.card("Anna").group == 1
    latest = web_album.library.people.history()[0]
    assert f'name="decision" value="{latest.id}"' in text
    assert "Undone: group 1 is Anna." in web_album.decide("undo", decision=latest.id)
    assert web_album.library.people.history() == []


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("name", {"group": "1", "to": "Anna"}),
        ("merge", {"group": ["1", "2"]}),
        ("merge", {"group": "1", "to": "2"}),
        ("split", {"group": "1", "face": [1, 2]}),
        ("reject", {"group": "1", "face": [1]}),
        ("assign", {"to": "Somebody new", "face": [1, 6]}),
        ("confirm", {"group": "1", "face": [1]}),
        ("not-a-face", {"face": [1, 2]}),
        ("ignore", {"group": "1"}),
        ("apart", {"group": "1", "to": "2"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_every_decision_is_one_and_can_be_undone(web_album: Visitor, what: str, data: dict[str, object]) -> None:
    def state() -> object:
        people = web_album.library.people
        return [
            (cluster.id, cluster.title, cluster.ignored, cluster.face_ids, cluster.confirmed_ids)
            for cluster in people.with_faces()
        ]

    before = state()
    web_album.decide(what, **data)
    assert len(web_album.library.people.history()) == 1
    assert what == "apart" or state() != before
    web_album.decide("undo", decision=web_album.library.people.history()[0].id)
    assert (state(), web_album.library.people.history()) == (before, [])


@pytest.mark.parametrize(
    ("what", "data", "said"),
    [
        ("name", {"group": "1"}, "no name was given"),
        ("name", {"to": "Anna"}, "no group was chosen"),
        ("name", {"group": "99", "to": "Anna"}, "there is no group 99"),
        ("merge", {"group": "1"}, "name two groups"),
        ("reject", {"group": "1"}, "no face was chosen"),
        ("reject", {"group": "1", "face": ["x"]}, "is no number"),
        ("assign", {"face": ["1"]}, "no name was given"),
        ("split", {"group": "1", "face": ["99"]}, "99"),
        ("undo", {"decision": "7"}, "not the latest"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    web_album: Visitor, what: str, data: dict[str, object], said: str
) -> None:
    text = web_album.decide(what, **data)
    assert 'class="note error"' in text
    assert said in text.lower().replace("&#39;", "'")
    assert web_album.library.people.history() == []


def test_undo_of_something_else_meanwhile_is_refused(web_album: Visitor) -> None:
    web_album.decide("name", group="1", to="Anna")
    first = web_album.library.people.history()[0]
    web_album.decide("name", group="2", to="Ben")
    assert "not the latest any more" in web_album.decide("undo", decision=first.id)
    assert len(web_album.library.people.history()) == 2


def test_a_group_that_was_dissolved_leads_to_the_people(web_album: Visitor) -> None:
    answer = web_album.post("/decide/merge", {"group": ["1", "2"], "then": "/people/2"})
    answer = web_album.get(answer.headers["location"])
    assert answer.headers["location"].startswith("/?said=")
    assert "merged into" in web_album.get(answer.headers["location"]).text


def test_review_asks_about_pairs_and_keeps_answers(web_album: Visitor) -> None:
    from sqlalchemy import text

    assert "Nothing to ask" in web_album.get("/review").text
    with web_album.library.store.transaction() as connection:  # as if clustering had parted them
        connection.execute(text("UPDATE grouped SET group_id = 9 WHERE face_id IN (1, 2)"))
        connection.execute(text("UPDATE library SET value = '9' WHERE key = 'last_cluster'"))
        connection.execute(text("UPDATE library SET value = value + 1 WHERE key = 'generation'"))
    asked = web_album.get("/review").text
    assert "The same person?" in asked
    assert re.search(r"(Almost certainly|Very probably|Probably) the same person\.</strong>", asked)
    groups = list(dict.fromkeys(re.findall(r'name="group" value="(\d+)"', asked)))
    assert sorted(groups) == ["1", "9"]
    answered = web_album.decide("apart", "/review", group=groups[0], to=groups[1])
    assert "The same person?" not in answered
    latest = web_album.library.people.history()[0]
    assert (latest.kind, "Undo" in answered) == ("apart", True)
    assert "The same person?" in web_album.decide("undo", "/review", decision=latest.id)
    assert "merged into" in web_album.decide("merge", "/review", group=groups)
    assert web_album.library.browse.card(groups[0]).size == 5 or web_album.library.browse.card(groups[1]).size == 5


def test_history_lists_what_was_decided(web_album: Visitor) -> None:
    web_album.decide("name", group="1", to="Anna")
    web_album.decide("ignore", group="2")
    text = web_album.get("/history").text
    assert text.index("Group 2 is ignored.") < text.index("Group 1 is Anna.")
    assert text.count("/decide/undo") == 1


# -- searching


def test_search_finds_the_person_says_how_near_and_keeps_nothing(
    visit: Visitor, demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = {path for path in tmp_path.rglob("*") if path.is_file()}
    content = (demo[0] / "together.jpg").read_bytes()
    answer = visit.post("/search", files={"picture": ("x", content, "application/octet-stream")})
    address = answer.headers["location"]
    text = visit.get(address).text
    assert "2 faces found" in text
    assert text.count("lmost certainly the same person.") > 4
    assert re.search(r"&gt;99\.9 %, 0\.\d\d apart", text)
    for piece in ("/picture", "/face/0", "/face/1"):
        assert visit.get(address + piece).headers["content-type"] == "image/jpeg"
    assert visit.get(f"{address}/face/2").status_code == 404
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - kept
    assert [path for path in new if "library" not in path.parts] == []


def test_poor_faces_are_said_to_be(
    visit: Visitor, demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path
) -> None:
    from PIL import Image

    small = tmp_path / "small.png"
    with Image.open(demo[0] / "together.jpg") as image:
        image.resize((image.width // 6, image.height // 6)).save(small)
    answer = visit.post("/search", files={"picture": ("x", small.read_bytes(), "image/png")})
    assert "Do not rely on this" in visit.get(answer.headers["location"]).text


def test_a_picture_without_a_face(visit: Visitor, picture: type[Picture], tmp_path: Path) -> None:
    blank = picture.save(tmp_path / "blank.png", "blank")
    answer = visit.post("/search", files={"picture": ("x", blank.read_bytes(), "image/png")})
    assert "No face was found in the picture" in visit.get(answer.headers["location"]).text


def test_searches_are_forgotten(web_album: Visitor) -> None:
    answer = web_album.get("/search/gone")
    assert answer.status_code == 404
    assert "not kept any more" in answer.text


# -- filling


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/a/b", "/a/b"),
        (" /a/b/ ", "/a/b"),
        ("'/a/my photos'", "/a/my photos"),
        ("file:///a/my%20photos", "/a/my photos"),
        ("/a/../b", "/b"),
    ],
)
def test_paths_as_file_managers_give_them(given: str, path: str) -> None:
    assert _path_of(given) == path


def test_home_is_meant_by_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert _path_of("~/Pictures") == "/home/me/Pictures"


def test_a_folder_is_added_and_failures_are_listed(
    visit: Visitor, demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "broken.jpg").write_bytes(b"no picture")
    (more / "again.jpg").write_bytes((demo[0] / "together.jpg").read_bytes())
    assert visit.post("/index", {"path": str(more)}).headers["location"] == "/index"
    assert visit.site.jobs.wait(60)
    text = visit.get("/index").text
    assert "2 photos found" in text
    assert "broken.jpg" in text
    assert "not an image" in text


def test_a_folder_that_is_not_there_makes_no_library(tmp_path: Path) -> None:
    visitor = visiting(Shelf(tmp_path / "library"))
    answer = visitor.post("/index", {"path": str(tmp_path / "mistyped")})
    assert "does not exist" in visitor.get(answer.headers["location"]).text
    assert not (tmp_path / "library").exists()


def test_while_something_is_written_decisions_say_why_not(web_album: Visitor) -> None:
    import threading

    began, go_on = threading.Event(), threading.Event()

    def work(_: object) -> None:
        with web_album.library.store.writing():
            began.set()
            go_on.wait(60)

    web_album.site.jobs.start("index", "/photos", work)
    assert began.wait(60)
    try:
        assert "only one can write at a time" in web_album.decide("name", group="1", to="Anna")
        assert "Indexing" in web_album.get("/").text
        again = web_album.post("/index", {"path": "/"})
        assert "only one can write" in web_album.get(again.headers["location"]).text
    finally:
        go_on.set()
        web_album.site.jobs.wait(60)
    assert "Group 1 is Anna." in web_album.decide("name", group="1", to="Anna")


def test_events_tell_how_far_it_is(web_album: Visitor) -> None:
    import threading

    go_on = threading.Event()

    def work(jobs: object) -> None:
        web_album.site.jobs.progress(10, 4, 7)
        go_on.wait(60)

    web_album.site.jobs.start("index", "/photos", work)
    threading.Timer(0.5, go_on.set).start()
    with web_album.browser.stream("GET", "/index/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert (told[-2]["todo"], told[-2]["done"], told[-2]["faces"], told[-2]["ended"]) == (10, 4, 7, "")
    assert told[-1]["ended"] == "done"


def test_work_that_fails_says_why(web_album: Visitor) -> None:
    def work(_: object) -> None:
        raise OSError("the disk is gone")

    web_album.site.jobs.start("index", "/photos", work)
    web_album.site.jobs.wait(60)
    assert "the disk is gone" in web_album.get("/index").text
