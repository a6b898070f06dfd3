"""A library whose photos are real files and whose faces are made up; fixtures for exporting."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from index_samples import NewPhoto, a_photo, put
from people_samples import CALIBRATION, PEOPLE_SPEC, a_portrait, portrait

from facesearch.core.types import FileFacts
from facesearch.people import People
from facesearch.people.clustering import recluster
from facesearch.sharing.xmp import read_names
from facesearch.storage import Store, catalog

if TYPE_CHECKING:
    from conftest import Answer

__all__ = [
    *("ANNA", "BEN", "CARLA", "PhotoLibrary", "add_three_people", "as_it_is"),
    *("export", "import_names", "names_in", "photo_library", "trio"),
]

ANNA, BEN, CARLA = 1, 2, 3


@dataclass
class PhotoLibrary:
    """A library whose photos are real files of 640 x 480 pixels; the faces in them are made up."""

    index: Store
    folder: Path
    taken: int = 0

    def add(self, name: str, *who: int, folder: Path | None = None) -> Path:
        """A photo of some people, from left to right."""
        from conftest import Picture  # which imports this module

        path = Picture.save((folder or self.folder) / name, f"{folder} {name}", (640, 480))
        self.taken += 1
        faces = tuple(a_portrait(portrait(person, self.taken, 0.15), i) for i, person in enumerate(who))
        photo = replace(as_it_is(path), faces=faces)
        put(self.index, self.index.start_run("index", [str(folder or self.folder)]), photo)
        return path

    def index_again(self, path: Path) -> None:
        """As after a change of the file that leaves its faces as they are."""
        with self.index.transaction() as connection:
            photo = self.index.known_paths()[str(path)].photo_id
            catalog.link_path(connection, FileFacts.of(str(path), path.stat()), photo)

    @property
    def people(self) -> People:
        return People(self.index, lambda: CALIBRATION)

    def cluster(self) -> None:
        recluster(self.index, CALIBRATION)

    def faces(self, path: Path) -> list[int]:
        return self.people.faces_in(path)

    def cluster_of(self, path: Path, place: int = 0) -> str:
        face = self.faces(path)[place]
        return next(str(cluster.id) for cluster in self.people.with_faces() if face in cluster.face_ids)

    def titles(self, path: Path) -> list[str | None]:
        """Who the faces of a photo are taken for, from left to right."""
        of = {
            face: cluster.title for cluster in self.people.with_faces() if cluster.person for face in cluster.face_ids
        }
        return [of.get(face) for face in self.faces(path)]


def as_it_is(path: Path) -> NewPhoto:
    """A file's own size, time and content."""
    info, sha256 = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
    photo = a_photo(str(path), f"{path}")
    return replace(photo, size_bytes=info.st_size, mtime_ns=info.st_mtime_ns, sha256=sha256)


@pytest.fixture
def photo_library(tmp_path: Path) -> Iterator[PhotoLibrary]:
    index = Store.create(Path(os.environ["FACESEARCH_LIBRARY"]) / "made", PEOPLE_SPEC)
    yield PhotoLibrary(index, tmp_path / "photos")
    index.close()


@pytest.fixture
def export(photo_library: PhotoLibrary, command: "Callable[..., Answer]") -> "Callable[..., Answer]":
    def export(*arguments: object) -> "Answer":
        answer = command("export", "--library", photo_library.index.folder, *arguments)
        assert answer.code == 0, answer
        return answer

    return export


@pytest.fixture
def import_names(photo_library: PhotoLibrary, command: "Callable[..., Answer]") -> Callable[[], dict[str, int]]:
    def import_names() -> dict[str, int]:
        answer = command("import-names", "--library", photo_library.index.folder, "--json").json
        assert answer["failures"] == []
        return {name["name"]: name["faces"] for name in answer["names"]}

    return import_names


def add_three_people(photo_library: PhotoLibrary) -> None:
    """Anna, Ben and Carla on three photos each, and one photo of Anna and Ben; in clusters without names."""
    for i in range(3):
        photo_library.add(f"anna{i}.jpg", ANNA)
        photo_library.add(f"ben{i}.jpg", BEN)
        photo_library.add(f"carla{i}.jpg", CARLA)
    photo_library.add("both.jpg", ANNA, BEN)
    photo_library.cluster()


@pytest.fixture
def trio(photo_library: PhotoLibrary) -> PhotoLibrary:
    """Anna and Ben with names, Carla without, each on three photos; one photo shows Anna and Ben."""
    add_three_people(photo_library)
    photo_library.people.name(photo_library.cluster_of(photo_library.folder / "anna0.jpg"), "Anna")
    photo_library.people.name(photo_library.cluster_of(photo_library.folder / "ben0.jpg"), "Ben")
    return photo_library


def names_in(folder: Path) -> dict[str, list[str]]:
    """Photo -> the names in it, as another program finds them."""
    found = {photo.name: [region.name for region in read_names(photo).regions] for photo in folder.glob("*.jpg")}
    return {photo: sorted(str(name) for name in names) for photo, names in found.items() if names}
