"""Photos in the folders of several people are left out and counted, wherever labels are read."""

import shutil
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FakeDetector

from facesearch.evaluation.shared_photos import SHARED, under_several_labels
from train import looking
from train.aligning import align


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Anna and Bob with two photos each, and one of both."""
    folder = tmp_path / "people"
    for name in ("anna/1.png", "anna/2.png", "bob/1.png", "bob/2.png"):
        Picture.save(folder / name, name)
    shutil.copy(folder / "anna/1.png", folder / "bob/together.png")
    return folder


def test_the_same_content_under_two_labels(people: Path) -> None:
    shutil.copy(people / "bob/2.png", people / "bob/again.png")  # of one person twice: nothing is wrong
    labelled = [(path, path.parent.name) for path in people.glob("*/*")]
    assert under_several_labels(labelled) == {people / "anna/1.png", people / "bob/together.png"}
    assert under_several_labels([*labelled, (people / "gone.png", "carl")]) == under_several_labels(labelled)


def test_no_crop_is_made_of_it_for_training(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "load_detector", lambda *_, **__: FakeDetector())
    report = align(people, tmp_path / "out")
    assert (report.aligned, report.skipped) == (3, {SHARED: 2})
