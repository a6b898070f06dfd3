"""The command line: parse, one call into the library, print.

app.py       the Typer app and the options that several commands share
output.py    JSON, tables, progress bars, errors
finding.py   index, query, verify, cluster
keeping.py   status, remove, reembed
models.py    models, calibrate, evaluate
"""

import os
import sys

from facesearch.cli import finding, keeping, models
from facesearch.cli.app import app
from facesearch.cli.output import fail
from facesearch.errors import FacesearchError

__all__ = ["app", "finding", "keeping", "main", "models"]


def main() -> None:
    """Entry point of `facesearch`: errors become one line and exit code 2."""
    try:
        app()
    except FacesearchError as error:
        fail(str(error))
    except BrokenPipeError:
        # the reader went away, as `| head` does; nothing may be written any more, not even on the way out
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
