"""The folders of the library: pause, resume and take out, and what was left out below them."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from facesearch.core.errors import FacesearchError
from facesearch.core.wording import plural
from facesearch.library import Library
from facesearch.web.recent import Message
from facesearch.web.site import back, cursor_of, further, page, redirect, site_of, with_library

__all__ = ["change", "leaving", "left_out"]

FILES = 200
# So many names are listed of people of whom nothing would be left.
NAMES = 30


@with_library
def leaving(request: Request, library: Library) -> Response:
    """What would go with a folder, asked before it goes."""
    folder = request.query_params.get("path", "")
    loss = library.folders.loss([folder])
    paused = any(one.path == folder and one.paused for one in library.folders.all())
    return page(request, "leaving.html", folder=folder, loss=loss, names=loss.people[:NAMES], paused=paused)


@with_library
def left_out(request: Request, library: Library) -> Response:
    """Files that could not be read, or what was not looked at: of one kind, or below one folder, or all."""
    asked = request.query_params
    folder, kind, skipped = asked.get("folder") or None, asked.get("kind") or None, asked.get("show") == "skipped"
    files, status = library.folders, library.status()
    found = (
        files.skipped(kind, folder=folder, cursor=cursor_of(request), limit=FILES)
        if skipped
        else files.failures(folder=folder, cursor=cursor_of(request), limit=FILES)
    )
    shown: dict[str, Any] = {"files": found.items, "skipped": skipped, "kind": kind, "folder": folder}
    shown |= further(request, found)
    return page(request, "left_out.html", kinds=status.skipped, failures=len(status.failures), **shown)


# What a form does, by the last part of its address.
CHANGES: dict[str, Callable[[Library, str], str]] = {
    "pause": lambda library, folder: _pause(library, folder),
    "resume": lambda library, folder: _resume(library, folder),
    "remove": lambda library, folder: f"{plural(library.remove([folder]), 'file')} taken out of the library",
}


def _pause(library: Library, folder: str) -> str:
    library.folders.pause(folder)
    return f"{folder} is paused: its photos and people stay, and nothing new is looked for in it"


def _resume(library: Library, folder: str) -> str:
    library.folders.resume(folder)
    return f"{folder} is not paused any more: look again to take in what has come since"


async def change(request: Request) -> Response:
    if request.path_params["what"] not in CHANGES:
        raise HTTPException(404)
    async with request.form(max_files=0, max_fields=4) as sent:
        folder = str(sent.get("path") or "")
    return await run_in_threadpool(_change, request, folder)


def _change(request: Request, folder: str) -> Response:
    try:
        told = CHANGES[request.path_params["what"]](site_of(request).library.get(), folder)
    except FacesearchError as error:
        return back(request, error, "/index")
    return redirect(request, Message(told, "done"), "/index")
