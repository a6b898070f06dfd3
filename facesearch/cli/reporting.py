"""report: people and groups as static pages."""

from pathlib import Path
from typing import Annotated

import typer

from facesearch.cli.app import SHARE, JsonOption, LibraryOption, app, open_library
from facesearch.cli.output import count_progress, message, print_json, shown
from facesearch.core.wording import plural

__all__ = ["report"]


@app.command(rich_help_panel=SHARE, epilog='Example: facesearch report ~/reunion --person Anna --person "Ben K"')
def report(
    out: Annotated[Path, typer.Argument(help="A new folder, or one with an earlier report, which is replaced.")],
    person: Annotated[list[str] | None, typer.Option("--person", metavar="WHO", help="Only them; repeat it.")] = None,
    named: Annotated[bool, typer.Option("--named", help="Only people with a name.")] = False,
    ignored: Annotated[bool, typer.Option("--ignored", help="Ignored people too.")] = False,
    photos: Annotated[bool, typer.Option("--photos", help="Whole photos too; they may show others.")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="Say where the files are.")] = False,
    title: Annotated[str, typer.Option(help="What stands above it all.")] = "People",
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make static pages of people and groups, to look at without a server or to give to somebody."""
    from facesearch.sharing.report import ReportOptions, make_report

    options = ReportOptions(title, tuple(person or ()), named, ignored, photos, paths)
    with open_library(library) as opened, count_progress("people", unit="people") as progress:
        made = make_report(opened, out, options, progress)
    if as_json:
        print_json(made.to_dict())
        return
    shown(f"{plural(made.people, 'person')} with {plural(made.faces, 'face')}: {out / 'index.html'}")
    for what, reason in made.left_out:
        message(f"  not shown: {what}: {reason}")
