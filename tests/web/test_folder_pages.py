"""Folders on the page Index, what was left out below them, and what every page says is left to do."""

import html
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import quote

import pytest
from web_samples import Visitor, current_library, people_folder, visiting

from facesearch.core.wording import plural
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline

PAGES = ("/", "/people/1", "/photos", "/photos/1", "/review", "/search", "/history", "/together", "/index", "/loose")
PAGES += ("/not-faces", "/left-out", "/left-out?show=skipped", "/people/999")


@pytest.fixture
def looked_at(made_up: Visitor, tmp_path: Path, fake_pipeline: Pipeline) -> tuple[Visitor, Path]:
    """A user whose library has looked at a folder in which nothing can be used."""
    made_up.library.__dict__["pipeline"] = fake_pipeline
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.CR2", "b.CR2", "film.mp4"):
        (folder / name).touch()
    for name in ("broken.jpg", "torn.png"):
        (folder / name).write_bytes(b"no picture")
    assert made_up.post("/index", {"path": str(folder)}).headers["location"] == "/index"
    assert made_up.site.jobs.wait(60)
    assert made_up.site.jobs.state().ended == "done", made_up.site.jobs.state().error
    return made_up, folder


def shown(visitor: Visitor, address: str) -> str:
    return str(html.unescape(visitor.get(address).text))


def links(text: str, label: str) -> dict[str, str]:
    """The texts of the links of a part of a page, and where they lead."""
    (part,) = re.findall(rf'<nav [^>]*aria-label="{label}">(.*?)</nav>', text, re.DOTALL)
    return {re.sub(r"<.*?>", "", title): html.unescape(at) for at, title in re.findall(r'href="(.*?)">(.*?)</a>', part)}


def send(visitor: Visitor, what: str, folder: Path) -> str:
    answer = visitor.post(f"/folders/{what}", {"path": str(folder)})
    return shown(visitor, answer.headers["location"])


def test_a_folder_is_paused_and_resumed(looked_at: tuple[Visitor, Path]) -> None:
    visitor, folder = looked_at
    text = send(visitor, "pause", folder)
    assert f"{folder} is paused" in text
    assert "Paused</strong>" in text
    assert f'aria-label="Look again at {folder}"' not in text
    visitor.post("/index", {"path": str(folder)})
    assert visitor.site.jobs.wait(60)
    assert "is paused" in visitor.site.jobs.state().error
    assert "Paused</strong>" not in send(visitor, "resume", folder)
    assert not visitor.library.status().paused


def test_all_folders_are_looked_at_in_one_step(looked_at: tuple[Visitor, Path], tmp_path: Path) -> None:
    visitor, folder = looked_at
    assert "Look again at all" not in shown(visitor, "/index")  # there is one
    second, away = tmp_path / "second", tmp_path / "away"
    for new in (second, away):
        new.mkdir()
        (new / "broken.jpg").write_bytes(b"no picture")
        visitor.post("/index", {"path": str(new)})
        assert visitor.site.jobs.wait(60)
    assert "Look again at all of them" in shown(visitor, "/index")
    (folder / "new.CR2").touch()
    (second / "new.mp4").touch()
    shutil.rmtree(away)
    text = shown(visitor, visitor.post("/index", {"all": "1"}).headers["location"])
    assert f"{away} cannot be reached now: looking at the other folders" in text
    assert visitor.site.jobs.wait(60)
    assert "All folders" in shown(visitor, "/index")
    assert visitor.library.status().skipped == {".CR2": 3, ".mp4": 2}

    send(visitor, "pause", folder)
    (second / "another.mp4").touch()
    visitor.post("/index", {"all": "1"})
    assert visitor.site.jobs.wait(60)
    assert visitor.site.jobs.state().ended == "done"
    assert visitor.library.status().skipped[".mp4"] == 3
    for one in (second, away):
        send(visitor, "pause", one)
    assert "Every folder is paused: resume one" in shown(
        visitor, visitor.post("/index", {"all": "1"}).headers["location"]
    )


def test_what_goes_with_a_folder_is_said_before_it_goes(tmp_path: Path) -> None:
    visitor = visiting(current_library(people_folder(tmp_path, {0: range(5), 1: range(4)})))
    visitor.decide("name", cluster="1", to="Anna")
    text = shown(visitor, "/folders/remove?path=/photos")
    assert "9 photos with 9 faces go out of the library" in text
    assert "1 person would be left without a photo, and is forgotten:</strong> Anna." in text
    assert "So would 1 person without a name." in text
    assert visitor.library.status().photos == 9
    assert "9 files taken out of the library" in send(visitor, "remove", Path("/photos"))
    assert visitor.library.status().photos == 0
    text = shown(visitor, "/folders/remove?path=/photos")
    assert "The library holds no photo of it" in text
    visitor.current.close()


