"""Faces in no cluster that may be a person's, and people who are on a photo more than once.

Asked about people with a name first; of each kind of people, first where they are on a photo more than once.
"""

from collections.abc import Sequence

from facesearch.calibration import Calibration
from facesearch.core.questions import Question
from facesearch.people.browsing.clusters import clusters_of
from facesearch.people.browsing.pairs import typical
from facesearch.people.browsing.waiting import Waiting
from facesearch.people.likely import likely
from facesearch.storage import Connection, asking, cluster_pages, constraints, face_pages, persons
from facesearch.storage.cursors import Key
from facesearch.storage.embeddings import embeddings_of_cluster

__all__ = ["QuestionList"]

# In place of the log-odds, in a key that is about a photo and not about a face.
TWICE = -1e6


class QuestionList(Waiting[Question]):
    """The questions of one library, the likeliest first.

    A key is whether the person has no name, the negative log-odds, the face (or the photo, see TWICE), the cluster.
    """

    numbers = 4

    def _state(self, connection: Connection) -> tuple[str, int]:
        revision, latest = super()._state(connection)
        return f"{revision} {persons.named_ids(connection)}", latest

    def _find(self, calibration: Calibration) -> list[Key]:
        with self._store.reading() as connection:
            found = likely(connection, self._store.spec.dim, calibration.search)
            named = {cluster for cluster, _ in cluster_pages.names(connection)}
            twice = asking.twice(connection)
        keys: list[Key] = [(int(one.cluster.id not in named), -one.log_odds, one.face, one.cluster.id) for one in found]
        return sorted([*keys, *((int(cluster not in named), TWICE, photo, cluster) for cluster, photo in twice)])

    def _still_open(self, connection: Connection, keys: Sequence[Key]) -> list[Key]:
        loose = asking.in_no_cluster(connection, (int(face) for _, odds, face, _ in keys if odds != TWICE))
        twice = asking.twice(connection, {int(cluster) for _, odds, _, cluster in keys if odds == TWICE})
        ids = sorted({int(cluster) for *_, cluster in keys})
        clusters = {cluster.id: cluster for cluster in cluster_pages.by_ids(connection, ids) if not cluster.ignored}

        def is_open(key: Key) -> bool:
            about, cluster = int(key[2]), int(key[3])
            if key[1] == TWICE:
                return (cluster, about) in twice
            person = clusters[cluster].person if cluster in clusters else None
            refused = person is not None and person.id in constraints.rejected_people(connection, about)
            return cluster in clusters and about in loose and not refused

        return [key for key in keys if is_open(key)]

    def _described(self, connection: Connection, calibration: Calibration, key: Key) -> Question | None:
        about, cluster = int(key[2]), int(key[3])
        if key[1] == TWICE:
            asked, photo = list[int](), about
        else:
            asked, photo = [about], _photo_of(connection, about)
        ids = [*asked, *asking.faces_on(connection, cluster, photo)]
        faces = sorted(face_pages.by_ids(connection, ids), key=lambda face: (face.box[0], face.id))
        found = clusters_of(connection, [cluster])
        if not found or len(faces) < 2 - len(asked):
            return None
        known, vectors = embeddings_of_cluster(connection, cluster, self._store.spec.dim)
        examples = tuple(face for face in typical(known, vectors) if face not in ids)
        probability = float(calibration.search.probability(-key[1])) if asked else None
        return Question(found[0], tuple(faces), probability, examples)


def _photo_of(connection: Connection, face: int) -> int:
    """The photo that a face is on; 0 for a face that has gone."""
    return next((one.photo_id for one in face_pages.by_ids(connection, [face])), 0)
