"""What the user is asked, one after the other: pairs of clusters, and faces. The address keeps the place."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from facesearch.core.types import Page
from facesearch.library import Library
from facesearch.web.site import link, page, with_library

__all__ = ["faces", "pairs"]

# Questions whose pictures are fetched while the one before them is answered.
AHEAD = 2
# In place of a cursor: behind the last question.
END = "end"


@with_library
def pairs(request: Request, library: Library) -> Response:
    return _asked(request, library, "review.html", library.browse.pairs)


@with_library
def faces(request: Request, library: Library) -> Response:
    return _asked(request, library, "review_faces.html", library.browse.questions)


def _asked(request: Request, library: Library, template: str, questions: Callable[..., Page[Any]]) -> Response:
    """The first open question behind the one that was skipped last, and what comes next."""
    after, asked = request.query_params.get("after"), request.url.path
    nothing: Page[Any] = Page((), None)
    found = nothing if after == END else questions(cursor=after or None, limit=1)
    values: dict[str, Any] = {
        "asked": next(iter(found.items), None),
        "ahead": questions(cursor=found.next, limit=AHEAD).items if found.next else (),
        "again": bool(after) and not found.items,
        "latest": next(iter(library.people.history(1)), None),
        "place": link(asked, {"after": after}),
        "skip": link(asked, {"after": found.next or END}),
    }
    return page(request, template, **values)
