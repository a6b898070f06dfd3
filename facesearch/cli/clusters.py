"""The commands cluster, suggest, explain."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import DECIDE, FIND, DeviceOption, JsonOption, LibraryOption, app, open_library
from facesearch.cli.output import MANY, check_picture, print_json, save_picture, shown, table
from facesearch.core.wording import percent, plural

if TYPE_CHECKING:
    from PIL.Image import Image

    from facesearch.core.results import Clustering, Explanation, LeftOut, Match, Suggestion
    from facesearch.core.types import Cluster
    from facesearch.library import Library

__all__ = ["cluster", "explain", "suggest"]


@app.command(rich_help_panel=FIND, epilog="Example: facesearch cluster --json > clusters.json")
def cluster(
    eps: Annotated[
        float | None,
        typer.Option(
            help="DBSCAN: largest distance of neighbours, 0 to 2.", show_default="from the model's calibration"
        ),
    ] = None,
    min_samples: Annotated[int, typer.Option(help="DBSCAN: neighbours, itself included, that make a face a core.")] = 2,
    sheet: Annotated[
        Path | None, typer.Option(help="Draw the largest clusters into this picture, one row for each.")
    ] = None,
    library: LibraryOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Cluster the faces of the library by person."""
    if sheet is not None:
        check_picture(sheet)
    with open_library(library, device=device) as opened:
        result = opened.cluster(eps=eps, min_samples=min_samples)
        if sheet is not None:
            save_picture(_sheet(opened, result), sheet)
    print_json(result.to_dict()) if as_json else _show_clusters(result)


def _sheet(library: "Library", result: "Clustering") -> "Image":
    from facesearch.sharing.selection import FileStates
    from facesearch.sharing.sheets import Row, contact_sheet

    rows = []
    for one in _listed(result)[:MANY]:
        faces = [(face.path, face.box) for face in one.faces]
        count = plural(one.size, "face")
        name = one.person and one.person.name
        rows.append(Row(name or f"cluster {one.id}", f"cluster {one.id}, {count}" if name else count, faces))
    return contact_sheet(rows, why_not=FileStates(library).why_not)


def _listed(result: "Clustering") -> "list[Cluster]":
    """The clusters that the user wants to see."""
    return [one for one in result.clusters if not one.ignored]


def _show_clusters(result: "Clustering") -> None:
    clustered = sum(one.size for one in result.clusters)
    shown(f"{plural(len(result.clusters), 'cluster')} with {plural(clustered, 'face')}, in {result.seconds:.1f} s.")
    _show_left_out(len(result.noise), result.left_out)
    listed = _listed(result)
    rows = [
        (str(one.id), str(one.size), one.person.name or "" if one.person else "", one.faces[0].path)
        for one in listed[:MANY]
    ]
    if rows:
        table(("cluster", "faces", "name", "one of its photos"), rows, right=("cluster", "faces"))
        shown('Say who they are: facesearch name CLUSTER "Anna"')
    if len(listed) > MANY:
        shown(f"… and {len(listed) - MANY} smaller clusters: `facesearch people` lists them all.")


def _show_left_out(noise: int, left: "LeftOut") -> None:
    reasons = [(left.alone, "like nobody else's"), (left.weak, "too small, blurred, turned away or doubtful")]
    told = [f"{count:,} {reason}" for count, reason in reasons if count]
    if told:
        shown(f"{plural(noise, 'face')} in no cluster: {', '.join(told)}. `facesearch explain FACE` says more.")
    if left.not_faces:
        shown(f"{left.not_faces:,} are not faces, as you have said.")


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch suggest --count 10")
def suggest(
    count: Annotated[int, typer.Option(min=1, help="How many pairs at most.")] = 20,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask about pairs of clusters that may be one person, the most likely first. Every answer can be undone."""
    with open_library(library) as opened:
        found = opened.people.suggestions(count)
        if as_json:
            print_json({"suggestions": [one.to_dict() for one in found]})
        elif not found:
            shown("There are no two clusters that may be one person.")
        elif sys.stdin.isatty():
            _ask(opened, found)
        else:
            rows = [(str(s.a.id), s.a.title, str(s.b.id), s.b.title, f"{s.distance:.3f}", percent(s.probability))
                    for s in found]  # fmt: skip
            table(("cluster", "", "cluster", "", "distance", "probability"), rows, right=("cluster", "distance"))


def _ask(opened: "Library", found: "list[Suggestion]") -> None:
    merged: set[int] = set()
    for number, pair in enumerate(found, start=1):
        if {pair.a.id, pair.b.id} & merged:
            continue
        shown(f"\n{number} of {len(found)}: are these one person? {percent(pair.probability)} by their distance.")
        for one in (pair.a, pair.b):
            shown(f"  {one.title} ({plural(one.size, 'face')}): {one.cover.path if one.cover else ''}")
        try:
            answer = typer.prompt("  yes, no, skip or quit", default="skip").strip().lower()[:1]
        except typer.Abort:  # the end of the input, or Ctrl-C: what was answered is kept
            return
        if answer == "q":
            return
        if answer == "y":
            opened.people.merge([str(pair.a.id), str(pair.b.id)])
            merged |= {pair.a.id, pair.b.id}
        elif answer == "n":
            opened.people.keep_apart(str(pair.a.id), str(pair.b.id))


@app.command(rich_help_panel=FIND, epilog="Example: facesearch explain photo.jpg")
def explain(
    face: Annotated[str, typer.Argument(metavar="FACE", help="A face's number, or a photo of the library.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbours.")] = 5,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how good a face is, what it is near to, and why it is in its cluster or in none."""
    with open_library(library) as opened:
        numbers = [int(face[:20])] if face.isascii() and face.isdigit() else opened.people.faces_in(Path(face))
        found = [opened.people.explain(number, k) for number in numbers]
    if as_json:
        print_json({"faces": [one.to_dict() for one in found]})
        return
    for one in found:
        _show_explanation(one)
    if not found:
        shown("No face was found in this photo.")


def _show_explanation(one: "Explanation") -> None:
    face = one.face
    name = f" ({face.person.name})" if face.person and face.person.name else ""
    place = f"cluster {face.cluster}{name}" if face.cluster is not None else "no cluster"
    quality = f"weak: {one.weak}" if one.weak else "good"
    width = face.box[2] - face.box[0]
    shown(f"Face {face.id} in {face.path}: {place}.")
    shown(f"Quality: {quality}; {width:.0f} pixels wide, score {face.score:.3f}, sharpness {face.sharpness:.3f}.")
    shown(one.why)
    columns = ("face", "distance", "probability", "cluster", "name", "photo")
    table(columns, map(_neighbour, one.neighbours), right=("face", "distance", "cluster"))


def _neighbour(near: "Match") -> tuple[str, ...]:
    face = near.face
    cluster = "" if face.cluster is None else str(face.cluster)
    name = (face.person and face.person.name) or ""
    return str(face.id), f"{near.distance:.3f}", percent(near.probability), cluster, name, face.path
