"""Photos by date, one photo with its faces, and the small pictures of both."""

from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from facesearch.core.errors import FacesearchError, InputError
from facesearch.core.results import Thumbnail
from facesearch.library import Library
from facesearch.web.desktop import can_open
from facesearch.web.desktop import open_folder as open_folder_of
from facesearch.web.recent import Message
from facesearch.web.site import TEMPLATES, back, cursor_of, further, link, number, page, redirect, site_of, with_library

__all__ = ["listing", "open_folder", "photo", "preview", "tile"]

PHOTOS = 40
# The longer side of the picture on a photo's page.
PREVIEW = 1600


@with_library
def listing(request: Request, library: Library) -> Response:
    """All photos, or those that show some people together."""
    wanted = [name for name in request.query_params.getlist("with") if name.strip()]
    only = request.query_params.get("only") == "1"
    people = [library.browse.cluster(name) for name in wanted]
    clusters = [str(cluster.id) for cluster in people]
    found = library.browse.photos(clusters, only=only, cursor=cursor_of(request), limit=PHOTOS)
    here = {"with": clusters, "only": "1" if only else None}
    without = {
        one.id: link("/photos", here | {"with": [cluster for cluster in clusters if cluster != str(one.id)]})
        for one in people
    }
    values: dict[str, Any] = {"photos": found.items, "people": people, "only": only, "without": without}
    return page(request, "photos.html", **values, **further(request, found))


@with_library
def photo(request: Request, library: Library) -> Response:
    """A photo, who is on it, and who the face that is looked at may be."""
    shown = library.browse.photo(number(request.path_params["photo"]))
    face = request.query_params.get("face", "")
    chosen = number(face) if face else None
    asked = any(one.id == chosen and one.cluster is None and not one.not_a_face for one in shown.photo.faces)
    likely = library.search.candidates(chosen) if asked and chosen else ()
    opens = site_of(request).here and can_open()
    kept = not shown.gone or library.thumbnails.photo_preview(shown.photo.id, PREVIEW).jpeg is not None
    values: dict[str, Any] = {"shown": shown, "photo": shown.photo, "chosen": chosen, "likely": likely}
    return page(request, "photo.html", opens=opens, pictured=kept, **values)


async def open_folder(request: Request) -> Response:
    async with request.form(max_files=0, max_fields=10) as form:
        return await run_in_threadpool(_open_folder, request, str(form.get("file", "")))


def _open_folder(request: Request, file: str) -> Response:
    """Args: file: which of the photo's files, by its place among them: no path is taken from a form."""
    here, which = f"/photos/{request.path_params['photo']}", number(file)
    try:
        paths = site_of(request).library.get().browse.photo(number(request.path_params["photo"])).photo.paths
        if not site_of(request).here or which >= len(paths):
            raise InputError("folders are opened only for those who sit in front of this machine")
        open_folder_of(paths[which])
    except FacesearchError as error:
        return back(request, error, here)
    return redirect(request, Message("the folder is open", "plain"), here)


@with_library
def tile(request: Request, library: Library) -> Response:
    face, size = number(request.path_params["face"]), number(request.path_params["size"])
    return _picture(request, library.thumbnails.face_tile(face, size), "face")


@with_library
def preview(request: Request, library: Library) -> Response:
    which, size = number(request.path_params["photo"]), number(request.path_params["size"])
    return _picture(request, library.thumbnails.photo_preview(which, size), "photo")


def _picture(request: Request, thumbnail: Thumbnail, which: str) -> Response:
    """A picture, or that it is still the one that the browser has; one that says why where none can be made."""
    if thumbnail.jpeg is None:
        text = "no longer there" if thumbnail.reason == "no longer there" else "cannot be shown"
        shown = TEMPLATES.render("gone.svg", which=which, text=text, file=Path(thumbnail.path).name)
        return Response(shown, media_type="image/svg+xml", headers={"cache-control": "no-store"})
    tag = f'"{thumbnail.key}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(thumbnail.jpeg, media_type="image/jpeg", headers=headers)
