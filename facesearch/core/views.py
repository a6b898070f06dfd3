"""What pages of a library show: plain frozen dataclasses, a page of them at a time.

Faces and photos go by their ids; a picture of either is asked for by its id, see `facesearch.people.thumbnails`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from facesearch.core.types import Box, Page, Person

__all__ = ["Card", "Counts", "FaceView", "Page", "Pair", "PhotoCard", "PhotoView", "Thumbnail", "Together"]


@dataclass(frozen=True)
class Card:
    """A group of faces, and who it is.

    person: None for somebody without a name.
    size: number of faces; confirmed: those of them that the user has spoken of.
    face: the id of one that shows well what they look like; the same one while it stays in the group.
    """

    group: int
    person: Person | None
    size: int
    confirmed: int
    ignored: bool
    face: int

    @property
    def title(self) -> str:
        return self.person.name if self.person and self.person.name else f"group {self.group}"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"title": self.title}


@dataclass(frozen=True)
class Counts:
    """How many of each there are. named, unnamed: without those ignored. loose: faces in no group."""

    named: int
    unnamed: int
    ignored: int
    loose: int
    not_faces: int


@dataclass(frozen=True)
class FaceView:
    """A face on its photo.

    box: x1, y1, x2, y2 in pixels of the photo as displayed, whose (width, height) is photo_size.
    group: None for a face in none; person: None for somebody without a name.
    confirmed: the user has said whose it is; not_a_face: the user has said that it is none.
    taken: see PhotoCard.
    distance: L2 to the mean direction of its group, in [0, 2]; only where faces are listed by doubt.
    """

    id: int
    photo: int
    photo_size: tuple[int, int]
    box: Box
    score: float
    group: int | None
    person: Person | None
    confirmed: bool
    not_a_face: bool
    taken: datetime | None
    distance: float | None = None

    @property
    def title(self) -> str:
        if self.person and self.person.name:
            return self.person.name
        return f"group {self.group}" if self.group is not None else "nobody yet"


@dataclass(frozen=True)
class PhotoCard:
    """A photo in a list.

    size: (width, height) in pixels as displayed. faces: what is said to be no face does not count.
    taken: by the clock of the place where it was taken, with that clock's offset where the photo tells it; from the
        file's time where the photo has no date (`from_file`).
    missing: no file holds it at the moment.
    """

    id: int
    size: tuple[int, int]
    taken: datetime
    from_file: bool
    faces: int
    missing: bool


@dataclass(frozen=True)
class PhotoView:
    """A photo with everything on it.

    paths: the files that hold it, those that are there first.
    faces: from left to right, those that are said to be none included.
    newer, older: the ids of the photos before and after it by date; None at the ends.
    """

    card: PhotoCard
    paths: tuple[str, ...]
    faces: tuple[FaceView, ...]
    newer: int | None
    older: int | None


@dataclass(frozen=True)
class Together:
    """Somebody, and on how many photos they are with the one who was asked for."""

    card: Card
    photos: int


@dataclass(frozen=True)
class Pair:
    """Two groups that may be one person.

    distance: root mean square over their pairs of faces; probability: of one person at that distance, at even odds.
    a_faces, b_faces: some faces of either, the most typical first.
    """

    a: Card
    b: Card
    distance: float
    probability: float
    a_faces: tuple[int, ...]
    b_faces: tuple[int, ...]


@dataclass(frozen=True)
class Thumbnail:
    """A picture of a face or of a photo.

    jpeg: the file's bytes; None where no file of the photo can be read, for the `reason`.
    key: tells this picture from every other one, and from itself after any change: an entity tag.
    """

    jpeg: bytes | None
    key: str
    reason: str = ""
