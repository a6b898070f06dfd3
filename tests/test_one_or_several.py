"""Every public call that takes paths, people or faces takes one or several, and iterates no text."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FAKE_SPEC

from facesearch.core.errors import InputError
from facesearch.core.paths import below
from facesearch.indexing.indexer import index_photos
from facesearch.indexing.removal import remove
from facesearch.library import Library
from facesearch.media import find_photos
from facesearch.pipeline.pipeline import Pipeline
from facesearch.sharing.folders import export_folders
from facesearch.sharing.report import ReportOptions, make_report
from facesearch.sharing.sidecars import export_sidecars
from facesearch.sharing.tables import export_rows
from facesearch.storage import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three photos in "photos"."""
    for name in "abc":
        Picture.save(tmp_path / "photos" / f"{name}.png", name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


@pytest.fixture
def library(folder: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    """The three photos, in one cluster "Anna" and one "B"."""
    Store.create(folder.parent / "library", FAKE_SPEC).close()
    with Library(folder.parent / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index([folder])
        library.cluster(eps=2.1)
        library.people.name("1", "Anna")
        library.people.assign([3], "B")
        yield library


def test_remove_of_one_path_as_text_takes_out_that_photo_only(library: Library) -> None:
    assert library.remove("photos/a.png") == 1
    assert [Path(path).name for path in sorted(library.store.known_paths())] == ["b.png", "c.png"]
    assert library.remove(Path("photos/b.png")) == 1
    assert library.remove("photos") == 1


def test_remove_of_a_folder_with_everything_needs_nothing_more(library: Library, folder: Path) -> None:
    assert library.remove(str(folder)) == 3


@pytest.mark.parametrize("given", ["/", ["/"], ["photos/a.png", "/"], "//", "/tmp/.."])
def test_remove_refuses_the_root_of_a_disk(library: Library, given: object) -> None:
    with pytest.raises(InputError):
        library.remove(given)
    assert library.status().photos == 3


def test_remove_refuses_the_root_as_current_folder(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(InputError):
        library.remove(".")
    assert library.status().photos == 3


@pytest.mark.parametrize("given", ["", [], [""], b"photos", [b"photos"], None])
def test_remove_refuses_what_is_no_path(library: Library, given: object) -> None:
    with pytest.raises(InputError):
        library.remove(given)
    assert library.status().photos == 3


@pytest.mark.parametrize("wrap", [str, Path, lambda path: [str(path)], lambda path: iter([path])])
def test_index_and_find_photos_take_one_path_or_several(library: Library, folder: Path, wrap: object) -> None:
    assert library.index(wrap(folder)).unchanged == 3
    assert len(find_photos(wrap(folder)).photos) == 3
    store, pipeline = library.store, library.pipeline
    assert index_photos(store, lambda: pipeline, wrap(folder)).unchanged == 3
    assert store.roots() == [str(folder)]
    assert remove(store, wrap(folder)) == 3


@pytest.mark.parametrize("call", ["index", "remove"])
def test_bytes_are_no_path(library: Library, call: str) -> None:
    with pytest.raises(InputError, match="not bytes"):
        getattr(library, call)(os.fsencode("photos"))


def test_a_lone_reference_is_one_person(library: Library) -> None:
    people, browse = library.people, library.browse
    assert len(people.photos("Anna")) == len(people.photos(["Anna"])) == 2
    assert len(browse.photos("Anna").items) == len(browse.photos(["Anna"]).items) == 2
    assert export_rows(library, "Anna") == export_rows(library, ["Anna"]) != export_rows(library)
    assert export_folders(library, "out", "Anna")[0] == 2
    assert export_sidecars(library, "xmp", "Anna")[0] == 2
    assert make_report(library, Path("report"), ReportOptions(only="Anna")).people == 1
    with pytest.raises(InputError):
        people.merge("Anna")


def test_the_digits_of_a_text_are_no_faces(library: Library) -> None:
    people = library.people
    before = [(one.id, one.title, one.size) for one in people.all()]
    for decide in (people.not_a_face, people.is_a_face, lambda faces: people.reject(faces, "Anna")):
        with pytest.raises(InputError):
            decide("13")
    with pytest.raises(InputError):
        people.assign("12", "C")
    with pytest.raises(InputError):
        people.import_name("C", "12")
    with pytest.raises(InputError):
        people.split("Anna", "1")
    assert [(one.id, one.title, one.size) for one in people.all()] == before


def test_pictures_that_are_no_paths_are_refused_briefly(library: Library) -> None:
    content = Path("photos/a.png").read_bytes()
    for call in (
        lambda: library.query(content),
        lambda: library.verify(content, "photos/a.png"),
        lambda: library.people.faces_in(content),
    ):
        with pytest.raises(InputError, match="not bytes") as caught:
            call()
        assert len(str(caught.value)) < 200


def test_the_catalogue_iterates_no_text(library: Library, folder: Path) -> None:
    assert not below("/photos")("/other")
    assert below(str(folder))(str(folder / "a.png"))
    library.store.forget_paths(str(folder / "a.png"))
    assert len(library.store.known_paths()) == 2
    library.store.forget_roots(str(folder))
    assert library.status().roots == ()
