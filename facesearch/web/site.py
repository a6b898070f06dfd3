"""What the handlers share, and how they are written: parse, one call into the library, render."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from facesearch.core.errors import FacesearchError, InputError, LibraryLockedError
from facesearch.core.pages import Templates
from facesearch.core.types import Page
from facesearch.library import Library
from facesearch.people.browsing import LeftToDo
from facesearch.web.current_library import CurrentLibrary
from facesearch.web.jobs import Jobs
from facesearch.web.recent import Message, Recent, Search

__all__ = [
    "TEMPLATES",
    "Site",
    "back",
    "cursor_of",
    "further",
    "link",
    "local",
    "number",
    "page",
    "redirect",
    "site_of",
    "version_of",
    "with_library",
]

# Where templates and static files are looked for: reports have some of them, too.
TEMPLATES = Templates("facesearch.web", "facesearch.core.pages")
DIGITS = 18
# So many messages and searches are remembered.
MESSAGES, SEARCHES = 200, 8
# What errors tell those who type commands.
OPTION = re.compile(r" \(--[\w-]+\)")
WORKING = (
    "photos are being worked on just now, and only one can write at a time: wait until that has ended, or stop it on"
    " the page Index"
)


@dataclass
class Site:
    """One server's library, work, and memory.

    one_search: the networks use all cores, and two searches at a time would both be late.
    here: only this machine can reach it, so that whoever looks at a page sits in front of it.
    """

    library: CurrentLibrary
    jobs: Jobs = field(default_factory=Jobs)
    messages: Recent[Message] = field(default_factory=lambda: Recent(MESSAGES))
    searches: Recent[Search] = field(default_factory=lambda: Recent(SEARCHES))
    one_search: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(1))
    here: bool = False


def site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


def with_library(handler: Callable[[Request, Library], Response]) -> Callable[[Request], Response]:
    """A handler that needs the library; where there is none, the page says what to do."""

    @functools.wraps(handler)
    def handle(request: Request) -> Response:
        library = site_of(request).library.find()
        return page(request, "welcome.html") if library is None else handler(request, library)

    return handle


def page(request: Request, template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
    """A page with what all of them show: which part of the site it is, the work in progress, and a message."""
    site = site_of(request)
    version = version_of(site)  # before anything is read: what is changed meanwhile is asked for again
    message = site.messages.get(request.query_params.get("message", ""))
    here = local(request.url.path + (f"?{query}" if (query := _without_message(request.url.query)) else ""))
    assets = f"/static/{TEMPLATES.static_version}/"
    common = {"assets": assets, "path": request.url.path, "here": here, "message": message, "work": site.jobs.state()}
    return HTMLResponse(TEMPLATES.render(template, version=version, left=_left(site), **common, **values), code)


def _left(site: Site) -> LeftToDo | None:
    """What is left to do; None where there is no library, or none that can be read: a page may just say so."""
    try:
        library = site.library.find()
        return library.browse.left_to_do() if library else None
    except FacesearchError:
        return None


def version_of(site: Site) -> str:
    """A text that is another one when pages may have something new to show."""
    library, work = site.library.find(), site.jobs.state()
    return f"{library.browse.version() if library else ''}/{f'{work.number}{work.ended}' if work else ''}"


def redirect(request: Request, message: Message, to: str) -> RedirectResponse:
    """Go to a page that shows a message."""
    parts = urlsplit(local(to))
    query = [*parse_qsl(_without_message(parts.query)), ("message", site_of(request).messages.put(message))]
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return RedirectResponse(f"{parts.path}?{urlencode(query)}{fragment}", 303)


def back(request: Request, error: Exception, to: str) -> RedirectResponse:
    """Go back to a page that tells why something could not be done."""
    text = OPTION.sub("", str(error))
    if isinstance(error, LibraryLockedError) and site_of(request).jobs.busy:
        text = WORKING
    return redirect(request, Message(text, "error"), to)


def local(to: str) -> str:
    """A place on this server; the first page for anything else."""
    return to if to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isprintable() else "/"


def number(text: str) -> int:
    """The id in an address or a form. Raises InputError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise InputError(f"{text[:DIGITS]!r} is no number of a face, a photo or a cluster")
    return int(text)


def cursor_of(request: Request) -> str | None:
    return request.query_params.get("cursor") or None


def link(path: str, values: Mapping[str, str | Sequence[str] | None]) -> str:
    """An address; what is None or empty is left out."""
    given = {name: value for name, value in values.items() if value}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def further(request: Request, found: Page[Any]) -> dict[str, Any]:
    """The addresses of the pages of a list that come before and after one."""
    query = [(name, value) for name, value in parse_qsl(_without_message(request.url.query)) if name != "cursor"]

    def address(cursor: str | None) -> str | None:
        return f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}" if cursor else None

    return {"less": address(found.previous), "more": address(found.next)}


def _without_message(query: str) -> str:
    return urlencode([(name, value) for name, value in parse_qsl(query) if name != "message"])
