"""`Library.people`: each method is one question or one decision, in a transaction of its own."""

import os
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection, select

from facesearch.calibration import Calibration
from facesearch.core.errors import InputError
from facesearch.core.results import Explanation, PhotoOf, Somebody, Suggestion
from facesearch.core.types import Face
from facesearch.people import decisions, forgetting
from facesearch.people import photos as album
from facesearch.people.clustering import stricter_parts
from facesearch.people.clusters import (
    Party,
    all_parties,
    face_exists,
    find,
    named,
    people_of_faces,
)
from facesearch.people.consistency import agree
from facesearch.people.explanation import explain
from facesearch.people.suggestions import suggest
from facesearch.storage import Store, undo_log
from facesearch.storage import schema as db
from facesearch.storage.undo_log import Decision

__all__ = ["People"]


class People:
    """The people of a library. Groups are referred to by number, people by name: both as text."""

    def __init__(self, index: Store, calibration: Callable[[], Calibration | None]) -> None:
        self._index, self._calibration = index, calibration

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
        """Photos that show all of some people; see `facesearch.people.photos.photos_of`."""
        with self._index.reading() as connection:
            photo_ids = album.photos_of(connection, references, only=only, count=count)
            parties = {face: party for party in all_parties(connection) for face in party.faces}
            hidden = set(connection.execute(select(db.not_faces.c.face_id)).scalars())
        faces_of = self._index.faces_of_photos(photo_ids)
        somebody = {one.group: one for one in self._described(list({p.group: p for p in parties.values()}.values()))}
        photos = []
        for photo in photo_ids:
            records = faces_of[photo]
            groups = dict.fromkeys(parties[r.id].group for r in records if r.id in parties)
            shown = sum(record.id not in hidden for record in records)
            photos.append(PhotoOf(records[0].path, tuple(somebody[group] for group in groups), shown))
        return sorted(photos, key=lambda photo: photo.path)

    def suggestions(self, limit: int = 20) -> list[Suggestion]:
        """Pairs of groups that may be one person, nearest first."""
        calibration = self._required_calibration()
        pairs = suggest(self._index, calibration, limit)
        described = self._described([party for a, b, _ in pairs for party in (a, b)])
        return [
            Suggestion(described[2 * i], described[2 * i + 1], distance, float(calibration.probability(distance)))
            for i, (_, _, distance) in enumerate(pairs)
        ]

    def explain(self, face: int, k: int = 5) -> Explanation:
        """Why a face is where it is. Raises InputError where there is no such face."""
        with self._index.reading() as connection:
            face_exists(connection, face)
        return explain(self._index, self._calibration(), self._index.faces([face])[0], k)

    def faces_in(self, photo: str | os.PathLike[str]) -> list[int]:
        """The numbers of the faces on a photo. Raises InputError where the library does not know it."""
        path = os.path.abspath(photo)
        known = self._index.known_paths().get(path)
        if known is None:
            raise InputError(f"the library does not know {path}: index it first")
        return [record.id for record in self._index.faces_of_photos([known.photo_id])[known.photo_id]]

    def group_of(self, face: int) -> int | None:
        """The group that a face is in; None for none."""
        with self._index.reading() as connection:
            face_exists(connection, face)
            return people_of_faces(connection, [face])[0].get(face)

    def history(self, limit: int | None = None) -> list[Decision]:
        """The decisions that can be undone, or so many of them, the latest first."""
        with self._index.reading() as connection:
            return undo_log.history(connection, limit)

    # -- deciding -------------------------------------------------------------------------------------------------

    def name(self, reference: str, name: str) -> Decision | None:
        return self._decide(lambda connection: decisions.name(connection, reference, name))

    def merge(self, references: Sequence[str]) -> Decision | None:
        return self._decide(lambda connection: decisions.merge(connection, references))

    def split(self, reference: str, parts: Sequence[Collection[int]]) -> Decision | None:
        return self._decide(lambda connection: decisions.split(connection, reference, parts))

    def divide(self, reference: str) -> Decision | None:
        """Split a group into what a stricter look sees. Raises InputError where it sees one person."""
        party = self.find(reference)
        parts = stricter_parts(self._index, self._required_calibration(), party.faces)
        if not parts:
            raise InputError(f"{party.title} looks like one person even on a strict look: name the faces with --face")
        return self.split(reference, parts)

    def reject(self, faces: int | Collection[int], reference: str) -> Decision | None:
        return self._decide(lambda connection: decisions.reject(connection, _several(faces), reference))

    def assign(self, faces: int | Collection[int], to: str) -> Decision | None:
        return self._decide(lambda connection: decisions.assign(connection, _several(faces), to))

    def not_a_face(self, faces: int | Collection[int]) -> Decision | None:
        return self._decide(lambda connection: decisions.not_a_face(connection, _several(faces)))

    def is_a_face(self, faces: int | Collection[int]) -> Decision | None:
        return self._decide(lambda connection: decisions.is_a_face(connection, _several(faces)))

    def ignore(self, reference: str, ignored: bool = True) -> Decision | None:
        return self._decide(lambda connection: decisions.ignore(connection, reference, ignored))

    def keep_apart(self, reference: str, other: str) -> Decision | None:
        return self._decide(lambda connection: decisions.keep_apart(connection, reference, other))

    def import_name(self, name: str, faces: Sequence[int]) -> Decision | None:
        """Say that faces are somebody, as another program has it."""
        return self._decide(lambda connection: decisions.import_name(connection, name, faces))

    def parties(self) -> list[Party]:
        """Everybody, ignored people included, with all faces."""
        with self._index.reading() as connection:
            return all_parties(connection)

    def undo(self, expected: int | None = None) -> Decision | None:
        """Take the latest decision back; None where there is none.

        Args:
            expected: the decision that is meant. Raises InputError where that is not the latest.
        """

        def decide(connection: Connection) -> Decision | None:
            undone = undo_log.undo_last(connection, expected)
            agree(connection)
            return undone

        return self._decide(decide)

    def forget(self, reference: str) -> int:
        """Delete somebody's faces for good; see `facesearch.people.forgetting`. Returns their number."""
        with self._index.transaction() as connection:
            count = forgetting.forget(connection, find(connection, reference))
        self._index.scrub()
        return count

    # -- inside ---------------------------------------------------------------------------------------------------

    def _required_calibration(self) -> Calibration:
        calibration = self._calibration()
        if calibration is None:
            raise InputError("this needs to know what distances mean: run `facesearch calibrate FOLDER` first")
        return calibration

    def _decide(self, decide: Callable[[Connection], Decision | None]) -> Decision | None:
        with self._index.transaction() as connection:
            return decide(connection)

    def _described(self, parties: Sequence[Party]) -> list[Somebody]:
        shown: dict[int, Face] = {r.id: r for r in self._index.faces([party.faces[0] for party in parties])}
        return [
            Somebody(
                party.group,
                named(party.person),
                len(party.faces),
                len(party.confirmed),
                party.ignored,
                shown[party.faces[0]].path,
                shown[party.faces[0]].box,
            )
            for party in parties
        ]


def _several(faces: int | Collection[int]) -> Collection[int]:
    return [faces] if isinstance(faces, int) else faces
