"""What a run measures on the way and leaves on the disk: validations, snapshots, checkpoints, report, pictures."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facesearch.core.files import replace_file
from facesearch.core.settings import ModelSpec
from facesearch.embedding import checkpoint
from train.card import run_card
from train.curves import draw_run
from train.log import RunLog
from train.losses import StepStatistics
from train.report import Report
from train.resampling import gain_interval
from train.run_page import write_page
from train.snapshots import write_snapshot
from train.trainer import Trainer
from train.validation import HeldOut, LfwPairs, PairDistances, Scores

__all__ = ["BEST", "LAST", "Bystander", "Keeper"]

BEST, LAST = "best.safetensors", "last.safetensors"


class Bystander:
    """What the other processes keep: nothing."""

    has_waited_long_enough = False

    def after(self, step: int, statistics: StepStatistics, waited: float, worked: float) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class Keeper:
    """The first process's part of a run."""

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        held_out: HeldOut,
        lfw: LfwPairs | None,
        report: Report,
        log: RunLog,
        say: Callable[[str], None],
    ) -> None:
        self._folder, self._trainer = folder, trainer
        self._held_out, self._lfw, self.report = held_out, lfw, report
        self._log, self._say = log, say
        self._run = trainer.recipe.run
        self._before: dict[str, PairDistances] = {}

    @property
    def has_waited_long_enough(self) -> bool:
        """The recipe's patience is over."""
        return bool(self._run.patience) and self.report.stale >= self._run.patience

    def begin(self, snapshot: dict[str, Any] | None) -> None:
        """Measure the start, or remember what was measured before the interruption.

        The trainer still holds the start's weights here, so that its distances can be drawn in either case.
        """
        with self._timed():
            scores = self._measure(self._before)
        if snapshot is not None:
            self.report.restore(snapshot["report"])
            return
        self.report.before = scores
        for name, found in scores.items():
            self._log.scores(0, name, found)
        self._say(f"before: {_described(scores)}")

    def after(self, step: int, statistics: StepStatistics, waited: float, worked: float) -> None:
        """After each step, counted from 0."""
        self._log.step(step, statistics, wait_s=round(waited, 5), step_s=round(worked, 5))
        self.report.count(step, self._trainer.recipe.batch.size, waited, worked)
        done = step + 1
        if done % self._run.validate_every == 0 or done == self._run.steps:
            with self._timed():
                self._validate(done, statistics)
        if done % self._run.snapshot_every == 0 or done == self._run.steps:
            self._snapshot(done)

    def _validate(self, done: int, statistics: StepStatistics) -> None:
        embedder = self._trainer.embedder()
        embeddings = self._held_out.embed(embedder)
        scores = self._held_out.pairs(embeddings).scores()
        self._log.scores(done, "held_out", scores)
        if self._lfw is not None and self._run.lfw_every and done % self._run.lfw_every == 0:
            self._log.scores(done, "lfw", self._lfw.scores(embedder)[0])
        better = self.report.see(done, scores)
        if better:
            calibration = self._held_out.calibration(embeddings, self._spec)
            self._write(BEST, None if calibration is None else asdict(calibration))
        self._say(
            f"step {done}: loss {statistics.loss:.4f}, {statistics.active:.0%} of the triplets active,"
            f" {_described({'held_out': scores})}{', the best so far' if better else ''}"
        )

    def _snapshot(self, done: int) -> None:
        recipe = json.dumps(json.loads(json.dumps(self._trainer.recipe.to_dict())), sort_keys=True)
        state = {"step": done, "recipe": recipe, "report": self.report.to_json(), "trainer": self._trainer.state()}
        self._log.flush()
        write_snapshot(self._folder, state)

    def finish(self) -> Report:
        """Measure the best, or the last where none is better than the start, and write everything down."""
        self._write(LAST, None)
        if self.report.best_step:
            self._trainer.take_over(checkpoint.load_module(self._folder / BEST).state_dict())
        after: dict[str, PairDistances] = {}
        with self._timed():
            self.report.after = self._measure(after)
        self.report.gain = gain_interval(self._before["held_out"], after["held_out"], self._run.select_by)
        if self.report.best_step:
            self.report.model = str(self._folder / BEST)
            stored = checkpoint.read_header(self._folder / BEST).calibration
            self._write(BEST, stored)
        else:
            self._write(LAST, None)  # with the figures after, which are its
        self._log.flush()
        replace_file(self._folder / "report.json", self.report.to_json().encode())
        draw_run(self._folder, self._before, after)
        write_page(self._folder, self.report)
        return self.report

    def close(self) -> None:
        """However the run ends."""
        self._log.close()

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Counted as time of measuring."""
        began = time.perf_counter()
        yield
        self.report.measured_s += time.perf_counter() - began

    def _measure(self, distances: dict[str, PairDistances]) -> dict[str, Scores]:
        """Scores of the held-out people and, if given, of LFW; the distances of their pairs go into the dict."""
        embedder = self._trainer.embedder()
        distances["held_out"] = self._held_out.pairs(self._held_out.embed(embedder))
        scores = {"held_out": distances["held_out"].scores()}
        if self._lfw is not None:
            scores["lfw"], distances["lfw"] = self._lfw.scores(embedder)
        return scores

    @property
    def _spec(self) -> ModelSpec:
        return self._trainer.spec

    def _write(self, name: str, calibration: dict[str, Any] | None) -> None:
        training = json.loads(self.report.to_json())
        steps = self.report.best_step if name == BEST else self.report.steps_done
        card = run_card(self.report, self._trainer.recipe, self._spec, steps, calibration is not None)
        checkpoint.save(self._folder / name, self._trainer.result(), self._spec, training, calibration, card=card)


def _described(scores: dict[str, Scores]) -> str:
    names = {"held_out": "held-out people", "lfw": "LFW"}
    return ", ".join(
        f"{names[name]}: AUC {found.auc:.4f}, TAR {found.tar:.3f} at FAR 1e-3, accuracy {found.accuracy:.4f}"
        for name, found in scores.items()
    )
