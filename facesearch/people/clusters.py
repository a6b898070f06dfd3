"""How the user refers to clusters and people.

`cluster:12` is a cluster and nothing else; `cluster:12/345` is that cluster or, where clustering has dissolved it
since, the one that face 345 is in now. `name:12` is a person's name and nothing else. What has neither before it is a
name or, if it is a number and nobody's name, a cluster's. What may be both is refused.
"""

import re
from typing import NamedTuple

from facesearch.core.errors import InputError
from facesearch.core.names import folded
from facesearch.core.types import Cluster, Person
from facesearch.storage import Connection, clusters, faces, persons

__all__ = [
    *("check_face", "cluster_by_number", "clusters_called", "find", "find_number", "is_known", "may_be_new", "name_in"),
    *("named", "without_cluster"),
]

# Numbers of more digits are no cluster's, and SQLite does not know them.
DIGITS = 18
_CLUSTER = re.compile(r"cluster:\s*([0-9]+)(?:/([0-9]+))?", re.ASCII)
_NAME = "name:"


class _Meant(NamedTuple):
    """What a reference can mean. number: a cluster's, or None; face: of that cluster; name: a person's, or None."""

    number: int | None
    face: int | None
    name: str | None


def _meant(reference: str) -> _Meant:
    reference = reference.strip()
    if found := _CLUSTER.fullmatch(reference):
        return _Meant(_as_number(found[1]), _as_number(found[2]) if found[2] else None, None)
    if reference.startswith(_NAME):
        return _Meant(None, None, name_in(reference))
    is_number = reference.isascii() and reference.isdigit()
    return _Meant(_as_number(reference) if is_number else None, None, reference)


def name_in(reference: str) -> str:
    """The name that a reference is, where it is one."""
    return reference.strip().removeprefix(_NAME).strip()


def may_be_new(connection: Connection, reference: str) -> bool:
    """Whether it is a name that nobody has. Numbers and clusters are none, but for `name:12`."""
    meant = _meant(reference)
    return meant.number is None and not clusters_called(connection, meant.name or "")


def find(connection: Connection, reference: str) -> Cluster:
    """The cluster that a user means by its number or by a person's name, with the ids of its faces.

    Raises InputError where there is none, or several people have that name, or it may be a cluster and a name.
    """
    return cluster_by_number(connection, find_number(connection, reference))


def find_number(connection: Connection, reference: str) -> int:
    """The number of the cluster that a user means. Raises InputError as `find`."""
    number, face, name = _meant(reference)
    known = clusters_called(connection, name) if name is not None else []
    if number is not None and clusters.exists(connection, number):
        if known and known != [number]:
            also = ", ".join(f"cluster:{one}" for one in known)
            raise InputError(
                f"{name!r} is the number of a cluster and the name of {also}: say cluster:{number} or name:{name}"
            )
        return number
    if face is not None and (now := clusters.of_faces(connection, [face]).get(face)) is not None:
        return now
    if number is not None and not known:
        raise _no_cluster(number if number >= 0 else reference.strip())
    if not known:
        raise InputError(f"there is nobody called {name!r}, and no such cluster: see `facesearch people`")
    if len(known) > 1:
        listed = ", ".join(f"cluster:{one}" for one in known)
        raise InputError(f"{len(known)} people are called {name!r}: say which, one of {listed}")
    return known[0]


def is_known(connection: Connection, reference: str) -> bool:
    """Whether there is a cluster of that number, or somebody of that name who is in one."""
    number, _, name = _meant(reference)
    return (number is not None and clusters.exists(connection, number)) or (
        name is not None and bool(clusters_called(connection, name))
    )


def without_cluster(connection: Connection, reference: str) -> set[int]:
    """The people of a name who are in no cluster: a library that was damaged may hold some."""
    name = _meant(reference).name or ""
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
