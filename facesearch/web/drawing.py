"""Faces that are drawn on a photo, and boxes that are moved, by forms of the photo's page."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from facesearch.core.arguments import as_box
from facesearch.core.errors import FacesearchError
from facesearch.library import Library
from facesearch.web.recent import Message
from facesearch.web.site import back, number, redirect, site_of

if TYPE_CHECKING:  # it loads the networks' libraries
    from facesearch.people.drawing import Drawn

__all__ = ["draw", "move"]

Doing = Callable[[Library, int, FormData], "Drawn"]


async def draw(request: Request) -> Response:
    return await _answered(request, lambda library, photo, form: library.people.draw(photo, _box(form)))


async def move(request: Request) -> Response:
    return await _answered(
        request, lambda library, _, form: library.people.move(number(str(form.get("face", ""))), _box(form))
    )


async def _answered(request: Request, do: Doing) -> Response:
    async with request.form(max_files=0, max_fields=10) as form, site_of(request).one_search:
        return await run_in_threadpool(_done, request, form, do)


def _done(request: Request, form: FormData, do: Doing) -> Response:
    """To the photo's page, where the face is chosen, so that it can be named."""
    page = f"/photos/{request.path_params['photo']}"
    try:
        drawn = do(site_of(request).library.get(), number(request.path_params["photo"]), form)
    except FacesearchError as error:
        return back(request, error, page)
    if drawn.decision is None:
        message = Message("that is how it was already; nothing has changed", "plain")
    else:
        message = Message(drawn.decision.summary, "done", drawn.decision.id)
    return redirect(request, message, f"{page}?face={drawn.face}")


def _box(form: FormData) -> tuple[float, float, float, float]:
    return as_box(str(form.get("box", "")))
