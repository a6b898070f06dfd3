"""suggest, explain."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import (
    DECIDE,
    FIND,
    JsonOption,
    LibraryOption,
    app,
    open_library,
)
from facesearch.cli.output import print_json, shown, table
from facesearch.core.wording import percent, plural

if TYPE_CHECKING:
    from facesearch.core.results import Explanation, Suggestion
    from facesearch.library import Library

__all__ = ["explain", "suggest"]


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch suggest --count 10")
def suggest(
    count: Annotated[int, typer.Option(min=1, help="How many pairs at most.")] = 20,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask about pairs of groups that may be one person, the most likely first. Every answer can be undone."""
    with open_library(library) as opened:
        found = opened.people.suggestions(count)
        if as_json:
            print_json({"suggestions": [one.to_dict() for one in found]})
        elif not found:
            shown("There are no two groups that may be one person.")
        elif sys.stdin.isatty():
            _ask(opened, found)
        else:
            rows = [(str(s.a.id), s.a.title, str(s.b.id), s.b.title, f"{s.distance:.3f}", percent(s.probability))
                    for s in found]  # fmt: skip
            table(("group", "", "group", "", "distance", "probability"), rows, right=("group", "distance"))


def _ask(opened: "Library", found: "list[Suggestion]") -> None:
    gone: set[int] = set()
    for number, pair in enumerate(found, start=1):
        if {pair.a.id, pair.b.id} & gone:
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
            gone |= {pair.a.id, pair.b.id}
        elif answer == "n":
            opened.people.keep_apart(str(pair.a.id), str(pair.b.id))


@app.command(rich_help_panel=FIND, epilog="Example: facesearch explain photo.jpg")
def explain(
    face: Annotated[str, typer.Argument(metavar="FACE", help="A face's number, or a photo of the library.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbours.")] = 5,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how good a face is, what it is near to, and why it is in its group or alone."""
    with open_library(library) as opened:
        numbers = [int(face[:20])] if face.isascii() and face.isdigit() else opened.people.faces_in(Path(face))
        found = [opened.people.explain(number, k) for number in numbers]
    if as_json:
        print_json({"faces": [one.to_dict() for one in found]})
        return
    for one in found:
        _show(one)
    if not found:
        shown("No face was found in this photo.")


def _show(one: "Explanation") -> None:
    face = one.face
    name = f" ({face.person.name})" if face.person and face.person.name else ""
    place = f"cluster {face.cluster}{name}" if face.cluster is not None else "no cluster"
    quality = f"weak: {one.weak}" if one.weak else "good"
    width = face.box[2] - face.box[0]
    shown(f"Face {face.id} in {face.path}: {place}.")
    shown(f"Quality: {quality}; {width:.0f} pixels wide, score {face.score:.3f}, sharpness {face.sharpness:.3f}.")
    shown(one.why)
    rows = [
        (
            str(near.face.id),
            f"{near.distance:.3f}",
            percent(near.probability),
            "" if near.face.cluster is None else str(near.face.cluster),
            (near.face.person and near.face.person.name) or "",
            near.face.path,
        )
        for near in one.neighbours
    ]
    table(("nearest faces", "distance", "probability", "cluster", "name", "photo"), rows, right=("distance", "cluster"))
