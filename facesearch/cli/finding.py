"""index, query, verify, cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import (
    FIND,
    DeviceOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    app,
    open_library,
)
from facesearch.cli.output import (
    interruptible,
    message,
    photo_progress,
    print_json,
    save_picture,
    shown,
    table,
)
from facesearch.core.settings import SearchConfig
from facesearch.core.wording import percent, plural

if TYPE_CHECKING:
    from PIL.Image import Image

    from facesearch.core.results import Clustering, QueryResult, Verification
    from facesearch.core.types import Cluster
    from facesearch.indexing.indexer import IndexReport

__all__ = ["cluster", "index", "query", "verify"]

# How much of a long list people get to see; --json has all of it.
MANY = 20


@app.command(rich_help_panel=FIND, epilog="Example: facesearch index ~/Pictures --min-face 40")
def index(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Photos, and folders of photos.")],
    library: LibraryOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    min_face: Annotated[
        int | None,
        typer.Option(
            help="Side of the smallest face looked for, in pixels.", show_default="20, or 1/75 of the shorter side"
        ),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(help="Photos with more pixels are left out.")] = 200,
    redo: Annotated[bool, typer.Option("--redo", help="Look again at photos that are known already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for faces in photos and remember them.

    Run it again at any time: only what is new or changed is looked at. Ctrl-C loses nothing.
    """
    import os.path

    from facesearch.core.settings import DetectionConfig, ImageConfig
    from facesearch.library import Library
    from facesearch.media import find_photos

    find_photos([path for path in paths if not os.path.isdir(path)])  # a mistyped path must not leave an empty library
    options = {"detection": DetectionConfig(min_face_px=min_face), "images": ImageConfig(max_megapixels)}
    with Library(library, model=model, device=device, **options) as opened:  # type: ignore[arg-type]
        with photo_progress() as progress, interruptible() as should_stop:
            report = opened.index(paths, redo=redo, progress=progress, should_stop=should_stop)
        print_json(report.to_dict()) if as_json else _show_report(report, opened.folder)
    if report.stopped:
        raise typer.Exit(130)


def _show_report(report: "IndexReport", folder: Path) -> None:
    parts = [f"{report.indexed:,} indexed ({plural(report.faces, 'face')})", f"{report.unchanged:,} unchanged"]
    parts += [
        f"{count:,} {what}"
        for count, what in (
            (report.moved, "of them moved"),
            (report.duplicates, "of them copies"),
            (report.failed, "not readable"),
            (report.missing, "missing"),
        )
        if count
    ]
    rate = f", {report.indexed / report.seconds:.1f} photos/s" if report.indexed and report.seconds else ""
    shown(f"{plural(report.found, 'photo')} found: {', '.join(parts)}. {report.seconds:.1f} s{rate}.")
    if report.placed:
        shown(f"{plural(report.placed, 'face')} of them are people that you have named or spoken of before.")
    for path, reason in report.failures[:MANY]:
        message(f"  left out: {path}: {reason}")
    if len(report.failures) > MANY:
        message(f"  … and {len(report.failures) - MANY} more: `facesearch status` lists them all")
    if report.missing:
        shown("Missing photos keep their faces; `facesearch remove --missing` takes them out.")
    if report.stopped:
        shown("Stopped before the end: run the same command again to go on.")
    else:
        shown(f"The library is {folder}. Next: facesearch cluster, or facesearch query PICTURE")


