"""The command check."""

from typing import TYPE_CHECKING, Any

import typer

from facesearch.cli.app import KEEP, JsonOption, LibraryOption, app
from facesearch.cli.output import MANY, message, print_json, shown
from facesearch.core.wording import plural

if TYPE_CHECKING:
    from facesearch.storage.checking import Damage

__all__ = ["check"]


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch check")
def check(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Look for damage in the library's files. Exit code 0 where all is well, 2 where it is not."""
    from facesearch.indexing.checking import check as damage_of
    from facesearch.library import default_folder

    found = damage_of(library or default_folder())
    if as_json:
        print_json({"damage": [_described(damage) for damage in found]})
    elif not found:
        shown("The library is whole.")
    else:
        for damage in found[:MANY]:
            shown(damage.told)
        if len(found) > MANY:
            shown(f"and {len(found) - MANY:,} more: see --json")
        message(f"{plural(len(found), 'fault')} found.")
    if found:
        raise typer.Exit(2)


def _described(damage: "Damage") -> dict[str, Any]:
    return {
        "file": damage.file,
        "table": damage.table or None,
        "row": damage.row,
        "about": damage.about or None,
        "what": damage.what,
    }
