"""`facesearch report`: people and clusters as static pages to give away.

The pages have the server's frame and style. They need no script and no server, name nothing by an absolute
path, and hold no more than was asked for: pictures of the faces; with `photos` also whole photos; with `paths` also
where the files are.
"""

import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from facesearch.core.arguments import Strings, as_strings
from facesearch.core.checks import checked
from facesearch.core.errors import InputError, LibraryError
from facesearch.core.executor import ThreadExecutor
from facesearch.core.pages import Templates
from facesearch.core.pages import name as name_of
from facesearch.core.results import Thumbnail
from facesearch.core.types import Cluster, Face, Photo
from facesearch.library import Library
from facesearch.media.marks import EXIF, REPORT, REPORT_PARTS, mark_report
from facesearch.people.thumbnails import PREVIEW_SIZES, TILE_SIZES

__all__ = ["ReportOptions", "ReportResult", "make_report"]

TEMPLATES = Templates("facesearch.sharing", "facesearch.core.pages")
# Faces on a page, and clusters; a page of thousands of pictures is slow even without a server.
FACES, CLUSTERS = 300, 600
# What makes pictures, and how many of them are kept waiting to be written.
THREADS, AHEAD = ThreadExecutor(2), 16


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    only: names and clusters' numbers; none for all.
    named: nobody without a name. ignored: ignored people, too. photos: whole photos. paths: where their files are.
    """

    title: str = "People"
    only: Strings = ()
    named: bool = False
    ignored: bool = False
    photos: bool = False
    paths: bool = False


@dataclass
class ReportResult:
    """What was made. left_out: (what, why) of pictures that could not be made; a grey one is in their place."""

    people: int = 0
    faces: int = 0
    photos: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        failures = [{"what": what, "reason": reason} for what, reason in self.left_out]
        return {"people": self.people, "faces": self.faces, "photos": self.photos, "failures": failures}


@checked
def make_report(
    library: Library,
    folder: Path,
    options: ReportOptions | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> ReportResult:
    """Write a report into a folder: a new or empty one, or one that holds an earlier report, which is replaced.

    Args:
        progress: called after each cluster, with how many are done and how many there are.

    Raises InputError where a person is not in the library, or the folder holds something else.
    """
    report = _Report(library, folder, options or ReportOptions())
    clusters = list(_wanted(library, report.options))
    _prepare(folder)
    try:
        report.write_static()
        for done, cluster in enumerate(clusters, start=1):
            report.write_person(cluster)
            progress(done, len(clusters))
        report.write_photos({cluster.id for cluster in clusters})
        report.write_index(clusters)
    except OSError as error:
        raise LibraryError(
            f"the report cannot be written to {folder} ({error.strerror}): choose another folder"
        ) from error
    return report.made


def _wanted(library: Library, options: ReportOptions) -> Iterator[Cluster]:
    """Who is shown, the largest first. Raises InputError where one of them is not there."""
    if options.only:
        found = {cluster.id: cluster for cluster in map(library.browse.cluster, as_strings(options.only))}
        yield from sorted(found.values(), key=lambda cluster: (-cluster.size, cluster.id))
        return
    for show in ("named" if options.named else "all", *(("ignored",) if options.ignored else ())):
        cursor = None
        while True:
            page = library.browse.people(show, cursor=cursor, limit=500)
            yield from (cluster for cluster in page.items if name_of(cluster) or not options.named)
            if (cursor := page.next) is None:
                break


def _prepare(folder: Path) -> None:
    """Make room for a report. Raises InputError where the folder holds anything but one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {path.name for path in folder.iterdir()}
        if there and REPORT not in there:
            raise InputError(f"{folder} holds other files: name a new folder, or one with an earlier report")
        mark_report(folder)  # first, so that one that is cut off is known, too
        for name in REPORT_PARTS:
            part = folder / name
            shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"no report can be made in {folder} ({error.strerror}): name another folder") from error


