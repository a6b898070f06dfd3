"""Whole runs, of seconds: the same twice, the same after an interruption, honest at the end, and safe when it fails."""

import html
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_samples import job, make_people, recipe

from facesearch.core.errors import InputError, ModelError
from facesearch.embedding import checkpoint
from train.config import read_recipe
from train.errors import CollapsedError, DivergedError, TrainingError
from train.keeping import BEST, LAST
from train.log import read_log
from train.loop import READ_LATER, Job, fit
from train.losses import TrainingLoss
from train.report import Report
from train.run_page import PAGE
from train.snapshots import SNAPSHOT, read_snapshot
from train.trainer import Trainer, learning_rate

ROOT = Path(__file__).resolve().parents[2]
AUGMENT: dict[str, object] = {"shift": 0.03, "light": 0.5, "jpeg": 0.3}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("data") / "people")


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves take as long to draw as these runs to compute; only `finished`, which is set up before, draws its own."""
    monkeypatch.setattr("train.keeping.draw_run", lambda *_: None)


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_log(folder) if line["kind"] == "train"]


def done(report: Report | None) -> Report:
    assert report is not None
    return report


@pytest.fixture(scope="module")
def finished(people: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    out = tmp_path_factory.mktemp("runs") / "run"
    return out, done(fit(job(people, out, augment=AUGMENT, run={"steps": 30, "validate_every": 10})))


def test_training_learns(finished: tuple[Path, Report]) -> None:
    _, report = finished
    assert report.after["held_out"].auc > report.before["held_out"].auc + 0.02
    assert report.best_step > 0
    assert report.images_seen == 30 * 12


def test_what_a_run_leaves(finished: tuple[Path, Report]) -> None:
    folder, report = finished
    there = {file.name for file in folder.iterdir()}
    pictures = {"curves.png", "roc_held_out.png", "distances_held_out.png"}
    assert {BEST, LAST, SNAPSHOT, "log.jsonl", "recipe.json", "report.json", PAGE, "tensorboard"} | pictures == there
    assert list((folder / "tensorboard").iterdir())
    page = (folder / PAGE).read_text()
    assert page.count('src="data:image/png;base64,') == len(pictures)
    assert all(line in html.unescape(page) for line in report.verdict())
    assert json.loads((folder / "report.json").read_text())["after"] == json.loads(report.to_json())["after"]
    validations = [line["step"] for line in read_log(folder) if line["kind"] == "validation"]
    assert validations == [0, 10, 20, 30]


def test_the_checkpoint_says_what_it_is(finished: tuple[Path, Report]) -> None:
    folder, report = finished
    header = checkpoint.read_header(folder / BEST)
    assert (header.spec.network, header.spec.dim) == ("small-cnn", 16)
    assert header.training["recipe"]["batch"]["people"] == 4
    assert header.training["data"]["train"]["people"] == 12
    assert header.training["data"]["held_out"]["people"] == 8
    assert header.training["after"]["held_out"]["auc"] == report.after["held_out"].auc
    assert header.training["environment"]["torch"] == torch.__version__


def test_a_checkpoint_has_a_model_card(finished: tuple[Path, Report]) -> None:
    folder, report = finished
    best, last = (checkpoint.read_header(folder / name).card or "" for name in (BEST, LAST))
    assert "Data: people, 72 images of 12 people" in best
    assert "Terms of the data: not stated" in best
    assert f"{report.best_step} steps" in best
    assert "48 images of 8 people who were kept out of training" in best
    assert f"| {report.after['held_out'].auc:.4f} |" in best
    assert "not for decisions about people" in best
    assert "Not measured when it was written" in last


def test_the_page_shows_each_validation(finished: tuple[Path, Report]) -> None:
    page = (finished[0] / PAGE).read_text()
    for line in read_log(finished[0]):
        if line["kind"] == "validation":
            assert f"<tr><td>{line['step']}</td><td>{line['held_out_auc']:.4f}</td>" in page


def test_twice_the_same(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    again = done(fit(job(people, tmp_path / "again", augment=AUGMENT, run={"steps": 30, "validate_every": 10})))
    assert losses(tmp_path / "again") == losses(finished[0])
    assert again.after == finished[1].after


def test_another_seed_is_another_run(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    fit(job(people, tmp_path / "other", augment=AUGMENT, run={"steps": 6, "seed": 1}))
    assert losses(tmp_path / "other") != losses(finished[0])[:6]


def test_threads_change_nothing(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    fit(
        job(people, tmp_path / "workers", augment=AUGMENT, data={"workers": 2}, run={"steps": 30, "validate_every": 30})
    )
    assert losses(tmp_path / "workers") == losses(finished[0])


@pytest.mark.slow
def test_images_varied_one_by_one_are_the_same_with_worker_processes(people: Path, tmp_path: Path) -> None:
    augment = {**AUGMENT, "batched": False}
    for workers in (0, 2):
        fit(job(people, tmp_path / str(workers), augment=augment, data={"workers": workers}, run={"steps": 6}))
    assert losses(tmp_path / "0") == losses(tmp_path / "2")


def test_images_that_are_not_kept_are_the_same(people: Path, tmp_path: Path) -> None:
    """Half of them fit; the others are cut each time."""
    half = 72 / 2 * (64 + 2 * 15) ** 2 * 3 / 2**30
    fit(job(people, tmp_path / "half", augment=AUGMENT, data={"kept_gb": half, "workers": 1}, run={"steps": 6}))
    fit(job(people, tmp_path / "none", augment=AUGMENT, data={"kept_gb": 0.0}, run={"steps": 6}))
    fit(job(people, tmp_path / "all", augment=AUGMENT, run={"steps": 6}))
    assert losses(tmp_path / "half") == losses(tmp_path / "none") == losses(tmp_path / "all")


def test_golden_losses(finished: tuple[Path, Report]) -> None:
    """Written down once: a change of these is a change of what training does."""
    golden = [0.1926, 0.1145, 0.1365]
    found = np.array(losses(finished[0]))
    np.testing.assert_allclose([found[0], found[9], found[29]], golden, rtol=0.05)


@pytest.mark.parametrize("killed_at", [5, 9])
def test_resumed_losses_are_the_undisturbed_ones(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    settings = {"augment": AUGMENT, "run": {"steps": 12, "snapshot_every": 4, "validate_every": 3}}
    whole = done(fit(job(people, tmp_path / "whole", **settings)))
    real = Trainer.step

    def step(self: Trainer, step: int, *rest: object) -> object:
        if step == killed_at:
            raise KeyboardInterrupt
        return real(self, step, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(KeyboardInterrupt):
        fit(job(people, tmp_path / "cut", **settings))
    monkeypatch.setattr(Trainer, "step", real)
    assert read_snapshot(tmp_path / "cut")["step"] == killed_at // 4 * 4
    resumed = done(fit(replace(job(people, tmp_path / "cut", **settings), resume=True)))
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert (resumed.before, resumed.after, resumed.best_step) == (whole.before, whole.after, whole.best_step)
    first, second = (checkpoint.load_module(tmp_path / run / LAST).state_dict() for run in ("whole", "cut"))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_kill_minus_nine_and_resume(people: Path, tmp_path: Path) -> None:
    """The real command, ended without a word at a random moment, comes to the same losses."""
    file = tmp_path / "tiny.toml"
    file.write_text(
        '[network]\nname = "small-cnn"\ndim = 8\n[data]\nheld_out = 0.4\nworkers = 0\n[batch]\npeople = 4\nimages = 3\n'
        "[run]\nsteps = 40\nsnapshot_every = 3\nvalidate_every = 20\n"
    )
    fit(Job(read_recipe(str(file)), people, tmp_path / "whole", device="cpu"))
    command = [sys.executable, "-m", "train", "fit", file, "--data", people, "--out", tmp_path / "cut"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--device", "cpu"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "cut" / SNAPSHOT).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(float(np.random.default_rng().uniform(0, 0.3)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    fit(Job(read_recipe(str(file)), people, tmp_path / "cut", device="cpu", resume=True))
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


def test_a_run_is_not_overwritten_and_not_resumed_with_another_recipe(people: Path, tmp_path: Path) -> None:
    fit(job(people, tmp_path / "run", run={"steps": 2, "snapshot_every": 1}))
    with pytest.raises(InputError, match="is not empty: go on with --resume, or choose another folder"):
        fit(job(people, tmp_path / "run"))
    with pytest.raises(InputError):
        fit(replace(job(people, tmp_path / "run", run={"steps": 3}), resume=True))
    with pytest.raises(TrainingError, match=r"no .*snapshot\.pt to go on from"):
        fit(replace(job(people, tmp_path / "none"), resume=True))
    (tmp_path / "run" / SNAPSHOT).write_bytes(b"PK damaged")
    with pytest.raises(TrainingError):
        fit(replace(job(people, tmp_path / "run", run={"steps": 2, "snapshot_every": 1}), resume=True))


def test_worse_than_the_start_is_never_called_best(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    """A learning rate that ruins the network which it starts from."""
    start = {"name": "", "start": str(finished[0] / BEST), "dim": 0}
    report = done(fit(job(people, tmp_path / "worse", network=start, optimizer={"lr": 0.5, "clip_norm": 0.0})))
    assert report.best_step == 0
    assert not (tmp_path / "worse" / BEST).exists()
    assert (tmp_path / "worse" / LAST).exists()
    assert report.after["held_out"].auc < report.before["held_out"].auc
    assert "No checkpoint was better than its start" in report.verdict()[0]
    assert "Keep using the start" in report.verdict()[0]
    assert report.model == ""


def test_patience_ends_a_run(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    start = {"name": "", "start": str(finished[0] / BEST), "dim": 0}
    run = {"steps": 50, "validate_every": 2, "patience": 2}
    report = done(fit(job(people, tmp_path / "run", network=start, optimizer={"lr": 0.5, "clip_norm": 0.0}, run=run)))
    assert report.steps_done == 4


def test_hold_keeps_the_embedding_near_its_start(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    start = {"name": "", "start": str(finished[0] / BEST), "dim": 0}
    away = {}
    for hold in (1e-6, 20.0):
        loss = {"hold": hold, "hold_scales": [0.95, 1.0]}
        fit(job(people, tmp_path / str(hold), network=start, loss=loss, optimizer={"lr": 1e-3}))
        away[hold] = [line["hold"] for line in read_log(tmp_path / str(hold)) if line["kind"] == "train"]
    assert away[20.0][0] == away[1e-6][0]
    assert np.mean(away[20.0][-4:]) < 0.7 * np.mean(away[1e-6][-4:])


def test_frozen_layers_stay(people: Path, finished: tuple[Path, Report], tmp_path: Path) -> None:
    start = {"name": "", "start": str(finished[0] / BEST), "dim": 0, "freeze": ["stem", "blocks.0"]}
    fit(job(people, tmp_path / "run", network=start))
    first, second = (checkpoint.load_module(p).state_dict() for p in (finished[0] / BEST, tmp_path / "run" / LAST))
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed
    assert not any(name.startswith(("stem", "blocks.0.")) for name in changed)
    with pytest.raises(InputError, match="no layer 'block'; the outermost are blocks, fc, norm, stem"):
        fit(job(people, tmp_path / "other", network={**start, "freeze": ["block"]}))
    with pytest.raises(InputError):
        fit(job(people, tmp_path / "other", network={**start, "freeze": ["stem", "blocks", "norm", "fc"]}))


def test_another_length_of_embedding_gets_a_new_head(
    people: Path, finished: tuple[Path, Report], tmp_path: Path
) -> None:
    start = {"name": "", "start": str(finished[0] / BEST), "dim": 5}
    fit(job(people, tmp_path / "run", network=start, run={"steps": 2}))
    assert checkpoint.read_header(tmp_path / "run" / LAST).spec.dim == 5


@pytest.mark.parametrize("fails", ["loss", "gradient"])
def test_nan_stops_and_the_last_good_checkpoint_is_intact(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """It is told of steps later, and names the step; the steps that were begun meanwhile are not saved."""
    real, calls = TrainingLoss.__call__, []

    def nan_later(self: TrainingLoss, embeddings: torch.Tensor, *rest: object) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(embeddings)
        loss, told = real(self, embeddings, *rest)  # type: ignore[arg-type]
        if len(calls) < 8:
            return loss, told
        return loss * torch.nan, told if fails == "gradient" else told * torch.tensor([torch.nan] + 8 * [1.0])

    monkeypatch.setattr(TrainingLoss, "__call__", nan_later)
    told = {"loss": "the loss is nan at step 7", "gradient": "the gradient is nan at step 7"}[fails]
    run = {"steps": 24, "validate_every": 3, "snapshot_every": 6}
    with pytest.raises(DivergedError, match=told):
        fit(job(people, tmp_path / "run", run=run))
    assert 8 <= len(calls) <= 8 + READ_LATER
    snapshot = read_snapshot(tmp_path / "run")
    assert snapshot["step"] == 6
    assert all(torch.isfinite(value).all() for value in snapshot["trainer"]["module"].values())
    assert len(losses(tmp_path / "run")) == 7
    monkeypatch.setattr(TrainingLoss, "__call__", real)
    assert done(fit(replace(job(people, tmp_path / "run", run=run), resume=True))).steps_done == 24


def test_collapse_is_named(people: Path, tmp_path: Path) -> None:
    """Batch-hard mining at a high rate, and no clipping, from random weights: what the paper warns of."""
    settings = {
        "loss": {"miner": "batch-hard"},
        "optimizer": {"lr": 0.3, "clip_norm": 0.0, "schedule": "constant"},
        "run": {"steps": 200, "validate_every": 200, "snapshot_every": 200},
    }
    with pytest.raises((CollapsedError, DivergedError)):
        fit(job(people, tmp_path / "run", **settings))


def test_an_unreadable_image_stops_with_its_name(tmp_path: Path) -> None:
    folder = make_people(tmp_path / "people")
    for image in sorted(folder.rglob("*.png"))[::2]:
        image.write_bytes(image.read_bytes()[:60])
    for workers, batched in ((0, True), (1, True), (0, False), (1, False)):
        out, augment = tmp_path / f"run{workers}{batched}", {"batched": batched}
        with pytest.raises(TrainingError, match=r"\.png cannot be read \(.*\): remove it, or run") as caught:
            fit(job(folder, out, augment=augment, data={"workers": workers}))
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_checkpoint(people: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk; it is met when the second snapshot is written."""
    out = tmp_path / "run"
    code = (
        "import resource, signal, sys; sys.path[:0] = ['tests', '.']\n"
        "from pathlib import Path; from train_samples import job; from train.loop import fit\n"
        "import train.keeping as keeping; real = keeping.write_snapshot\n"
        "def limited(folder, state):\n"
        "    if state['step'] > 4: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "    real(folder, state)\n"
        "keeping.write_snapshot = limited; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "fit(job(Path(sys.argv[1]), Path(sys.argv[2])))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, people, out], cwd=ROOT, capture_output=True, text=True)
    assert "TrainingError" in ended.stderr.splitlines()[-1]
    assert "cannot be written" in ended.stderr.splitlines()[-1]
    assert read_snapshot(out)["step"] == 4
    assert not list(out.glob("*.part"))
    assert done(fit(replace(job(people, out), resume=True))).steps_done == 12


