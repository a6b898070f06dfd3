"""On disks that fold case, "it exists" does not say that it is called so: no photo has two names, and none is lost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FAKE_SPEC
from folding import KINDS, folding

from facesearch.core.paths import has_name, spelled
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with folding(request.param, tmp_path, monkeypatch) as place:
        yield place


@pytest.fixture
def library(folder: Path, tmp_path: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    """Trip/IMG.PNG and Trip/other.png, indexed."""
    Store.create(tmp_path / "library", FAKE_SPEC).close()
    for name in ("IMG.PNG", "other.png"):
        Picture.save(folder / "Trip" / name, name)
    with Library(tmp_path / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index(folder)
        yield library


def paths(library: Library) -> list[str]:
    return sorted(library.store.known_paths())


def test_the_disk_tells_how_a_name_is_spelled(folder: Path) -> None:
    (folder / "Trip").mkdir()
    (folder / "Trip/IMG.JPG").touch()
    right = str(folder / "Trip/IMG.JPG")
    assert [spelled(str(folder / name)) for name in ("Trip/IMG.JPG", "trip/img.jpg", "TRIP/Img.JPG")] == [right] * 3
    called = [has_name(str(folder / "Trip" / name)) for name in ("IMG.JPG", "img.jpg", "none.jpg")]
    assert called == [True, False, False]
    assert spelled(str(folder / "trip/none.jpg")) == str(folder / "Trip/none.jpg")
    assert spelled("/") == "/"


def test_so_it_is_with_accents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with folding("fake", tmp_path, monkeypatch) as folder:
        composed, apart = "\u00e9t\u00e9.jpg", "e\u0301te\u0301.jpg"
        (folder / apart).touch()
        assert spelled(str(folder / composed)) == spelled(str(folder / "\u00c9T\u00c9.JPG")) == str(folder / apart)
        assert has_name(str(folder / apart))
        assert not has_name(str(folder / composed))


def test_a_disk_that_tells_names_apart_is_believed(tmp_path: Path) -> None:
    for name in ("IMG.JPG", "img.jpg"):
        (tmp_path / name).touch()
        assert spelled(str(tmp_path / name)) == str(tmp_path / name)
        assert has_name(str(tmp_path / name))


@pytest.mark.parametrize(("before", "after"), [("Trip/IMG.PNG", "Trip/img.png"), ("Trip", "trip")])
def test_a_photo_of_which_the_case_is_changed_has_one_name(
    library: Library, folder: Path, before: str, after: str
) -> None:
    ids = library.store.embeddings()[0].tolist()
    os.rename(folder / before, folder / "between")  # Linux does nothing where both names are one file's
    os.rename(folder / "between", folder / after)
    report = library.index(folder)
    assert (report.missing, report.offline, report.indexed) == (0, 0, 0)
    assert paths(library) == sorted(str(path) for path in folder.glob("*/*"))
    assert library.store.embeddings()[0].tolist() == ids
    assert library.index(folder).unchanged == 2


def test_a_photo_given_in_another_case_is_the_one_that_is_known(library: Library, folder: Path) -> None:
    before = paths(library)
    for given in (folder / "trip/img.png", folder / "TRIP"):
        assert library.index(given).indexed == 0
        assert paths(library) == before
    assert library.remove(folder / "trip/img.png") == 1
    assert library.status().faces == 1


def test_a_photo_that_another_has_replaced_in_another_case_can_be_taken_out(library: Library, folder: Path) -> None:
    (folder / "Trip/IMG.PNG").unlink()
    Picture.save(folder / "Trip/img.png", "another")
    report = library.index(folder)
    assert (report.indexed, report.missing + report.offline) == (1, 1)
    assert library.remove_missing(offline=True) == 1
    assert paths(library) == sorted(str(folder / "Trip" / name) for name in ("img.png", "other.png"))
