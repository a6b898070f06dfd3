"""People, a person, faces in no cluster, who is on few photos, who is with whom, and names to complete."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from facesearch.core.finding import PhotoFilter
from facesearch.core.types import Face
from facesearch.library import Library
from facesearch.web.asking import reference_of, typed
from facesearch.web.site import cursor_of, link, number, page, with_library

__all__ = ["few", "listing", "names", "not_faces", "person", "together", "unclustered"]

PEOPLE, FACES, COMPANIONS = 48, 60, 60
# Everybody who is on fewer photos than that is suggested to be ignored.
FEW = 3
SHOWS = {"all": "Everybody", "named": "Named", "unnamed": "Not named", "ignored": "Ignored"}
ORDERS = {"newest": "Newest first", "oldest": "Oldest first", "doubt": "Least certain first"}


@with_library
def listing(request: Request, library: Library) -> Response:
    show = request.query_params.get("show", "all")
    clusters = library.browse.people(show, cursor=cursor_of(request), limit=PEOPLE)  # type: ignore[arg-type]
    counts = library.browse.counts()
    if not clusters.items and show == "all" and not counts.ignored:
        status = library.status()
        if not status.photos or not counts.unclustered:
            return page(request, "nothing.html", photos=status.photos, faces=status.faces)
    more = link("/", {"show": show, "cursor": clusters.next}) if clusters.next else None
    waiting = counts.unclustered if not clusters.items else 0
    values: dict[str, Any] = {
        "clusters": clusters.items,
        "more": more,
        "counts": counts,
        "show": show,
        "shows": SHOWS,
        "waiting": waiting,
    }
    return page(request, "people.html", **values)


@with_library
def person(request: Request, library: Library) -> Response:
    who = library.browse.cluster(reference_of(request.path_params["who"]))
    order = request.query_params.get("order", "newest")
    year = number(asked) if (asked := request.query_params.get("year", "")) else None
    faces = library.browse.faces(who.reference, order, year=year, cursor=cursor_of(request), limit=FACES)  # type: ignore[arg-type]
    more = link(request.url.path, {"order": order, "cursor": faces.next}) if faces.next else None
    with_them = library.browse.together(who.reference, 8)
    values: dict[str, Any] = {
        "who": who,
        "faces": faces.items,
        "more": more,
        "order": order,
        "orders": ORDERS,
        "with_them": with_them,
        "years": library.browse.years(PhotoFilter(people=(who.reference,))),
        "year": year,
        "today": date.today(),
    }
    return page(request, "person.html", **values)


@with_library
def few(request: Request, library: Library) -> Response:
    """How many people would be ignored with everybody who is on fewer photos than so many."""
    photos = number(request.query_params.get("photos") or str(FEW))
    return page(request, "few.html", few=library.browse.few(max(photos, 1)))


@with_library
def unclustered(request: Request, library: Library) -> Response:
    faces = library.browse.unclustered(cursor=cursor_of(request), limit=FACES)
    return _some(request, faces.items, faces.next, "loose")


@with_library
def not_faces(request: Request, library: Library) -> Response:
    faces = library.browse.not_faces(cursor=cursor_of(request), limit=FACES)
    return _some(request, faces.items, faces.next, "not-faces")


@with_library
def together(request: Request, library: Library) -> Response:
    asked = request.query_params.get("who", "").strip()
    if not asked:
        clusters = library.browse.people(cursor=cursor_of(request), limit=PEOPLE)
        more = link("/together", {"cursor": clusters.next}) if clusters.next else None
        return page(request, "together.html", who=None, clusters=clusters.items, more=more)
    who = library.browse.cluster(typed(asked))
    return page(request, "together.html", who=who, with_them=library.browse.together(who.reference, COMPANIONS))


@with_library
def names(request: Request, library: Library) -> Response:
    """People whose name has the text in it, to complete what is being typed."""
    text = request.query_params.get("text", "")[:200]
    found = library.browse.completions(text)
    titles = [cluster.title for cluster in found]
    # two people of one name are told apart by their clusters; a name that is a number is no cluster's
    values = [one.reference if titles.count(one.title) > 1 or one.title.isdigit() else one.title for one in found]
    return JSONResponse(
        [{"value": value, "title": one.title, "size": one.size} for value, one in zip(values, found, strict=True)]
    )


def _some(request: Request, faces: Sequence[Face], cursor: str | None, which: str) -> Response:
    more = link(request.url.path, {"cursor": cursor}) if cursor else None
    return page(request, "faces.html", faces=faces, more=more, which=which)
