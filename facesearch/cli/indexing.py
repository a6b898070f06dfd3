"""The command index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import FIND, DeviceOption, JsonOption, LibraryOption, ModelOption, PrecisionOption, app
from facesearch.cli.output import MANY, interruptible, message, photo_progress, print_json, shown
from facesearch.core.paths import default_library
from facesearch.core.wording import plural, skipped

if TYPE_CHECKING:
    from facesearch.indexing.indexer import IndexReport

__all__ = ["index"]


@app.command(rich_help_panel=FIND, epilog="Example: facesearch index ~/Pictures --min-face 40")
def index(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Photos, and folders of photos.")],
    library: LibraryOption = None,
    model: ModelOption = None,
    detector: Annotated[
        str | None,
        typer.Option(help="For a new library: yunet, mtcnn, or the path of a SCRFD or RetinaFace in ONNX."),
    ] = None,
    precision: PrecisionOption = None,
    device: DeviceOption = "auto",
    min_face: Annotated[
        int | None,
        typer.Option(
            help="Side of the smallest face to detect, in pixels.", show_default="20, or 1/75 of the shorter side"
        ),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(help="Leave out photos with more pixels.")] = 200,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB",
            help="Memory for photos that are decoded at a time; leave out those that need more.",
            show_default="a quarter of what is free",
        ),
    ] = None,
    redo: Annotated[bool, typer.Option("--redo", help="Analyse photos again that have not changed.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that analyse photos; 1 for threads of one.", show_default="what is faster"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Detect the faces in photos and store them.

    Run it again at any time: only new and changed photos are analysed. Ctrl-C loses nothing.
    """
    import os.path

    from facesearch.core.settings import DetectionConfig, ImageConfig
    from facesearch.library import Library
    from facesearch.media import find_photos
    from facesearch.storage import Store

    if not Store.exists(library or default_library()):  # a mistyped path must not leave an empty library
        find_photos([path for path in paths if not os.path.isdir(path)])
    detection, images = DetectionConfig(min_face_px=min_face), ImageConfig(max_megapixels, _as_bytes(memory))
    with Library(
        library,
        model=model,
        detector=detector,
        precision=precision,
        device=device,
        detection=detection,
        images=images,
    ) as opened:
        with photo_progress() as progress, interruptible() as should_stop:
            report = opened.index(paths, redo=redo, progress=progress, should_stop=should_stop, workers=workers)
        print_json(report.to_dict()) if as_json else _show_report(report, opened.folder)
    if report.stopped:
        raise typer.Exit(130)


def _as_bytes(gigabytes: float | None) -> int | None:
    """Raises InputError for what is no amount of memory."""
    from facesearch.core.errors import InputError

    if gigabytes is None:
        return None
    if not 0 < gigabytes < 1e6:  # not-a-number, too
        raise InputError(f"--memory is in gigabytes, as in --memory 1.5; it cannot be {gigabytes:g}")
    return int(gigabytes * 1e9)


def _show_report(report: "IndexReport", folder: Path) -> None:
    shown(_counted(report))
    if report.placed:
        shown(f"{plural(report.placed, 'face')} of them belong to people that you have named or confirmed.")
    for path, reason in report.failures[:MANY]:
        message(f"  left out: {path}: {reason}")
    if len(report.failures) > MANY:
        message(f"  … and {len(report.failures) - MANY} more: `facesearch status` lists them all")
    if report.skipped:
        shown(f"skipped: {skipped(report.skipped)} - `facesearch status --skipped` lists them")
    if report.missing:
        shown("Missing photos keep their faces; `facesearch remove --missing` takes them out.")
    if report.offline:
        places = ", ".join(report.offline_places[:MANY])
        shown(f"Offline photos keep everything: nothing of {places} is there, as without its disk.")
        shown("Gone for good? `facesearch remove --missing --offline` takes them out.")
    if report.stopped:
        shown("Stopped before the end: run the same command again to continue.")
    else:
        shown(f"The library is {folder}. Next: facesearch cluster, or facesearch query PICTURE")


def _counted(report: "IndexReport") -> str:
    parts = [f"{report.indexed:,} indexed ({plural(report.faces, 'face')})", f"{report.unchanged:,} unchanged"]
    parts += [
        f"{count:,} {what}"
        for count, what in (
            (report.moved, "of them moved"),
            (report.duplicates, "of them copies"),
            (report.failed, "not readable"),
            (report.missing, "missing"),
            (report.offline, "offline"),
        )
        if count
    ]
    rate = f", {report.indexed / report.seconds:.1f} photos/s" if report.indexed and report.seconds else ""
    return f"{plural(report.found, 'photo')} found: {', '.join(parts)}. {report.seconds:.1f} s{rate}."
