"""Photos by date, one photo with its faces, and the small pictures of both."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from facesearch.core.results import Thumbnail
from facesearch.library import Library
from facesearch.web.site import cursor_of, link, number, page, with_library

__all__ = ["listing", "photo", "preview", "tile"]

PHOTOS = 60


@with_library
def listing(request: Request, library: Library) -> Response:
    """All photos, or those that show some people together."""
    wanted = [name for name in request.query_params.getlist("with") if name.strip()]
    only = request.query_params.get("only") == "1"
    people = [library.browse.cluster(name) for name in wanted]
    clusters = [str(cluster.id) for cluster in people]
    found = library.browse.photos(clusters, only=only, cursor=cursor_of(request), limit=PHOTOS)
    here = {"with": clusters, "only": "1" if only else None}
    more = link("/photos", here | {"cursor": found.next}) if found.next else None
    without = {
        one.id: link("/photos", here | {"with": [cluster for cluster in clusters if cluster != str(one.id)]})
        for one in people
    }
    return page(request, "photos.html", photos=found.items, more=more, people=people, only=only, without=without)


@with_library
def photo(request: Request, library: Library) -> Response:
    shown = library.browse.photo(number(request.path_params["photo"]))
    face = request.query_params.get("face", "")
    chosen = number(face) if face else None
    return page(request, "photo.html", photo=shown.photo, newer=shown.newer, older=shown.older, chosen=chosen)


@with_library
def tile(request: Request, library: Library) -> Response:
    face, size = number(request.path_params["face"]), number(request.path_params["size"])
    return _picture(request, library.thumbnails.face_tile(face, size))


@with_library
def preview(request: Request, library: Library) -> Response:
    which, size = number(request.path_params["photo"]), number(request.path_params["size"])
    return _picture(request, library.thumbnails.photo_preview(which, size))


def _picture(request: Request, thumbnail: Thumbnail) -> Response:
    """A picture, or that it is still the one that the browser has; a grey one where none can be made."""
    if thumbnail.jpeg is None:
        grey = files("facesearch.web").joinpath("static", "grey.svg").read_bytes()
        return Response(grey, media_type="image/svg+xml", headers={"cache-control": "no-store"})
    tag = f'"{thumbnail.key}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(thumbnail.jpeg, media_type="image/jpeg", headers=headers)
