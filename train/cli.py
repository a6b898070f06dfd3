"""`python -m train`: align, import, fit, evaluate, export, recipes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from facesearch.cli import run
from facesearch.cli.app import DeviceOption, JsonOption
from facesearch.cli.output import (
    count_progress,
    message,
    print_json,
    save_figure,
    shown,
    table,
)
from facesearch.core.errors import InputError
from facesearch.core.extras import is_installed
from facesearch.core.settings import DEFAULT_DETECTOR

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
    detector: Annotated[str, typer.Option(help="As `facesearch index --detector`.")] = DEFAULT_DETECTOR,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the face of each image and cut it out, for training."""
    from train.aligning import align as align_images

    with count_progress("Aligning", unit="images") as tick:
        report = align_images(dataset, out, style=style, device=device, detector=detector, tick=tick)
    if as_json:
        print_json(asdict(report))
        return
    shown(str(report))


@app.command(name="import", epilog="Example: python -m train import faces_webface_112x112/train.rec faces")
def import_set(
    source: Annotated[
        Path, typer.Argument(help="InsightFace's .rec (.idx beside it) or its folder, a .tar, a folder of .tar.")
    ],
    out: Annotated[Path, typer.Argument(help="Where the crops and their manifest go; go on by giving it again.")],
    as_json: JsonOption = False,
) -> None:
    """Turn a data set of aligned crops of 112 pixels into what align writes."""
    from train.importing import import_crops

    with count_progress("Importing", unit="bytes") as tick:
        report = import_crops(source, out, tick=tick)
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
    terms: Annotated[
        str, typer.Option(help="Licence or terms of the data, in a few words; for the checkpoint's model card.")
    ] = "",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train by a recipe, and tell whether it was worth it."""
    needed = ("torch", "tensorboard", "matplotlib")
    if missing := [name for name in needed if not is_installed(name)]:
        raise InputError(f"training needs {', '.join(missing)}: pip install '.[train]'")
    if (lfw is None) != (pairs is None):
        raise InputError("give --lfw with --pairs, or neither")
    from train.config import read_recipe
    from train.loop import Job
    from train.loop import fit as fit_recipe

    with count_progress("Training", unit="images") as tick:
        job = Job(read_recipe(recipe, change or ()), data, out, device, resume, lfw, pairs, terms, tick, message)
        report = fit_recipe(job)
    if report is None:  # another process speaks
        return
    if as_json:
        print_json(json.loads(report.to_json()))
        return
    table(("", "", "before", "after"), report.rows(), right=("before", "after"))
    for line in (report.speed(), *report.verdict()):
        shown(line)
    if report.best_step:
        shown(f"Use it: facesearch index PHOTOS --library NEW --model {report.model}")


@app.command(epilog="Example: python -m train evaluate --model run/best.safetensors --lfw lfw --pairs pairs.txt")
def evaluate(
    model: Annotated[
        str, typer.Option(help="A name from `facesearch models`, an .onnx or a .safetensors file.")
    ] = "dlib",
    lfw: LfwOption = None,
    pairs: PairsOption = None,
    bin_files: Annotated[
        list[Path] | None,
        typer.Option("--bin", help="InsightFace's pairs of aligned crops, as cfp_fp.bin; repeatable."),
    ] = None,
    people: Annotated[Path | None, typer.Option(help="Labelled photos: all pairs of their main faces.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Whose they are: CSV with the columns photo and person.", show_default="folders")
    ] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw the ROC and the distances into this folder.")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure any embedder on pairs: LFW's, those of .bin files, or those of labelled photos."""
    if (lfw is None) != (pairs is None) or (lfw is None and people is None and not bin_files):
        raise InputError("give --lfw with --pairs, or --people, or --bin, or several of them")
    if len({file.name for file in bin_files or ()}) < len(bin_files or ()):
        raise InputError("two --bin files have one name: measure them one by one")
    from train.evaluating import evaluate_lfw, evaluate_pair_set, evaluate_people

    figures: dict[str, Any] = {}
    with count_progress("Measuring", unit="photos") as tick:
        if lfw is not None and pairs is not None:
            figures["lfw"] = evaluate_lfw(model, lfw, pairs, plots, device, tick)
        for file in bin_files or ():
            figures[file.name] = evaluate_pair_set(model, file, plots, device, tick)
        if people is not None:
            figures["people"] = evaluate_people(model, people, labels, plots, device, tick)
    if as_json:
        print_json(figures)
        return
    rows = [(data, name, _shown(value)) for data, found in figures.items() for name, value in found.items()]
    table(("", "figure", "value"), rows, right=("value",))


@app.command(epilog="Example: python -m train compare runs/smoke runs/random-triplets --out mining.png")
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of two runs or more.")],
    out: Annotated[Path, typer.Option(help="The picture.")],
) -> None:
    """Draw the validations of several runs over the images that they had seen."""
    from train.curves import compare_figure, read_run

    figure = compare_figure([read_run(folder) for folder in runs])
    save_figure(figure, out)


@app.command(epilog="Example: python -m train export run/best.safetensors mine.onnx")
def export(
    model: Annotated[str, typer.Argument(help="A .safetensors file, or a name from `facesearch models`.")],
    out: Annotated[Path, typer.Argument(help="The .onnx file; a .toml file of its name comes beside it.")],
) -> None:
    """Write a model as an ONNX file, with how its crops are made."""
    from train.exporting import export as export_model

    spec = export_model(model, out)
    shown(f"Use it: facesearch index PHOTOS --library NEW --model {spec.name}")


@app.command()
def quantise(
    photos: Annotated[Path, typer.Argument(help="A folder of photos with faces.")],
    model: Annotated[list[str], typer.Option(help="A built-in model; may be given several times.")],
    as_json: JsonOption = False,
) -> None:
    """Measure what a built-in model's layers see, so that it runs in int8; for who works on facesearch."""
    from train import quantising

    found = {name: quantising.measure(name, photos) for name in model}
    files = {name: str(quantising.write(name, ranges)) for name, ranges in found.items()}
    if as_json:
        print_json(files)
    for name, file in {} if as_json else files.items():
        message(f"{name}: {file}")


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
