"""What is not looked at is said, and what the commands draw is no photo."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Answer

from facesearch.media.marks import is_drawn

Command = Callable[..., Answer]
Demo = tuple[Path, dict[str, tuple[str, ...]]]

pytestmark = pytest.mark.usefixtures("pipeline_at_hand")


@pytest.fixture
def photos(demo: Demo, tmp_path: Path) -> Path:
    """Two photos, one of a person and one of nobody, and files that are none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("gradient.jpg", "grace-hopper-soft.jpg"):
        shutil.copy(demo[0] / name, folder)
    for name in ("a.CR2", "b.cr2", "c.mp4", "d.jpg "):
        (folder / name).touch()
    return folder


def test_skipped_files_are_told_once_and_listed(command: Command, photos: Path, tmp_path: Path) -> None:
    at = ("--library", tmp_path / "lib")
    answer = command("index", photos, *at)
    told = "2 .CR2, 1 '.jpg ', 1 .mp4"
    assert f"skipped: {told} - `facesearch status --skipped` lists them\n" in answer.out
    kinds = {".CR2": 2, ".jpg ": 1, ".mp4": 1}
    assert command("index", photos, *at, "--json").json["photos"]["skipped"] == kinds
    assert f"{told}; `facesearch status --skipped`" in command("status", *at).out
    assert command("status", *at, "--json").json["skipped"] == kinds
    listed = command("status", "--skipped", *at)
    assert listed.out.splitlines() == [str(photos / name) for name in ("a.CR2", "b.cr2", "c.mp4", "d.jpg ")]
    files = command("status", "--skipped", *at, "--json").json["skipped_files"]
    assert files[1] == {"path": str(photos / "b.cr2"), "kind": ".cr2"}
    (photos / ".hidden").touch()
    command("index", photos, *at)
    assert f"{photos / '.hidden'} (hidden)" in command("status", "--skipped", *at).out
    command("remove", photos, *at)
    assert command("status", "--skipped", *at).out == "Nothing was skipped.\n"


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg", "sheet.webp", "sheet.tif"])
def test_a_contact_sheet_is_no_photo(command: Command, photos: Path, tmp_path: Path, name: str) -> None:
    at = ("--library", tmp_path / "lib")
    command("index", photos, *at)
    assert command("cluster", "--sheet", photos / name, *at).code == 0
    assert is_drawn((photos / name).read_bytes())
    report = command("index", photos, *at, "--json").json["photos"]
    assert (report["found"], report["indexed"], report["skipped"]["made by facesearch"]) == (2, 0, 1)


@pytest.mark.parametrize("name", ["sheet.bmp", "sheet.GIF"])
def test_a_sheet_that_would_be_taken_for_a_photo_is_not_written(
    command: Command, photos: Path, tmp_path: Path, name: str
) -> None:
    at = ("--library", tmp_path / "lib")
    command("index", photos, *at)
    answer = command("cluster", "--sheet", photos / name, *at)
    assert answer.code == 2
    assert "would take a" in answer.error
    assert not (photos / name).exists()


def test_everything_of_a_report_and_an_export_is_passed_over(command: Command, photos: Path, tmp_path: Path) -> None:
    at = ("--library", tmp_path / "lib")
    command("index", photos, *at)
    command("cluster", *at)
    assert command("report", photos / "report", "--photos", *at).code == 0
    assert command("export", "--to", photos / "People", "--copy", *at).code == 0
    pictures = list((photos / "report").rglob("*.jpg"))
    assert all(is_drawn(path.read_bytes()) for path in pictures)
    if pictures:
        shutil.copy(pictures[0], photos / "saved-from-a-page.jpg")
    report = command("index", photos, *at, "--json").json["photos"]
    assert (report["found"], report["indexed"], report["duplicates"]) == (2, 0, 0)
    assert report["skipped"]["made by facesearch"] >= 1


def test_a_chart_is_no_photo(tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.figure")
    from facesearch.cli.output import save_figure

    for name in ("chart.png", "chart.jpg"):
        save_figure(pyplot.Figure(), tmp_path / name)
        assert is_drawn((tmp_path / name).read_bytes())
    save_figure(pyplot.Figure(), tmp_path / "chart.svg")
    assert (tmp_path / "chart.svg").exists()
