"""The Typer app, and the options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from facesearch.core.settings import SearchConfig
    from facesearch.library import Library

__all__ = [
    "DECIDE",
    "FIND",
    "KEEP",
    "MODELS",
    "SHARE",
    "DeviceOption",
    "JsonOption",
    "LibraryOption",
    "ModelOption",
    "PrecisionOption",
    "app",
    "open_library",
]

FIND, DECIDE, SHARE = "Find people", "Say who is who", "Other programs"
KEEP, MODELS = "Look after a library", "Models"
# Columns that help may take where the terminal has them, and characters of a command's first sentence.
WIDE, WHOLE = 110, 200


class Commands(TyperGroup):
    """Help lists the commands by what they are for."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            known: Any = self.commands[name]
            if known.hidden:
                continue
            panels.setdefault(known.rich_help_panel, []).append((name, known.get_short_help_str(limit=WHOLE)))
        longest = max(len(name) for rows in panels.values() for name, _ in rows)
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl([(name.ljust(longest), what) for name, what in rows])


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Rich's help takes twice the time, most of it to import what it does not need
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDE},
    help="Find people in photos. Photos stay where they are, and nothing leaves this machine.",
    epilog="Start with: facesearch index ~/Pictures",
)

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", envvar="FACESEARCH_LIBRARY", help="Folder of the library.", show_default="user-data folder"
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Embedding model: a name from `facesearch models`, or an .onnx or .safetensors file."),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="auto|float32|int8|float16",
        help="How networks compute; int8 is two to three times as fast on x86 processors, float16 on GPUs.",
        show_default="the library's, or auto",
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]


def _version(wanted: bool) -> None:
    if wanted:
        from facesearch import __version__

        typer.echo(f"facesearch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def open_library(
    folder: Path | None,
    model: str | None = None,
    device: str = "auto",
    *,
    search: "SearchConfig | None" = None,
    precision: str | None = None,
    create: bool = False,
) -> "Library":
    """The library of a command. Raises as `Library` does."""
    from facesearch.library import Library

    return Library(folder, model=model, device=device, search=search, precision=precision, create=create)


def tell_of_readers(library: "Library") -> None:
    """Say so where bytes of what was deleted are still in the files, as another process is reading them."""
    if library.store.bytes_left:
        from facesearch.cli.output import message

        message(
            "Another facesearch is reading the library: what was deleted is overwritten on the disk when that one has"
            " ended and the library is next used."
        )
