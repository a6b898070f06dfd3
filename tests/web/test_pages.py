"""Every page, asked for without a browser: what it shows, and what its forms do."""

import re
from pathlib import Path

import pytest
from conftest import Picture
from web_samples import Visitor, current_library, everybody, people_folder, visiting

from facesearch.core.pages import Templates
from facesearch.library import Library
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.indexing import _path_of
from facesearch.web.site import TEMPLATES


def faces_of(visitor: Visitor, cluster: int) -> list[int]:
    return [face.id for face in visitor.library.browse.faces(str(cluster), "oldest").items]


# -- before there is anything


@pytest.mark.parametrize(
    "page", ["/", "/people/1", "/photos", "/photos/1", "/review", "/search", "/history", "/together"]
)
def test_without_a_library_every_page_says_what_to_do(tmp_path: Path, page: str) -> None:
    visitor = visiting(CurrentLibrary(tmp_path / "none"))
    assert "There is no library yet" in visitor.get(page).text
    assert not (tmp_path / "none").exists()


def test_an_empty_library_says_what_to_do(tmp_path: Path) -> None:
    Library(tmp_path / "library").close()
    visitor = visiting(CurrentLibrary(tmp_path / "library"))
    assert "The library is empty" in visitor.get("/").text
    for page in ("/photos", "/review", "/history", "/loose", "/index", "/search", "/together"):
        assert visitor.get(page).status_code == 200, page


def test_faces_that_are_in_no_cluster_yet_can_be_clustered(tmp_path: Path) -> None:
    visitor = visiting(current_library(people_folder(tmp_path, {0: range(5), 1: range(4)}, clustered=False)))
    assert "9 faces" in visitor.get("/").text
    assert visitor.post("/cluster").headers["location"] == "/index"
    assert visitor.site.jobs.wait(60)
    assert "2 clusters" in visitor.get("/index").text
    assert visitor.library.browse.counts().unnamed == 2
    visitor.current.close()


# -- looking


def test_people_come_largest_first_and_unnamed_ones_can_be_asked(made_up: Visitor) -> None:
    text = made_up.get("/").text
    assert re.findall(r'data-cluster="(\d+)"', text) == ["1", "2", "3"]
    assert text.count('action="/decide/name" data-next') == 3


def test_ignored_people_are_out_of_the_way(made_up: Visitor) -> None:
    made_up.decide("ignore", cluster="2")
    assert re.findall(r'data-cluster="(\d+)"', made_up.get("/").text) == ["1", "3"]
    assert re.findall(r'data-cluster="(\d+)"', made_up.get("/?show=ignored").text) == ["2"]
    made_up.decide("show", cluster="2")
    assert re.findall(r'data-cluster="(\d+)"', made_up.get("/").text) == ["1", "2", "3"]


