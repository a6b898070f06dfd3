"""The Python API, on the demo collection and with a pipeline that takes no time."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FAKE_SPEC
from library_states import all_faces, check_vectors, files
from PIL import Image, ImageFilter

import facesearch
from facesearch.calibration import CALIBRATION_FILE
from facesearch.core.errors import (
    InputError,
    LibraryError,
    LibraryMissingError,
    ModelError,
    ModelMismatchError,
    NoFaceError,
    PhotoError,
)
from facesearch.core.paths import default_library
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

Demo = tuple[Path, dict[str, tuple[str, ...]]]


@pytest.fixture(scope="module")
def library(demo: Demo, pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The demo collection, indexed with the default model; not to be changed."""
    with Library(tmp_path_factory.mktemp("library"), device="cpu") as library:
        library.__dict__["pipeline"] = pipeline
        library.index([demo[0]])
        yield library


def test_finds_the_faces_of_every_photo(library: Library, demo: Demo) -> None:
    _, people = demo
    found = [Path(face.path).name for face in all_faces(library.store)]
    assert sorted(found) == sorted(name for name, shown in people.items() for _ in shown)
    assert library.status().photos_without_faces == sum(1 for shown in people.values() if not shown)


def test_clusters_the_two_people_and_tells_them_apart(library: Library, demo: Demo) -> None:
    clustering = library.cluster()
    assert clustering.noise == ()
    assert len(clustering.clusters) == 2
    clusters = [{Path(face.path).name for face in cluster.faces} for cluster in clustering.clusters]
    for person in {person for shown in demo[1].values() for person in shown}:
        assert {name for name, shown in demo[1].items() if person in shown} in clusters
    ids = [face.id for cluster in clustering.clusters for face in cluster.faces]
    assert sorted(ids) == [face.id for face in all_faces(library.store)]


def test_query_ranks_the_same_person_first(library: Library, demo: Demo) -> None:
    folder, people = demo
    result = library.query(folder / "grace-hopper-soft.jpg", k=26)
    (face,) = result.faces
    assert [match.rank for match in face.matches] == list(range(1, 27))
    assert Path(face.matches[0].path).name == "grace-hopper-soft.jpg"
    assert face.matches[0].distance == pytest.approx(0, abs=1e-3)  # batches of another size round otherwise
    distances = [match.distance for match in face.matches]
    assert distances == sorted(distances)
    for match in face.matches:
        assert match.same_person == (match.distance <= result.threshold)
    assert [match.same_person for match in face.matches] == [True] * 13 + [False] * 13
    assert all("Grace Hopper" in people[Path(match.path).name] for match in face.matches[:13])


def test_query_takes_every_face_or_one(library: Library, demo: Demo) -> None:
    picture = demo[0] / "together.jpg"
    both = library.query(picture, k=1)
    assert len(both.faces) == 2
    for number in range(2):
        assert library.query(picture, k=1, face=number).faces == (both.faces[number],)
    with pytest.raises(NoFaceError, match="2 faces"):
        library.query(picture, face=2)
    with pytest.raises(NoFaceError):
        library.query(picture, face=-1)


def test_query_asks_for_more_than_there_is(library: Library, demo: Demo) -> None:
    assert len(library.query(demo[0] / "grace-hopper-soft.jpg", k=1_000).faces[0].matches) == 26


def test_verify(library: Library, demo: Demo) -> None:
    hopper, other, collins = (
        demo[0] / f"{name}.jpg" for name in ("grace-hopper-soft", "grace-hopper-orientation-3", "eileen-collins-soft")
    )
    same, different = library.verify(hopper, other), library.verify(hopper, collins)
    assert same.same_person
    assert not different.same_person
    assert same.distance < same.threshold < different.distance
    assert same.probability > 0.99
    assert different.probability < 0.5
    assert same.far == pytest.approx(1e-3, rel=1e-3)
    assert library.verify(hopper, collins, threshold=2.0).same_person
    assert library.verify(hopper, hopper, threshold=0.0).distance == pytest.approx(0, abs=1e-6)
    assert not library.verify(hopper, other, threshold=0.0).same_person


