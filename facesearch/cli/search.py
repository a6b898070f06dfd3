"""The commands query, verify."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import (
    FIND,
    DeviceOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    PrecisionOption,
    app,
    open_library,
)
from facesearch.cli.output import print_json, shown, table
from facesearch.core.settings import SearchConfig
from facesearch.core.wording import answered, percent, plural, searched

if TYPE_CHECKING:
    from facesearch.core.results import Match, Probe, QueryResult, Verification

__all__ = ["query", "verify"]


@app.command(rich_help_panel=FIND, epilog="Example: facesearch query face.jpg -k 5")
def query(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture of somebody.")],
    k: Annotated[int, typer.Option("-k", help="How many matches for each face.")] = 10,
    face: Annotated[int | None, typer.Option(help="Only this face of the picture, counted from 0.")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every face, also of a large library; see `facesearch status`.")
    ] = False,
    library: LibraryOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the photos that show the people in a picture."""
    with open_library(library, model, device, search=SearchConfig(probed=1.0) if exact else None) as opened:
        result = opened.query(image, k, face=face)
    print_json(result.to_dict()) if as_json else _show_query(result)


def _show_query(result: "QueryResult") -> None:
    for number, probe in enumerate(result.faces):
        _show_probe(number, probe)
    answer = next((probe.answer for probe in result.faces if probe.answer), None)
    if answer is None:
        shown(f"No threshold is known for {result.model}: `facesearch calibrate FOLDER` makes one.")
        return
    shown(f"Decided for a search (1:N) of {searched(answer.people_searched, answer.faces_searched)}.")
    shown(f"Of searches for people who are not in it, about 1 in {1 / answer.fpir:,.0f} finds somebody (FPIR).")
    if not answer.measured:
        shown("That follows from pairs of faces, on the safe side: `facesearch calibrate` measures it.")


def _show_probe(number: int, probe: "Probe") -> None:
    x1, y1, x2, _ = probe.face.box
    where = f"Face {number} (at {x1:.0f}, {y1:.0f}, {x2 - x1:.0f} pixels wide)"
    near = plural(len(probe.matches), "nearest match")
    if probe.answer:
        same = sum(1 for match in probe.matches if match.same_person)
        near = f"{answered(probe.answer)}. {same} of the {near} {'is' if same == 1 else 'are'} that person"
        near = near if same else f"{answered(probe.answer)}"
    shown(f"{where}: {near}.")
    if probe.too_poor:
        shown(f"It is too poor to tell who it is: {probe.weak}.")
    elif probe.weak:
        shown(f"It shows little of the face ({probe.weak}): do not rely on what follows.")
    columns = ("", "same person", "distance", "probability", "name", "photo")
    table(columns, map(_row, probe.matches), right=("", "distance", "probability"))


def _row(match: "Match") -> tuple[str, ...]:
    verdict = {None: "?", True: "yes", False: "no"}[match.same_person]
    name = (match.person and match.person.name) or ""
    return str(match.rank), verdict, f"{match.distance:.3f}", percent(match.probability), name, match.path


@app.command(rich_help_panel=FIND, epilog="Example: facesearch verify a.jpg b.jpg && echo same")
def verify(
    a: Annotated[Path, typer.Argument(metavar="A", help="A picture of somebody.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another picture.")],
    threshold: Annotated[
        float | None, typer.Option(help="Largest distance of one person, 0 to 2.", show_default="the model's")
    ] = None,
    library: Annotated[
        Path | None, typer.Option("--library", help="Use this library's model and calibration instead.")
    ] = None,
    model: ModelOption = None,
    precision: PrecisionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Say whether two pictures show the same person.

    Exit code 0: the same; 1: different people, or a face is too poor to tell; 2: an error (no face, unreadable).
    """
    import facesearch
    from facesearch.core.errors import InputError

    if threshold is not None and not 0 <= threshold <= 2:
        raise InputError(f"a threshold lies between 0 and 2, not at {threshold} (--threshold)")
    if library is not None:
        with open_library(library, model, device, precision=precision) as opened:
            result = opened.verify(a, b, threshold=threshold)
    else:
        result = facesearch.verify(a, b, model=model, device=device, threshold=threshold, precision=precision)
    print_json(result.to_dict()) if as_json else _show_verification(result)
    raise typer.Exit(0 if result.same_person else 1)


def _show_verification(result: "Verification") -> None:
    if result.too_poor:
        shown(f"Too poor to tell: {_defects(result)}.")
    else:
        shown("The same person." if result.same_person else "Different people.")
    side = "within" if result.distance <= result.threshold else "beyond"
    shown(f"Distance {result.distance:.3f}, {side} the threshold of {result.threshold:.3f}.")
    if result.probability is not None and result.far is not None:
        likely = percent(result.probability)
        shown(f"Probability of the same person: {likely} (if both answers were equally likely before).")
        shown("Decided for two pictures (1:1), not for a search.")
        shown(f"At this threshold, 1 in {1 / max(result.far, 1e-9):,.0f} pairs of strangers is taken for one person.")
    for count, which in zip(result.faces, ("first", "second"), strict=True):
        if count > 1:
            shown(f"The {which} picture shows {count} faces; the largest and most central one was compared.")


def _defects(result: "Verification") -> str:
    told = zip(("first", "second"), result.defect, strict=True)
    return ", ".join(f"the {which} face is {defect}" for which, defect in told if defect)
