"""export, import-names: to and from other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import SHARE, JsonOption, LibraryOption, app, open_library
from facesearch.cli.output import message, print_json, shown
from facesearch.core.wording import plural

if TYPE_CHECKING:
    from facesearch.core.types import Cluster

__all__ = ["export", "import_names"]


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
    person: Annotated[list[str] | None, typer.Option("--person", metavar="WHO", help="Only them; repeat it.")] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give groups and names to other programs. The photos themselves are never written."""
    from facesearch import sharing
    from facesearch.core.errors import InputError

    if sum((to is not None, table is not None, xmp)) != 1:
        raise InputError("say what to make: --to FOLDER, --format csv or json, or --xmp")
    if table not in (None, "csv", "json") or xmp_names not in ("appended", "replaced"):
        raise InputError("--format is csv or json, and --xmp-names is appended or replaced")
    with open_library(library) as opened:
        if table is not None:
            rows = sharing.export_rows(opened, person or [])
            as_csv = table == "csv" and not as_json
            typer.echo(sharing.rows_to_csv(rows), nl=False) if as_csv else print_json({"faces": rows})
            return
        if to is not None:
            made, skipped = sharing.export_folders(opened, to, person or [], copy=copy)
        else:
            made, skipped = sharing.export_sidecars(opened, xmp_to, person or [], naming=xmp_names)  # type: ignore[arg-type]
        somebody = [one for one in opened.people.all(ignored=True) if not xmp or one.person]
    if as_json:
        print_json({"written": made, "failures": [{"path": path, "reason": reason} for path, reason in skipped]})
        return
    shown(f"{plural(made, 'file')} written." if made or skipped else _why_nothing(somebody, xmp))
    for path, reason in skipped:
        message(f"  left out: {path}: {reason}")


def _why_nothing(somebody: "list[Cluster]", xmp: bool) -> str:
    if somebody:
        return "Nothing to write: it is all there already."
    missing = (
        'nobody has a name yet: facesearch name GROUP "Anna"' if xmp else "there are no groups yet: facesearch cluster"
    )
    return f"Nothing to write: {missing}"


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
