"""Two processes are one: the real command under torchrun (gloo, CPU) against the real command alone."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from conftest import Answer, program
from train_samples import make_people

from facesearch.embedding import checkpoint
from train.cli import main
from train.distributed import Ranks
from train.keeping import LAST
from train.log import read_log

ROOT = Path(__file__).resolve().parents[2]
LEARNING_RATE = 0.25
# One step of plain descent: the change of the weights is the gradient times the rate.
RECIPE = f"""
[network]
name = "small-cnn"
dim = 8
[data]
held_out = 0.4
workers = 0
[batch]
people = 4
images = 3
[augment]
shift = 0.03
jpeg = 0.5
[loss]
miner = "{{miner}}"
head = "{{head}}"
[optimizer]
name = "sgd"
lr = {LEARNING_RATE}
schedule = "constant"
clip_norm = 0
[run]
steps = {{steps}}
validate_every = 100
"""


@dataclass(frozen=True)
class Trainer:
    """Runs `fit` on some people, in this process or in several under torchrun."""

    alone: Callable[..., Answer]
    people: Path
    folder: Path

    def __call__(self, processes: int, steps: int, miner: str, head: str = "") -> Path:
        out = self.folder / f"run{processes}"
        recipe = out.with_suffix(".toml")
        recipe.write_text(RECIPE.format(steps=steps, miner=miner, head=head))
        arguments = ("fit", recipe, "--data", self.people, "--out", out, "--device", "cpu")
        ended = self.alone(*arguments) if processes == 1 else under_torchrun(processes, *arguments)
        assert ended.code == 0, ended.err
        assert ended.out.count("held-out people") >= 4  # one table, whatever the number of processes
        assert ended.out.count("equal error rate") == 1
        return out


def under_torchrun(processes: int, *arguments: object) -> Answer:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *torchrun, "-m", "train", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_log(folder) if line["kind"] == "train"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("data") / "people")


@pytest.fixture
def train(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Trainer:
    return Trainer(program("train", main, monkeypatch, capsys), people, tmp_path)


@pytest.mark.slow
def test_loss_and_gradient_of_two_processes_are_those_of_one(train: Trainer) -> None:
    one, two = (train(n, steps=1, miner="semi-hard") for n in (1, 2))
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    first, second = (checkpoint.load_module(folder / LAST).state_dict() for folder in (one, two))
    for name in first:
        # the weights were the same before, so that what they differ by is what the gradients differ by, times the rate
        torch.testing.assert_close(first[name], second[name], rtol=1e-5, atol=LEARNING_RATE * 1e-6)


@pytest.mark.slow
def test_a_run_of_two_processes_goes_the_way_of_one(train: Trainer) -> None:
    one, two = (train(n, steps=6, miner="distance-weighted", head="adaface") for n in (1, 2))
    assert len(losses(two)) == 6
    assert losses(two) == pytest.approx(losses(one), rel=1e-3)


def test_shares_of_a_batch() -> None:
    cpu = torch.device("cpu")
    whole = list(range(12))
    assert [whole[Ranks(cpu, rank, 3).share(12)] for rank in range(3)] == [whole[:4], whole[4:8], whole[8:]]
    with pytest.raises(Exception, match="12 images cannot be divided among 5 processes"):
        Ranks(cpu, 0, 5).share(12)


def test_alone_nothing_is_gathered_or_wrapped() -> None:
    alone = Ranks(torch.device("cpu"))
    embeddings = torch.eye(3)
    assert alone.gather(embeddings) is embeddings
    module = torch.nn.Linear(2, 2)
    assert alone.wrap(module) is module
    assert alone.is_first