def test_what_cannot_be_done_to_a_folder_is_told(made_up: Visitor) -> None:
    assert "is no folder that `index` was given" in send(made_up, "pause", Path("/nowhere"))
    assert "root of a whole disk" in send(made_up, "remove", Path("/"))
    assert made_up.get("/folders/remove?path=").status_code == 404
    assert made_up.post("/folders/burn", {"path": "/photos"}).status_code == 404


def test_what_was_left_out_is_listed_with_its_reasons(looked_at: tuple[Visitor, Path]) -> None:
    visitor, folder = looked_at
    text = shown(visitor, "/index")
    assert "2 files could not be read" in text
    assert re.findall(r'href="(/left-out[^"]*)">(\d+ [a-z ]+)</a>', text)[:2] == [
        (f"/left-out?folder={quote(str(folder), safe='')}", "2 not readable"),
        (f"/left-out?show=skipped&folder={quote(str(folder), safe='')}", "3 skipped"),
    ]
    text = shown(visitor, "/left-out")
    assert str(folder / "broken.jpg") in text
    assert "Not an image" in text
    assert "Try again" in text
    text = shown(visitor, "/left-out?show=skipped&kind=.CR2")
    assert "Files of the kind .CR2 are not read." in text
    assert (text.count(".CR2</code>"), ".mp4</code>" in text) == (2, False)
    assert "Every photo could be read" in shown(visitor, f"/left-out?folder={folder}/none")


def test_long_lists_of_what_was_left_out_continue(
    looked_at: tuple[Visitor, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facesearch.web.folders.FILES", 2)
    text = looked_at[0].get("/left-out?show=skipped").text
    (more,) = re.findall(r'href="([^"]+)" data-more', text)
    assert "film.mp4" not in text
    assert "film.mp4" in looked_at[0].get(html.unescape(more)).text


def test_every_page_says_what_is_left_to_do(looked_at: tuple[Visitor, Path]) -> None:
    visitor, _ = looked_at
    visitor.library.people.reject([1], "cluster:1")
    for page in PAGES:
        left = links(visitor.get(page).text, "What is left to do")
        assert left == {
            "3 people without a name": "/?show=unnamed",
            "1 face in no cluster": "/loose",
            "2 photos that could not be read": "/left-out",
        }, page
    assert all(visitor.get(at).status_code == 200 for at in left.values())


def test_pairs_that_wait_are_counted(parted: Visitor) -> None:
    assert links(parted.get("/").text, "What is left to do")["1 pair to compare"] == "/review"
    text = parted.decide("apart", "/review", cluster="1", to="cluster:2")
    assert "1 pair to compare" not in links(text, "What is left to do")


def test_when_nothing_is_left_to_do_there_is_more_to_do(made_up: Visitor) -> None:
    for cluster in ("1", "2", "3"):
        text = made_up.decide("name", cluster=cluster, to=f"Person {cluster}")
    assert links(text, "What is left to do") == {"add a folder": "/index", "search with a picture": "/search"}


def test_what_is_left_to_do_is_counted_anew_after_a_change_by_another(made_up: Visitor) -> None:
    assert "3 people without a name" in made_up.get("/history").text
    with Library(made_up.library.folder, create=False) as other:
        other.people.name("1", "Anna")
    assert "2 people without a name" in made_up.get("/history").text


def test_people_appear_and_are_named_while_photos_come_in(
    visit: Visitor, demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos of an empty library come in one by one; the run waits after some for what the user does."""
    monkeypatch.setattr("facesearch.people.growing.SOONEST_S", 0.0)
    monkeypatch.setattr("facesearch.people.growing.PAUSE", 0.0)
    monkeypatch.setattr("facesearch.indexing.analysis.BATCH_PHOTOS", 1)
    visit.library.remove([demo[0]])
    here, go_on = threading.Event(), threading.Event()
    real = visit.site.jobs.progress

    def progress(todo: int, done: int, faces: int) -> None:
        real(todo, done, faces)
        if done == todo - 2:
            here.set()
            assert go_on.wait(60)

    monkeypatch.setattr(visit.site.jobs, "progress", progress)
    visit.post("/index", {"path": str(demo[0])})
    assert here.wait(120)
    assert visit.site.jobs.busy
    before = visit.library.browse.people().items
    assert before
    faces = visit.library.browse.faces(before[0].reference, limit=500).items
    files = [Path(visit.library.browse.photo(face.photo_id).photo.paths[0]).name for face in faces]
    assert len({demo[1][name] for name in files if len(demo[1][name]) == 1}) == 1  # it is one person
    assert f"{plural(len(before), 'cluster')} so far" in visit.get("/index").text
    (reference,) = re.findall(rf'name="cluster" value="(cluster:{before[0].id}/\d+)"', visit.get("/").text)
    assert "is Anna" in visit.decide("name", cluster=reference, to="Anna")
    go_on.set()
    assert visit.site.jobs.wait(120)
    assert visit.site.jobs.state().ended == "done", visit.site.jobs.state().error
    anna = visit.library.browse.cluster("Anna")
    assert anna.size >= before[0].size
    assert visit.library.status().faces_since_clustering == 0
    assert "See the people" in visit.get("/index").text
