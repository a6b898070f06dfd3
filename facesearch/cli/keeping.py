"""The commands status, remove, pause and resume; migrate is in `migrating`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import KEEP, JsonOption, LibraryOption, app, open_library, tell_of_readers
from facesearch.cli.output import message, print_json, shown
from facesearch.core import wording
from facesearch.core.wording import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facesearch.core.results import Status
    from facesearch.indexing.removal import Absent, Loss
    from facesearch.library import Library

__all__ = ["pause", "remove", "resume", "status"]


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch status --json")
def status(
    skipped: Annotated[
        bool, typer.Option("--skipped", help="List the files and folders that `index` did not look at.")
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the library holds, and what could not be read."""
    with open_library(library) as opened:
        result = opened.status()
        files = opened.store.skipped() if skipped else {}
    if as_json:
        listed = {"skipped_files": [{"path": path, "kind": kind} for path, kind in files.items()]}
        print_json(result.to_dict() | (listed if skipped else {}))
    elif skipped:
        _show_skipped(files)
    else:
        _show_status(result)


def _show_skipped(files: "Mapping[str, str]") -> None:
    for path, kind in files.items():
        shown(path if kind.startswith(".") else f"{path} ({kind})")
    if not files:
        shown("Nothing was skipped.")


def _show_status(result: "Status") -> None:
    megabytes = (result.database_bytes + result.index_bytes) / 1e6
    threshold = f"{result.threshold:.3f}" if result.threshold is not None else "none known, see `facesearch calibrate`"
    lines = {
        "Library": f"{result.library} ({megabytes:.1f} MB)",
        "Photos": f"{result.photos:,} in {plural(result.files, 'file')}, {result.missing:,} missing,"
        f" {result.offline:,} offline;"
        f" {result.photos_without_faces:,} without a face",
        "Faces": f"{result.faces:,}",
        "People named": f"{result.people:,}",
        "Clusters": _clusters(result),
        "Model": f"{result.model} ({result.fingerprint}), {result.dim} dimensions, threshold {threshold}",
        "Detector": f"{result.detector.name} ({result.detector.fingerprint})" if result.detector else "not known",
        "Vector index": result.index,
        "Folders": ", ".join(_told(root, root in result.paused) for root in result.roots) or "none",
        "Not readable": plural(len(result.failures), "file"),
        "Skipped": _skipped(result),
    }
    for name, value in lines.items():
        shown(f"{name + ':':14}{value}")
    for path, reason in result.failures:
        shown(f"  {path}: {reason}")
    if result.migration:
        shown(f"{'Migration:':14}{result.migration}")


def _told(root: str, paused: bool) -> str:
    return f"{root} (paused)" if paused else root


def _skipped(result: "Status") -> str:
    kinds = wording.skipped(result.skipped)
    return f"{kinds}; `facesearch status --skipped` lists them" if kinds else "nothing"


def _clusters(result: "Status") -> str:
    """How many there are, or why there are none."""
    if not result.faces:
        return "none, as there are no faces: `facesearch index FOLDER` looks for some"
    if result.faces_since_clustering == result.faces:
        return "not made yet: `facesearch cluster` makes them"
    alone = result.faces - result.faces_in_groups
    told = f"{result.groups:,}; {plural(alone, 'face')} in none"
    if result.faces_since_clustering:
        told += f"; {plural(result.faces_since_clustering, 'face')} came since, `facesearch cluster` looks at them"
    return told


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch remove ~/Pictures/old")
def remove(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Photos and folders to take out.")] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Take out files that are gone from a folder that still has others.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="With --missing: also those whose folder or disk is gone. It asks first.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", hidden=True, help="The older name of --offline.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With PATH: only say what would go.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take photos and their faces out of the library. The files themselves are never touched."""
    from facesearch.core.errors import InputError

    offline = offline or force
    if bool(paths) == (missing or offline):
        raise InputError("say which photos or folders to take out, or --missing for those that are gone")
    if dry_run and not paths:
        raise InputError("--dry-run says what goes with a PATH: name one")
    if dry_run:
        with open_library(library) as opened:
            _show_loss(opened.folders.loss(paths or []), as_json)
        return
    with open_library(library) as opened:
        count = opened.remove(paths) if paths else _remove_missing(opened, offline)
        tell_of_readers(opened)
    told = (
        f"{plural(count, 'file')} taken out of the library."
        if count
        else "The library holds no such file: nothing left to do."
    )
    print_json({"removed": count}) if as_json else shown(told)


def _show_loss(loss: "Loss", as_json: bool) -> None:
    if as_json:
        print_json(loss.to_dict())
        return
    shown(f"{plural(loss.files, 'file')} would go: {plural(loss.photos, 'photo')} and {plural(loss.faces, 'face')}.")
    if loss.people:
        shown(f"Nothing would be left of {', '.join(loss.people)}.")
    if loss.unnamed:
        shown(f"Nothing would be left of {plural(loss.unnamed, 'cluster')} without a name.")


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch pause ~/Pictures/archive")
def pause(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder that `index` was given.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let `index` pass a folder over until `resume`. Its photos and people stay in the library."""
    with open_library(library) as opened:
        changed = opened.folders.pause(folder)
    told = "Paused: `facesearch resume` goes on with it." if changed else "It is paused already."
    print_json({"changed": changed}) if as_json else shown(told)


@app.command(rich_help_panel=KEEP, epilog="Example: facesearch resume ~/Pictures/archive")
def resume(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder that is paused.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let `index` look at a folder again that was paused."""
    with open_library(library) as opened:
        changed = opened.folders.resume(folder)
    told = "Resumed: the next `facesearch index` looks at it." if changed else "It was not paused."
    print_json({"changed": changed}) if as_json else shown(told)


def _remove_missing(opened: "Library", offline: bool) -> int:
    """Raises InputError unless the user has typed how many files are offline, if those are to go."""
    from facesearch.indexing.removal import absent_files

    absent = absent_files(opened.store)
    if absent.offline and offline:
        _ask_for_number(absent)
    count = opened.remove_missing(offline=offline)
    if absent.offline and not offline:
        message(f"Offline files stay: {absent.offline_where}. If they are gone for good: --missing --offline")
    return count


def _ask_for_number(absent: "Absent") -> None:
    from facesearch.core.errors import InputError

    count = len(absent.offline)
    message(f"Offline: {absent.offline_where}. Their disk may just not be mounted.")
    message("What only they show goes with them, names and decisions included. There is no undo.")
    message(f"Type {count} to take them out:")
    typed = sys.stdin.readline() if sys.stdin else ""
    if typed.strip() != str(count):
        raise InputError(f"nothing was taken out: it takes the number of offline files, {count}, typed in")
