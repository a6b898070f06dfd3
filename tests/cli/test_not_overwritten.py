"""No option that names a file to write costs somebody a photo, or anything else that facesearch has not written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Answer

from facesearch.cli.output import save_figure
from facesearch.core.errors import InputError
from facesearch.media.marks import SOFTWARE, is_drawn

Command = Callable[..., Answer]
Demo = tuple[Path, dict[str, tuple[str, ...]]]

pytestmark = pytest.mark.usefixtures("pipeline_at_hand")


@pytest.fixture
def photo(demo: Demo, tmp_path: Path) -> Path:
    return Path(shutil.copy(demo[0] / "grace-hopper-soft.jpg", tmp_path / "IMG.jpg"))


def test_a_sheet_does_not_go_over_a_photo_but_over_an_earlier_sheet(
    command: Command, photo: Path, tmp_path: Path
) -> None:
    at = ("--library", tmp_path / "lib")
    command("index", photo, *at)
    before = photo.read_bytes()
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "notes.png").write_text("mine")
    for name in ("IMG.jpg", "link.jpg", "folder.png", "notes.png"):
        answer = command("cluster", "--sheet", tmp_path / name, *at)
        assert answer.code == 2, name
        assert "is there already and was not drawn by facesearch: name a new file" in answer.error
        assert len(answer.error.splitlines()) == 1
    assert photo.read_bytes() == before
    assert (tmp_path / "notes.png").read_text() == "mine"
    (tmp_path / "empty.png").touch()  # as mktemp makes it
    for name in ("sheet.jpg", "sheet.jpg", "empty.png", "empty.png"):
        assert command("cluster", "--sheet", tmp_path / name, *at).code == 0
        assert is_drawn((tmp_path / name).read_bytes())


def test_a_name_without_suffix_draws_nothing_elsewhere(command: Command, photo: Path, tmp_path: Path) -> None:
    command("index", photo, "--library", tmp_path / "lib")
    assert "no suffix" in command("cluster", "--sheet", tmp_path / "sheet", "--library", tmp_path / "lib").error


def test_curves_do_not_go_over_a_photo_or_a_drawing_of_others(
    command: Command, photo: Path, demo: Demo, tmp_path: Path
) -> None:
    before = photo.read_bytes()
    people = tmp_path / "people"
    for person in ("a", "b"):
        (people / person).mkdir(parents=True)
        shutil.copy(photo, people / person / f"{person}.jpg")
    pytest.importorskip("matplotlib")
    answer = command("calibrate", people, "--plot", photo, "--library", tmp_path / "lib")
    assert (answer.code, photo.read_bytes()) == (2, before)
    assert "was not drawn by facesearch" in answer.error


def test_drawings_without_pixels_are_known_again(tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.figure")
    for name in ("chart.svg", "chart.pdf", "chart.eps", "chart.png"):
        for _ in range(2):
            save_figure(pyplot.Figure(), tmp_path / name)
    assert SOFTWARE in (tmp_path / "chart.svg").read_text()
    (tmp_path / "theirs.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(InputError, match="is there already"):
        save_figure(pyplot.Figure(), tmp_path / "theirs.svg")
    with pytest.raises(InputError, match="no suffix"):  # matplotlib would write chart.png
        save_figure(pyplot.Figure(), tmp_path / "chart")


def test_a_calibration_goes_over_a_calibration_only(command: Command, photo: Path, tmp_path: Path) -> None:
    from facesearch.calibration import CALIBRATIONS, Calibration
    from facesearch.calibration.files import write_calibration

    made = Calibration.from_json((CALIBRATIONS / "dlib.json").read_text("utf-8"))
    before = photo.read_bytes()
    people = tmp_path / "people"
    for person in ("a", "b"):
        (people / person).mkdir(parents=True)
        shutil.copy(photo, people / person / f"{person}.jpg")
    (tmp_path / "notes.json").write_text('{"mine": 1}')
    for name in ("IMG.jpg", "notes.json"):
        answer = command("calibrate", people, "--out", tmp_path / name)
        assert (answer.code, photo.read_bytes()) == (2, before)
        assert "is there already and holds no calibration: name a new file" in answer.error
    for _ in range(2):
        write_calibration(tmp_path / "new.json", made)
    assert Calibration.from_json((tmp_path / "new.json").read_text("utf-8")) == made
    with pytest.raises(InputError, match="cannot be written"):
        write_calibration(tmp_path, made)
