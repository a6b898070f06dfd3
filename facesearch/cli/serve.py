"""The command serve."""

from typing import Annotated

import typer

from facesearch.cli.app import FIND, DeviceOption, LibraryOption, ModelOption, app
from facesearch.cli.output import message

__all__ = ["serve"]


@app.command(rich_help_panel=FIND, epilog="Example: facesearch serve --port 8080 --no-browser")
def serve(
    port: Annotated[int, typer.Option(help="Where to listen; 0 for any port that is free.")] = 8377,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    let_others_in: Annotated[
        bool,
        typer.Option(
            "--let-others-in",
            help="Listen where other machines can reach it. Whoever learns the printed address sees and changes"
            " everything, and the connection is not encrypted.",
        ),
    ] = False,
    called: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:PORT]", help="What else browsers may call it, as for a forwarded port; repeat it."),
    ] = None,
    library: LibraryOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
) -> None:
    """See people and photos in a browser, name and correct them, search with a picture.

    Only this machine can reach it, and only a browser that has opened the printed address. Ctrl-C ends it.
    """
    from facesearch.core.errors import InputError
    from facesearch.core.paths import default_library
    from facesearch.web.current_library import CurrentLibrary
    from facesearch.web.server import Serving, is_loopback, serve

    if not is_loopback(host):
        if not let_others_in:
            raise InputError(
                f"other machines can reach {host}, not encrypted: add --let-others-in if everyone with the printed"
                " address may change everything"
            )
        message(f"Warning: other machines can reach {host}, and the connection is not encrypted.")
        message("Whoever has the address below sees and changes everything. Keep it to yourself.")
    current = CurrentLibrary(library or default_library(), model=model, device=device)
    current.find()
    serve(Serving(current, host, port, called or ()), opens=browser, say=message)
