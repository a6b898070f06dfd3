"""How the user refers to clusters and people: a cluster's number, or a person's name."""

from facesearch.core.errors import InputError
from facesearch.core.names import folded
from facesearch.core.types import Cluster, Person
from facesearch.storage import Connection, clusters, faces, persons

__all__ = [
    *("check_face", "cluster_by_number", "clusters_called", "find", "find_number", "is_known", "named"),
    "without_cluster",
]

# Numbers of more digits are no cluster's, and SQLite does not know them.
DIGITS = 18


def find(connection: Connection, reference: str) -> Cluster:
    """The cluster that a user means by its number or by a person's name, with the ids of its faces.

    Raises InputError where there is none, or several people have that name.
    """
    return cluster_by_number(connection, find_number(connection, reference))


def find_number(connection: Connection, reference: str) -> int:
    """The number of the cluster that a user means. Raises InputError as `find`."""
    reference = reference.strip()
    known = clusters_called(connection, reference)
    if reference.isascii() and reference.isdigit():
        number = _as_number(reference)
        if clusters.exists(connection, number):
            return number
        if not known:
            raise _no_cluster(reference)
    if not known:
        raise InputError(f"there is nobody called {reference!r}, and no such cluster: see `facesearch people`")
    if len(known) > 1:
        listed = ", ".join(map(str, known))
        raise InputError(f"{len(known)} people are called {reference!r}: say which by its cluster, one of {listed}")
    return known[0]


def is_known(connection: Connection, reference: str) -> bool:
    """Whether there is a cluster of that number, or somebody of that name who is in one."""
    digits = reference.strip()
    is_number = digits.isascii() and digits.isdigit() and clusters.exists(connection, _as_number(digits))
    return is_number or bool(clusters_called(connection, reference))


def without_cluster(connection: Connection, name: str) -> set[int]:
    """The people of a name who are in no cluster: a library that was damaged may hold some."""
    return {person for person in _called(connection, name) if persons.cluster_of(connection, person) is None}


def _as_number(digits: str) -> int:
    return int(digits[-DIGITS:]) if len(digits.lstrip("0")) <= DIGITS else -1


def cluster_by_number(connection: Connection, number: int) -> Cluster:
    """With the ids of its faces. Raises InputError where there is no such cluster."""
    cluster = clusters.by_id(connection, number)
    if cluster is None:
        raise _no_cluster(number)
    return cluster


def _no_cluster(called: object) -> InputError:
    return InputError(f"there is no cluster {called}: see `facesearch people`, or run `facesearch cluster`")


def clusters_called(connection: Connection, name: str) -> list[int]:
    """The clusters of the people who have a name, ascending."""
    numbers = [persons.cluster_of(connection, person) for person in _called(connection, name)]
    return sorted(number for number in numbers if number is not None)


def _called(connection: Connection, name: str) -> list[int]:
    wanted = folded(name)
    return [person.id for person in persons.named(connection) if person.name and folded(person.name) == wanted]


def named(person: Person | None) -> Person | None:
    """A person with a name, as programs get to see people; others are their cluster's number."""
    return person if person is not None and person.name else None


def check_face(connection: Connection, face: int) -> None:
    """Raises InputError where there is no such face."""
    if not faces.exists(connection, face):
        last = faces.highest_id(connection)
        raise InputError(
            f"there is no face {face}: faces have numbers up to {last}; `facesearch people --json` lists them"
        )
