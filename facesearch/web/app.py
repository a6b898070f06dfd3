"""Which address is which page, and what becomes of errors."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from facesearch.core.errors import FacesearchError, InputError, LibraryLockedError, LibraryMissingError
from facesearch.core.wording import sentence
from facesearch.web import decisions, drawing, finding, folders, indexing, people, photos, reviewing, searching
from facesearch.web.security import Guard, Keys
from facesearch.web.site import TEMPLATES, Site, link, page, site_of

__all__ = ["create_app"]

# Forms are small: a few hundred faces by their numbers. Pictures to search with are photos, as cameras make them.
FORM_BYTES, PICTURE_BYTES = 1 << 20, 64 << 20
# Not as the machine has them: on some, scripts are plain text, and no browser runs that.
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
# More threads than the database has connections, or than a browser asks at a time, would only wait for each other.
THREADS = 12


def create_app(site: Site, keys: Keys, hosts: Iterable[str], *, any_address: bool = False) -> Guard:
    """The server as an ASGI application. Args: hosts, any_address: see `Guard`."""
    app = Starlette(
        routes=_routes(),
        exception_handlers={
            FacesearchError: _failed,
            HTTPException: _not_found,
            ClientDisconnect: _gone,
            Exception: _unexpected,
        },
        max_body_size=FORM_BYTES,
        lifespan=_lifespan,
    )
    app.state.site = site
    return Guard(app, keys, hosts, any_address=any_address)


def _routes() -> list[Route]:
    return [
        Route("/", people.listing),
        Route("/people/{who}", people.person),
        Route("/loose", people.unclustered),
        Route("/not-faces", people.not_faces),
        Route("/few", people.few),
        Route("/review", reviewing.pairs),
        Route("/review/faces", reviewing.faces),
        Route("/together", people.together),
        Route("/names", people.names),
        Route("/photos", finding.listing),
        Route("/photos/folders", finding.folders),
        Route("/photos/{photo}", photos.photo),
        Route("/photos/{photo}/draw", drawing.draw, methods=["POST"]),
        Route("/photos/{photo}/move", drawing.move, methods=["POST"]),
        Route("/photos/{photo}/folder", photos.open_folder, methods=["POST"]),
        Route("/pictures/face/{face}/{size}", photos.tile),
        Route("/pictures/photo/{photo}/{size}", photos.preview),
        Route("/search", searching.form, methods=["GET"]),
        Route("/search", searching.upload, methods=["POST"], max_body_size=PICTURE_BYTES),
        Route("/search/{key}", searching.result),
        Route("/search/{key}/picture", searching.picture),
        Route("/search/{key}/face/{face}", searching.face),
        Route("/index", indexing.form, methods=["GET"]),
        Route("/index", indexing.start, methods=["POST"]),
        Route("/index/stop", indexing.stop, methods=["POST"]),
        Route("/changes", indexing.changes),
        Route("/folders/remove", folders.leaving, methods=["GET"]),
        Route("/folders/{what}", folders.change, methods=["POST"]),
        Route("/left-out", folders.left_out),
        Route("/cluster", indexing.cluster, methods=["POST"]),
        Route("/decide/{what}", decisions.decide, methods=["POST"]),
        Route("/history", decisions.history),
        Route("/static/{version}/{path:path}", _static),
    ]


async def _static(request: Request) -> Response:
    """Browsers ask for it once: when it changes, so does its address."""
    version, path = request.path_params["version"], request.path_params["path"]
    content = TEMPLATES.static.get(path)
    if content is None or version != TEMPLATES.static_version:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    kind = KINDS.get(path.rpartition(".")[2], "text/plain")
    return Response(content, media_type=kind, headers={"cache-control": "private, max-age=31536000, immutable"})


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _failed(request: Request, error: Exception) -> Response:
    """An error that tells the user what to do."""
    if isinstance(error, LibraryMissingError):
        return page(request, "welcome.html")
    message = request.query_params.get("message", "")
    if isinstance(error, InputError) and message and request.url.path.startswith("/people/"):
        # the decision that the message is about has dissolved the cluster whose page this was
        known = site_of(request).messages.get(message) is not None
        return RedirectResponse(link("/", {"message": message if known else None}), 303)
    if isinstance(error, InputError):
        status = HTTPStatus.NOT_FOUND
    else:
        status = HTTPStatus.CONFLICT if isinstance(error, LibraryLockedError) else HTTPStatus.SERVICE_UNAVAILABLE
    return page(request, "problem.html", code=status, text=sentence(str(error)))


def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    texts = {
        HTTPStatus.NOT_FOUND: "There is no such page.",
        HTTPStatus.METHOD_NOT_ALLOWED: "This page cannot be asked for in that way.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"That is too large: pictures may have {PICTURE_BYTES >> 20} MB.",
    }
    text = texts.get(HTTPStatus(error.status_code), sentence(error.detail))
    return page(request, "problem.html", code=error.status_code, text=text)


def _gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked has gone before the end of the question: nobody reads this."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


def _unexpected(request: Request, error: Exception) -> Response:
    text = f"Unexpected {type(error).__name__}: the terminal in which facesearch runs has the details."
    return page(request, "problem.html", code=HTTPStatus.INTERNAL_SERVER_ERROR, text=text)
