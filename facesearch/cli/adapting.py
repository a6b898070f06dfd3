"""The command adapt: hands its options to `train.adapt`, which is no part of the package, in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from facesearch.cli.app import MODELS, DeviceOption, JsonOption, LibraryOption, app

__all__ = ["adapt"]

# The first one's extra brings all.
NEEDS = ("tensorboard", "torch")


@app.command(rich_help_panel=MODELS, epilog="Example: facesearch adapt --steps 50")
def adapt(
    library: LibraryOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The model's file, NEW.safetensors.", show_default="a new one in the library's folder"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of training, 32 faces each.", show_default="100")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="End training after so many minutes.", show_default="no")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn: who is held out, batches.")] = 0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train the library's model on its named people; keep the result if people held out gain by it.

    The library is not changed: `facesearch migrate` takes it over to the new model.
    """
    from facesearch.core.extras import require

    place = _place_of_training()
    require("adapt", *NEEDS)
    options = {
        "library": None if library is None else str(library),
        "out": None if out is None else str(out),
        **{"steps": steps, "minutes": minutes, "seed": seed, "device": device, "as_json": as_json},
    }
    _become(place, json.dumps(options))


def _place_of_training() -> str:
    """The folder from which `train` is imported. Raises ModelError where it is not at hand."""
    from facesearch.core.errors import ModelError

    found = importlib.util.find_spec("train")
    for place in found.submodule_search_locations or () if found else ():
        if os.path.isdir(os.path.join(place, "adapt")):
            return os.path.dirname(place)
    raise ModelError("adapt runs from a checkout of facesearch, where training is: pip install -e '.[train]' there")


def _become(place: str, options: str) -> None:
    """Run `python -m train.adapt` in place of this process, so that signals and exit codes are its own."""
    # -P: a folder `train` where the user happens to be is not meant
    arguments = [sys.executable, "-P", "-m", "train.adapt", options]
    path = os.pathsep.join(filter(None, (place, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if os.name == "nt":  # where exec would give the prompt back at once
        raise typer.Exit(subprocess.call(arguments, env=environment))
    os.execve(sys.executable, arguments, environment)
