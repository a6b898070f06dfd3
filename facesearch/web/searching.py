"""A picture is dropped, pasted, chosen or taken; its faces are found, and for each the nearest faces of the library."""

import os
import tempfile
from pathlib import Path

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from facesearch.core.errors import FacesearchError, InputError
from facesearch.core.results import Match
from facesearch.library import Library
from facesearch.web.recent import Message, Search
from facesearch.web.site import (
    back,
    number,
    page,
    redirect,
    site_of,
    with_library,
)

__all__ = ["face", "form", "picture", "result", "upload"]

MATCHES = 24
CHUNK_BYTES = 1 << 20


@with_library
def form(request: Request, library: Library) -> Response:
    return page(request, "search.html", faces=library.status().faces)


async def upload(request: Request) -> Response:
    """Search with an upload. It is on the disk only during the search, then in memory as small pictures."""
    async with request.form(max_files=1, max_fields=4) as sent:
        given = sent.get("picture")
        if not isinstance(given, UploadFile) or not given.size:
            return await run_in_threadpool(redirect, request, Message("no picture was chosen", "error"), "/search")
        with tempfile.TemporaryDirectory(prefix="facesearch-") as folder:
            path = Path(folder) / "picture"
            await _save(given, path)
            async with site_of(request).one_search:
                return await run_in_threadpool(_search, request, path)


async def _save(given: UploadFile, path: Path) -> None:
    async with await anyio.open_file(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := await given.read(CHUNK_BYTES):
            await file.write(chunk)


def _search(request: Request, path: Path) -> Response:
    site = site_of(request)
    try:
        library = site.library.with_pipeline()
        found = library.query(path, MATCHES, called="the picture")
        pictures = library.thumbnails.of_probe(path, [one.face.box for one in found.faces])
    except FacesearchError as error:
        return back(request, error, "/search")
    key = site.searches.put(Search(found, pictures.size, pictures.preview, pictures.tiles))
    return RedirectResponse(f"/search/{key}", 303)


@with_library
def result(request: Request, library: Library) -> Response:
    search = _recent(request)
    rows = [_shown(library, face.matches) for face in search.result.faces]
    return page(request, "found.html", key=request.path_params["key"], search=search, rows=rows)


@with_library
def picture(request: Request, library: Library) -> Response:
    return _jpeg(_recent(request).picture)


@with_library
def face(request: Request, library: Library) -> Response:
    tiles, which = _recent(request).tiles, number(request.path_params["face"])
    if which >= len(tiles):
        raise InputError(f"the picture has no face {which}")
    return _jpeg(tiles[which])


def _shown(library: Library, matches: tuple[Match, ...]) -> list[tuple[Match, object]]:
    """The matches that are still in the library, each with its face as it is now."""
    shown: list[tuple[Match, object]] = []
    for match in matches:
        try:
            shown.append((match, library.browse.face(match.face.id)))
        except InputError:  # it was removed since
            continue
    return shown


def _recent(request: Request) -> Search:
    search = site_of(request).searches.get(request.path_params["key"])
    if search is None:
        raise InputError("this search is not kept any more, as nothing is that you search with: search again")
    return search


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers={"cache-control": "no-store"})
