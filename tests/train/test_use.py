"""A trained checkpoint in the hands of those who use it, and `python -m train` itself."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Answer, program
from train_samples import job, make_people

from facesearch.calibration import model_calibration
from facesearch.core.errors import WeightsError
from facesearch.embedding import checkpoint, load_module, own_calibration, resolve
from facesearch.pipeline.pipeline import Pipeline
from train.aligning import align
from train.keeping import BEST, LAST
from train.loop import fit
from train.manifest import read_manifest


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that knows nothing of faces; what matters is that everything takes it."""
    folder = tmp_path_factory.mktemp("trained")
    report = fit(job(make_people(folder / "people"), folder / "run", run={"steps": 20, "validate_every": 10}))
    assert report is not None
    assert report.best_step
    return folder / "run" / BEST


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs `python -m train ARGUMENTS…`."""
    from train.cli import main

    return program("train", main, monkeypatch, capsys)


@pytest.fixture(scope="module")
def at_work(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that knows faces: what training leaves, with the weights and the calibration of `dlib`."""
    spec, path = resolve("dlib"), tmp_path_factory.mktemp("at work") / "mine.safetensors"
    calibration = model_calibration(spec)
    assert calibration is not None
    training = checkpoint.read_header(trained).training
    checkpoint.save(path, load_module(spec).state_dict(), spec, training, asdict(calibration))
    return path


def test_index_query_cluster_verify(
    at_work: Path, demo: tuple[Path, dict[str, Any]], command: Callable[..., Answer]
) -> None:
    folder, people_of = demo
    indexed = command("index", folder, "--model", at_work, "--json")
    assert indexed.code == 0, indexed.err
    status = command("status", "--json").json
    assert (status["model"], status["dim"]) == (str(at_work), 128)
    assert status["threshold"] == pytest.approx(checkpoint_threshold(at_work))
    photo = next(folder / name for name, people in people_of.items() if len(people) == 1)
    nearest = command("query", photo, "-k", 3, "--json").json["faces"][0]["matches"][0]
    assert (nearest["distance"], nearest["same_person"]) == (pytest.approx(0, abs=1e-3), True)
    assert nearest["probability"] > 0.9
    assert len(command("cluster", "--json").json["clusters"]) == 2
    assert command("verify", photo, photo, "--model", at_work, "--json").json["same_person"] is True


def test_models_shows_the_card_of_a_checkpoint(trained: Path, at_work: Path, command: Callable[..., Answer]) -> None:
    card = checkpoint.read_header(trained).card
    assert card is not None
    assert command("models", trained).out.splitlines() == card.splitlines()
    told = command("models", trained, "--json").json
    assert (told["card"], told["network"], told["training"]["steps_done"]) == (card, "small-cnn", 20)
    assert command("models", at_work, "--json").json["card"] is None


def test_a_network_that_tells_nobody_apart_has_no_calibration_and_says_so(
    trained: Path, demo: tuple[Path, dict[str, Any]], command: Callable[..., Answer]
) -> None:
    assert checkpoint.read_header(trained).calibration is None
    assert command("index", demo[0], "--model", trained, "--json").code == 0
    assert command("status", "--json").json["threshold"] is None
    assert "give --eps, or" in command("cluster").error


def checkpoint_threshold(path: Path) -> float:
    stored = checkpoint.read_header(path).calibration
    assert stored is not None
    rates, distances = np.array(stored["far_curve"]).T
    return float(np.interp(np.log(1e-3), np.log(rates[::-1]), distances[::-1]))


def test_a_moved_checkpoint_keeps_its_calibration(at_work: Path, tmp_path: Path) -> None:
    moved = shutil.copy(at_work, tmp_path / "moved.safetensors")
    spec = resolve(str(moved))
    calibration = model_calibration(spec, own_calibration)
    assert calibration is not None
    assert (calibration.model, calibration.fingerprint) == (str(moved), spec.fingerprint)
    assert model_calibration(replace(spec, weights_sha256="0" * 64), own_calibration) is None  # another file