@pytest.mark.parametrize(
    ("tables", "error", "complaint"),
    [
        ({"batch": {"people": 20}}, InputError, "batches of 20 people"),
        ({"network": {"name": "resnet"}}, InputError, "no network 'resnet'"),
        ({"network": {"name": "", "start": "dlibb"}}, ModelError, "no model 'dlibb'"),
        ({"network": {"name": "small-cnn", "start": "dlib"}}, InputError, "is a dlib-resnet, not a small-cnn"),
        ({"run": {"precision": "fp16"}}, InputError, "fp16 needs CUDA, not cpu"),
    ],
)
def test_what_cannot_be_done_is_known_before_it_begins(
    people: Path, tmp_path: Path, tables: dict[str, dict[str, object]], error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        fit(job(people, tmp_path / "run", **tables))
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_a_device_that_is_not_there(people: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no cuda device here"):
        fit(replace(job(people, tmp_path / "run"), device="cuda"))


@pytest.mark.slow
def test_bfloat16_trains_too(people: Path, tmp_path: Path) -> None:
    report = done(fit(job(people, tmp_path / "run", run={"steps": 8, "precision": "bf16"})))
    exact = tmp_path / "exact"
    fit(job(people, exact, run={"steps": 8}))
    assert report.steps_done == 8
    assert losses(tmp_path / "run") != losses(exact)
    np.testing.assert_allclose(losses(tmp_path / "run")[:3], losses(exact)[:3], rtol=0.05)


def test_learning_rate_rises_and_falls() -> None:
    config = recipe(optimizer={"lr": 1.0, "warmup_steps": 4}).optimizer
    rates = [learning_rate(config, step, 12) for step in range(12)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0 < rates[-1] < 0.05
    constant = replace(config, schedule="constant")
    assert {learning_rate(constant, step, 12) for step in range(4, 12)} == {1.0}


def test_random_triplets_train(people: Path, tmp_path: Path) -> None:
    batch = {"scheme": "random-triplets", "triplets": 4}
    report = done(fit(job(people, tmp_path / "run", batch=batch, loss={"miner": "given"})))
    assert report.images_seen == 12 * 12
    assert {line["triplets"] for line in read_log(tmp_path / "run") if line["kind"] == "train"} == {4}
