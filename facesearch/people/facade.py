"""`Library.people`: each method is one question or one decision, in a transaction of its own."""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection

from facesearch.index import FaceIndex, FaceRecord, ledger
from facesearch.index.ledger import Decision
from facesearch.people import album, decisions, forgetting
from facesearch.people.parties import Party, all_parties, find
from facesearch.results import PhotoOf, Somebody

__all__ = ["People"]


class People:
    """The people of a library. Groups are referred to by number, people by name: both as text."""

    def __init__(self, index: FaceIndex) -> None:
        self._index = index

    # -- asking ---------------------------------------------------------------------------------------------------

    def all(self, *, ignored: bool = False) -> list[Somebody]:
        """Everybody, those with most faces first; ignored ones only if asked for."""
        with self._index.reading() as connection:
            parties = [party for party in all_parties(connection) if ignored or not party.ignored]
        return self._described(parties)

    def find(self, reference: str) -> Party:
        """Raises InputError where there is no such group or person, or several."""
        with self._index.reading() as connection:
            return find(connection, reference)

    def photos(self, references: Sequence[str] = (), *, only: bool = False, count: int | None = None) -> list[PhotoOf]:
        """Photos that show all of some people; see `facesearch.people.album.photos_of`."""
        with self._index.reading() as connection:
            photo_ids = album.photos_of(connection, references, only=only, count=count)
            parties = {face: party for party in all_parties(connection) for face in party.faces}
        faces_of = self._index.faces_of_photos(photo_ids)
        somebody = {one.group: one for one in self._described(list({p.group: p for p in parties.values()}.values()))}
        photos = []
        for photo in photo_ids:
            records = faces_of[photo]
            groups = dict.fromkeys(parties[r.id].group for r in records if r.id in parties)
            photos.append(PhotoOf(records[0].path, tuple(somebody[group] for group in groups), len(records)))
        return sorted(photos, key=lambda photo: photo.path)

    def history(self) -> list[Decision]:
        """The decisions that can be undone, the latest first."""
        with self._index.reading() as connection:
            return ledger.history(connection)

    # -- deciding -------------------------------------------------------------------------------------------------

    def name(self, reference: str, name: str) -> Decision | None:
        return self._decide(lambda connection: decisions.name(connection, reference, name))

    def merge(self, references: Sequence[str]) -> Decision | None:
        return self._decide(lambda connection: decisions.merge(connection, references))

    def split(self, reference: str, parts: Sequence[Collection[int]]) -> Decision | None:
        return self._decide(lambda connection: decisions.split(connection, reference, parts))

    def reject(self, face: int, reference: str) -> Decision | None:
        return self._decide(lambda connection: decisions.reject(connection, face, reference))

    def not_a_face(self, face: int) -> Decision | None:
        return self._decide(lambda connection: decisions.not_a_face(connection, face))

    def ignore(self, reference: str, ignored: bool = True) -> Decision | None:
        return self._decide(lambda connection: decisions.ignore(connection, reference, ignored))

    def keep_apart(self, reference: str, other: str) -> Decision | None:
        return self._decide(lambda connection: decisions.keep_apart(connection, reference, other))

    def undo(self) -> Decision | None:
        """Take the latest decision back; None where there is none."""
        return self._decide(ledger.undo_last)

    def forget(self, reference: str) -> int:
        """Delete somebody's faces for good; see `facesearch.people.forgetting`. Returns their number."""
        with self._index.transaction() as connection:
            count = forgetting.forget(connection, find(connection, reference))
        self._index.scrub()
        return count

    # -- inside ---------------------------------------------------------------------------------------------------

    def _decide(self, decide: Callable[[Connection], Decision | None]) -> Decision | None:
        with self._index.transaction() as connection:
            return decide(connection)

    def _described(self, parties: Sequence[Party]) -> list[Somebody]:
        shown: dict[int, FaceRecord] = {r.id: r for r in self._index.faces([party.faces[0] for party in parties])}
        return [
            Somebody(
                party.group,
                party.person,
                len(party.faces),
                len(party.confirmed),
                party.ignored,
                shown[party.faces[0]].path,
                shown[party.faces[0]].box,
            )
            for party in parties
        ]
