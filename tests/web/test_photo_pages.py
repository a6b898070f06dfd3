"""The page of a photo, asked for without a browser: drawing on it, where it is, and what is shown once it is gone."""

import os
import re
import sys
import time
from pathlib import Path

import pytest
from drawing_samples import put_unseen
from PIL import Image
from web_samples import Visitor, everybody

from facesearch.core.types import Photo
from facesearch.pipeline.pipeline import Pipeline
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.server import Serving

Demo = tuple[Path, dict[str, tuple[str, ...]]]


def with_two(visit: Visitor) -> Photo:
    together = next(photo for photo in visit.library.browse.photos(limit=60).items if photo.face_count == 2)
    return visit.library.browse.photo(together.id).photo


def following(visit: Visitor, path: str, **data: str) -> str:
    answer = visit.post(path, data)
    assert answer.status_code == 303, answer.text
    return str(visit.get(answer.headers["location"]).text)


# -- drawing


def test_a_face_is_drawn_asked_about_and_undone(visit: Visitor, pipeline: Pipeline, demo: Demo, tmp_path: Path) -> None:
    with Image.open(demo[0] / "grace-hopper-close-up.png") as image:
        image.resize((image.width * 9 // 10, image.height * 9 // 10)).save(tmp_path / "smaller.png")
    photo, box = put_unseen(visit.library, pipeline, tmp_path / "smaller.png")
    before = everybody(visit.library)
    text = following(visit, f"/photos/{photo}/draw", box=",".join(map(str, box)))
    (drawn,) = visit.library.browse.photo(photo).photo.faces
    assert (drawn.box, drawn.drawn) == (box, True)
    assert f"Face {drawn.id} drawn." in text
    assert re.search(rf'<li id="face-{drawn.id}">\s*<details open', text)
    assert "drawn by you" in text
    who = re.search(r'Is this ….*?name="to" value="(cluster:\d+)/\d+"', text, re.DOTALL)
    assert who is not None
    assert len(visit.library.people.history()) == 1
    visit.decide("assign", face=str(drawn.id), to=who[1])
    assert visit.library.people.cluster_of(drawn.id) == int(who[1].removeprefix("cluster:"))
    for decision in visit.library.people.history():
        visit.decide("undo", decision=decision.id)
    assert visit.library.browse.photo(photo).photo.faces == ()
    assert (everybody(visit.library), visit.library.people.history()) == (before, [])


def test_a_box_is_moved_and_undone(visit: Visitor) -> None:
    photo = with_two(visit)
    face = photo.faces[0]
    box = tuple(round(value) for value in face.box[:2]) + tuple(round(value + 6) for value in face.box[2:])
    text = following(visit, f"/photos/{photo.id}/move", face=str(face.id), box=",".join(map(str, box)))
    assert f"Face {face.id} moved." in text
    assert visit.library.browse.face(face.id).box == box
    assert "nothing has changed" in following(
        visit, f"/photos/{photo.id}/move", face=str(face.id), box=",".join(map(str, box))
    )
    visit.decide("undo", decision=visit.library.people.history()[0].id)
    assert visit.library.browse.face(face.id).box == face.box


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ("", "is no box"),
        ("1,2,3", "is no box"),
        ("nan,0,9,9", "number"),
        ("5,5,1,1", "x1 &lt; x2"),
        ("0,0,3,3", "8 pix"),
    ],
)
def test_what_is_no_box_is_told_and_changes_nothing(visit: Visitor, box: str, told: str) -> None:
    photo = with_two(visit)
    message = re.search(
        r'class="note error".*?<p>(.*?)</p>', following(visit, f"/photos/{photo.id}/draw", box=box), re.S
    )
    assert message is not None
    assert told in message.group(1)
    assert visit.library.people.history() == []


def test_drawing_over_a_face_says_that_it_is_there(visit: Visitor) -> None:
    face = with_two(visit).faces[0]
    text = following(visit, f"/photos/{face.photo_id}/draw", box=",".join(map(str, face.box)))
    assert f"There is face {face.id} already" in text


