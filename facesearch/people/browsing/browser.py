"""`Library.browse`: each method is one page or one thing, read at once."""

from collections.abc import Callable

from facesearch.calibration import Calibration
from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError
from facesearch.core.views import (
    Card,
    Counts,
    FaceView,
    Page,
    Pair,
    PhotoCard,
    PhotoView,
    Together,
)
from facesearch.people.browsing import clusters as groups
from facesearch.people.browsing import faces, photos
from facesearch.people.browsing.pairs import PairList
from facesearch.people.clusters import find_number
from facesearch.storage import Store

__all__ = ["Browser"]

# More at a time is no page any more.
LARGEST_PAGE = 500


class Browser:
    """What a library holds, a page at a time. References are a group's number or a person's name, as text.

    cursor: `next` of the page before; None for the first page. limit: the most items of a page.
    All methods raise InputError for what is not there and for what cannot be meant. Threads may share it.
    """

    def __init__(self, index: Store, calibration: Callable[[], Calibration | None]) -> None:
        self._index, self._calibration = index, calibration
        self._pairs = PairList(index)

    def counts(self) -> Counts:
        """How many groups and faces of each kind there are."""
        with self._index.reading() as connection:
            return groups.count(connection)

    def people(self, show: groups.Show = "all", *, cursor: str | None = None, limit: int = 48) -> Page[Card]:
        """Groups and people, the largest first.

        Args:
            show: "all", "named" or "unnamed", which leave ignored ones out, or "ignored".
        """
        _checked(limit)
        with self._index.reading() as connection:
            return groups.people_page(connection, show, cursor, limit)

    def card(self, reference: str) -> Card:
        """One group or person."""
        with self._index.reading() as connection:
            return groups.cards_of(connection, [find_number(connection, reference)])[0]

    def completions(self, text: str, limit: int = 8) -> tuple[Card, ...]:
        """People whose name has some text in it, the likeliest first."""
        _checked(limit)
        with self._index.reading() as connection:
            return tuple(groups.completions(connection, text, limit))

    def faces(
        self, reference: str, order: faces.Order = "newest", *, cursor: str | None = None, limit: int = 60
    ) -> Page[FaceView]:
        """Faces of a group. Args: order: "doubt" begins with those furthest from the group's mean direction."""
        _checked(limit)
        faces.checked_order(order)
        with self._index.reading() as connection:
            group = find_number(connection, reference)
            if order == "doubt":
                return faces.faces_by_doubt(connection, group, cursor, limit)
            return faces.faces_by_date(connection, group, cursor, limit, newest=order == "newest")

    def loose(self, *, cursor: str | None = None, limit: int = 60) -> Page[FaceView]:
        """Faces in no group, the latest found first."""
        _checked(limit)
        with self._index.reading() as connection:
            return faces.loose_faces(connection, cursor, limit)

    def not_faces(self, *, cursor: str | None = None, limit: int = 60) -> Page[FaceView]:
        """What is said to be no face, the latest found first."""
        _checked(limit)
        with self._index.reading() as connection:
            return faces.hidden_faces(connection, cursor, limit)

    def face(self, face: int) -> FaceView:
        """One face."""
        with self._index.reading() as connection:
            found = faces.views_of(connection, [face]) if 0 < face < 2**63 else []
        if not found:
            raise InputError(f"there is no face {face} in the library")
        return found[0]

    def photos(
        self, people: Strings = (), *, only: bool = False, cursor: str | None = None, limit: int = 60
    ) -> Page[PhotoCard]:
        """Photos, the newest first. Args: people: who must all be on them; only: and nobody else."""
        _checked(limit)
        with self._index.reading() as connection:
            wanted = [find_number(connection, reference) for reference in as_strings(people)]
            return photos.photos_page(connection, wanted, cursor, limit, only=only)

    def photo(self, photo: int) -> PhotoView:
        """One photo and everything on it."""
        with self._index.reading() as connection:
            return photos.one_photo(connection, photo)

    def together(self, reference: str, limit: int = 24) -> tuple[Together, ...]:
        """Who is on photos with somebody, those on most photos first."""
        _checked(limit)
        with self._index.reading() as connection:
            return tuple(photos.together(connection, find_number(connection, reference), limit))

    def pairs(self, *, cursor: str | None = None, limit: int = 1) -> Page[Pair]:
        """Pairs of groups that may be one person and have not been answered, nearest first.

        Raises InputError where nobody has measured what distances mean.
        """
        _checked(limit)
        calibration = self._calibration()
        if calibration is None:
            raise InputError("this needs to know what distances mean: run `facesearch calibrate FOLDER` first")
        return self._pairs.page(calibration, cursor, limit)


def _checked(limit: int) -> None:
    if not 0 < limit <= LARGEST_PAGE:
        raise InputError(f"a page has 1 to {LARGEST_PAGE} items, not {limit}")
