"""`Library.people`: each method is one question or one decision, in a transaction of its own."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from facesearch.calibration import Calibration, needed
from facesearch.core.arguments import Ids, Strings, as_ids, as_path, as_strings
from facesearch.core.checks import Count, checked
from facesearch.core.errors import InputError, ModelError
from facesearch.core.finding import PhotoFilter
from facesearch.core.paths import absolute
from facesearch.core.results import Explanation, PhotoOf, Suggestion
from facesearch.core.types import Box, Cluster
from facesearch.people import decisions, describing, forgetting, hiding
from facesearch.people.browsing.finding import narrowed, wanted_by
from facesearch.people.clustering import stricter_parts
from facesearch.people.clusters import check_face, clusters_called, find
from facesearch.people.explanation import explain
from facesearch.people.suggestions import suggest
from facesearch.storage import Connection, Store, clusters, constraints, photo_pages, photos, undo_log
from facesearch.storage.consistency import agree
from facesearch.storage.undo_log import Decision
from facesearch.storage.values import tolerating

if TYPE_CHECKING:  # these load the networks' libraries, which only drawing needs
    from facesearch.people.drawing import Drawn
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["People"]


def _no_pipeline() -> "Pipeline":
    raise ModelError("no networks are at hand to look at photos with: open the library with facesearch.Library")


@checked
class People:
    """The people of a library. Clusters are referred to by number, people by name; see `facesearch.people.clusters`.

    Args:
        calibration, pipeline: called when first needed.
    """

    def __init__(
        self,
        store: Store,
        calibration: Callable[[], Calibration | None],
        pipeline: Callable[[], "Pipeline"] = _no_pipeline,
    ) -> None:
        self._store, self._calibration, self._pipeline = store, calibration, pipeline

    # -- asking ---------------------------------------------------------------------------------------------------

    def all(self, *, ignored: bool = False) -> list[Cluster]:
        """Every cluster, those with most faces first; ignored people only if asked for. Cover: the oldest face."""
        with self._store.reading() as connection:
            found = [one for one in clusters.summaries(connection) if ignored or not one.ignored]
        return self._covered(found)

    def with_faces(self) -> list[Cluster]:
        """Every cluster with the ids of its faces, those of ignored people included."""
        with self._store.reading() as connection:
            return clusters.all_with_faces(connection)

    def find(self, reference: str) -> Cluster:
        """With the ids of its faces. Raises InputError where there is no such cluster or person, or several."""
        with self._store.reading() as connection:
            return find(connection, reference)

    def called(self, name: str) -> list[int]:
        """The clusters of the people who have a name, by number, whatever its case and its accents' encoding."""
        with self._store.reading() as connection:
            return clusters_called(connection, name)

    def photos(
        self,
        references: Strings = (),
        *,
        only: bool = False,
        count: int | None = None,
        where: PhotoFilter | None = None,
    ) -> list[PhotoOf]:
        """Photos that show all of some people, by path; those without a face only where they are asked for.

        Args:
            references: who is on them; only: and nobody else. count: how many faces are. where: what else must hold.
        """
        asked = narrowed(where, references, only)
        asked = replace(asked, count=f"{max(0, count)}") if count is not None else asked
        with self._store.reading() as connection:
            photo_ids = photo_pages.ids(connection, wanted_by(connection, replace(asked, count=asked.count or "1+")))
            hidden = constraints.not_faces(connection)
        faces_of = self._store.faces_of_photos(photo_ids)
        with self._store.reading() as connection:
            cluster_of = clusters.of_faces(connection, [face.id for some in faces_of.values() for face in some])
            known = clusters.summaries(connection, sorted(set(cluster_of.values())))
            paths = photos.files_of_each(connection, faces_of)
        described = {cluster.id: cluster for cluster in self._covered(known)}
        shown = []
        for photo, path in paths.items():
            some = faces_of[photo]
            if not some and not asked.count:  # another process has removed it meanwhile
                continue
            numbers = dict.fromkeys(cluster_of[face.id] for face in some if face.id in cluster_of)
            on_it = tuple(described[number] for number in numbers if number in described)
            shown.append(PhotoOf(path, on_it, sum(face.id not in hidden for face in some)))
        return sorted(shown, key=lambda photo: photo.path)

    def suggestions(self, limit: Count = 20) -> list[Suggestion]:
        """Pairs of clusters that may be one person, nearest first."""
        calibration = needed(self._calibration())
        pairs = suggest(self._store, calibration, limit)
        covered = {one.id: one for one in self._covered([cluster for a, b, _ in pairs for cluster in (a, b)])}
        return [
            Suggestion(covered[a.id], covered[b.id], distance, float(calibration.probability(distance)))
            for a, b, distance in pairs
            if a.id in covered and b.id in covered  # another process may have removed photos meanwhile
        ]

    def explain(self, face: int, k: Count = 5) -> Explanation:
        """Why a face is where it is. Raises InputError where there is no such face."""
        with self._store.reading() as connection:
            check_face(connection, face)
        return explain(self._store, self._calibration(), self._store.faces([face])[0], k)

    def faces_in(self, photo: str | os.PathLike[str]) -> list[int]:
        """The numbers of the faces on a photo. Raises InputError where the library does not know it."""
        known = self._photo_at(photo)
        return [face.id for face in self._store.faces_of_photos([known])[known]]

    def cluster_of(self, face: int) -> int | None:
        """The cluster that a face is in; None for none."""
        with self._store.reading() as connection:
            check_face(connection, face)
            return clusters.of_faces(connection, [face]).get(face)

    def history(self, limit: Count | None = None) -> list[Decision]:
        """The decisions that can be undone, or so many of them, the latest first."""
        with self._store.reading() as connection:
            return undo_log.history(connection, limit)

    # -- deciding -------------------------------------------------------------------------------------------------

    def name(self, reference: Strings, name: str) -> Decision | None:
        return self._decide(lambda connection: decisions.name(connection, as_strings(reference), name))

    def describe(self, reference: str, *, born: str | None = None, cover: int | None = None) -> Decision | None:
        """Say when a person was born, and which of their faces stands for them in lists; see `describing.describe`."""
        return self._decide(lambda connection: describing.describe(connection, reference, born, cover))

    def merge(self, references: Strings) -> Decision | None:
        return self._decide(lambda connection: decisions.merge(connection, as_strings(references)))

    def split(self, reference: str, parts: Iterable[Ids]) -> Decision | None:
        return self._decide(lambda connection: decisions.split(connection, reference, [as_ids(part) for part in parts]))

    def divide(self, reference: str) -> Decision | None:
        """Split a cluster into what stricter thresholds make of it. Raises InputError where it stays one."""
        cluster = self.find(reference)
        parts = stricter_parts(self._store, needed(self._calibration()), cluster.id)
        if not parts:
            raise InputError(f"even on a strict look {cluster.title} looks like one person: name the faces with --face")
        return self.split(reference, parts)

    def reject(self, faces: Ids, reference: str) -> Decision | None:
        return self._decide(lambda connection: decisions.reject(connection, as_ids(faces), reference))

    def assign(self, faces: Ids, to: str, *, new: bool = False) -> Decision | None:
        """Say whose some faces are. Args: new: another person's than all who have that name."""
        return self._decide(lambda connection: decisions.assign(connection, as_ids(faces), to, new=new))

    def not_a_face(self, faces: Ids = (), *, of: Strings = ()) -> Decision | None:
        return self._decide(lambda connection: decisions.not_a_face(connection, as_ids(faces), as_strings(of)))

    def choose(self, reference: str, right: Ids, wrong: Ids = ()) -> Decision | None:
        """Say which faces of a photo are a person's, and which are not; several right ones are so rightly."""
        return self._decide(lambda connection: decisions.choose(connection, reference, as_ids(right), as_ids(wrong)))

    def is_a_face(self, faces: Ids) -> Decision | None:
        return self._decide(lambda connection: decisions.is_a_face(connection, as_ids(faces)))

    def ignore(self, reference: Strings, ignored: bool = True) -> Decision | None:
        return self._decide(lambda connection: decisions.ignore(connection, as_strings(reference), ignored))

    def ignore_faces(self, faces: Ids) -> Decision | None:
        return self._decide(lambda connection: decisions.ignore_faces(connection, as_ids(faces)))

    def ignore_below(self, photos: Count, *, named: bool = False) -> Decision | None:
        """Ignore everybody who is on fewer photos than so many; people with a name only if asked for."""
        return self._decide(lambda connection: hiding.ignore_below(connection, photos, named=named))

    def keep_apart(self, reference: str, other: str) -> Decision | None:
        return self._decide(lambda connection: decisions.keep_apart(connection, reference, other))

    def draw(self, photo: int | str | os.PathLike[str], box: Box, name: str | None = None) -> "Drawn":
        """Put a face on a photo that was not found there; see `facesearch.people.drawing.draw`.

        Args:
            photo: its number, or a file that holds it. box: x1, y1, x2, y2 in pixels of the photo as displayed.
        """
        from facesearch.people.drawing import draw

        number = photo if isinstance(photo, int) else self._photo_at(photo)
        return draw(self._store, self._pipeline(), number, box, name)

    def move(self, face: int, box: Box) -> "Drawn":
        """Move or resize the box of a face; see `facesearch.people.drawing.move`."""
        from facesearch.people.drawing import move

        return move(self._store, self._pipeline(), face, box)

    def import_name(self, name: str, faces: Ids) -> Decision | None:
        """Give faces a name, as another program has it."""
        return self._decide(lambda connection: decisions.import_name(connection, name, as_ids(faces)))

    @tolerating()
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

    def to_forget(self, reference: str) -> int | None:
        """How many faces `forget` would delete; None where there is no such person. Raises as `forget`."""
        with self._store.reading() as connection:
            faces, people = forgetting.forgettable(connection, reference)
        return len(faces) if faces or people else None

    @tolerating()
    def forget(self, reference: str) -> int:
        """Delete a person's faces for good; see `facesearch.people.forgetting`.

        Returns their number; 0 where there is no such person, as after a call that was killed and is repeated. Raises
        InputError where several people have that name.
        """
        with self._store.transaction() as connection:
            return forgetting.forget(connection, reference)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _decide(self, decide: Callable[[Connection], Decision | None]) -> Decision | None:
        with self._store.transaction(guest=True) as connection:  # photos may be coming in meanwhile
            return decide(connection)

    def _photo_at(self, path: str | os.PathLike[str]) -> int:
        """Raises InputError where the library does not know a file."""
        whole = absolute(as_path(path))
        with self._store.reading() as connection:
            known = photos.at_path(connection, whole)
        if known is None:
            raise InputError(f"the library does not know {whole}: index it first")
        return known

    def _covered(self, found: Sequence[Cluster]) -> list[Cluster]:
        """The clusters with their cover filled in, but for those whose cover has gone meanwhile."""
        covers = {face.id: face for face in self._store.faces([one.cover.id for one in found if one.cover])}
        return [replace(one, cover=covers[one.cover.id]) for one in found if one.cover and one.cover.id in covers]