def test_a_checkpoint_holds_the_calibration_of_its_combination_with_dlib(tmp_path: Path) -> None:
    spec, path = resolve("sface"), tmp_path / "mine.safetensors"
    made = model_calibration(resolve("sface+dlib"))
    assert made is not None
    checkpoint.save(path, load_module(spec).state_dict(), spec, {}, with_dlib=asdict(made))
    both, alone = resolve(f"{path}+dlib"), resolve(str(path))
    found = model_calibration(both, own_calibration)
    assert found is not None
    assert (found.fingerprint, found.far_curve) == (both.fingerprint, made.far_curve)
    assert model_calibration(alone, own_calibration) is None  # its distances are others
    checkpoint.save(path, load_module(spec).state_dict(), spec, {"another": 1}, calibration=asdict(made))
    assert model_calibration(resolve(f"{path}+dlib"), own_calibration) is None
    assert model_calibration(both, own_calibration) is None  # no longer that file


def test_a_damaged_calibration_is_an_error(trained: Path, tmp_path: Path) -> None:
    header, path = checkpoint.read_header(trained), tmp_path / "damaged.safetensors"
    checkpoint.save(path, checkpoint.load_module(trained).state_dict(), header.spec, header.training, {"far": 1})
    with pytest.raises(WeightsError):
        model_calibration(resolve(str(path)), own_calibration)


def test_from_photos_to_a_model_by_the_command_line(train: Callable[..., Answer], tmp_path: Path) -> None:
    people = make_people(tmp_path / "people")
    settings = [
        "--set",
        "run.steps=4",
        "--set",
        "batch.people=4",
        "--set",
        "data.workers=0",
        "--set",
        "run.validate_every=2",
    ]
    done = train("fit", "smoke", "--data", people, "--out", tmp_path / "run", "--device", "cpu", *settings)
    assert done.code == 0, done.err
    assert "AUC" in done.out
    assert "before: held-out people" in done.err
    assert ("The best checkpoint, after" in done.out) is (tmp_path / "run" / BEST).exists()
    again = train("fit", "smoke", "--data", people, "--out", tmp_path / "run2", "--json", "--device", "cpu", *settings)
    assert again.json["after"] == json.loads((tmp_path / "run" / "report.json").read_text())["after"]
    assert again.json["recipe"]["run"]["steps"] == 4


