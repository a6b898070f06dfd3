"""The command check."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facesearch.cli.app import KEEP, DeviceOption, JsonOption, LibraryOption, app
from facesearch.cli.output import MANY, message, print_json, shown
from facesearch.core.wording import plural

if TYPE_CHECKING:
    from facesearch.indexing.checking import Repaired
    from facesearch.pipeline.pipeline import Pipeline
    from facesearch.storage.checking import Damage

__all__ = ["check"]


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch check")
def check(
    library: LibraryOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make again from the photos what can be; set the rest aside with a list.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Look for damage in the library's files. Exit code 0 where all is well, 2 where it is not."""
    from facesearch.core.paths import default_library
    from facesearch.indexing import checking

    folder = library or default_library()
    if repair:
        _repair(checking.repair(folder, lambda _: _pipeline(folder, device)), as_json)
        return
    found = checking.check(folder)
    if as_json:
        print_json({"damage": [_described(damage) for damage in found]})
    elif not found:
        shown("The library is whole.")
    else:
        _show(found)
        message(f"{plural(len(found), 'fault')} found: `facesearch check --repair` mends what can be mended.")
    if found:
        raise typer.Exit(2)


def _pipeline(folder: Path, device: str) -> "Pipeline":
    from facesearch.library import Library

    with Library(folder, device=device, create=False) as opened:
        return opened.pipeline


def _repair(result: "Repaired", as_json: bool) -> None:
    """Exit code 2 where something is still wrong."""
    if as_json:
        print_json(
            {
                "damage": [_described(damage) for damage in result.found],
                "left": [_described(damage) for damage in result.left],
                "rebuilt": result.rebuilt,
                "lost_rows": result.lost_rows,
                "set_aside": str(result.aside) if result.aside else None,
            }
        )
    else:
        mended = len(result.found) - len(result.left)
        shown(f"{plural(mended, 'fault')} mended, {result.rebuilt:,} of them from the photos.")
        if result.aside:
            shown(f"What was taken out is in {result.aside}: delete it when you do not need it.")
        if result.lost_rows:
            shown("Some rows could not be read: `facesearch index --redo FOLDER` looks at your photos again.")
        _show(result.left)
    if result.left:
        raise typer.Exit(2)


def _show(found: "Sequence[Damage]") -> None:
    for damage in found[:MANY]:
        shown(damage.told)
    if len(found) > MANY:
        shown(f"and {len(found) - MANY:,} more: see --json")


def _described(damage: "Damage") -> dict[str, Any]:
    return {
        "file": damage.file,
        "table": damage.table or None,
        "row": damage.row,
        "about": damage.about or None,
        "what": damage.what,
    }
