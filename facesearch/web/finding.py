"""Photos that are looked for: the filter is in the address, so that it can be kept and sent."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from facesearch.core.errors import InputError
from facesearch.core.finding import PhotoFilter
from facesearch.core.types import Photo
from facesearch.library import Library
from facesearch.web.site import cursor_of, further, link, page, with_library

__all__ = ["address", "folders", "listing", "shape"]

PHOTOS = 40
# What a field of a filter is called in addresses.
NAMES = {
    **{"text": "q", "people": "with", "without": "not", "only": "only", "count": "faces"},
    **{"since": "from", "until": "to", "during": "during", "folder": "folder"},
}
SEVERAL = ("people", "without")
# A photo's width by its height, in twentieths: the stylesheet has a class for each. Others are cropped.
NARROWEST, WIDEST = 8, 60


@with_library
def listing(request: Request, library: Library) -> Response:
    """All photos, or those that were asked for; and people whose name was."""
    typed = _typed(request)
    values: dict[str, Any] = {"typed": typed, "named": NAMES, "address": address}
    try:
        found = library.browse.find(PhotoFilter(**typed), cursor=cursor_of(request), limit=PHOTOS)
    except InputError as error:
        return page(request, "photos.html", code=404, found=None, problem=str(error), **values)
    tiles = [(photo, shape(photo)) for photo in found.photos.items]
    values |= {"found": found, "tiles": tiles, "problem": ""}
    return page(request, "photos.html", **values, **further(request, found.photos))


@with_library
def folders(request: Request, library: Library) -> Response:
    """Folders whose path has the text in it, to complete what is being typed."""
    found = library.browse.folders(request.query_params.get("text", "")[:200])
    return JSONResponse([path for path in found if path.isprintable()])  # others no page can send


def address(asked: PhotoFilter | Mapping[str, Any], **more: str | None) -> str:
    """Where the photos are that a filter asks for."""
    given = asked if isinstance(asked, Mapping) else {field: getattr(asked, field) for field in NAMES}
    values = {NAMES[field]: "1" if value is True else value for field, value in given.items()}
    return link("/photos", values | more)


def shape(photo: Photo) -> str:
    """The classes that give a tile the photo's shape and, where that is too long for a tile, keep its heads in it."""
    width, height = photo.size
    ratio = width / max(1, height)
    shown = min(max(round(20 * ratio), NARROWEST), WIDEST) / 20
    first, last, length, window = 0.0, 0.0, 1.0, 1.0
    x1, y1, x2, y2 = photo.heads or (0.0, 0.0, float(width), height / 2)
    if ratio > shown:
        first, last, length, window = x1, x2, float(width), height * shown
    elif ratio < shown:
        first, last, length, window = y1, y2, float(height), width / shown
    place = ((first + last) / 2 - window / 2) / (length - window) if length > window else 0.5
    return f"r{round(20 * shown)} at{round(10 * min(max(place, 0), 1))}"


def _typed(request: Request) -> dict[str, Any]:
    """The fields of a filter as they stand in the address."""
    query, found = request.query_params, dict[str, Any]()
    for field, name in NAMES.items():
        if field in SEVERAL:
            found[field] = tuple(value.strip() for value in query.getlist(name) if value.strip())
        else:
            found[field] = query.get(name, "").strip()
    return found | {"only": found["only"] == "1"}
