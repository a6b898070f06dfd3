"""The commands draw and move."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import DECIDE, DeviceOption, JsonOption, LibraryOption, app, open_library
from facesearch.cli.output import print_json, shown
from facesearch.core.arguments import as_box

if TYPE_CHECKING:
    from facesearch.core.results import Match
    from facesearch.people.drawing import Drawn

__all__ = ["draw", "move"]

BoxArgument = Annotated[
    str,
    typer.Argument(metavar="X1,Y1,X2,Y2", help="The box: left, top, right, bottom, in pixels of the photo as shown."),
]


@app.command(rich_help_panel=DECIDE, epilog='Example: facesearch draw beach.jpg 610,180,690,275 --name "Ben K"')
def draw(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A photo of the library.")],
    box: BoxArgument,
    name: Annotated[
        str | None, typer.Option("--name", metavar="WHO", help="Whose face it is; a new name is a new person.")
    ] = None,
    library: LibraryOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Put a face on a photo that was not found there."""
    with open_library(library, device=device) as opened:
        drawn = opened.people.draw(photo, as_box(box), name)
        likely = () if name else opened.search.candidates(drawn.face)
    _show(drawn, likely, as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch move 41 600,170,700,285")
def move(
    face: Annotated[int, typer.Argument(metavar="FACE", help="A face's number, as `explain` and --json give it.")],
    box: BoxArgument,
    library: LibraryOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Move or resize the box of a face; whose it is stays."""
    with open_library(library, device=device) as opened:
        drawn = opened.people.move(face, as_box(box))
    _show(drawn, (), as_json)


def _show(drawn: "Drawn", likely: "tuple[Match, ...]", as_json: bool) -> None:
    if as_json:
        decision = asdict(drawn.decision) if drawn.decision else None
        print_json({"face": drawn.face, "decision": decision, "candidates": [match.to_dict() for match in likely]})
    elif drawn.decision is None:
        shown("That is how it was already; nothing has changed.")
    else:
        shown(f"Decided: {drawn.decision.summary}. Take it back with `facesearch undo`.")
        for match in likely:
            probability = "" if match.probability is None else f", {match.probability:.0%}"
            shown(f"It may be {match.face.title} (distance {match.distance:.2f}{probability}).")
