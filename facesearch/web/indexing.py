"""Folders are indexed and faces clustered, watched from the page while it goes on."""

import os
from urllib.parse import unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from facesearch.core.errors import FacesearchError, InputError
from facesearch.media import find_photos
from facesearch.web.jobs import Jobs
from facesearch.web.recent import Message
from facesearch.web.site import Site, back, page, redirect, site_of, version_of

__all__ = ["changes", "cluster", "form", "start", "stop"]


def form(request: Request) -> Response:
    """What is in the library, what is being done, and a form for more. Works where there is no library yet."""
    library = site_of(request).library.find()
    status = library.status() if library else None
    folder = str(site_of(request).library.folder)
    folders = library.folders.all() if library else []
    return page(request, "index.html", status=status, folder=folder, folders=folders)


async def start(request: Request) -> Response:
    async with request.form(max_files=0, max_fields=4) as sent:
        given = str(sent.get("path") or "")
        every = "all" in sent
    return await run_in_threadpool(_start, request, given, every)


def _start(request: Request, given: str, every: bool) -> Response:
    """Begin to index what was given, or every folder that can be reached and is not paused."""
    site = site_of(request)
    try:
        if every:
            paths, away = _folders(site)
            site.jobs.start("index", "", lambda jobs: _index(site, paths, jobs))
            if away:
                told = f"{', '.join(away)} cannot be reached now: looking at the other folders"
                return redirect(request, Message(told, "error"), "/index")
        else:
            path = _path_of(given)
            find_photos([] if os.path.isdir(path) else [path])  # a mistyped path must not leave an empty library
            site.jobs.start("index", path, lambda jobs: _index(site, [path], jobs))
    except FacesearchError as error:
        return back(request, error, "/index")
    return RedirectResponse("/index", 303)


def _folders(site: Site) -> tuple[list[str], list[str]]:
    """Those to look at, and those that cannot be reached now. Raises InputError where none is left to look at."""
    folders = [one.path for one in site.library.get().folders.all() if not one.paused]
    paths = [path for path in folders if os.path.isdir(path)]
    if not paths:
        raise InputError("no folder can be reached now" if folders else "every folder is paused: resume one")
    return paths, [path for path in folders if path not in paths]


def _index(site: Site, paths: list[str], jobs: Jobs) -> object:
    return site.library.made().index(
        paths,
        cluster=True,
        progress=lambda state: jobs.progress(state.todo, state.done, state.faces),
        should_stop=jobs.should_stop,
    )


def cluster(request: Request) -> Response:
    site = site_of(request)
    try:
        site.jobs.start("cluster", "", lambda jobs: site.library.get().cluster())
    except FacesearchError as error:
        return back(request, error, "/index")
    return RedirectResponse("/index", 303)


def stop(request: Request) -> Response:
    site_of(request).jobs.stop()
    return RedirectResponse("/index", 303)


def changes(request: Request) -> Response:
    """Whether there is something new, and how far the work is: pages that are shown ask for it every second."""
    site = site_of(request)
    work = site.jobs.state()
    return JSONResponse({"version": version_of(site), "work": work.to_dict() if work and work.running else None})


def _path_of(given: str) -> str:
    """The folder or file that somebody has typed or pasted; file managers copy quoted paths and file:// addresses.

    Raises InputError for one that does not say where it is.
    """
    text = given.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    path = os.path.expanduser(text)
    if not os.path.isabs(path) or "\0" in path:
        raise InputError("give the whole path of a folder, as /home/me/Pictures or ~/Pictures")
    return os.path.normpath(path)