@app.command(rich_help_panel=FIND, epilog="Example: facesearch query face.jpg -k 5")
def query(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture of somebody.")],
    k: Annotated[int, typer.Option("-k", help="How many matches for each face.")] = 10,
    face: Annotated[int | None, typer.Option(help="Only this face of the picture, counted from 0.")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Look at every face, also in a large library; see `facesearch status`.")
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
        x1, y1, x2, _ = probe.face.box
        place = f"at {x1:.0f}, {y1:.0f}, {x2 - x1:.0f} pixels wide"
        near = plural(len(probe.matches), "nearest match")
        same = sum(1 for match in probe.matches if match.same_person)
        if result.threshold is not None:
            near = f"{same} of the {near} {'is' if same == 1 else 'are'} within the threshold of the same person"
        shown(f"Face {number} ({place}): {near}.")
        if probe.weak:
            shown(f"It shows little of the face ({probe.weak}): do not rely on what follows.")
        rows = [
            (
                str(m.rank),
                _verdict(m.same_person),
                f"{m.distance:.3f}",
                percent(m.probability),
                (m.person and m.person.name) or "",
                m.path,
            )
            for m in probe.matches
        ]
        columns = ("", "same person", "distance", "probability", "name", "photo")
        table(columns, rows, right=("", "distance", "probability"))
    if result.threshold is not None:
        shown(f"Same person: distance at most {result.threshold:.3f}, within which 1 in 1,000 pairs of strangers lies.")
    else:
        shown(f"No threshold is known for {result.model}: `facesearch calibrate FOLDER` makes one.")


def _verdict(same: bool | None) -> str:
    return "?" if same is None else "yes" if same else "no"


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
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Say whether two pictures show the same person.

    Exit code 0: the same; 1: different people; 2: it cannot be said (no face, unreadable).
    """
    from facesearch.core.errors import InputError

    if threshold is not None and not 0 <= threshold <= 2:
        raise InputError(f"a threshold lies between 0 and 2, not at {threshold} (--threshold)")
    if library is not None:
        with open_library(library, model, device) as opened:
            result = opened.verify(a, b, threshold=threshold)
    else:
        from facesearch import library as engine_room

        result = engine_room.verify(a, b, model=model, device=device, threshold=threshold)
    print_json(result.to_dict()) if as_json else _show_verification(result)
    raise typer.Exit(0 if result.same_person else 1)


def _show_verification(result: "Verification") -> None:
    shown("The same person." if result.same_person else "Different people.")
    side = "within" if result.same_person else "beyond"
    shown(f"Distance {result.distance:.3f}, {side} the threshold of {result.threshold:.3f}.")
    if result.probability is not None and result.far is not None:
        shown(f"Probability that it is the same person: {percent(result.probability)} (if before it was even odds).")
        shown(f"At this threshold, 1 in {1 / max(result.far, 1e-9):,.0f} pairs of strangers is taken for one person.")
    for count, which in zip(result.faces, ("first", "second"), strict=True):
        if count > 1:
            shown(f"The {which} picture shows {count} faces; the largest and most central one was compared.")


@app.command(rich_help_panel=FIND, epilog="Example: facesearch cluster --json > groups.json")
def cluster(
    eps: Annotated[
        float | None,
        typer.Option(
            help="DBSCAN: largest distance of neighbours, 0 to 2.", show_default="from the model's calibration"
        ),
    ] = None,
    min_samples: Annotated[int, typer.Option(help="DBSCAN: neighbours, itself included, that make a face a core.")] = 2,
    sheet: Annotated[
        Path | None, typer.Option(help="Draw the largest groups into this picture, a row a person.")
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Group the faces of the library by person."""
    with open_library(library) as opened:
        result = opened.cluster(eps=eps, min_samples=min_samples)
    if sheet is not None:
        save_picture(_sheet(result), sheet)
    print_json(result.to_dict()) if as_json else _show_clusters(result)


def _sheet(result: "Clustering") -> "Image":
    from facesearch.sharing.sheets import Row, contact_sheet

    rows = []
    for group in _listed(result)[:MANY]:
        faces = [(face.path, face.box) for face in group.faces]
        count = plural(group.size, "face")
        named = group.person is not None
        rows.append(Row(_title(group), f"group {group.id}, {count}" if named else count, faces))
    return contact_sheet(rows)


def _listed(result: "Clustering") -> "list[Cluster]":
    """The groups that the user wants to see."""
    return [group for group in result.clusters if not group.ignored]


def _title(group: "Cluster") -> str:
    return group.person.name or "" if group.person else f"group {group.id}"


def _show_clusters(result: "Clustering") -> None:
    grouped = sum(group.size for group in result.clusters)
    shown(f"{plural(len(result.clusters), 'group')} with {plural(grouped, 'face')}, in {result.seconds:.1f} s.")
    left = result.left_out
    reasons = [(left.alone, "like nobody else's"), (left.weak, "too small, blurred, turned away or doubtful to tell")]
    told = [f"{count:,} {reason}" for count, reason in reasons if count]
    if told:
        shown(
            f"{plural(len(result.noise), 'face')} in no group: {', '.join(told)}. `facesearch explain FACE` says more."
        )
    if left.not_faces:
        shown(f"{left.not_faces:,} are no faces, as you have said.")
    rows = [
        (str(group.id), str(group.size), group.person.name or "" if group.person else "", group.faces[0].path)
        for group in _listed(result)[:MANY]
    ]
    if rows:
        table(("group", "faces", "name", "one of its photos"), rows, right=("group", "faces"))
        shown('Say who they are: facesearch name GROUP "Anna"')
    if len(_listed(result)) > MANY:
        shown(f"… and {len(_listed(result)) - MANY} smaller groups: `facesearch people` lists them all.")
