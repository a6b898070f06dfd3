"""`facesearch adapt` from beginning to end, on made-up people: what it keeps, and what it leaves behind."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from adapt_samples import RECIPE, named_library
from conftest import Answer
from fakes import FakeDetector
from filelock import FileLock

from facesearch.core.errors import InputError, LibraryLockedError
from facesearch.embedding import NetworkEmbedder, checkpoint, load_network
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage.pending_faces import Target
from train.adapt.learning import SHARES
from train.adapt.run import LOCK, SCRATCH, Job, Report, adapt
from train.adapt.splitting import MIN_PEOPLE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return named_library(tmp_path_factory.mktemp("adapt"), people=36, images=10)


@pytest.fixture(scope="module")
def before(library: Path) -> dict[str, bytes]:
    return contents(library)


@pytest.fixture(scope="module")
def kept(library: Path, before: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Report:
    assert before
    out = tmp_path_factory.mktemp("out") / "better.safetensors"
    return adapt(Job(library, out, steps=80, device="cpu", changes=RECIPE))


def contents(library: Path) -> dict[str, bytes]:
    """All that a library's folder holds, but for locks."""
    return {
        str(path.relative_to(library)): path.read_bytes()
        for path in sorted(library.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.slow
def test_a_model_that_has_gained_is_kept_with_its_figures(kept: Report, library: Path, before: Any) -> None:
    assert kept.kept, kept
    assert kept.figures["tar"].gain.low > 0
    assert (kept.people, kept.steps, kept.left_out) == ({"learn": 18, "choose": 6, "held_out": 12}, 80, 0)
    assert kept.share in SHARES[1:]
    header = checkpoint.read_header(Path(kept.model))
    assert header.training["adapted"]["figures"]["tar"]["gain"]["low"] == kept.figures["tar"].gain.low
    assert "p00" not in json.dumps(header.training)  # nobody's name
    assert stat.S_IMODE(os.stat(kept.model).st_mode) == 0o600
    assert contents(library) == before


@pytest.mark.slow
def test_the_model_takes_the_library_over_and_brings_its_threshold(
    kept: Report, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pipeline_of(opened: Library, target: Target) -> Pipeline:
        return Pipeline(NetworkEmbedder(load_network(target.model, "cpu")), FakeDetector())

    monkeypatch.setattr(Library, "_pipeline_of", pipeline_of)
    monkeypatch.setattr(Library, "_detector", lambda _: FakeDetector.spec)
    with Library(Path(shutil.copytree(library, tmp_path / "copy"))) as opened:
        assert opened.calibration is None  # of a network that knew nothing
        assert opened.migrate(kept.model).matched == 360
        calibration = opened.calibration
    assert calibration is not None
    assert calibration.made_from.dataset.endswith("180 confirmed faces of 18 people")


def test_a_model_that_has_not_gained_leaves_nothing(library: Path, before: dict[str, bytes]) -> None:
    """So large a step spoils it."""
    report = adapt(Job(library, steps=12, device="cpu", changes=(*RECIPE, "optimizer.lr=0.05")))
    assert not report.kept
    assert report.model == ""
    assert report.verdict.startswith("not kept: ")
    assert contents(library) == before


@contextmanager
def ctrl_c(what: str, _unit: str) -> Iterator[Callable[[int, int], None]]:
    def tick(_done: int, _total: int) -> None:
        if what == "Training":
            raise KeyboardInterrupt

    yield tick


def test_interrupted_it_leaves_the_library_as_it_was(library: Path, before: dict[str, bytes]) -> None:
    with pytest.raises(KeyboardInterrupt):
        adapt(Job(library, steps=5, device="cpu", changes=RECIPE), ctrl_c)
    assert contents(library) == before
    assert not (library / SCRATCH).exists()


def test_ctrl_c_ends_the_command_with_its_code_and_leaves_no_crops(library: Path, before: dict[str, bytes]) -> None:
    code = "from facesearch.cli import command; command()"
    options = ["adapt", "--library", library, "--device", "cpu", "--steps", "100000"]
    with subprocess.Popen([sys.executable, "-c", code, *options], stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        while not (library / SCRATCH).exists() and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=60)
    assert child.returncode == 130, told
    assert told.endswith("Stopped; the library is as it was. Run the same command again to begin anew.\n")
    assert contents(library) == before


def test_one_at_a_time(library: Path) -> None:
    with FileLock(library / LOCK), pytest.raises(LibraryLockedError, match="another `facesearch adapt` works on"):
        adapt(Job(library, steps=1, device="cpu", changes=RECIPE))


@pytest.mark.parametrize("name", ["model.onnx", "nowhere/model.safetensors"])
def test_a_file_that_cannot_be_written_is_refused_at_once(library: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="must be a new file"):
        adapt(Job(library, tmp_path / name))


# --- the command


def run(*arguments: object, **environment: str) -> Answer:
    code = "from facesearch.cli import command; command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "adapt", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_the_command_refuses_in_one_line(library: Path, tmp_path: Path) -> None:
    with Library(tmp_path / "empty"):
        pass
    told = run("--library", tmp_path / "empty").error
    assert told.startswith(f"adapt needs {MIN_PEOPLE} named people")
    assert "no library" in run("--library", tmp_path / "none").error
    assert run("--library", library, "--minutes", "0").error.startswith("--minutes must be positive")


@pytest.mark.slow
def test_the_command_prints_one_object(library: Path, before: dict[str, bytes]) -> None:
    answer = run("--library", library, "--steps", "1", "--device", "cpu", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["kept"] is False
    assert set(answer.json["figures"]) == {"tar", "fnir", "bcubed_f"}
    assert contents(library) == before
