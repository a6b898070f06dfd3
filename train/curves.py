"""A run in pictures: curves.png, and for each set that was measured its ROC and its distances, before and after."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import InputError
from facesearch.evaluation import roc
from facesearch.media.marks import EXIF
from train.log import read_log
from train.validation import PairDistances

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "RunCurves",
    "compare_figure",
    "distance_figure",
    "draw_run",
    "read_run",
    "roc_figure",
    "run_figure",
]

_NAMES = {"held_out": "people kept out of training", "lfw": "LFW"}
_SMOOTHING_SHARE = 50


def draw_run(folder: Path, before: Mapping[str, PairDistances], after: Mapping[str, PairDistances]) -> None:
    """Write the pictures of a run into its folder."""
    run_figure(read_log(folder)).savefig(folder / "curves.png", dpi=120, pil_kwargs={"exif": EXIF})
    for name, pairs in before.items():
        both = {"before": pairs, "after": after[name]}
        roc_figure(both, _NAMES[name]).savefig(folder / f"roc_{name}.png", dpi=120, pil_kwargs={"exif": EXIF})
        distances = distance_figure(both, _NAMES[name])
        distances.savefig(folder / f"distances_{name}.png", dpi=120, pil_kwargs={"exif": EXIF})


def run_figure(lines: list[dict[str, Any]]) -> "Figure":
    """Loss, active triplets, distances and validation over the steps of a run's log."""
    figure = _figure((11, 7))
    loss, active, distances, validation = figure.subplots(2, 2).ravel()
    steps = [line for line in lines if line["kind"] == "train"]
    _smoothed(loss, steps, "loss", "loss")
    if any(line["hold"] for line in steps):
        _smoothed(loss, steps, "triplet", "triplet term")
        _smoothed(loss, steps, "hold", "hold term")
    _smoothed(active, steps, "active", "share of the mined triplets")
    _smoothed(distances, steps, "ap_dist", "same person")
    _smoothed(distances, steps, "an_dist", "different people")
    _validations(validation, [line for line in lines if line["kind"] == "validation"])
    for axes, title in (
        (loss, "Loss"),
        (active, "Triplets that still have a loss"),
        (distances, "Squared L2 in the batch (means)"),
        (validation, "Held-out people"),
    ):
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def _smoothed(axes: "Axes", lines: list[dict[str, Any]], key: str, label: str) -> None:
    """The values, faint, and their running mean."""
    x = np.array([line["step"] for line in lines])
    y = np.array([line[key] for line in lines])
    (faint,) = axes.plot(x, y, alpha=0.25, linewidth=0.8)
    width = max(len(y) // _SMOOTHING_SHARE, 1)
    if len(y) >= width:
        mean = np.convolve(y, np.ones(width) / width, mode="valid")
        axes.plot(x[width - 1 :], mean, color=faint.get_color(), label=label)


def _validations(axes: "Axes", lines: list[dict[str, Any]]) -> None:
    for key, label in (("auc", "AUC"), ("tar", "TAR at FAR 1e-3"), ("accuracy", "accuracy")):
        for name, style in (("held_out", "o-"), ("lfw", "s--")):
            found = [(line["step"], line[f"{name}_{key}"]) for line in lines if f"{name}_{key}" in line]
            if found:
                axes.plot(
                    *zip(*found, strict=True), style, markersize=3, label=label + (", LFW" if name == "lfw" else "")
                )


def roc_figure(curves: Mapping[str, PairDistances], what: str) -> "Figure":
    """ROC: true accepts over false accepts, the latter in decades. DET: false rejects over them, both in decades.

    DET (Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997) shows what is left
    to gain; its axes are logarithms here, as in NIST's reports on faces, and not normal deviates.
    """
    figure = _figure((11, 5))
    roc, det = figure.subplots(1, 2)
    for label, pairs in curves.items():
        far, tar = _roc(pairs)
        roc.plot(far, tar, label=f"{label} (AUC {pairs.scores().auc:.4f})")
        det.plot(far, np.maximum(1 - tar, 1e-9), label=label)
    strangers, same = (max(min(int(count(pairs)) for pairs in curves.values()), 10) for count in (_strangers, _same))
    roc.set(xscale="log", xlim=(1 / strangers, 1), ylim=(0, 1.01), ylabel="true-accept rate")
    det.set(xscale="log", yscale="log", xlim=(1 / strangers, 1), ylim=(1 / same, 1), ylabel="false-reject rate")
    for axes, name, place in ((roc, "ROC", "lower right"), (det, "DET", "upper right")):
        axes.set_xlabel("false-accept rate")
        axes.set_title(f"{name} on {what}", fontsize=10)
        axes.grid(alpha=0.3, which="both")
        axes.legend(loc=place)
    return figure


def _strangers(pairs: PairDistances) -> int:
    return int((~pairs.same).sum())


def _same(pairs: PairDistances) -> int:
    return int(pairs.same.sum())


def _roc(pairs: PairDistances) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False-accept rates and true-accept rates, thinned to what a picture shows; pairs without a face are errors."""
    far, tar = roc(pairs.distances, pairs.same)
    shown = np.unique(np.geomspace(1, len(far), 3000).astype(int) - 1)
    return np.maximum(far[shown], 1e-9), tar[shown]


def distance_figure(curves: Mapping[str, PairDistances], what: str) -> "Figure":
    """Histograms of the distances of pairs of one person, and of two; NaN, where a face is missing, is left out."""
    figure = _figure((7, 3 * len(curves)))
    edges = np.linspace(0, 2, 101)
    for axes, (label, pairs) in zip(
        np.atleast_1d(figure.subplots(len(curves), sharex=True)), curves.items(), strict=True
    ):
        axes.hist(pairs.distances[pairs.same], edges, density=True, alpha=0.6, label="same person")
        axes.hist(pairs.distances[~pairs.same], edges, density=True, alpha=0.6, label="different people")
        axes.set(ylabel="density", title=f"{label}, on {what}", xlabel="L2 distance between unit vectors")
        axes.legend(fontsize=8)
    return figure


@dataclass(frozen=True)
class RunCurves:
    """A run's log, and what its recipe says of a step. images: in a batch."""

    name: str
    images: int
    lines: list[dict[str, Any]]


def read_run(folder: Path) -> RunCurves:
    """Raises InputError where the folder holds no run."""
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        images = report["images_seen"] / report["steps_done"]
    except (OSError, ValueError, KeyError, ZeroDivisionError) as error:
        raise InputError(f"{folder} holds no finished run ({error}): give the --out of one") from error
    return RunCurves(f"{folder.name} ({report['recipe']['loss']['miner']})", int(images), read_log(folder))


def compare_figure(runs: Sequence[RunCurves]) -> "Figure":
    """Validations, and the share of the mined triplets that have a loss, over the images seen."""
    figure = _figure((11, 4))
    validation, active = figure.subplots(1, 2)
    for run in runs:
        found = [(line["step"] * run.images, line["held_out_auc"]) for line in run.lines if "held_out_auc" in line]
        validation.plot(*zip(*found, strict=True), "o-", markersize=3, label=run.name)
        steps = [line | {"step": line["step"] * run.images} for line in run.lines if line["kind"] == "train"]
        _smoothed(active, steps, "active", run.name)
    validation.set(title="Held-out people", xlabel="images seen", ylabel="AUC")
    active.set(title="Triplets that still have a loss", xlabel="images seen")
    for axes in (validation, active):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def _figure(size: tuple[float, float]) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")
