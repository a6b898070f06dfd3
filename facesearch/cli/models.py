"""The commands models, calibrate, evaluate."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facesearch.cli.app import (
    MODELS,
    DeviceOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    PrecisionOption,
    app,
    open_library,
)
from facesearch.cli.output import (
    check_picture,
    count_progress,
    message,
    print_json,
    save_figure,
    shown,
    table,
)

if TYPE_CHECKING:
    from facesearch.calibration import Calibration

__all__ = ["calibrate", "evaluate", "models"]


@app.command(rich_help_panel=MODELS, epilog="Example: facesearch models --download facenet-vggface2")
def models(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A checkpoint (.safetensors): show what it says of itself.")
    ] = None,
    download: Annotated[str | None, typer.Option(metavar="NAME", help="Fetch the weights of this model.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the embedding models: what is here, what can be had, under which licence. With FILE: its model card."""
    from facesearch import embedding
    from facesearch.core.errors import InputError

    if file is not None:
        if download:
            raise InputError("give FILE or --download, not both")
        _show_file(file, as_json)
        return
    if download:
        with count_progress("Downloading", unit="bytes") as tick:
            path = embedding.download(download, tick)
        message(f"{download} is ready: {path}")
    known = embedding.available()
    if as_json:
        print_json(
            {
                "models": [
                    {
                        "name": m.name,
                        "dim": m.dim,
                        "ready": m.ready,
                        "licence": m.licence,
                        "source": m.source,
                        "where": str(m.where) if m.where else None,
                        "note": m.note,
                    }
                    for m in known
                ]
            }
        )
        return
    table(
        ("model", "ready", "dimensions", "licence", "source", "how to get it"),
        ((m.name, "yes" if m.ready else "no", str(m.dim), m.licence, m.source, m.note) for m in known),
        right=("dimensions",),
    )
    shown("Any ArcFace-type .onnx file and any .safetensors checkpoint of facesearch can be given as --model too.")


def _show_file(file: Path, as_json: bool) -> None:
    from facesearch.embedding import checkpoint

    header = checkpoint.read_header(file)
    spec = header.spec
    facts = {"network": spec.network, "dim": spec.dim, "licence": spec.licence, "source": spec.source}
    if as_json:
        print_json({"file": str(file), **facts, "card": header.card, "training": header.training})
    elif header.card is not None:
        for line in header.card.splitlines():
            shown(line)
    else:
        shown(f"{file} has no model card.")
        table(("", ""), [(name, str(value)) for name, value in facts.items()])


