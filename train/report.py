"""What a run has come to: before and after, and whether it was worth it."""

import datetime
import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from train.config import Recipe
from train.dataset import FaceSet
from train.distributed import Ranks
from train.validation import Scores

__all__ = ["Report"]

# An LFW accuracy that has fallen by more is worth a warning: two pairs in 6,000 are noise.
LFW_TOLERANCE = 0.0005


@dataclass
class Report:
    """Goes into report.json and into the checkpoint, where it tells another machine's user what the file is.

    before, after: scores by data set, "held_out" and, where given, "lfw"; `after` is of the best checkpoint, or of the
        last where none is better than the start.
    best_step: steps after which the best checkpoint was saved; 0 where none is better than the start.
    model: the checkpoint to use; empty where there is none.
    gain: where the gain on the held-out people, in the figure that selects, lies in 95 of 100 resamples of them.
    wait_share: of the time, in which the network waited for images.
    measured_s: seconds that validations took, those before and after included.
    """

    recipe: dict[str, Any]
    data: dict[str, Any]
    environment: dict[str, str]
    before: dict[str, Scores] = field(default_factory=dict)
    after: dict[str, Scores] = field(default_factory=dict)
    best_step: int = 0
    best: Scores | None = None
    stale: int = 0
    steps_done: int = 0
    images_seen: int = 0
    waited_s: float = 0.0
    worked_s: float = 0.0
    measured_s: float = 0.0
    model: str = ""
    gain: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def begin(cls, recipe: Recipe, data: Path, terms: str, faces: FaceSet, held_out: FaceSet, ranks: Ranks) -> "Report":
        """Of a run that has done nothing yet."""
        name = data.resolve().name
        summary = {"name": name, "terms": terms, "train": faces.summary(), "held_out": held_out.summary()}
        device = torch.cuda.get_device_name(ranks.device) if ranks.device.type == "cuda" else platform.machine()
        environment = {
            "date": datetime.date.today().isoformat(),
            "device": f"{ranks.count} x {device} ({ranks.device.type})",
            "torch": torch.__version__,
            "facesearch": version("facesearch"),
        }
        return cls(recipe.to_dict(), summary, environment)

    def count(self, step: int, images: int, waited: float, worked: float) -> None:
        """One more step, counted from 0."""
        self.steps_done = step + 1
        self.images_seen += images
        self.waited_s += waited
        self.worked_s += worked

    def see(self, done: int, scores: Scores) -> bool:
        """A validation after so many steps; whether it is the best, and better than the start."""
        figure = self.recipe["run"]["select_by"]
        least = self.best or self.before["held_out"]
        if getattr(scores, figure) > getattr(least, figure):
            self.best_step, self.best, self.stale = done, scores, 0
            return True
        self.stale += 1
        return False

    @property
    def wait_share(self) -> float:
        total = self.waited_s + self.worked_s
        return self.waited_s / total if total else 0.0

    def speed(self) -> str:
        """How fast it went, in a sentence."""
        seconds = max(self.waited_s + self.worked_s, 1e-9)
        return (
            f"{self.images_seen:,} images in {seconds:,.0f} s of training, {self.images_seen / seconds:,.0f} images/s;"
            f" the network waited for images {self.wait_share:.0%} of the time ({self.environment['device']})."
        )

    def times(self) -> list[tuple[str, str]]:
        """(what, how long), for a table."""
        seconds = {"training": self.worked_s, "waiting for images": self.waited_s, "measuring": self.measured_s}
        return [(what, f"{value:,.0f} s") for what, value in seconds.items()]

    def to_json(self) -> str:
        fields = asdict(self) | {"wait_share": round(self.wait_share, 4)}
        return json.dumps(fields, indent=2) + "\n"

    def restore(self, text: str) -> None:
        """What was known when a snapshot was written."""
        stored = json.loads(text)
        for name in ("best_step", "stale", "steps_done", "images_seen", "waited_s", "worked_s", "model"):
            setattr(self, name, stored[name])
        self.measured_s = stored.get("measured_s", 0.0)  # runs that older versions have begun do not have it
        self.before = {name: Scores(**scores) for name, scores in stored["before"].items()}
        self.best = Scores(**stored["best"]) if stored["best"] else None

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(data set, figure, before, after), for a table."""
        names = {"held_out": "held-out people", "lfw": "LFW"}
        figures = {"auc": "AUC", "tar": "TAR at FAR 1e-3", "eer": "equal error rate", "accuracy": "accuracy"}
        return [
            (names[data], label, f"{getattr(scores, key):.4f}", f"{getattr(self.after[data], key):.4f}")
            for data, scores in self.before.items()
            for key, label in figures.items()
        ]

    def _significance(self) -> str:
        low, high = self.gain
        figure = {"auc": "AUC", "tar": "TAR at FAR 1e-3"}[self.recipe["run"]["select_by"]]
        told = f"Among other people like these, its gain in {figure} would lie between {low:+.4f} and {high:+.4f}"
        if low > 0:
            return f"{told} (19 times in 20)."
        return f"{told} (19 times in 20): this may be chance. Measure it on more people before you rely on it."

    def verdict(self) -> list[str]:
        """What to do now, in sentences."""
        if not self.best_step:
            return [*self.notes(), "last.safetensors is kept to look at, not to use; the figures after are its."]
        return [f"The best checkpoint, after {self.best_step:,} steps, is {self.model}.", *self.notes()]

    def notes(self) -> list[str]:
        """What the figures mean, in sentences."""
        if not self.best_step:
            start = self.recipe["network"]["start"] or "the untrained network"
            return [
                f"No checkpoint was better than its start ({start}) on the {self.data['held_out']['people']} people who"
                " were kept out of training: this data and this recipe gain nothing. Keep using the start."
            ]
        lines = [self._significance()]
        if "lfw" in self.before and self.after["lfw"].accuracy < self.before["lfw"].accuracy - LFW_TOLERANCE:
            lines.append(
                f"But on LFW its accuracy is {self.after['lfw'].accuracy:.4f}, and was"
                f" {self.before['lfw'].accuracy:.4f}: it has become better at people like yours, and worse at others."
            )
        return lines
