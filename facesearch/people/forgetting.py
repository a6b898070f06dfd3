"""Taking a person out for good: every face, embedding and decision that is theirs."""

from facesearch.core.types import Cluster
from facesearch.storage import Connection, constraints, persons, undo_log

__all__ = ["forget"]


def forget(connection: Connection, cluster: Cluster) -> int:
    """Delete a cluster's faces, its person, and what the undo log says of them; this cannot be undone.

    The photos stay known, so that the next `index` does not find the same faces again.

    Returns the number of faces deleted.
    """
    faces, people = set(cluster.face_ids), set()
    if cluster.person is not None:
        people = {cluster.person.id}
        faces |= constraints.confirmed_faces(connection, cluster.person.id)
    undo_log.erase(connection, faces, people)
    persons.delete_with_faces(connection, people, faces)
    return len(faces)