@app.command(rich_help_panel=MODELS, epilog="Example: facesearch calibrate ~/labelled --library ~/faces")
def calibrate(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A folder with a folder of photos for each person.")
    ] = None,
    named: Annotated[
        bool, typer.Option("--named", help="Measure on the library's own named people instead of a folder.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out the folder of this person; may be repeated.")
    ] = None,
    library: LibraryOption = None,
    model: ModelOption = None,
    out: Annotated[Path | None, typer.Option(help="Write the calibration here instead of into the library.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curves into this picture (needs matplotlib).")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure what a model's distances mean, on photos whose people are known; the library uses it from then on."""
    from facesearch import embedding
    from facesearch.calibration.files import require_calibration, write_calibration
    from facesearch.core.errors import InputError
    from facesearch.core.settings import FLOAT32
    from facesearch.evaluation.labelled import (
        calibrate,
        calibrate_named,
        measured_calibration,
        named_calibration,
        people_in,
    )
    from facesearch.evaluation.plots import calibration_plot, require_matplotlib

    if plot is not None:
        require_matplotlib()
        check_picture(plot)
    if (folder is None) != named:
        raise InputError("give a FOLDER with a folder for each person, or --named for the library's own people")
    if out is not None:
        require_calibration(out)
    if folder is not None:
        people_in(folder, without or ())  # a mistyped folder must not leave an empty library
    with count_progress("Measuring", unit="photos") as tick:
        if folder is None:
            with open_library(library, model, device) as opened:
                result = named_calibration(opened.store) if out is not None else calibrate_named(opened)
        elif out is not None:
            from facesearch.pipeline.pipeline import Pipeline

            # a file goes to other machines: float32 is the same on all of them
            pipeline = Pipeline.load(embedding.resolve(model or embedding.DEFAULT_MODEL, FLOAT32), device)
            result = measured_calibration(pipeline, folder, tick, without or ())
        else:
            with open_library(library, model, device, create=True) as opened:
                result = calibrate(opened, folder, tick, without or ())
    if out is not None:
        write_calibration(out, result)
    if plot is not None:
        save_figure(calibration_plot(result), plot)
    print_json(json.loads(result.to_json())) if as_json else _show_calibration(result)


def _show_calibration(result: "Calibration") -> None:
    made = result.made_from
    shown(
        f"{result.model}, measured on {made.dataset}: {made.same_pairs:,} pairs of one person,"
        f" {made.different_pairs:,} of two."
    )
    shown(f"How: {made.how}.")
    rows = [
        (f"1 in {1 / far:,.0f}", f"{distance:.3f}", "" if far >= result.measured_far else "extrapolated")
        for far, distance in result.thresholds
    ]
    table(("strangers taken for one", "distance", ""), rows, right=("distance",))
    if result.identification and (searches := result.identification.made_from):
        shown(f"Searches: {searches.searches:,} measured, {searches.strangers:,} of them for strangers.")
        shown(f"How: {searches.how}.")
    else:
        shown("There are too few people to measure searches: they are decided by pairs, on the safe side.")


@app.command(rich_help_panel=MODELS, epilog="Example: facesearch evaluate --lfw lfw --pairs pairs.txt")
def evaluate(
    lfw: Annotated[Path | None, typer.Option(help="Folder of LFW's images, a folder a person.")] = None,
    pairs: Annotated[Path | None, typer.Option(help="LFW's pairs file, ten folds.")] = None,
    photos: Annotated[Path | None, typer.Option(help="A labelled folder: its main faces are clustered.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Its people: CSV with the columns photo and person.", show_default="its folders")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Add the figures to this JSON file.")] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="With --photos: other methods on the same embeddings, too.")
    ] = False,
    quality: Annotated[
        bool, typer.Option("--quality", help="With --photos: only spoil copies of them, and see what quality tells.")
    ] = False,
    strangers: Annotated[
        Path | None, typer.Option(help="With --photos: photos of other people, to search for as well.")
    ] = None,
    model: ModelOption = None,
    precision: PrecisionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled photos: verification on LFW's pairs, identification and clusters on a folder."""
    from facesearch.core.errors import InputError
    from facesearch.evaluation import accuracy

    if (lfw is None) != (pairs is None) or (lfw is None and photos is None):
        raise InputError("give --lfw with --pairs, or --photos, or both")
    if out is not None:
        accuracy.read_results(out)  # nobody wants to hear of it after an hour
    results: dict[str, Any] = {}
    with count_progress("Measuring", unit="photos") as tick:
        if lfw is not None and pairs is not None:
            results["verification"] = accuracy.verification(lfw, pairs, model, device, tick, precision)
        if photos is not None and quality:
            found = accuracy.quality(photos, labels, model, device, tick, precision)
            results[f"quality in {photos.resolve().name}"] = found
        elif photos is not None:
            measured = accuracy.clusters(
                photos, labels, model, device, tick, baselines=baselines, strangers=strangers, precision=precision
            )
            results[f"groups in {photos.resolve().name}"] = measured
    if out is not None:
        accuracy.merge_into(out, results)
    print_json(results) if as_json else _show_results(results)


def _show_results(results: dict[str, Any], prefix: str = "") -> None:
    for name, value in results.items():
        if isinstance(value, dict):
            _show_results(value, f"{prefix}{name}.")
        else:
            shown(f"{prefix + name:64} {value:.4f}" if isinstance(value, float) else f"{prefix + name:64} {value}")
