"""A picture is dropped, pasted, chosen or taken; its faces are found, and for each the nearest faces of the library."""

import sys

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from facesearch.core.errors import FacesearchError, InputError, PhotoError
from facesearch.core.results import Match
from facesearch.library import Library
from facesearch.media import Medium, medium_of
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


@with_library
def form(request: Request, library: Library) -> Response:
    return page(request, "search.html", faces=library.status().faces)


async def upload(request: Request) -> Response:
    """Search with an upload. It is never on the disk: a server that is killed leaves nothing of it."""
    data = await _picture_of(request)
    if not data:
        return await run_in_threadpool(redirect, request, Message("no picture was chosen", "error"), "/search")
    async with site_of(request).one_search:
        return await run_in_threadpool(_search, request, data)


async def _picture_of(request: Request) -> bytes:
    """The bytes of the file that a form sends; none where it sends no file."""
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=4)
    parser.spool_max_size = sys.maxsize  # Starlette would put what is larger than this into a temporary file
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return b""
    try:
        sent = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    try:
        given = sent.get("picture")
        return await given.read() if isinstance(given, UploadFile) else b""
    finally:
        await sent.close()


def _medium_of(data: bytes) -> Medium:
    """Raises PhotoError."""
    try:
        return medium_of(data, "the picture")
    except PhotoError as error:
        raise PhotoError(f"the picture: {error}") from error


def _search(request: Request, data: bytes) -> Response:
    site = site_of(request)
    try:
        library, medium = site.library.with_pipeline(), _medium_of(data)
        found = library.query(medium, MATCHES, called="the picture")
        pictures = library.thumbnails.of_probe(medium, [one.face.box for one in found.faces])
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
