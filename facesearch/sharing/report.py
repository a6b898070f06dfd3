"""`facesearch report`: people and groups as static pages to give to somebody.

The pages are the server's: its frame, style and pieces. They need no script and no server, name nothing by an absolute
path, and hold no more than was asked for: pictures of the faces; with `photos` also whole photos; with `paths` also
where the files are.
"""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image

from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError, LibraryError
from facesearch.core.executor import ordered_map
from facesearch.core.views import Card, FaceView, PhotoView, Thumbnail
from facesearch.library import Library
from facesearch.people.thumbnails import PREVIEW_SIZES, TILE_SIZES
from facesearch.sharing.rendering import render

__all__ = ["ReportOptions", "Reported", "make_report"]

# What a folder holds that is a report; made first, so that one that was cut off is known, too.
MARK = "facesearch-report.json"
PARTS = ("index.html", "people", "photos", "pictures", "static")
STATIC = ("style.css", "report.css", "icon.svg")
# Faces on a page, and groups; a page of thousands of pictures is slow even without a server.
FACES, GROUPS = 300, 600
# Threads that make pictures, and how many are kept waiting to be written.
WORKERS, AHEAD = 2, 16


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    only: names and groups' numbers; none for everybody.
    named: nobody without a name. ignored: ignored people, too. photos: whole photos. paths: where their files are.
    """

    title: str = "People"
    only: Strings = ()
    named: bool = False
    ignored: bool = False
    photos: bool = False
    paths: bool = False


@dataclass
class Reported:
    """What was made. left_out: (what, why) of pictures that could not be made; a grey one is in their place."""

    people: int = 0
    faces: int = 0
    photos: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        failures = [{"what": what, "reason": reason} for what, reason in self.left_out]
        return {"people": self.people, "faces": self.faces, "photos": self.photos, "failures": failures}


def make_report(
    library: Library,
    folder: Path,
    options: ReportOptions | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Reported:
    """Write a report into a folder: a new or empty one, or one that holds an earlier report, which is replaced.

    Args:
        progress: called after each group, with how many are done and how many there are.

    Raises InputError where somebody is not in the library, or the folder holds something else.
    """
    report = _Report(library, folder, options or ReportOptions())
    cards = list(_wanted(library, report.options))
    _prepare(folder)
    try:
        report.write_static()
        for done, card in enumerate(cards, start=1):
            report.write_person(card)
            progress(done, len(cards))
        report.write_photos({card.group for card in cards})
        report.write_index(cards)
    except OSError as error:
        raise LibraryError(
            f"the report cannot be written to {folder} ({error.strerror}): choose another folder"
        ) from error
    return report.made


def _wanted(library: Library, options: ReportOptions) -> Iterator[Card]:
    """Who is shown, the largest first. Raises InputError where somebody is not there."""
    if options.only:
        found = {card.group: card for card in map(library.browse.card, as_strings(options.only))}
        yield from sorted(found.values(), key=lambda card: (-card.size, card.group))
        return
    for show in ("named" if options.named else "all", *(("ignored",) if options.ignored else ())):
        cursor = None
        while True:
            page = library.browse.people(show, cursor=cursor, limit=500)
            yield from (card for card in page.items if card.person or not options.named)
            if (cursor := page.next) is None:
                break


def _prepare(folder: Path) -> None:
    """Make room for a report. Raises InputError where the folder holds anything but one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {path.name for path in folder.iterdir()}
        if there and MARK not in there:
            raise InputError(f"{folder} holds other files: name a new folder, or one with an earlier report")
        (folder / MARK).write_text(json.dumps({"made_by": "facesearch report"}) + "\n", encoding="utf-8")
        for name in PARTS:
            part = folder / name
            shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"no report can be made in {folder} ({error.strerror}): name another folder") from error


