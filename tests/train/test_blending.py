"""Weights between a start and what training made of it: the ends to the last bit, and in a run as by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from train_samples import job, make_people, recipe

from facesearch.core.errors import InputError
from facesearch.embedding import NetworkEmbedder, checkpoint, load_network, resolve
from train.blending import blend
from train.config import NetworkConfig
from train.dataset import read_faces, split_people
from train.keeping import BEST, LAST
from train.loop import fit
from train.snapshots import read_snapshot
from train.trainer import Trainer
from train.validation import HeldOut

State = dict[str, torch.Tensor]
RUN = {"steps": 12, "validate_every": 4, "snapshot_every": 4}


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.keeping.draw_run", lambda *_: None)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_people(tmp_path_factory.mktemp("data") / "people")


@pytest.fixture(scope="module")
def beginning(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint to start from."""
    out = tmp_path_factory.mktemp("runs") / "beginning"
    fit(job(people, out, run={"steps": 4, "validate_every": 4}))
    return out / LAST


def states() -> tuple[State, State]:
    torch.manual_seed(0)
    start = {"weight": torch.randn(64, 9) * 1e3, "half": torch.randn(7).half(), "count": torch.tensor(3)}
    trained = {"weight": torch.randn(64, 9) * 1e-3, "half": torch.randn(7).half(), "count": torch.tensor(9)}
    return start, trained


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_ends_are_start_and_trained_to_the_last_bit() -> None:
    start, trained = states()
    assert equal(blend(start, trained, 0), start)
    assert equal(blend(start, trained, 1), trained)
    assert equal(blend(start, start, 0.37), start)


def test_between_them_by_hand() -> None:
    start = {"a": torch.tensor([0.0, 8.0])}
    trained = {"a": torch.tensor([4.0, -8.0])}
    assert blend(start, trained, 0.25)["a"].tolist() == [1.0, 4.0]


def test_whole_numbers_are_those_of_the_nearer() -> None:
    start, trained = states()
    assert [int(blend(start, trained, share)["count"]) for share in (0.0, 0.4, 0.5, 1.0)] == [3, 3, 9, 9]
    assert blend(start, trained, 0.4)["count"].dtype == torch.int64


def test_what_is_given_stays_as_it_is() -> None:
    start, trained = states()
    for share in (0.0, 0.3, 1.0):
        for value in blend(start, trained, share).values():
            value.zero_()
    assert equal(start, states()[0])
    assert equal(trained, states()[1])


def test_what_cannot_be_blended() -> None:
    start, trained = states()
    with pytest.raises(InputError, match=r"0\.\.1, not 1\.5"):
        blend(start, trained, 1.5)
    with pytest.raises(InputError, match="one network"):
        blend(start, {**trained, "more": torch.zeros(1)}, 0.5)
    with pytest.raises(InputError, match="one network"):
        blend(start, {**trained, "weight": torch.zeros(64, 8)}, 0.5)
    with pytest.raises(InputError, match=r"blend needs network\.start"):
        NetworkConfig(name="small-cnn", dim=4, blend=0.5)
    with pytest.raises(InputError, match=r"network\.blend must lie in"):
        NetworkConfig(start="sface", blend=0.0)


@pytest.mark.parametrize("adapters", [0, 4])
def test_a_run_trains_as_without_it_and_keeps_the_blend(
    people: Path, beginning: Path, tmp_path: Path, adapters: int
) -> None:
    start: dict[str, object] = {"name": "", "start": str(beginning), "dim": 0, "adapters": adapters}
    fit(job(people, tmp_path / "whole", network=start, run=RUN))
    report = fit(job(people, tmp_path / "part", network={**start, "blend": 0.3}, run=RUN))
    before = checkpoint.load_module(beginning).state_dict()
    whole, part = (checkpoint.load_module(tmp_path / run / LAST).state_dict() for run in ("whole", "part"))
    assert not equal(whole, before)
    assert equal(part, blend(before, whole, 0.3))
    # what was measured is what the checkpoint holds
    assert report is not None
    path = tmp_path / "part" / (BEST if report.best_step else LAST)
    spec = resolve(str(path))
    held_out = HeldOut(split_people(read_faces(people), recipe().data)[1], spec)
    embedder = NetworkEmbedder(load_network(spec, "cpu"), batch_size=64)
    assert report.after["held_out"] == held_out.pairs(held_out.embed(embedder)).scores()


def test_resumed_it_is_the_same(people: Path, beginning: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start: dict[str, object] = {"name": "", "start": str(beginning), "dim": 0, "blend": 0.4}
    settings = {"network": start, "loss": {"hold": 1.0}, "run": RUN}
    whole = fit(job(people, tmp_path / "whole", **settings))
    real = Trainer.step

    def step(self: Trainer, step: int, *rest: object) -> object:
        if step == 6:
            raise KeyboardInterrupt
        return real(self, step, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(KeyboardInterrupt):
        fit(job(people, tmp_path / "cut", **settings))
    monkeypatch.setattr(Trainer, "step", real)
    assert read_snapshot(tmp_path / "cut")["step"] == 4
    resumed = fit(replace(job(people, tmp_path / "cut", **settings), resume=True))
    assert whole is not None
    assert resumed is not None
    assert (resumed.before, resumed.after, resumed.best_step) == (whole.before, whole.after, whole.best_step)
    first, second = (checkpoint.load_module(tmp_path / run / LAST).state_dict() for run in ("whole", "cut"))
    assert equal(first, second)
