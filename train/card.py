"""The model card inside a checkpoint: what it was trained on, how, what it is worth, and what it is not for.

After Mitchell et al., "Model cards for model reporting" (FAT* 2019). `facesearch models FILE` shows it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from facesearch.core.settings import ModelSpec
from train.config import LossConfig, Recipe
from train.report import Report

__all__ = ["card", "run_card", "table_lines"]

NOT_STATED = "not stated; ask whoever gave you the file before you pass it on"
LIMITS = (
    "Made for finding and grouping faces in photos that you may search, with facesearch.",
    "A distance is evidence and no proof: not for decisions about people, such as admission, work or prosecution.",
    "The figures hold for people like those measured on. Groups by age, sex or skin colour were not measured apart.",
)


def run_card(report: Report, recipe: Recipe, spec: ModelSpec, steps: int, calibrated: bool) -> str:
    """The card of a checkpoint of `fit`, in Markdown.

    Args:
        report: of the run so far; figures are there once it has ended.
        steps: after which the checkpoint's weights were taken.
        calibrated: whether the checkpoint holds a calibration.
    """
    learnt, held_out = report.data["train"], report.data["held_out"]
    trained = [
        f"Data: {report.data['name']}, {learnt['images']:,} images of {learnt['people']:,} people",
        f"Terms of the data: {report.data['terms'] or NOT_STATED}",
        f"Start: {Path(recipe.network.start).name or 'random weights'}",
        f"{_described(recipe)}; {steps:,} steps",
    ]
    people = f"{held_out['images']:,} images of {held_out['people']:,} people who were kept out of training"
    return card(
        spec, report.environment["date"], trained, [f"Held-out people: {people}", *_figures(report)], calibrated
    )


def card(spec: ModelSpec, date: str, trained: Iterable[str], measured: Iterable[str], calibrated: bool) -> str:
    """A model card in Markdown.

    Args:
        date: as 2026-11-26.
        trained: lines about the data and the training.
        measured: lines of figures; those of a table begin with "|".
        calibrated: whether the checkpoint holds a calibration.
    """
    height, width = spec.preprocessing.size
    calibration = (
        "Its thresholds come with it, from people from whom nothing was learnt."
        if calibrated
        else "No thresholds come with it: measure them with `facesearch calibrate`."
    )
    return "\n".join(
        [
            "# Model card: an embedder of faces",
            "",
            f"{spec.network}, {spec.dim} dimensions, crops of {height} x {width} pixels; {date}.",
            f"Licence of the weights: {spec.licence}.",
            *_section("Training", trained),
            *_section("Measured", measured),
            *_section("Use and limits", (*LIMITS, calibration)),
        ]
    )


def table_lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows)]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """Items of a list, and rows of a table apart from them."""
    text = ["", f"## {title}", ""]
    for line in lines:
        row = line.startswith("|")
        if row and not text[-1].startswith("|") and text[-1]:
            text.append("")
        text.append(line if row else f"- {line}")
    return text


def _described(recipe: Recipe) -> str:
    loss, run = recipe.loss, recipe.run
    return f"Recipe {recipe.name or 'without a name'}: {_loss(loss)}; batches of {recipe.batch.size}, seed {run.seed}"


def _loss(loss: LossConfig) -> str:
    terms = [
        f"{'random' if loss.miner == 'given' else loss.miner} triplets, margin {loss.margin:g}" if loss.triplet else "",
        f"{loss.head} head" if loss.head else "",
        "held to its start" if loss.hold else "",
    ]
    return ", ".join(term for term in terms if term)


def _figures(report: Report) -> list[str]:
    if not report.after:
        return ["Not measured when it was written: see the report of its run."]
    return [*report.notes(), *table_lines(("data", "figure", "before", "after"), report.rows())]