# -- where it is


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop whose program for folders writes down what it is told."""
    told, program = tmp_path / "told", tmp_path / "programs" / "xdg-open"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nopen({str(told)!r}, 'w').write('|'.join(sys.argv[1:]))\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr("sys.platform", "linux")
    return told


def until_written(file: Path) -> str:
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    return file.read_text()


def test_the_folder_is_opened_for_those_who_sit_in_front(visit: Visitor, opened: Path) -> None:
    photo, visit.site.here = with_two(visit), True
    assert "Open the folder" in visit.get(f"/photos/{photo.id}").text
    assert "The folder is open." in following(visit, f"/photos/{photo.id}/folder", file="0")
    assert until_written(opened) == os.path.dirname(photo.paths[0])
    assert visit.browser.get(f"/photos/{photo.id}/folder").status_code == 405
    assert visit.browser.post(f"/photos/{photo.id}/folder", data={"file": "0"}).status_code == 403


def test_the_folder_is_opened_for_nobody_else(visit: Visitor, opened: Path) -> None:
    photo = with_two(visit)
    text = visit.get(f"/photos/{photo.id}").text
    assert "Open the folder" not in text
    assert photo.paths[0] in text
    assert "only for those who sit in front" in following(visit, f"/photos/{photo.id}/folder", file="0")
    visit.site.here = True
    assert "only for those who sit in front" in following(visit, f"/photos/{photo.id}/folder", file="7")
    assert not opened.exists()


def test_without_a_desktop_the_path_is_what_is_shown(visit: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, visit.site.here = with_two(visit), True
    monkeypatch.setenv("PATH", "")
    assert "Open the folder" not in visit.get(f"/photos/{photo.id}").text
    assert f"The photo is at {photo.paths[0]}" in following(visit, f"/photos/{photo.id}/folder", file="0").replace(
        "the photo is at", "The photo is at"
    )


@pytest.mark.parametrize(
    ("host", "called", "here"),
    [("127.0.0.1", (), True), ("localhost", (), True), ("0.0.0.0", (), False), ("127.0.0.1", ("nas:9000",), False)],
)
def test_who_sits_in_front_of_the_machine(tmp_path: Path, host: str, called: tuple[str, ...], here: bool) -> None:
    serving = Serving(CurrentLibrary(tmp_path / "library"), host, port=0, called=called)
    serving.stop()
    serving.run()
    assert serving.site.here is here


# -- what is gone


def test_a_deleted_photo_says_where_it_was_and_what_to_do(visit: Visitor, tmp_path: Path) -> None:
    photo = with_two(visit)
    file = Path(photo.paths[0])
    kept = file.rename(tmp_path / "elsewhere.jpg")
    try:
        text = visit.get(f"/photos/{photo.id}").text
        assert f"This photo is no longer at <code>{file}</code>" in text
        assert "Its folder is there, the file is not." in text
        assert "facesearch remove --missing" in text
        assert "Draw a face" not in text
        picture = visit.get(f"/pictures/photo/{photo.id}/480")
        assert picture.headers["content-type"] == "image/svg+xml"
        assert "No longer there." in picture.text
        assert file.name in picture.text
        assert "no longer there" in visit.get(f"/pictures/face/{photo.faces[0].id}/96").text
    finally:
        kept.rename(file)
    assert "no longer at" not in visit.get(f"/photos/{photo.id}").text
    assert visit.get(f"/pictures/photo/{photo.id}/480").headers["content-type"] == "image/jpeg"


def test_where_a_drive_is_away_the_folder_that_is_left_is_named(visit: Visitor) -> None:
    photo = with_two(visit)
    folder = Path(photo.paths[0]).parent
    away = folder.rename(folder.with_name("away"))
    try:
        text = visit.get(f"/photos/{photo.id}").text
        assert f"The last folder of that path that is there is <code>{folder.parent}</code>" in text
        assert "connect it" in text
        shown = visit.library.browse.photo(photo.id)
        assert (shown.gone, shown.files[0].away, shown.files[0].folder) == (True, True, str(folder.parent))
    finally:
        away.rename(folder)


def test_a_picture_that_was_kept_is_shown_when_the_photo_is_gone(visit: Visitor, tmp_path: Path) -> None:
    photo = with_two(visit)
    assert visit.get(f"/pictures/photo/{photo.id}/1600").headers["content-type"] == "image/jpeg"
    file = Path(photo.paths[0])
    kept = file.rename(tmp_path / "elsewhere.jpg")
    try:
        assert "no longer at" in visit.get(f"/photos/{photo.id}").text
        assert visit.get(f"/pictures/photo/{photo.id}/1600").headers["content-type"] == "image/jpeg"
    finally:
        kept.rename(file)


def test_a_photo_is_looked_at_closely(visit: Visitor) -> None:
    assert visit.get("/pictures/photo/1/4096").headers["content-type"] == "image/jpeg"
