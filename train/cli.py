"""`python -m train`: align, fit, evaluate, recipes."""

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from facesearch.cli import run
from facesearch.cli.app import DeviceOption, JsonOption
from facesearch.cli.output import count_progress, message, print_json, shown, table
from facesearch.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train the embedder: photos of known people in, a model for `facesearch --model` out.",
    epilog="Start with: python -m train align PEOPLE faces && python -m train fit finetune --data faces --out run",
)

LfwOption = Annotated[Path | None, typer.Option(help="Folder of LFW's images, a folder a person.")]
PairsOption = Annotated[Path | None, typer.Option(help="LFW's pairs file, ten folds.")]


def main() -> None:
    """Entry point: errors become one line and exit code 2."""
    run(app)


@app.command(epilog="Example: python -m train align ../shared/data/faces faces")
def align(
    dataset: Annotated[Path, typer.Argument(help="A folder with a folder of images for each person.")],
    out: Annotated[Path, typer.Argument(help="Where the crops and their manifest go; go on by giving it again.")],
    style: Annotated[str, typer.Option(help="aligned (224 px, upright) or box (182 px, as FaceNet's).")] = "aligned",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the face of each image and cut it out, for training."""
    from train.aligning import align as align_images

    with count_progress("Aligning", unit="images") as tick:
        report = align_images(dataset, out, style=style, device=device, tick=tick)
    if as_json:
        print_json(asdict(report))
        return
    shown(str(report))


@app.command(epilog="Example: python -m train fit smoke --data faces --out runs/smoke")
def fit(
    recipe: Annotated[str, typer.Argument(help="A name from `python -m train recipes`, or a .toml file.")],
    data: Annotated[Path, typer.Option(help="Aligned faces (train align), or a folder with a folder for each person.")],
    out: Annotated[Path, typer.Option(help="A new folder for what comes of it.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder.")] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change the recipe; repeatable.")
    ] = None,
    lfw: LfwOption = None,
    pairs: PairsOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train by a recipe, and tell whether it was worth it."""
    if missing := [name for name in ("pytorch_metric_learning", "tensorboard", "matplotlib") if not find_spec(name)]:
        raise InputError(f"training needs {', '.join(missing)}: pip install '.[train]'")
    if (lfw is None) != (pairs is None):
        raise InputError("give --lfw with --pairs, or neither")
    from train.config import read_recipe
    from train.loop import Job
    from train.loop import fit as fit_recipe

    with count_progress("Training", unit="images") as tick:
        job = Job(read_recipe(recipe, change or ()), data, out, device, resume, lfw, pairs, tick, message)
        report = fit_recipe(job)
    if report is None:  # another process speaks
        return
    if as_json:
        print_json(json.loads(report.to_json()))
        return
    table(("", "", "before", "after"), report.rows(), right=("before", "after"))
    for line in report.verdict():
        shown(line)
    if report.best_step:
        shown(f"Use it: facesearch index PHOTOS --library NEW --model {report.model}")


@app.command(epilog="Example: python -m train evaluate --model run/best.safetensors --lfw lfw --pairs pairs.txt")
def evaluate(
    lfw: Annotated[Path, typer.Option(help="Folder of LFW's images, a folder a person.")],
    pairs: Annotated[Path, typer.Option(help="LFW's pairs file, ten folds.")],
    model: Annotated[
        str, typer.Option(help="A name from `facesearch models`, an .onnx or a .safetensors file.")
    ] = "dlib",
    plots: Annotated[Path | None, typer.Option(help="Draw the ROC and the distances into this folder.")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """LFW's ten-fold protocol for any embedder, through the path that users run."""
    from train.evaluating import evaluate as evaluate_model

    with count_progress("Measuring", unit="photos") as tick:
        figures = evaluate_model(model, lfw, pairs, plots, device, tick)
    if as_json:
        print_json(figures)
        return
    table(("figure", "value"), [(name, _shown(value)) for name, value in figures.items()], right=("value",))


@app.command()
def recipes() -> None:
    """List the recipes."""
    from train.config import RECIPES, read_recipe

    known = [read_recipe(path.stem) for path in sorted(RECIPES.glob("*.toml"))]
    table(("recipe", "what it is for"), [(recipe.name, recipe.about) for recipe in known])


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(entry)}" for key, entry in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)
