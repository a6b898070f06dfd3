"""People, a person, faces in no cluster, who is on few photos, who is with whom, and names to complete."""

from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from facesearch.core.finding import PhotoFilter
from facesearch.library import Library
from facesearch.web.asking import reference_of, typed
from facesearch.web.site import cursor_of, further, number, page, with_library

__all__ = ["few", "listing", "names", "not_faces", "person", "together", "unclustered"]

# No page asks for more than 60 things before it is scrolled, its scripts included.
PEOPLE, FACES, COMPANIONS = 40, 40, 40
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
    waiting = counts.unclustered if not clusters.items else 0
    values: dict[str, Any] = {
        "clusters": clusters.items,
        **further(request, clusters),
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
    with_them = library.browse.together(who.reference, 8)
    values: dict[str, Any] = {
        "who": who,
        "faces": faces.items,
        **further(request, faces),
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
    return page(request, "faces.html", faces=faces.items, which="loose", **further(request, faces))


@with_library
def not_faces(request: Request, library: Library) -> Response:
    faces = library.browse.not_faces(cursor=cursor_of(request), limit=FACES)
    return page(request, "faces.html", faces=faces.items, which="not-faces", **further(request, faces))


@with_library
def together(request: Request, library: Library) -> Response:
    asked = request.query_params.get("who", "").strip()
    if not asked:
        clusters = library.browse.people(cursor=cursor_of(request), limit=PEOPLE)
        return page(request, "together.html", who=None, clusters=clusters.items, **further(request, clusters))
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
