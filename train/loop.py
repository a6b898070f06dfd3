"""A training run, from a recipe and a data set to a checkpoint in use.

The run's folder holds recipe.json, log.jsonl, tensorboard/, snapshot.pt to go on from, best.safetensors (only if it is
better than the start on people whom training has not seen), last.safetensors, report.json, the pictures and index.html.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facesearch.core.errors import InputError
from facesearch.core.files import make_folders, replace_file
from facesearch.evaluation import read_lfw_pairs
from train.batches import batches
from train.config import Recipe, RunConfig
from train.dataset import FaceSet, read_faces, split_people
from train.distributed import Ranks, joined
from train.keeping import Bystander, Keeper
from train.log import RunLog
from train.losses import CollapseWatch, StepStatistics
from train.manifest import detector_of
from train.report import Report
from train.samplers import make_sampler
from train.snapshots import SNAPSHOT, read_snapshot
from train.starting import hold_targets, start
from train.trainer import Trainer
from train.validation import HeldOut, LfwPairs

__all__ = ["Job", "fit"]

RECIPE = "recipe.json"
# Steps that are given to the device before it is asked for what the first of them tells.
READ_LATER = 4


@dataclass(frozen=True)
class Job:
    """One call of `python -m train fit`.

    data: an aligned data set, or a folder with a folder for each person. out: the run's folder.
    lfw, pairs: LFW's images and its pairs.txt, to be measured before and after; both or neither.
    terms: licence or terms of the data, for the model card; empty where they are not stated.
    tick: called with (images seen, images to see) by this call. say: called with lines for people.
    """

    recipe: Recipe
    data: Path
    out: Path
    device: str = "auto"
    resume: bool = False
    lfw: Path | None = None
    pairs: Path | None = None
    terms: str = ""
    tick: Callable[[int, int], None] = lambda *_: None
    say: Callable[[str], None] = lambda _: None


def fit(job: Job) -> Report | None:
    """Train. Returns what the run has come to; None on all processes but the first.

    Raises:
        InputError: the recipe, the data set or the folder cannot be used.
        CollapsedError, DivergedError: training has failed; what was saved before is intact.
        TrainingError: an image cannot be read, or a file not be written.
    """
    recipe = job.recipe
    with joined(job.device) as ranks:
        faces, held_out = split_people(read_faces(job.data), recipe.data)
        sampler = make_sampler(recipe.batch, faces.labels, recipe.run.seed)
        ranks.share(recipe.batch.size)  # a batch that cannot be divided is better known now
        trainer = Trainer(recipe, *start(recipe.network, recipe.run.seed), ranks, len(faces.people))
        first_step = _prepare(job, ranks)
        targets = _targets(trainer, faces)
        # the first batches are made while the start is measured
        prepared = batches(recipe, trainer.spec.preprocessing, faces, sampler, ranks, first_step)
        with closing(prepared), closing(_keeper(job, trainer, faces, held_out, first_step)) as keeper:
            if first_step:
                trainer.load_state(read_snapshot(job.out)["trainer"])
            late = _LateReader(keeper, recipe.run)
            for step, crops, waited in _timed(prepared, first_step):
                rows = sampler.batch(step)
                held = None if targets is None else targets[rows]
                late.add(step, trainer.step(step, crops, faces.labels[rows], held), waited)
                job.tick(*(recipe.batch.size * (n - first_step) for n in (step + 1, recipe.run.steps)))
                if recipe.run.is_due(step + 1) and ranks.agree(keeper.has_waited_long_enough):
                    break
            if ranks.device.type == "cuda" and trainer.recorded.why_not:
                job.say(f"Each step's kernels were launched one by one: {trainer.recorded.why_not}")
            return keeper.finish()


def _prepare(job: Job, ranks: Ranks) -> int:
    """The step to begin with; the run's folder is made, and what it holds is not overwritten.

    Raises InputError where the folder is in use, or resumed with another recipe.
    """
    file = job.out / RECIPE
    wanted = json.loads(json.dumps(job.recipe.to_dict()))
    if job.resume:
        snapshot = read_snapshot(job.out)
        if snapshot["recipe"] != json.dumps(wanted, sort_keys=True):
            raise InputError(f"{job.out} was begun with another recipe ({file}): resume with that, or start elsewhere")
        return int(snapshot["step"])
    if ranks.is_first:
        if job.out.exists() and any(job.out.iterdir()):
            hint = "go on with --resume, or " if (job.out / SNAPSHOT).exists() else ""
            raise InputError(f"{job.out} is not empty: {hint}choose another folder")
        make_folders(job.out)
        replace_file(file, json.dumps(wanted, indent=2).encode() + b"\n")
    return 0


def _targets(trainer: Trainer, faces: FaceSet) -> NDArray[np.float32] | None:
    """(n, d): what the start makes of the images, where the recipe holds on to that; called before the first step."""
    loss = trainer.recipe.loss
    return hold_targets(trainer.embedder(), faces, loss.hold_scales) if loss.hold else None


def _keeper(job: Job, trainer: Trainer, faces: FaceSet, held_out: FaceSet, first_step: int) -> Keeper | Bystander:
    if not trainer.ranks.is_first:
        return Bystander()
    lfw = None
    if job.lfw is not None and job.pairs is not None:
        job.say("Looking for the faces in LFW, to measure before and after")
        detector = detector_of(job.data)  # LFW is cropped as what was trained on
        pairs = read_lfw_pairs(job.pairs, job.lfw)
        lfw = LfwPairs(pairs, trainer.spec, str(trainer.ranks.device), job.tick, detector)
    report = Report.begin(job.recipe, job.data, job.terms, faces, held_out, trainer.ranks)
    measure = HeldOut(held_out, trainer.spec, job.recipe.data.held_out_varied, job.recipe.augment)
    keeper = Keeper(job.out, trainer, measure, lfw, report, RunLog(job.out, first_step), job.say)
    keeper.begin(read_snapshot(job.out) if first_step else None)
    return keeper


class _LateReader:
    """Has the keeper told of each step in its turn, some steps later, or at once where something is due.

    The device is not waited for meanwhile. A measurement or a snapshot finds the weights of its step, and no step
    before it that has failed.
    """

    def __init__(self, keeper: Keeper | Bystander, run: RunConfig) -> None:
        self._keeper, self._run, self._watch = keeper, run, CollapseWatch()
        self._untold: deque[tuple[int, Callable[[], StepStatistics], float]] = deque()
        self._worked, self._since = 0.0, time.perf_counter()

    def add(self, step: int, told: Callable[[], StepStatistics], waited: float) -> None:
        """Args: told: as Trainer.step gives it. waited: seconds for the batch. Raises what `told` raises."""
        self._untold.append((step, told, waited))
        self._count(-waited)
        while self._untold and (len(self._untold) > READ_LATER or self._run.is_due(step + 1)):
            number, tell, waited_then = self._untold.popleft()
            statistics = tell()
            self._watch.see(statistics)
            self._count()
            self._keeper.after(number, statistics, waited_then, self._worked)
            self._worked, self._since = 0.0, time.perf_counter()

    def _count(self, less: float = 0.0) -> None:
        """The time since the last look at the clock is work."""
        now = time.perf_counter()
        self._worked += now - self._since + less
        self._since = now


def _timed(crops: Iterator[Tensor], first_step: int) -> Iterator[tuple[int, Tensor, float]]:
    """Step, batch, and the seconds that were spent waiting for it."""
    step = first_step
    while True:
        began = time.perf_counter()
        batch = next(crops, None)
        if batch is None:
            return
        yield step, batch, time.perf_counter() - began
        step += 1
