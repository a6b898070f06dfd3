"""The commands people, name, describe, merge, split, reject, not-a-face, ignore, undo, history, forget, photos."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from facesearch.cli.app import (
    DECIDE,
    FIND,
    JsonOption,
    LibraryOption,
    app,
    open_library,
    tell_of_readers,
)
from facesearch.cli.output import print_json, shown, table
from facesearch.core.wording import plural

if TYPE_CHECKING:
    from facesearch.storage.undo_log import Decision

__all__ = [
    "describe",
    "forget",
    "history",
    "ignore",
    "merge",
    "name",
    "not_a_face",
    "people",
    "photos",
    "reject",
    "split",
    "undo",
]

WhoArgument = Annotated[str, typer.Argument(metavar="WHO", help="A cluster's number or a person's name.")]
FaceArgument = Annotated[int, typer.Argument(metavar="FACE", help="A face's number, as `explain` and --json give it.")]


@app.command(rich_help_panel=FIND, epilog="Example: facesearch people")
def people(
    everyone: Annotated[bool, typer.Option("--all", help="Ignored people too.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the clusters, and whose they are."""
    with open_library(library) as opened:
        found = opened.people.all(ignored=everyone)
    if as_json:
        from facesearch.core.results import cluster_row

        print_json({"people": [cluster_row(one) for one in found]})
        return
    if not found:
        shown("There are no clusters yet: make them with `facesearch cluster`.")
        return
    rows = [
        (
            str(one.id),
            one.person.name or "" if one.person else "",
            str(one.size),
            "ignored" if one.ignored else "",
            one.cover.path if one.cover else "",
        )
        for one in found
    ]
    table(("cluster", "name", "faces", "", "one of the photos"), rows, right=("cluster", "faces"))