class _Report:
    """A report that is being written."""

    def __init__(self, library: Library, folder: Path, options: ReportOptions) -> None:
        self.library, self.folder, self.options = library, folder, options
        self.made = ReportResult()
        self._photos: dict[int, None] = {}
        self._made_on = datetime.now()

    def write_static(self) -> None:
        for name in ("people", "pictures", "static", *(("photos",) if self.options.photos else ())):
            (self.folder / name).mkdir()
        for name, content in TEMPLATES.static.items():
            (self.folder / "static" / name).write_bytes(content)

    def write_index(self, clusters: Sequence[Cluster]) -> None:
        pages = [clusters[start : start + CLUSTERS] for start in range(0, len(clusters), CLUSTERS)] or [[]]
        for number, some in enumerate(pages, start=1):
            values = {"clusters": some, "count": len(clusters), "number": number, "pages": len(pages)}
            self._write(_index_name(number), "report/people.html", **values)

    def write_person(self, cluster: Cluster) -> None:
        """The pages of a cluster, with the tiles of all faces."""
        pages = -(-cluster.size // FACES)
        number, batch = 1, list[Face]()
        for face in self._faces(cluster):
            batch.append(face)
            if len(batch) == FACES:
                self._write_faces(cluster, batch, number, pages)
                number, batch = number + 1, []
        if batch:
            self._write_faces(cluster, batch, number, pages)
        self.made.people += 1

    def _faces(self, cluster: Cluster) -> Iterator[Face]:
        cursor = None
        while True:
            page = self.library.browse.faces(str(cluster.id), "newest", cursor=cursor, limit=500)
            yield from page.items
            if (cursor := page.next) is None:
                return

    def _write_faces(self, cluster: Cluster, faces: Sequence[Face], number: int, pages: int) -> None:
        thumbnails = self.library.thumbnails
        tiles = THREADS.map(lambda face: thumbnails.face_tile(face.id, TILE_SIZES[-1]), faces, AHEAD)
        for face, tile in zip(faces, tiles, strict=True):
            self._write_picture(f"face-{face.id}", tile, f"face {face.id}")
            self._photos[face.photo_id] = None
        paths = {face.id: self._paths(face.photo_id) for face in faces} if self.options.paths else {}
        values = {"cluster": cluster, "faces": faces, "paths": paths, "number": number, "pages": pages}
        self._write(_person_name(cluster.id, number), "report/person.html", **values)
        self.made.faces += len(faces)

    def write_photos(self, clusters: set[int]) -> None:
        """A page for each photo on which one of the faces is; of the faces on it, only theirs are shown."""
        if not self.options.photos:
            return
        ids = list(self._photos)
        thumbnails = self.library.thumbnails
        previews = THREADS.map(lambda n: thumbnails.photo_preview(n, PREVIEW_SIZES[-1]), ids, AHEAD)
        for number, preview in zip(ids, previews, strict=True):
            photo = self.library.browse.photo(number).photo
            self._write_picture(f"photo-{number}", preview, f"photo {number}")
            self._write_photo(photo, [face for face in photo.faces if face.cluster in clusters and not face.not_a_face])
            self.made.photos += 1

    def _write_photo(self, photo: Photo, faces: Sequence[Face]) -> None:
        width, height = photo.size
        scale = min(1.0, PREVIEW_SIZES[-1] / max(width, height))
        values = {
            "photo": photo,
            "faces": faces,
            "paths": _shown(photo.paths) if self.options.paths else [],
            "shown": (max(1, round(width * scale)), max(1, round(height * scale))),
        }
        self._write(f"photos/{photo.id}.html", "report/photo.html", **values)

    def _paths(self, photo: int) -> list[str]:
        return _shown(self.library.browse.photo(photo).photo.paths)

    def _write_picture(self, name: str, picture: Thumbnail, what: str) -> None:
        if picture.jpeg is None:
            self.made.left_out.append((what, picture.reason))
        jpeg = picture.jpeg if picture.jpeg is not None else _grey()
        (self.folder / "pictures" / f"{name}.jpg").write_bytes(jpeg)

    def _write(self, name: str, template: str, **values: Any) -> None:
        root = "../" if "/" in name else ""
        shared = {"root": root, "assets": f"{root}static/", "report": self.options, "made_on": self._made_on}
        names = {"index_name": _index_name, "person_name": _person_name, "file_name": os.path.basename}
        text = TEMPLATES.render(template, **shared, **names, **values)
        (self.folder / name).write_text(text, encoding="utf-8")


def _shown(paths: Sequence[str]) -> list[str]:
    """Paths as text; bytes that are none become question marks."""
    return [path.encode("utf-8", "replace").decode() for path in paths]


def _index_name(number: int = 1) -> str:
    return "index.html" if number == 1 else f"people/page-{number}.html"


def _person_name(cluster: int, number: int = 1) -> str:
    return f"people/{cluster}.html" if number == 1 else f"people/{cluster}-{number}.html"


def _grey() -> bytes:
    """What is shown where a photo cannot be read."""
    file = io.BytesIO()
    Image.new("RGB", (TILE_SIZES[-1], TILE_SIZES[-1]), (205, 205, 205)).save(file, "JPEG", exif=EXIF)
    return file.getvalue()