def test_poor_faces_are_like_poor_faces_and_not_like_good_ones(library: Library, demo: Demo, tmp_path: Path) -> None:
    """So a poor one that is near a good one is that person; near another poor one, or far, it says nothing."""
    hopper, collins = (demo[0] / f"{name}.jpg" for name in ("grace-hopper-soft", "eileen-collins-soft"))
    blurred = tmp_path / "blurred.png"
    Image.open(hopper).filter(ImageFilter.GaussianBlur(9)).save(blurred)
    for other, threshold, too_poor, same in (
        (hopper, 2.0, False, True),
        (hopper, 0.0, True, False),
        (collins, 0.0, True, False),
        (blurred, 2.0, True, False),
    ):
        answer = library.verify(blurred, other, threshold=threshold)
        assert (answer.too_poor, answer.same_person) == (too_poor, same)
        assert (answer.probability is None) == too_poor
    (probe,) = library.query(blurred).faces
    assert probe.face.too_poor
    assert probe.weak == "blurred"
    assert probe.too_poor == (not probe.answer.certain)


def test_verify_needs_no_library(demo: Demo, pipeline_at_hand: None) -> None:
    answer = facesearch.verify(demo[0] / "grace-hopper-soft.jpg", demo[0] / "grace-hopper-close-up.png", device="cpu")
    assert answer.same_person


@pytest.mark.parametrize("name", ["gradient.jpg", "labels.csv", "none.jpg"])
def test_pictures_that_cannot_be_asked_about(library: Library, demo: Demo, name: str) -> None:
    with pytest.raises((NoFaceError, PhotoError), match=name):
        library.query(demo[0] / name)
    with pytest.raises((NoFaceError, PhotoError), match=name):
        library.verify(demo[0] / "together.jpg", demo[0] / name)


def test_status(library: Library, demo: Demo) -> None:
    status = library.status()
    assert (status.photos, status.files, status.missing, status.faces) == (27, 27, 0, 26)
    assert (status.model, status.dim, status.roots) == ("sface+dlib", 256, (str(demo[0]),))
    assert status.database_bytes > 26 * 256 * 4
    assert status.index_bytes > 26 * 256 * 4