@app.command(rich_help_panel=FIND, epilog='Example: facesearch photos "anna ben -carl 2019"')
def photos(
    text: Annotated[
        str, typer.Argument(metavar="[WORDS]", help="Parts of names, -name for who is not in it, years, folders.")
    ] = "",
    person: Annotated[
        list[str] | None, typer.Option("--person", metavar="WHO", help="Who must be in it; repeat it.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="WHO", help="Who must not be in it; repeat it.")
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="And nobody else.")] = False,
    count: Annotated[str, typer.Option(metavar="N", help="How many faces: 2, 2-4 or 3+.")] = "",
    since: Annotated[str, typer.Option(metavar="DATE", help="Taken then or later: 2019, 2019-07 or 2019-07-04.")] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="Taken then or earlier.")] = "",
    folder: Annotated[str, typer.Option(metavar="FOLDER", help="In or below it; any part of its path will do.")] = "",
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the photos that show some people together."""
    from facesearch.core.finding import PhotoFilter

    where = PhotoFilter(text, tuple(person or ()), tuple(without or ()), only, count, since, until, folder=folder)
    with open_library(library) as opened:
        found = opened.people.photos(where=where)
    if as_json:
        print_json({"photos": [photo.to_dict() for photo in found]})
        return
    for photo in found:
        shown(photo.path)
    if not found:
        shown("There is no such photo.")


@app.command(rich_help_panel=DECIDE, epilog='Example: facesearch name 3 "Anna"')
def name(
    who: WhoArgument,
    new_name: Annotated[str, typer.Argument(metavar="NAME", help="Any text; two people may have the same.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who a cluster is. The name stays, however often the faces are clustered again."""
    with open_library(library) as opened:
        _show(opened.people.name(who, new_name), as_json)
        namesakes = opened.people.called(new_name)
    if len(namesakes) > 1 and not as_json:
        clusters = " ".join(map(str, namesakes))
        shown(f"{len(namesakes)} people have this name. If they are one person: facesearch merge {clusters}")


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch describe Anna --born 1980-05-17 --cover 41")
def describe(
    who: WhoArgument,
    born: Annotated[
        str | None, typer.Option(metavar="DATE", help='When they were born, as 1980-05-17; "" for not known.')
    ] = None,
    cover: Annotated[
        int | None, typer.Option(metavar="FACE", help="The face that stands for them in lists; 0 for the best one.")
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say when a person was born, and which face stands for them in lists."""
    with open_library(library) as opened:
        _show(opened.people.describe(who, born=born, cover=cover), as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch merge 3 17 Anna")
def merge(
    who: Annotated[list[str], typer.Argument(metavar="WHO…", help="Clusters' numbers or people's names.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that clusters are one person."""
    with open_library(library) as opened:
        _show(opened.people.merge(who), as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch split 3 --face 41 --face 57")
def split(
    who: WhoArgument,
    face: Annotated[list[int] | None, typer.Option("--face", help="A face of another person; repeat it.")] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a cluster is more than one person: take some faces out, or let a stricter clustering divide it."""
    with open_library(library) as opened:
        _show(opened.people.split(who, [face]) if face else opened.people.divide(who), as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch assign 41 57 --person Anna")
def assign(
    face: Annotated[
        list[int], typer.Argument(metavar="FACE…", help="Faces' numbers, as `explain` and --json give them.")
    ],
    person: Annotated[str, typer.Option("--person", metavar="WHO", help="Whose they are; a new name is a new person.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whose some faces are, whatever cluster they are in; the other faces there stay as they are."""
    with open_library(library) as opened:
        _show(opened.people.assign(face, person), as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch reject 41 --person Anna")
def reject(
    face: FaceArgument,
    person: Annotated[str, typer.Option("--person", metavar="WHO", help="Whose it is not.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a face is not a person's."""
    with open_library(library) as opened:
        _show(opened.people.reject(face, person), as_json)


@app.command("not-a-face", rich_help_panel=DECIDE, epilog="Example: facesearch not-a-face 41")
def not_a_face(
    face: FaceArgument,
    off: Annotated[bool, typer.Option("--off", help="It is a face after all.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that something is not a face: it leaves all clusters for good."""
    with open_library(library) as opened:
        _show(opened.people.is_a_face(face) if off else opened.people.not_a_face(face), as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch ignore 12")
def ignore(
    who: WhoArgument,
    off: Annotated[bool, typer.Option("--off", help="Show them again.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a person out of lists and suggestions: a passer-by, a face on a poster."""
    with open_library(library) as opened:
        _show(opened.people.ignore(who, not off), as_json)


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch undo --steps 2")
def undo(
    steps: Annotated[int, typer.Option(min=1, help="How many decisions to take back.")] = 1,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the latest decisions back, one after the other."""
    undone = []
    with open_library(library) as opened:
        for _ in range(steps):
            decision = opened.people.undo()
            if decision is None:
                break
            undone.append(decision)
    if as_json:
        print_json({"undone": [asdict(decision) for decision in undone]})
        return
    for decision in undone:
        shown(f"Undone: {decision.summary}")
    if len(undone) < steps:
        shown("There is nothing more to undo." if undone else "There is nothing to undo.")


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch history")
def history(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the decisions that can be undone, the latest first."""
    with open_library(library) as opened:
        found = opened.people.history()
    if as_json:
        print_json({"history": [asdict(decision) for decision in found]})
        return
    for decision in found:
        shown(f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(decision.made_at))}  {decision.summary}")
    if not found:
        shown("Nothing has been decided yet.")


@app.command(rich_help_panel=DECIDE, epilog="Example: facesearch forget Anna")
def forget(
    who: Annotated[str | None, typer.Argument(metavar="WHO", help="A cluster's number or a person's name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everybody: empty the library.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a person's faces, embeddings and history from the library for good. There is no undo."""
    from facesearch.core.errors import InputError

    if (who is None) != everything:
        raise InputError("say whom to forget, or --all for everybody")
    with open_library(library) as opened:
        count = opened.people.to_forget(who) if who is not None else opened.status().faces
        if not yes and count is not None:
            _confirm(f"Delete {plural(count, 'face')} of {who or 'everybody'} for good?")
        deleted = opened.people.forget(who) if who is not None else opened.forget_all()
        tell_of_readers(opened)
    told = f"{plural(deleted, 'face')} deleted for good."
    if count is None:
        told = f"There is nobody called {who!r}, and no such cluster: nothing left to forget."
    print_json({"forgotten": deleted}) if as_json else shown(told)


def _confirm(question: str) -> None:
    """Raises InputError unless the answer is yes."""
    from facesearch.core.errors import InputError

    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise InputError("nothing was deleted; with --yes it is not asked first")


def _show(decision: "Decision | None", as_json: bool) -> None:
    if as_json:
        print_json({"decision": asdict(decision) if decision else None})
    elif decision:
        shown(f"Decided: {decision.summary}. Take it back with `facesearch undo`.")  # it may begin with a name
    else:
        shown("That is how it was already; nothing has changed.")
