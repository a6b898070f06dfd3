"""A step that can be recorded: it reads nothing back, and replayed from held inputs it is the step computed anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from train_samples import recipe, unit_vectors

from train.config import Recipe
from train.distributed import Ranks
from train.losses import StepStatistics
from train.recording import WARM_UP, RecordedStep
from train.starting import start
from train.trainer import Trainer

PEOPLE, IMAGES, STEPS = 4, 3, 8
# Operations that wait for the device, or whose result has a length that follows from values.
READING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "unique", "equal", "item")
LOSSES: list[dict[str, object]] = [
    {"miner": "semi-hard"},
    {"miner": "batch-hard"},
    {"miner": "distance-weighted"},
    {"miner": "all", "head": "adaface"},
    {"miner": "semi-hard", "head": "arcface"},
]


class _Operations(TorchDispatchMode):
    """Notes what is asked of a device."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("index", "index_put", "index_put_"):
            masks = [i for i in args[1] if i is not None and i.dtype == torch.bool]
            name = "nonzero" if masks else name
        self.names.append(name)
        return func(*args, **(kwargs or {}))


def trainer_for(made: Recipe) -> Trainer:
    return Trainer(made, *start(made.network, 0), Ranks(torch.device("cpu")), PEOPLE)


def batch(step: int) -> tuple[Tensor, NDArray[np.int64], NDArray[np.float32]]:
    generator = torch.Generator().manual_seed(step)
    crops = torch.randint(0, 256, (PEOPLE * IMAGES, 64, 64, 3), dtype=torch.uint8, generator=generator)
    order = np.random.default_rng(step).permutation(PEOPLE)
    return crops, np.repeat(order, IMAGES), unit_vectors(PEOPLE * IMAGES, 16, seed=step).numpy()


def stepped(trainer: Trainer) -> Iterator[Callable[[], StepStatistics]]:
    for step in range(STEPS):
        crops, labels, targets = batch(step)
        yield trainer.step(step, crops, labels, targets)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_step_reads_nothing_back(loss: dict[str, object], optimizer: str) -> None:
    made = recipe(loss=loss, optimizer={"name": optimizer, "clip_norm": 1.0})
    steps = stepped(trainer_for(made))
    next(steps)()
    with _Operations() as operations:
        next(steps)
    assert "convolution_backward" in operations.names
    assert not [name for name in operations.names if name in READING]


def replaying(compute: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Stands for a CUDA graph: what is recorded has no effect, and each replay overwrites the one result."""
    result = torch.zeros(10)
    return lambda: (result.copy_(compute()), None)[1], result


@contextmanager
def recorded(trainer: Trainer) -> Iterator[RecordedStep]:
    trainer.recorded = RecordedStep(trainer._compute, replaying)
    yield trainer.recorded


@pytest.mark.parametrize("loss", LOSSES)
def test_replayed_steps_are_the_steps(loss: dict[str, object]) -> None:
    made = recipe(loss=loss)
    anew, again = trainer_for(made), trainer_for(made)
    expected = [told() for told in stepped(anew)]
    with recorded(again) as step:
        found = [told() for told in stepped(again)]
        assert step.is_recorded
    assert found == expected
    first, second = anew.module.state_dict(), again.module.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_other_shapes_are_computed_anew() -> None:
    calls: list[Tensor] = []

    def compute(inputs: dict[str, Tensor]) -> Tensor:
        calls.append(inputs["x"])
        return inputs["x"].sum().expand(10)

    step = RecordedStep(compute, replaying)
    results = [float(step({"x": torch.full((n,), 2.0)})[0]) for n in (*[3] * WARM_UP, 3, 5, 3)]
    assert results == [6.0] * WARM_UP + [6.0, 10.0, 6.0]
    assert calls[-1] is calls[-3]  # what is held
    assert calls[-2].shape == (5,)


def test_what_cannot_be_recorded_is_computed_and_says_so() -> None:
    def refusing(compute: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        raise RuntimeError("operation not permitted when stream is capturing\nmore of it")

    step = RecordedStep(lambda inputs: inputs["x"] + 1, refusing)
    assert [float(step({"x": torch.tensor(float(n))})) for n in range(5)] == [1, 2, 3, 4, 5]
    assert step.why_not == "it could not be recorded: operation not permitted when stream is capturing"


def test_why_a_step_is_not_recorded() -> None:
    assert trainer_for(recipe()).recorded.why_not == "there are no graphs on cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="has no CUDA device")
def test_a_cuda_graph_is_the_step() -> None:
    crops, labels, _ = batch(0)
    found = []
    for record in (False, True):
        made = recipe(run={"recorded": record, "steps": 12})
        trainer = Trainer(made, *start(made.network, 0), Ranks(torch.device("cuda")), PEOPLE)
        found.append([trainer.step(step, crops, labels, None)().loss for step in range(12)])
        assert trainer.recorded.is_recorded is record, trainer.recorded.why_not
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_step_of_no_numbers_leaves_the_weights() -> None:
    trainer = trainer_for(recipe())
    crops, labels, _ = batch(0)
    trainer.step(0, crops, labels, None)()
    before = {name: value.clone() for name, value in trainer.module.state_dict().items()}
    real = trainer._loss.__class__.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(trainer._loss),
            "__call__",
            lambda self, *rest: (real(self, *rest)[0] * torch.nan, real(self, *rest)[1]),
        )
        trainer.step(1, crops, labels, None)
    after = trainer.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