# --- opening


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissingError, match="facesearch index"):
        Library(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("options", [{"model": "nosuch"}, {"model": "facenet-vggface2"}, {"device": "abacus"}])
def test_a_library_that_could_not_be_filled_is_not_made(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(facesearch.FacesearchError):
        Library(tmp_path / "new", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_place_for_a_library(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LibraryError, match=str(tmp_path / "file")):
        Library(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_any_folder_name_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100% #1 ünï\N{GRINNING FACE}"
    Library(folder).close()
    assert Store.exists(folder)
    with Library(folder, create=False) as library:
        assert library.status().photos == 0


def test_model_of_a_library_is_kept(tmp_path: Path) -> None:
    Library(tmp_path).close()
    with Library(tmp_path, model="sface+dlib") as library:
        assert library.spec.name == "sface+dlib"
    Store.create(tmp_path / "fake", FAKE_SPEC).close()
    with pytest.raises(ModelMismatchError, match=r"fake.*dlib.*migrate --model dlib"):
        Library(tmp_path / "fake", model="dlib")


def test_a_library_that_is_refused_is_not_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.create(tmp_path, FAKE_SPEC).close()
    closed: list[Store] = []
    monkeypatch.setattr(Store, "close", lambda self: closed.append(self))
    for wrong in ({"model": "dlib"}, {"model": "no such model"}, {"detector": "no such detector"}):
        with pytest.raises(ModelError):
            Library(tmp_path, **wrong)
    assert len(closed) == 3


def test_default_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(tmp_path))
    assert default_library() == tmp_path
    monkeypatch.delenv("FACESEARCH_LIBRARY")
    assert default_library().name == "facesearch"


def test_damaged_calibration_says_which_file(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        (tmp_path / CALIBRATION_FILE).write_text("{")
        with pytest.raises(LibraryError, match=CALIBRATION_FILE):
            library.status()


# --- removing


@pytest.fixture
def small(tmp_path: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    """Two roots, "one" and "two", with two photos each, one of which cannot be read; pipeline of FAKE_SPEC."""
    Store.create(tmp_path / "library", FAKE_SPEC).close()
    for name in ("one/a.png", "one/sub/b.png", "two/c.png"):
        Picture.save(tmp_path / name, name)
    (tmp_path / "two/bad.png").touch()
    with Library(tmp_path / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index([tmp_path / "one", tmp_path / "two"])
        yield library
        check_vectors(library.store)


def test_remove_takes_out_files_and_folders(small: Library, tmp_path: Path) -> None:
    assert small.remove([tmp_path / "one/sub"]) == 1
    assert small.status().faces == 2
    assert small.status().roots == (str(tmp_path / "one"), str(tmp_path / "two"))
    assert small.remove([tmp_path / "two/c.png", tmp_path / "one"]) == 2
    assert small.status().faces == 0
    assert small.status().roots == (str(tmp_path / "two"),)
    assert (tmp_path / "one/a.png").is_file()


def test_remove_forgets_roots_inside_and_failures(small: Library, tmp_path: Path) -> None:
    assert small.remove([tmp_path]) == 4
    assert small.status().roots == ()
    assert small.status().failures == ()


def test_remove_of_what_is_not_there(small: Library, tmp_path: Path) -> None:
    for nothing in (tmp_path / "one/a", tmp_path / "none"):
        assert small.remove([nothing]) == 0  # as after one that was killed
    with pytest.raises(InputError):
        small.remove([""])
    assert small.status().faces == 3


def test_copy_survives_the_removal_of_a_file(small: Library, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "one/a.png", tmp_path / "two/a.png")
    small.index([tmp_path / "two"])
    assert small.remove([tmp_path / "one"]) == 2
    assert set(files(small.store)) == {str(tmp_path / "two/a.png"), str(tmp_path / "two/c.png")}


def test_remove_missing(small: Library, tmp_path: Path) -> None:
    Picture.save(tmp_path / "one/d.png", "d")
    small.index([tmp_path / "one"])
    (tmp_path / "one/a.png").unlink()
    assert small.remove_missing() == 0  # no run has noticed yet
    small.index([tmp_path / "one"])
    assert small.status().missing == 1
    assert small.remove_missing() == 1
    assert (small.status().missing, small.status().faces) == (0, 3)


def test_remove_missing_refuses_an_unmounted_root(small: Library, tmp_path: Path) -> None:
    (tmp_path / "one").rename(tmp_path / "away")
    (tmp_path / "one").mkdir()  # a mount point without its disk is an empty folder
    small.index([tmp_path / "one"])
    assert (small.status().missing, small.status().offline) == (0, 2)
    with pytest.raises(LibraryError, match=r"2 files in .*one, .*mount.*--offline"):
        small.remove_missing()
    assert small.status().faces == 3
    assert small.remove_missing(force=True) == 2
    assert small.status().faces == 1


def test_remove_missing_waits_for_an_unmounted_root_that_no_run_has_met(small: Library, tmp_path: Path) -> None:
    (tmp_path / "two/c.png").unlink()
    small.index([tmp_path / "two"])
    (tmp_path / "one").rename(tmp_path / "away")
    with pytest.raises(LibraryError):
        small.remove_missing()


def test_photo_given_by_its_name_is_no_root(small: Library, tmp_path: Path) -> None:
    Picture.save(tmp_path / "one/d.png", "d")
    small.index([tmp_path / "one/a.png", tmp_path / "one/d.png"])
    (tmp_path / "one/a.png").unlink()
    small.index([tmp_path / "one"])
    assert small.remove_missing() == 1


def test_no_threshold_without_a_calibration(small: Library, tmp_path: Path) -> None:
    result = small.query(tmp_path / "one/a.png", k=3)
    assert result.threshold is None
    assert {(match.probability, match.same_person) for match in result.faces[0].matches} == {(None, None)}
    with pytest.raises(facesearch.FacesearchError, match="facesearch calibrate"):
        small.verify(tmp_path / "one/a.png", tmp_path / "two/c.png")
    with pytest.raises(InputError, match=r"--eps.*facesearch calibrate"):
        small.cluster()
    assert small.cluster(eps=2.1).clusters[0].size == 3
    assert small.verify(tmp_path / "one/a.png", tmp_path / "one/a.png", threshold=0.5).far is None


def test_an_empty_library_answers(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    Store.create(tmp_path, FAKE_SPEC).close()
    with Library(tmp_path) as library:
        library.__dict__["pipeline"] = fake_pipeline
        assert library.cluster(eps=0.5).clusters == ()
        assert all_faces(library.store) == []
        with pytest.raises(LibraryError, match="facesearch index"):
            library.query(Picture.save(tmp_path / "a.png", "a"))


def test_relative_paths_are_made_absolute(small: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert small.index(["one"]).unchanged == 2
    assert small.remove([os.path.join("one", "sub")]) == 1