def test_pages_continue(made_up: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.web.people.PEOPLE", 2)
    monkeypatch.setattr("facesearch.web.people.FACES", 2)
    seen, address = [], "/people/1?order=doubt"
    while address:
        text = made_up.get(address).text
        seen += re.findall(r'data-face="(\d+)"', text)
        found = re.search(r'href="([^"]+)" data-more', text)
        address = found.group(1).replace("&amp;", "&") if found else ""
    assert sorted(map(int, seen)) == faces_of(made_up, 1)
    found = re.search(r'href="([^"]+)" data-less', text)
    assert found is not None
    before = made_up.get(found.group(1).replace("&amp;", "&")).text
    last = 2 - len(seen) % 2  # so many are on the last page
    assert re.findall(r'data-face="(\d+)"', before) == seen[-last - 2 : -last]
    assert re.findall(r'data-cluster="(\d+)"', made_up.get("/").text) == ["1", "2"]


def test_a_person_can_be_sorted_by_doubt_which_says_distances(made_up: Visitor) -> None:
    assert re.search(r'class="about">0\.\d\d<', made_up.get("/people/1?order=doubt").text)


def test_a_photo_has_its_faces_boxed_with_names(visit: Visitor) -> None:
    together = next(photo for photo in visit.library.browse.photos(limit=60).items if photo.face_count == 2)
    text = visit.get(f"/photos/{together.id}").text
    photo = visit.library.browse.photo(together.id).photo
    assert f'viewBox="0 0 {photo.size[0]} {photo.size[1]}"' in text
    for face in photo.faces:
        assert f'<rect x="{round(face.box[0], 1)}" y="{round(face.box[1], 1)}"' in text
    assert photo.paths[0] in text


def test_pictures_are_answered_with_304_when_they_are_the_same(visit: Visitor) -> None:
    face = faces_of(visit, 1)[0]
    for address in (f"/pictures/face/{face}/96", f"/pictures/face/{face}/192", "/pictures/photo/1/480"):
        first = visit.get(address)
        assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
        assert first.headers["cache-control"].startswith("private")
        again = visit.get(address, **{"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_a_picture_that_cannot_be_made_is_grey(made_up: Visitor) -> None:
    answer = made_up.get("/pictures/face/1/96")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_names_are_completed(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Zoë Quinn")
    made_up.decide("name", cluster="2", to="Zoë Quinn", new="1")
    made_up.decide("name", cluster="3", to="Anna")
    assert made_up.get("/names?text=an").json() == [{"value": "Anna", "title": "Anna", "size": 3}]
    # two of one name: their clusters tell them apart
    values = [one["value"] for one in made_up.get("/names?text=quinn").json()]
    assert [made_up.library.people.find(value).id for value in values] == [1, 2]


def test_who_is_with_whom(visit: Visitor) -> None:
    first, second = (cluster.id for cluster in visit.library.browse.people().items[:2])
    text = visit.get(f"/together?who=cluster:{first}").text
    assert re.search(rf"/photos\?with=cluster%3A{first}/\d+&amp;with=cluster%3A{second}/", text)
    both = visit.get(f"/photos?with={first}&with={second}").text
    alone = visit.get(f"/photos?with={first}&only=1").text
    assert both.count('id="photo-') == visit.library.browse.together(str(first))[0].photos
    assert alone.count('id="photo-') == len(visit.library.browse.photos([str(first)], only=True).items)


# -- deciding, each with undo


def test_a_name_is_given_and_undo_is_offered(made_up: Visitor) -> None:
    text = made_up.decide("name", cluster="1", to="Anna")
    assert "is Anna." in text
    assert made_up.library.browse.cluster("Anna").id == 1
    latest = made_up.library.people.history()[0]
    assert f'name="decision" value="{latest.id}"' in text
    assert 'class="note plain"' in made_up.decide("undo", decision=latest.id)
    assert made_up.library.people.history() == []


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("name", {"cluster": "1", "to": "Anna"}),
        ("merge", {"cluster": ["1", "2"]}),
        ("merge", {"cluster": "1", "to": "cluster:2"}),
        ("split", {"cluster": "1", "face": [1, 2]}),
        ("reject", {"cluster": "1", "face": [1]}),
        ("assign", {"to": "Somebody new", "face": [1, 6]}),
        ("confirm", {"cluster": "1", "face": [1]}),
        ("not-a-face", {"face": [1, 2]}),
        ("ignore", {"cluster": "1"}),
        ("apart", {"cluster": "1", "to": "cluster:2"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_every_decision_is_one_and_can_be_undone(made_up: Visitor, what: str, data: dict[str, object]) -> None:
    def state() -> object:
        return everybody(made_up.library)

    before = state()
    made_up.decide(what, **data)
    assert len(made_up.library.people.history()) == 1
    assert what == "apart" or state() != before
    made_up.decide("undo", decision=made_up.library.people.history()[0].id)
    assert (state(), made_up.library.people.history()) == (before, [])


@pytest.mark.parametrize(
    ("what", "data", "told"),
    [
        ("name", {"cluster": "1"}, "type who it is"),
        ("name", {"to": "Anna"}, "nobody was chosen"),
        ("name", {"cluster": "99", "to": "Anna"}, "99"),
        ("merge", {"cluster": "1"}, "two"),
        ("reject", {"cluster": "1"}, "no face"),
        ("reject", {"cluster": "1", "face": ["x"]}, "&#39;x&#39;"),
        ("assign", {"face": ["1"]}, "type who it is"),
        ("split", {"cluster": "1", "face": ["99"]}, "99"),
        ("undo", {"decision": "7"}, "latest"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    made_up: Visitor, what: str, data: dict[str, object], told: str
) -> None:
    message = re.search(r'class="note error".*?<p>(.*?)</p>', made_up.decide(what, **data), re.DOTALL)
    assert message is not None
    assert told in message.group(1).lower()
    assert made_up.library.people.history() == []


def test_undo_of_something_else_meanwhile_is_refused(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Anna")
    first = made_up.library.people.history()[0]
    made_up.decide("name", cluster="2", to="Ben")
    assert 'class="note error"' in made_up.decide("undo", decision=first.id)
    assert len(made_up.library.people.history()) == 2


def test_a_cluster_that_was_dissolved_leads_to_the_people(made_up: Visitor) -> None:
    answer = made_up.post("/decide/merge", {"cluster": ["1", "2"], "then": "/people/2"})
    answer = made_up.get(answer.headers["location"])
    assert answer.headers["location"].startswith("/?message=")
    assert made_up.library.people.history()[0].summary[1:] in made_up.get(answer.headers["location"]).text


def test_a_message_that_is_not_known_is_not_shown(made_up: Visitor) -> None:
    assert 'class="note' not in made_up.get("/?message=evil").text
    assert made_up.get("/people/99?message=evil").headers["location"] == "/"


def test_review_has_nothing_to_ask_of_people_who_are_far_apart(made_up: Visitor) -> None:
    assert "Nothing to ask" in made_up.get("/review").text


def test_review_asks_about_pairs_and_keeps_answers(parted: Visitor) -> None:
    asked = parted.get("/review").text
    assert "The same person?" in asked
    assert re.search(r"(Almost certainly|Very probably|Probably) the same person\.</strong>", asked)
    pair = list(dict.fromkeys(re.findall(r'name="cluster" value="cluster:(\d+)/\d+"', asked)))
    assert sorted(pair) == ["1", "2"]
    answered = parted.decide("apart", "/review", cluster=pair[0], to=f"cluster:{pair[1]}")
    assert "The same person?" not in answered
    latest = parted.library.people.history()[0]
    assert (latest.kind, "Undo" in answered) == ("apart", True)
    assert "The same person?" in parted.decide("undo", "/review", decision=latest.id)
    assert "The same person?" not in parted.decide("merge", "/review", cluster=pair)
    assert [cluster.size for cluster in parted.library.browse.people().items] == [6]


def test_history_lists_what_was_decided(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Anna")
    made_up.decide("ignore", cluster="2")
    text = made_up.get("/history").text
    latest, first = (decision.summary[1:] for decision in made_up.library.people.history())
    assert text.index(latest) < text.index(first)
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
    assert len(re.findall(r"<h2>Cluster \d \(&gt;99\.9 %\)\.</h2>", text)) == 2
    assert "of searches for people who are not in the library, about 1 in 300 finds somebody" in text
    for piece in ("/picture", "/face/0", "/face/1"):
        assert visit.get(address + piece).headers["content-type"] == "image/jpeg"
    assert visit.get(f"{address}/face/2").status_code == 404
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - kept
    assert [path for path in new if "library" not in path.parts] == []


def test_a_stranger_is_nobody(visit: Visitor, demo: tuple[Path, dict[str, tuple[str, ...]]]) -> None:
    """One of the demo's two people, when all photos of her have been taken out."""
    folder, shown = demo
    visit.library.remove([folder / name for name, people in shown.items() if "Eileen Collins" in people])
    content = (folder / "eileen-collins-soft.jpg").read_bytes()
    answer = visit.post("/search", files={"picture": ("x", content, "image/jpeg")})
    text = visit.get(answer.headers["location"]).text
    assert re.search(r"<h2>Nobody in this library \(\S+ %\)\.</h2>", text)
    assert "The nearest faces are below." in text


def test_poor_faces_are_told(visit: Visitor, demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path) -> None:
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


def test_searches_are_forgotten(made_up: Visitor) -> None:
    answer = made_up.get("/search/gone")
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
    for name in ("1.CR2", "2.CR2", "film.mp4"):
        (more / name).touch()
    (more / "again.jpg").write_bytes((demo[0] / "together.jpg").read_bytes())
    assert visit.post("/index", {"path": str(more)}).headers["location"] == "/index"
    assert visit.site.jobs.wait(60)
    text = visit.get("/index").text
    assert "2 photos found" in text
    assert "broken.jpg" in text
    assert "not an image" in text
    assert "Skipped: 2 .CR2, 1 .mp4." in text  # by this run
    assert "Skipped below these folders: 2 .CR2, 1 .csv, 1 .mp4" in text


def test_a_folder_that_is_not_there_makes_no_library(tmp_path: Path) -> None:
    visitor = visiting(CurrentLibrary(tmp_path / "library"))
    answer = visitor.post("/index", {"path": str(tmp_path / "mistyped")})
    assert "does not exist" in visitor.get(answer.headers["location"]).text
    assert not (tmp_path / "library").exists()


def test_while_something_is_written_decisions_say_why_not(made_up: Visitor) -> None:
    import threading

    began, go_on = threading.Event(), threading.Event()

    def work(_: object) -> None:
        with made_up.library.store.writing():
            began.set()
            go_on.wait(60)

    made_up.site.jobs.start("index", "/photos", work)
    assert began.wait(60)
    try:
        assert "only one can write at a time" in made_up.decide("name", cluster="1", to="Anna")
        assert "Indexing" in made_up.get("/").text
        again = made_up.post("/index", {"path": "/"})
        assert "only one can write" in made_up.get(again.headers["location"]).text
    finally:
        go_on.set()
        made_up.site.jobs.wait(60)
    made_up.decide("name", cluster="1", to="Anna")
    assert made_up.library.browse.cluster("Anna").id == 1


def test_work_that_fails_says_why(made_up: Visitor) -> None:
    def work(_: object) -> None:
        raise OSError("the disk is gone")

    made_up.site.jobs.start("index", "/photos", work)
    made_up.site.jobs.wait(60)
    assert "the disk is gone" in made_up.get("/index").text


def test_what_pages_load_is_kept_by_browsers_until_it_is_another(made_up: Visitor) -> None:
    static = f"/static/{TEMPLATES.static_version}/"
    for path, content in TEMPLATES.static.items():
        answer = made_up.get(static + path)
        assert answer.content == content
        assert "immutable" in answer.headers["cache-control"]
    assert made_up.get(f"{static}app.js").headers["content-type"].startswith("text/javascript")
    assert made_up.get(f"{static}style.css").headers["content-type"].startswith("text/css")
    for gone in ("/static/0/app.js", f"{static}nothing.js", f"{static}vendor"):
        assert made_up.get(gone).status_code == 404
    later = Templates(*TEMPLATES.packages)
    later.static["app.js"] += b"\n"
    assert later.static_version != TEMPLATES.static_version
