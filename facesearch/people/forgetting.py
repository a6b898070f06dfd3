"""Taking a person out for good: every face, embedding and decision that is theirs."""

from typing import NamedTuple

from facesearch.people.clusters import find, is_known, without_cluster
from facesearch.storage import Connection, constraints, persons, undo_log

__all__ = ["Forgettable", "forget", "forgettable"]


class Forgettable(NamedTuple):
    """What goes with a person: ids of faces, and of people; both are empty where there is no such person."""

    faces: set[int]
    people: set[int]


def forgettable(connection: Connection, reference: str) -> Forgettable:
    """What `forget` would delete. Raises InputError where several people have that name."""
    faces, people = set[int](), without_cluster(connection, reference)
    if is_known(connection, reference):
        cluster = find(connection, reference)
        faces.update(cluster.face_ids)
        people |= {cluster.person.id} if cluster.person is not None else set()
    for person in people:
        faces |= constraints.confirmed_faces(connection, person)
    return Forgettable(faces, people)


def forget(connection: Connection, reference: str) -> int:
    """Delete a cluster's faces, its person, and what the undo log says of them; this cannot be undone.

    The photos stay known, so that the next `index` does not find the same faces again. Raises InputError where several
    people have that name.

    Returns the number of faces deleted; 0 where there is nobody.
    """
    faces, people = forgettable(connection, reference)
    undo_log.erase(connection, faces, people)
    persons.delete_with_faces(connection, people, faces)
    return len(faces)
