"""People, a person, faces in no group, pairs to answer, who is with whom, and names to complete."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from facesearch.core.views import FaceView
from facesearch.library import Library
from facesearch.web.site import cursor_of, link, page, with_library

__all__ = ["card", "everybody", "loose", "names", "not_faces", "review", "somebody", "together"]

PEOPLE, FACES, COMPANIONS = 48, 60, 60
SHOWS = {"all": "Everybody", "named": "Named", "unnamed": "Not named", "ignored": "Ignored"}
ORDERS = {"newest": "Newest first", "oldest": "Oldest first", "doubt": "Least certain first"}


@with_library
def everybody(request: Request, library: Library) -> Response:
    show = request.query_params.get("show", "all")
    cards = library.browse.people(show, cursor=cursor_of(request), limit=PEOPLE)  # type: ignore[arg-type]
    counts = library.browse.counts()
    if not cards.items and show == "all" and not counts.ignored:
        status = library.status()
        if not status.photos or not counts.loose:
            return page(request, "nothing.html", photos=status.photos, faces=status.faces)
    more = link("/", {"show": show, "cursor": cards.next}) if cards.next else None
    waiting = counts.loose if not cards.items else 0
    values: dict[str, Any] = {
        "cards": cards.items,
        "more": more,
        "counts": counts,
        "show": show,
        "shows": SHOWS,
        "waiting": waiting,
    }
    return page(request, "people.html", **values)


@with_library
def card(request: Request, library: Library) -> Response:
    """One person's tile as it is now, with what has just been said: what a script puts into the page."""
    return page(request, "card.html", card=library.browse.card(request.path_params["who"]))


@with_library
def somebody(request: Request, library: Library) -> Response:
    who = library.browse.card(request.path_params["who"])
    order = request.query_params.get("order", "newest")
    faces = library.browse.faces(str(who.group), order, cursor=cursor_of(request), limit=FACES)  # type: ignore[arg-type]
    more = link(request.url.path, {"order": order, "cursor": faces.next}) if faces.next else None
    with_them = library.browse.together(str(who.group), 8)
    values: dict[str, Any] = {
        "who": who,
        "faces": faces.items,
        "more": more,
        "order": order,
        "orders": ORDERS,
        "with_them": with_them,
    }
    return page(request, "person.html", **values)


@with_library
def loose(request: Request, library: Library) -> Response:
    faces = library.browse.loose(cursor=cursor_of(request), limit=FACES)
    return _some(request, faces.items, faces.next, "loose")


@with_library
def not_faces(request: Request, library: Library) -> Response:
    faces = library.browse.not_faces(cursor=cursor_of(request), limit=FACES)
    return _some(request, faces.items, faces.next, "not-faces")


@with_library
def review(request: Request, library: Library) -> Response:
    after = request.query_params.get("after") or None
    pairs = library.browse.pairs(cursor=after)
    again = bool(after) and not pairs.items
    values: dict[str, Any] = {
        "pair": next(iter(pairs.items), None),
        "after": after,
        "again": again,
        "latest": next(iter(library.people.history(1)), None),
    }
    return page(request, "review.html", skip=link("/review", {"after": pairs.next}) if pairs.next else None, **values)


@with_library
def together(request: Request, library: Library) -> Response:
    asked = request.query_params.get("who", "").strip()
    if not asked:
        cards = library.browse.people(cursor=cursor_of(request), limit=PEOPLE)
        more = link("/together", {"cursor": cards.next}) if cards.next else None
        return page(request, "together.html", who=None, cards=cards.items, more=more)
    who = library.browse.card(asked)
    return page(request, "together.html", who=who, with_them=library.browse.together(str(who.group), COMPANIONS))


@with_library
def names(request: Request, library: Library) -> Response:
    """People whose name has the text in it, to complete what is being typed."""
    text = request.query_params.get("text", "")[:200]
    found = library.browse.completions(text)
    titles = [card.title for card in found]
    # two people of one name are told apart by their groups
    values = [str(card.group) if titles.count(card.title) > 1 else card.title for card in found]
    return JSONResponse(
        [{"value": value, "title": card.title, "size": card.size} for value, card in zip(values, found, strict=True)]
    )


def _some(request: Request, faces: Sequence[FaceView], cursor: str | None, which: str) -> Response:
    more = link(request.url.path, {"cursor": cursor}) if cursor else None
    return page(request, "faces.html", faces=faces, more=more, which=which)