def test_a_run_measures_lfw_before_and_after(
    train: Callable[..., Answer], demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    pairs, people = lfw_in_small(demo, tmp_path / "lfw"), make_people(tmp_path / "people")
    settings = [word for value in ("run.steps=2", "batch.people=4", "data.workers=0") for word in ("--set", value)]
    lfw = ("--lfw", tmp_path / "lfw", "--pairs", pairs)
    done = train("fit", "smoke", "--data", people, "--out", tmp_path / "run", "--device", "cpu", *lfw, *settings)
    assert done.code == 0, done.err
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert set(report["before"]) == set(report["after"]) == {"held_out", "lfw"}


@pytest.mark.slow
def test_a_trained_sface_goes_to_onnx_and_into_the_combination(
    train: Callable[..., Answer],
    command: Callable[..., Answer],
    demo: tuple[Path, dict[str, Any]],
    tmp_path: Path,
) -> None:
    start = {"name": "", "start": "sface", "dim": 0, "adapters": 2}
    fit(job(make_people(tmp_path / "people"), tmp_path / "run", network=start, run={"steps": 1, "validate_every": 1}))
    model = tmp_path / "run" / LAST
    exported = train("export", model, tmp_path / "mine.onnx")
    assert exported.code == 0, exported.err
    assert str(tmp_path / "mine.onnx") in exported.out
    photo = next(demo[0] / name for name, people in demo[1].items() if len(people) == 1)
    for name in (tmp_path / "mine.onnx", f"{model}+dlib"):
        answer = command("verify", photo, photo, "--model", name, "--threshold", "1", "--json")
        assert answer.code == 0, answer.err
        assert answer.json["distance"] == pytest.approx(0, abs=1e-3)


def test_recipes_are_listed(train: Callable[..., Answer]) -> None:
    listed = train("recipes")
    assert listed.code == 0
    assert all(name in listed.out for name in ("smoke", "finetune", "casia", "vggface2", "random-triplets"))


def test_what_cannot_be_meant_is_one_line(train: Callable[..., Answer], tmp_path: Path) -> None:
    people = make_people(tmp_path / "people", people=3)
    run = tmp_path / "run"
    assert "there is no recipe" in train("fit", "smok", "--data", people, "--out", run).error
    assert "unknown key run.step:" in train("fit", "smoke", "--data", people, "--out", run, "--set", "run.step=3").error
    assert "3 of 3 people" in train("fit", "smoke", "--data", people, "--out", run).error
    assert "is not a folder" in train("fit", "smoke", "--data", tmp_path / "none", "--out", run).error
    assert "give --lfw with --pairs" in train("fit", "smoke", "--data", people, "--out", run, "--lfw", people).error
    assert "is not a folder" in train("align", tmp_path / "none", tmp_path / "out").error
    assert not run.exists()


def test_evaluate_any_embedder(
    train: Callable[..., Answer], trained: Path, demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """LFW's protocol in small: two folds of two pairs."""
    pairs = lfw_in_small(demo, tmp_path / "lfw")
    for model, spread in ((trained, False), ("dlib", True)):
        figures = train("evaluate", "--model", model, "--lfw", tmp_path / "lfw", "--pairs", pairs, "--json").json["lfw"]
        assert figures["model"] == str(model)
        assert (figures["pairs"], figures["images_without_face"]) == (4, 0)
        assert not spread or figures["accuracy_mean"] == 1.0
    plots = tmp_path / "plots"
    shown = train("evaluate", "--lfw", tmp_path / "lfw", "--pairs", pairs, "--plots", plots)
    assert "accuracy_mean" in shown.out
    assert {file.name for file in plots.iterdir()} == {"roc_lfw.png", "distances_lfw.png"}


def test_evaluate_labelled_photos(
    train: Callable[..., Answer], demo: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    lfw_in_small(demo, tmp_path / "people")
    plots = tmp_path / "plots"
    figures = train("evaluate", "--people", tmp_path / "people", "--plots", plots, "--json").json["people"]
    counted = (figures["photos"], figures["people"], figures["pairs_of_one_person"], figures["pairs_of_two"])
    assert counted == (8, 2, 12, 16)
    assert figures["auc"] == 1.0
    assert figures["tar_at_far"] == {"0.0001": 1.0, "0.001": 1.0, "0.01": 1.0}
    assert {file.name for file in plots.iterdir()} == {"roc_people.png", "distances_people.png"}
    assert "give --lfw with --pairs, or --people, or --bin" in train("evaluate").error


def test_runs_are_compared(train: Callable[..., Answer], trained: Path, tmp_path: Path) -> None:
    picture = tmp_path / "both.png"
    drawn = train("compare", trained.parent, trained.parent, "--out", picture)
    assert drawn.code == 0, drawn.err
    assert picture.stat().st_size > 10_000
    assert "holds no finished run" in train("compare", tmp_path, trained.parent, "--out", picture).error


def lfw_in_small(demo: tuple[Path, dict[str, tuple[str, ...]]], images: Path) -> Path:
    """Photos of the demo's two people under LFW's names, and a pairs.txt."""
    folder, people_of = demo
    alone: dict[str, list[str]] = {}
    for photo, people in people_of.items():
        if len(people) == 1:
            alone.setdefault(people[0], []).append(photo)
    names = sorted(alone)
    for name in names:
        (images / name).mkdir(parents=True)
        for number, photo in enumerate(sorted(alone[name])[:4], start=1):
            shutil.copy(folder / photo, images / name / f"{name}_{number:04}.jpg")
    a, b = names
    rows = ["2\t1", f"{a}\t1\t2", f"{a}\t1\t{b}\t1", f"{b}\t1\t2", f"{a}\t2\t{b}\t2"]
    pairs = images.parent / "pairs.txt"
    pairs.write_text("\n".join(rows) + "\n")
    return pairs


@pytest.mark.data
def test_labelled_faces_are_found_where_indexing_finds_them(data: Path, pipeline: Pipeline, tmp_path: Path) -> None:
    for person in sorted((data / "faces").iterdir())[:5]:
        shutil.copytree(person, tmp_path / "faces" / person.name)
    report = align(tmp_path / "faces", tmp_path / "out", device="cpu")
    entries = list(read_manifest(tmp_path / "out"))
    main = list(pipeline.main_faces(str(tmp_path / "faces" / entry.source) for entry in entries))
    assert [entry.file is not None for entry in entries] == [face is not None for face in main]
    assert report.aligned >= 0.95 * report.found >= 0.95 * 40
