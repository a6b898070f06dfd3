"""`Library.browse`: each method is one page or one thing, read at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from facesearch.calibration import Calibration, needed
from facesearch.core.arguments import Strings, as_strings
from facesearch.core.checks import Count, checked
from facesearch.core.errors import InputError
from facesearch.core.finding import Finding, PhotoFilter, Year
from facesearch.core.questions import Few, Question
from facesearch.core.results import Counts, Pair, Together
from facesearch.core.types import Cluster, Face, Page, Photo, PhotoPage
from facesearch.people.browsing import finding
from facesearch.people.browsing.clusters import clusters_of, completions, with_covers
from facesearch.people.browsing.doubt import faces_by_doubt
from facesearch.people.browsing.files import as_it_is
from facesearch.people.browsing.finding import folder_paths, narrowed
from facesearch.people.browsing.left import Left, LeftToDo
from facesearch.people.browsing.pairs import PairList
from facesearch.people.browsing.questions import QuestionList
from facesearch.people.clusters import clusters_called, find_number
from facesearch.people.hiding import few
from facesearch.storage import Store, cluster_pages, database, face_pages, photo_pages, photos
from facesearch.storage.queries import is_id

__all__ = ["Browser", "Order"]

Order = Literal["newest", "oldest", "doubt"]

# More at a time is no page any more.
LARGEST_PAGE = 500
FIRST_YEAR, LAST_YEAR = 1000, 9998


@checked
class Browser:
    """What a library holds, a page at a time. References are as of `facesearch.people.clusters`.

    cursor: `next` of the page before; None for the first page. limit: the most items of a page.
    All methods raise InputError for what is not there and for what cannot be meant. Threads may share it.
    """

    def __init__(self, store: Store, calibration: Callable[[], Calibration | None]) -> None:
        self._store, self._calibration = store, calibration
        self._pairs, self._questions = PairList(store), QuestionList(store)
        self._left = Left(store, self._pairs, self._questions)

    def version(self) -> str:
        """A text that is another one after each change of the library, whichever process made it; cheap to ask for."""
        return database.version(self._store.folder)

    def counts(self) -> Counts:
        """How many clusters and faces of each kind there are."""
        return self._left.counts()

    def left_to_do(self) -> LeftToDo:
        """What the user may decide or do next; cheap to ask for while nothing changes."""
        return self._left.now(self._calibration())

    def people(self, show: cluster_pages.Show = "all", *, cursor: str | None = None, limit: int = 48) -> Page[Cluster]:
        """Clusters, each with a cover, the largest first.

        Args:
            show: "all", "named" or "unnamed", which leave ignored ones out, or "ignored".
        """
        _check_limit(limit)
        with self._store.reading() as connection:
            page = cluster_pages.page(connection, show, cursor, limit)
            return replace(page, items=tuple(with_covers(connection, page.items)))

    def few(self, photos: Count) -> Few:
        """How many people are on fewer photos than so many: whom `people.ignore_below` would ignore."""
        with self._store.reading() as connection:
            return few(connection, photos)

    def cluster(self, reference: str) -> Cluster:
        """One cluster, with its cover."""
        with self._store.reading() as connection:
            return clusters_of(connection, [find_number(connection, reference)])[0]

    def completions(self, text: str, limit: int = 8) -> tuple[Cluster, ...]:
        """People whose name has some text in it, the likeliest first."""
        _check_limit(limit)
        with self._store.reading() as connection:
            return tuple(completions(connection, text, limit))

    def namesakes(self, name: str, less: Strings = ()) -> tuple[Cluster, ...]:
        """People who have a name. Args: less: but for these."""
        with self._store.reading() as connection:
            own = {find_number(connection, reference) for reference in as_strings(less)}
            return tuple(clusters_of(connection, [one for one in clusters_called(connection, name) if one not in own]))

    def faces(
        self,
        reference: str,
        order: Order = "newest",
        *,
        year: int | None = None,
        cursor: str | None = None,
        limit: int = 60,
    ) -> Page[Face]:
        """Faces of a cluster.

        Args:
            order: by date; or "doubt", those furthest from the cluster's mean direction first, with that distance.
            year: by date, the list begins with the photos of this one; a cursor goes before it.
        """
        _check_limit(limit)
        if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
            raise InputError(f"a year from {FIRST_YEAR} to {LAST_YEAR} is wanted, not {year}")
        if order not in ("newest", "oldest", "doubt"):
            raise InputError(f"faces are listed as newest, oldest or doubt, not {order!r}")
        with self._store.reading() as connection:
            cluster = find_number(connection, reference)
            if order == "doubt":
                return faces_by_doubt(connection, self._store.spec.dim, cluster, cursor, limit)
            newest = order == "newest"
            if cursor is None and year is not None:
                return face_pages.from_year(connection, cluster, year, limit, newest=newest)
            return face_pages.by_date(connection, cluster, cursor, limit, newest=newest)

    def unclustered(self, *, cursor: str | None = None, limit: int = 60) -> Page[Face]:
        """Faces in no cluster, the latest found first."""
        _check_limit(limit)
        with self._store.reading() as connection:
            return face_pages.in_no_cluster(connection, cursor, limit)

    def not_faces(self, *, cursor: str | None = None, limit: int = 60) -> Page[Face]:
        """What the user has marked as no face, the latest found first."""
        _check_limit(limit)
        with self._store.reading() as connection:
            return face_pages.not_faces(connection, cursor, limit)

    def face(self, face: int) -> Face:
        """One face."""
        with self._store.reading() as connection:
            found = face_pages.by_ids(connection, [face]) if is_id(face) else []
        if not found:
            raise InputError(f"there is no face {face} in the library")
        return found[0]

    def photos(
        self,
        people: Strings = (),
        *,
        only: bool = False,
        where: PhotoFilter | None = None,
        cursor: str | None = None,
        limit: int = 60,
    ) -> Page[Photo]:
        """Photos, the newest first.

        Args:
            people: who must all be on them; only: and nobody else. where: what else must hold.
        """
        _check_limit(limit)
        with self._store.reading() as connection:
            return finding.photos(connection, narrowed(where, people, only), cursor, limit)

    def find(self, where: PhotoFilter, *, cursor: str | None = None, limit: int = 60) -> Finding:
        """Photos with what was asked for in words, people whose name was typed, and years; see `Finding`."""
        _check_limit(limit)
        with self._store.reading() as connection:
            return finding.find(connection, where, cursor, limit)

    def years(self, where: PhotoFilter) -> tuple[Year, ...]:
        """Of which years there are photos, and how many, the newest first."""
        with self._store.reading() as connection:
            return finding.count_years(connection, where)

    def folders(self, text: str, limit: int = 12) -> tuple[str, ...]:
        """Folders with photos whose path has a text in it, the shortest first."""
        _check_limit(limit)
        with self._store.reading() as connection:
            return tuple(folder_paths(connection, text)[:limit])

    def photo(self, photo: int) -> PhotoPage:
        """One photo and everything on it, and which of its files are there now."""
        with self._store.reading() as connection:
            found = photo_pages.one(connection, photo) if is_id(photo) else None
            if found is None:
                raise InputError(f"there is no photo {photo} in the library")
            newer, older = photo_pages.neighbours(connection, photo)
            offline = photos.offline(connection, photo)
        return PhotoPage(found, newer, older, tuple(as_it_is(path, offline=path in offline) for path in found.paths))

    def together(self, reference: str, limit: int = 24) -> tuple[Together, ...]:
        """Who is on photos with a cluster, those on most photos first; without ignored people."""
        _check_limit(limit)
        with self._store.reading() as connection:
            photos = dict(photo_pages.together(connection, find_number(connection, reference), limit))
            return tuple(Together(cluster, photos[cluster.id]) for cluster in clusters_of(connection, list(photos)))

    def pairs(self, *, cursor: str | None = None, limit: int = 1) -> Page[Pair]:
        """Pairs of clusters that may be one person and have not been answered, nearest first.

        Raises InputError where nobody has measured what distances mean.
        """
        _check_limit(limit)
        return self._pairs.page(needed(self._calibration()), cursor, limit)

    def questions(self, *, cursor: str | None = None, limit: int = 1) -> Page[Question]:
        """Whose the faces in no cluster may be, and which of several faces of one photo are a person's.

        About people with a name first. Raises InputError where nobody has measured what distances mean.
        """
        _check_limit(limit)
        return self._questions.page(needed(self._calibration()), cursor, limit)


def _check_limit(limit: int) -> None:
    if not 0 < limit <= LARGEST_PAGE:
        raise InputError(f"a page has 1 to {LARGEST_PAGE} items, not {limit}")
