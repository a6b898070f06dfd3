"""What the commands say to input that cannot be meant: one line on stderr, exit code 2, no traceback."""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Answer, Picture
from fakes import FAKE_SPEC
from library_states import damaged_library

from facesearch.library import Library
from facesearch.storage import Store

Command = Callable[..., Answer]
Demo = tuple[Path, dict[str, tuple[str, ...]]]

pytestmark = pytest.mark.usefixtures("pipeline_at_hand")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no library is; the commands look there."""
    folder = tmp_path / "nowhere"
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(folder))
    return folder


@pytest.fixture
def library(nowhere: Path) -> Path:
    """An empty library of the default model; the commands look there."""
    Library(nowhere).close()
    return nowhere


@pytest.fixture
def face(demo: Demo) -> Path:
    return demo[0] / "grace-hopper-soft.jpg"


# --- no library


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("cluster",),
        ("query", "face.jpg"),
        ("remove", "photos"),
        ("remove", "--missing"),
        ("migrate", "--model", "dlib"),
        ("reembed", "--model", "dlib"),
        ("verify", "a.jpg", "b.jpg", "--library", "{nowhere}"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_no_library(command: Command, nowhere: Path, arguments: tuple[str, ...]) -> None:
    error = command(*(argument.format(nowhere=nowhere) for argument in arguments)).error
    assert str(nowhere) in error
    assert "facesearch index" in error
    assert not nowhere.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("index", "{tmp}/mistyped"), "{tmp}/mistyped"),
        (("index", "{tmp}", "{tmp}/mistyped.jpg"), "{tmp}/mistyped.jpg"),
        (("index", ""), ""),
        (("index", "{tmp}", "--model", "facenat"), "facenat"),
        (("index", "{tmp}", "--model", "{tmp}/none.onnx"), "none.onnx"),
        (("index", "{tmp}", "--model", "facenet-vggface2"), "facesearch models --download facenet-vggface2"),
        (("index", "{tmp}", "--device", "abacus"), "abacus"),
        (("index", "{tmp}", "--min-face", "1"), "--min-face"),
        (("index", "{tmp}", "--max-megapixels", "0"), "max_megapixels"),
        (("calibrate", "{tmp}/mistyped"), "{tmp}/mistyped"),
        (("calibrate", "{tmp}"), "{tmp}"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_leave_no_empty_library(
    command: Command, nowhere: Path, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    error = command(*(argument.format(tmp=tmp_path) for argument in arguments)).error
    assert complaint.format(tmp=tmp_path) in error
    assert not nowhere.exists()


# --- pictures


@pytest.mark.parametrize("name", ["none.jpg", "labels.csv", "gradient.jpg", ""])
def test_pictures_that_cannot_be_used(command: Command, demo: Demo, nowhere: Path, face: Path, name: str) -> None:
    """Missing, no image, without a face, a folder."""
    command("index", face)
    picture = demo[0] / name
    for arguments in (("query", picture), ("verify", face, picture), ("verify", picture, face)):
        assert str(picture) in command(*arguments).error


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("-k", "0"), "not 0 (-k)"),
        (("-k", "-3"), "not -3"),
        (("--face", "1"), "1 face"),
    ],
)
def test_query_options(command: Command, nowhere: Path, face: Path, options: tuple[str, ...], complaint: str) -> None:
    command("index", face)
    assert complaint in command("query", face, *options).error


def test_query_of_an_empty_library(command: Command, library: Path, face: Path) -> None:
    assert "facesearch index" in command("query", face).error


@pytest.mark.parametrize("threshold", ["3", "-0.1", "nan", "inf"])
def test_thresholds_that_are_no_distance(command: Command, face: Path, threshold: str) -> None:
    assert "--threshold" in command("verify", face, face, "--threshold", threshold).error


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--eps", "0"), "eps"),
        (("--eps", "nan"), "eps"),
        (("--min-samples", "0"), "min_samples"),
        (("--device", "abacus"), "abacus"),
    ],
)
def test_cluster_options(command: Command, nowhere: Path, face: Path, options: tuple[str, ...], complaint: str) -> None:
    command("index", face)
    assert complaint in command("cluster", *options).error


# --- models


def test_another_model_names_both_and_the_way_out(command: Command, nowhere: Path, face: Path) -> None:
    Store.create(nowhere, FAKE_SPEC).close()
    for arguments in (("index", face), ("query", face)):
        error = command(*arguments, "--model", "dlib").error
        assert re.search(r"fake \(\w+\).* dlib \(\w+\)", error)
        assert "facesearch migrate --model dlib" in error


def test_a_model_file_that_is_gone(command: Command, nowhere: Path, face: Path) -> None:
    Store.create(nowhere, FAKE_SPEC).close()
    assert "'fake'" in command("query", face).error
    assert command("status").code == 0  # what is in the library can be said all the same


def test_a_model_without_a_calibration(command: Command, tmp_path: Path, nowhere: Path, face: Path) -> None:
    pytest.importorskip("onnx")
    from embedding_samples import write_model

    model = str(write_model(tmp_path / "tiny.onnx"))
    error = command("verify", face, face, "--model", model).error
    assert f"facesearch calibrate FOLDER --model {model}" in error
    assert command("verify", face, face, "--model", model, "--threshold", "0.5").code == 0
    assert command("index", face, "--model", model, "--device", "cpu").code == 0
    answer = command("query", face, "--device", "cpu")
    assert "facesearch calibrate" in answer.out
    assert "facesearch calibrate" in command("cluster").error


# --- keeping


def test_remove(command: Command, library: Path, tmp_path: Path) -> None:
    for arguments in ((), (tmp_path, "--missing")):
        assert "--missing" in command("remove", *arguments).error
    assert "nothing left to do" in command("remove", tmp_path).out
    assert command("remove", "").error


def test_remove_missing_of_an_unmounted_disk(command: Command, nowhere: Path, tmp_path: Path) -> None:
    photo = Picture.save(tmp_path / "disk/a.png", "a")
    assert command("index", photo.parent).code == 0
    photo.unlink()
    assert "1 offline" in command("index", photo.parent).out
    error = command("remove", "--missing").error
    assert str(photo.parent) in error
    assert "--offline" in error
    assert command("status", "--json").json["offline"] == 1


@pytest.mark.parametrize("option", ["--offline", "--force"])
def test_offline_photos_go_when_their_number_is_typed(
    command: Command, nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    for name in ("a", "b"):
        Picture.save(tmp_path / f"disk/nas/{name}.png", name)
    Picture.save(tmp_path / "disk/c.png", "c")
    assert command("index", tmp_path / "disk").code == 0
    (tmp_path / "disk/nas").rename(tmp_path / "away")
    assert str(tmp_path / "disk/nas") in command("index", tmp_path / "disk").out
    for typed in ("", "\n", "y\n", "1\n", "3\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        refused = command("remove", "--missing", option)
        assert (refused.code, refused.out) == (2, "")
        assert "nothing was taken out" in refused.err
        assert command("status", "--json").json["files"] == 3
    monkeypatch.setattr("sys.stdin", None)
    assert command("remove", "--missing", option).code == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    assert command("remove", "--missing", option, "--json").json == {"removed": 2}
    assert command("remove", "--missing", option, "--json").json == {"removed": 0}  # and nothing is asked


def test_damaged_library(command: Command, nowhere: Path) -> None:
    damaged_library(nowhere)
    assert str(nowhere) in command("status").error


def test_library_in_a_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in (("index", tmp_path), ("status",)):
        assert str(tmp_path / "file") in command(*arguments, "--library", tmp_path / "file").error


def test_library_that_is_being_written(command: Command, library: Path, face: Path) -> None:
    other = Store.open(library)
    with other.writing():
        assert str(os.getpid()) in command("index", face).error
    other.close()


# --- measuring


def test_evaluate(command: Command, demo: Demo, tmp_path: Path) -> None:
    for arguments in ((), ("--lfw", tmp_path), ("--pairs", tmp_path), ("--out", tmp_path / "x.json")):
        assert "--photos" in command("evaluate", *arguments).error
    assert str(tmp_path / "none") in command("evaluate", "--photos", tmp_path / "none").error
    assert str(demo[0]) in command("evaluate", "--photos", demo[0]).error
    labels = demo[0] / "labels.csv"
    assert "pairs.txt" in command("evaluate", "--lfw", demo[0], "--pairs", labels).error
    assert str(tmp_path) in command("evaluate", "--lfw", demo[0], "--pairs", tmp_path / "none.txt").error


def test_where_results_cannot_go_is_said_before_the_work(command: Command, demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    measure = ("evaluate", "--photos", demo[0], "--labels", demo[0] / "labels.csv")
    assert "list.json" in command(*measure, "--out", tmp_path / "list.json").error
    assert str(tmp_path / "none") in command(*measure, "--out", tmp_path / "none/x.json").error
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        Picture.save(tmp_path / "people" / name, name)
    assert str(tmp_path / "none") in command("calibrate", tmp_path / "people", "--out", tmp_path / "none/x.json").error


def test_models(command: Command) -> None:
    assert "nosuch" in command("models", "--download", "nosuch").error
    assert "there is no checkpoint at nosuch" in command("models", "nosuch").error
    assert "not both" in command("models", "own.safetensors", "--download", "dlib").error


def test_what_the_system_refuses_is_one_line_too(
    command: Command, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Library) -> None:
        raise OSError(28, "No space left on device", "photos.db")

    monkeypatch.setattr(Library, "status", full)
    assert "photos.db" in command("status").error


def test_interrupt_is_no_traceback(command: Command, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Library) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Library, "status", interrupted)
    answer = command("status")
    assert (answer.code, answer.out) == (130, "")
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    "arguments", [("bogus",), ("status", "--bogus"), ("verify", "one.jpg"), ("query", "-k", "many", "x")]
)
def test_usage_errors(command: Command, arguments: tuple[str, ...]) -> None:
    answer = command(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("Usage: ")
    assert "Traceback" not in answer.err
