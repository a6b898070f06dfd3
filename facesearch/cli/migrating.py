"""The command migrate, and reembed, which is what it was called for another model."""

from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import KEEP, DeviceOption, JsonOption, LibraryOption, PrecisionOption, app, open_library
from facesearch.cli.output import MANY, interruptible, photo_progress, print_json, shown
from facesearch.core.wording import plural, sentence, span

if TYPE_CHECKING:
    from pathlib import Path

    from facesearch.core.types import Face
    from facesearch.indexing.migration import MigrationPlan, MigrationReport

__all__ = ["migrate", "reembed"]

DropMissing = Annotated[bool, typer.Option("--drop-missing", help="Take out the photos that cannot be read any more.")]


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch migrate --dry-run")
def migrate(
    model: Annotated[
        str | None,
        typer.Option("--model", help="The new embedding model, a name or a file. With no --detector, that stays."),
    ] = None,
    detector: Annotated[
        str | None, typer.Option("--detector", help="The new detector. With no --model, that stays.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what there is to do and how long it takes, and change nothing.")
    ] = False,
    precision: PrecisionOption = None,
    drop_missing: DropMissing = False,
    library: LibraryOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Move the library to another model or detector, by default to the best there is; names and decisions stay."""
    if dry_run:
        with open_library(library, device=device) as opened:
            planned = opened.plan_migration(model, detector=detector, precision=precision)
        print_json(planned.to_dict()) if as_json else _show_plan(planned)
    else:
        _migrate(library, device, drop_missing, as_json, model=model, detector=detector, precision=precision)


@app.command(hidden=True, epilog="Example: facesearch reembed --model facenet-vggface2")
def reembed(
    model: Annotated[str, typer.Option("--model", help="The new embedding model, a name or a file.")],
    drop_missing: DropMissing = False,
    library: LibraryOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """The older name of `migrate --model`."""
    _migrate(library, device, drop_missing, as_json, model=model)


def _migrate(library: "Path | None", device: str, drop_missing: bool, as_json: bool, **target: str | None) -> None:
    """Args: target: as of Library.migrate."""
    with open_library(library, device=device) as opened, photo_progress() as progress, interruptible() as should_stop:
        report = opened.migrate(drop_missing=drop_missing, progress=progress, should_stop=should_stop, **target)
    print_json(report.to_dict()) if as_json else _show_report(report)
    if report.stopped:
        raise typer.Exit(130)


def _show_plan(planned: "MigrationPlan") -> None:
    if not planned.photos_to_read:
        shown(f"There is nothing to look at: all is, or is ready to be, {planned.model} with {planned.detector}.")
        return
    how = "looked for again" if planned.anew else "embedded again where they are"
    lines = {
        "To": f"{planned.model} with the detector {planned.detector}: faces are {how}",
        "Photos": f"{planned.photos_to_read:,} of {planned.photos:,} to read, {planned.photos_done:,} done before",
        "Faces": f"{planned.faces_to_embed:,} of {planned.faces:,} to embed{', and new ones' * planned.anew}",
        "Missing": f"{planned.missing:,} of them, {planned.offline:,} offline" if planned.missing else "none",
        "Time": f"about {span(planned.seconds)}" if planned.seconds is not None else "not known",
    }
    for name, value in lines.items():
        shown(f"{name + ':':10}{value}")
    if planned.missing:
        shown("The missing ones must be back first, or be taken out with --drop-missing.")
    if planned.calibration:
        shown(sentence(planned.calibration))


def _show_report(report: "MigrationReport") -> None:
    if report.stopped:
        shown("Stopped; the library is still what it was. Run the same command again to go on.")
        return
    if report.already:
        shown(f"The library has {report.model} with the detector {report.detector} already.")
        return
    shown(
        f"{plural(report.faces, 'face')} of {plural(report.photos, 'photo')} are now those of {report.model} with"
        f" {report.detector}: {report.matched:,} known, {report.added:,} new, {len(report.unmatched):,} not found."
    )
    if report.dropped:
        shown(f"{plural(report.dropped, 'photo')} taken out of the library.")
    if report.unmatched:
        shown("Not found again, and kept as they were:")
        for face in report.unmatched[:MANY]:
            shown(f"  {_described(face)}")
        if len(report.unmatched) > MANY:
            shown(f"  and {len(report.unmatched) - MANY:,} more, which --json lists")
    if report.calibration:
        shown(sentence(report.calibration))
    shown("`facesearch cluster` looks at the faces anew.")


def _described(face: "Face") -> str:
    box = ", ".join(f"{side:.0f}" for side in face.box)
    return f"face {face.id} at {box} in {face.path}: {face.title}"
