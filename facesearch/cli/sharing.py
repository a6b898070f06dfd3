"""The commands export, import-names, report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import SHARE, JsonOption, LibraryOption, app, open_library
from facesearch.cli.output import count_progress, message, print_json, shown, tell_of_others
from facesearch.core.wording import plural

if TYPE_CHECKING:
    from facesearch.library import Library
    from facesearch.sharing.xmp.packets import Naming

__all__ = ["export", "import_names", "report"]

PersonOption = Annotated[list[str] | None, typer.Option("--person", metavar="WHO", help="Only them; repeat it.")]


@app.command(rich_help_panel=SHARE, epilog="Example: facesearch export --to ~/People")
def export(
    to: Annotated[
        Path | None, typer.Option(help="Make a folder for each person here, with links to the photos.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="With --to: copies instead of links.")] = False,
    table: Annotated[str | None, typer.Option("--format", help="csv or json: a table of all faces on stdout.")] = None,
    xmp: Annotated[bool, typer.Option("--xmp", help="Write names and face regions as XMP sidecars.")] = False,
    xmp_to: Annotated[Path | None, typer.Option(help="With --xmp: put them here instead of beside the photos.")] = None,
    xmp_names: Annotated[
        str, typer.Option(help="appended for IMG.jpg.xmp (digiKam, darktable), replaced for IMG.xmp (Lightroom).")
    ] = "appended",
    person: PersonOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give clusters and names to other programs. The photos themselves are never written."""
    from facesearch import sharing
    from facesearch.core.errors import InputError

    if sum((to is not None, table is not None, xmp)) != 1:
        raise InputError("say what to make: --to FOLDER, --format csv or json, or --xmp")
    if table not in (None, "csv", "json") or xmp_names not in ("appended", "replaced"):
        raise InputError("--format is csv or json, and --xmp-names is appended or replaced")
    with open_library(library) as opened:
        if table is not None:
            rows = sharing.export_rows(opened, person or ())
            if not rows:
                message("The table is empty: the library holds no faces. Look for some: facesearch index FOLDER")
            as_csv = table == "csv" and not as_json
            typer.echo(sharing.rows_to_csv(rows), nl=False) if as_csv else print_json({"faces": rows})
            return
        if to is not None:
            made, skipped = sharing.export_folders(opened, to, person or (), copy=copy)
        else:
            naming: Naming = "replaced" if xmp_names == "replaced" else "appended"
            made, skipped = sharing.export_sidecars(opened, xmp_to, person or (), naming=naming)
        if (out := to or xmp_to) is not None and made:
            tell_of_others(out)
        told = f"{plural(made, 'file')} written." if made or skipped else _why_nothing(opened, xmp, person)
    if as_json:
        print_json({"written": made, "failures": [{"path": path, "reason": reason} for path, reason in skipped]})
        return
    shown(told)
    for path, reason in skipped:
        message(f"  left out: {path}: {reason}")


def _why_nothing(opened: "Library", xmp: bool, person: list[str] | None) -> str:
    known = [one for one in opened.people.all(ignored=True) if one.person or not xmp]
    if known and not person and all(one.ignored for one in known):
        return "Nothing to write: everybody is ignored. Ask for them: --person WHO"
    if known:
        return "Nothing to write: it is all there already."
    if xmp:
        return 'Nothing to write: nobody has a name yet. Give one: facesearch name CLUSTER "Anna"'
    return "Nothing to write: there are no clusters yet. Make them: facesearch cluster"


@app.command("import-names", rich_help_panel=SHARE, epilog="Example: facesearch import-names")
def import_names(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Take over names that digiKam, Lightroom and others have put into the photos or beside them (XMP)."""
    from facesearch import sharing

    with open_library(library) as opened:
        names, skipped = sharing.import_names(opened)
    if as_json:
        failures = [{"path": path, "reason": reason} for path, reason in skipped]
        print_json({"names": [name.to_dict() for name in names], "failures": failures})
        return
    for name in names:
        shown(f"{name.name}: {plural(name.faces, 'face')}")
    shown(f"{plural(len(names), 'name')} taken over." if names else "No names were found that are not known already.")
    for path, reason in skipped:
        message(f"  not read: {path}: {reason}")


@app.command(rich_help_panel=SHARE, epilog='Example: facesearch report ~/reunion --person Anna --person "Ben K"')
def report(
    out: Annotated[Path, typer.Argument(help="A new folder, or one with an earlier report, which is replaced.")],
    person: PersonOption = None,
    named: Annotated[bool, typer.Option("--named", help="Only people with a name.")] = False,
    ignored: Annotated[bool, typer.Option("--ignored", help="Ignored people too.")] = False,
    photos: Annotated[bool, typer.Option("--photos", help="Whole photos too; they may show others.")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="Say where the files are.")] = False,
    title: Annotated[str, typer.Option(help="The heading of all pages.")] = "People",
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make static pages of people and clusters, to look at without a server or to give away."""
    from facesearch.sharing.report import ReportOptions, make_report

    options = ReportOptions(title, tuple(person or ()), named, ignored, photos, paths)
    with open_library(library) as opened, count_progress("people", unit="people") as progress:
        made = make_report(opened, out, options, progress)
    tell_of_others(out)
    if as_json:
        print_json(made.to_dict())
        return
    shown(f"{plural(made.people, 'person')} with {plural(made.faces, 'face')}: {out / 'index.html'}")
    for what, reason in made.left_out:
        message(f"  not shown: {what}: {reason}")