class _Report:
    """A report that is being written."""

    def __init__(self, library: Library, folder: Path, options: ReportOptions) -> None:
        self.library, self.folder, self.options = library, folder, options
        self.made = Reported()
        self._photos: dict[int, None] = {}
        self._made_on = datetime.now()

    def write_static(self) -> None:
        for name in ("people", "pictures", "static", *(("photos",) if self.options.photos else ())):
            (self.folder / name).mkdir()
        source = files("facesearch.web") / "static"
        for name in STATIC:
            (self.folder / "static" / name).write_bytes((source / name).read_bytes())

    def write_index(self, cards: Sequence[Card]) -> None:
        pages = [cards[start : start + GROUPS] for start in range(0, len(cards), GROUPS)] or [[]]
        for number, some in enumerate(pages, start=1):
            values = {"cards": some, "count": len(cards), "number": number, "pages": len(pages)}
            self._write(_index_name(number), "report/people.html", **values)

    def write_person(self, card: Card) -> None:
        """The pages of somebody, with the tiles of all faces."""
        pages = -(-card.size // FACES)
        number, batch = 1, list[FaceView]()
        for face in self._faces(card):
            batch.append(face)
            if len(batch) == FACES:
                self._write_faces(card, batch, number, pages)
                number, batch = number + 1, []
        if batch:
            self._write_faces(card, batch, number, pages)
        self.made.people += 1

    def _faces(self, card: Card) -> Iterator[FaceView]:
        cursor = None
        while True:
            page = self.library.browse.faces(str(card.group), "newest", cursor=cursor, limit=500)
            yield from page.items
            if (cursor := page.next) is None:
                return

    def _write_faces(self, card: Card, faces: Sequence[FaceView], number: int, pages: int) -> None:
        thumbnails = self.library.thumbnails
        tiles = ordered_map(lambda face: thumbnails.face_tile(face.id, TILE_SIZES[-1]), faces, WORKERS, AHEAD)
        for face, tile in zip(faces, tiles, strict=True):
            self._write_picture(f"face-{face.id}", tile, f"face {face.id}")
            self._photos[face.photo] = None
        paths = {face.id: self._paths(face.photo) for face in faces} if self.options.paths else {}
        values = {"card": card, "faces": faces, "paths": paths, "number": number, "pages": pages}
        self._write(_person_name(card.group, number), "report/person.html", **values)
        self.made.faces += len(faces)

    def write_photos(self, groups: set[int]) -> None:
        """A page for each photo on which one of the faces is; of the faces on it, only theirs are told."""
        if not self.options.photos:
            return
        shown = list(self._photos)
        thumbnails = self.library.thumbnails
        previews = ordered_map(lambda n: thumbnails.photo_preview(n, PREVIEW_SIZES[-1]), shown, WORKERS, AHEAD)
        for photo, preview in zip(shown, previews, strict=True):
            view = self.library.browse.photo(photo)
            self._write_picture(f"photo-{photo}", preview, f"photo {photo}")
            self._write_photo(view, [face for face in view.faces if face.group in groups and not face.not_a_face])
            self.made.photos += 1

    def _write_photo(self, view: PhotoView, faces: Sequence[FaceView]) -> None:
        width, height = view.card.size
        scale = min(1.0, PREVIEW_SIZES[-1] / max(width, height))
        values = {
            "photo": view.card,
            "faces": faces,
            "paths": self._paths(view.card.id) if self.options.paths else [],
            "shown": (max(1, round(width * scale)), max(1, round(height * scale))),
        }
        self._write(f"photos/{view.card.id}.html", "report/photo.html", **values)

    def _paths(self, photo: int) -> list[str]:
        """The files of a photo as text; bytes that are none become question marks."""
        return [path.encode("utf-8", "replace").decode() for path in self.library.browse.photo(photo).paths]

    def _write_picture(self, name: str, picture: Thumbnail, what: str) -> None:
        if picture.jpeg is None:
            self.made.left_out.append((what, picture.reason))
        jpeg = picture.jpeg if picture.jpeg is not None else _grey()
        (self.folder / "pictures" / f"{name}.jpg").write_bytes(jpeg)

    def _write(self, name: str, template: str, **values: Any) -> None:
        root = "../" if "/" in name else ""
        shared = {"root": root, "assets": f"{root}static/", "report": self.options, "made_on": self._made_on}
        names = {"index_name": _index_name, "person_name": _person_name, "file_name": os.path.basename}
        text = render(template, **shared, **names, **values)
        (self.folder / name).write_text(text, encoding="utf-8")


def _index_name(number: int = 1) -> str:
    return "index.html" if number == 1 else f"people/page-{number}.html"


def _person_name(group: int, number: int = 1) -> str:
    return f"people/{group}.html" if number == 1 else f"people/{group}-{number}.html"


def _grey() -> bytes:
    """What is shown where a photo cannot be read."""
    file = io.BytesIO()
    Image.new("RGB", (TILE_SIZES[-1], TILE_SIZES[-1]), (205, 205, 205)).save(file, "JPEG")
    return file.getvalue()
