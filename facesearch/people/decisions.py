"""What the user decides about faces and clusters. Each function is one, with undo, in the caller's transaction.

A cluster becomes a person, with or without a name, with the first decision about it: its faces are then confirmed, and
no clustering takes them apart or puts two people together.
"""

from collections.abc import Collection, Sequence

from facesearch.core.errors import InputError
from facesearch.core.names import NAME_LENGTH, checked_name, visible
from facesearch.core.types import Cluster
from facesearch.core.wording import plural
from facesearch.people import portraits
from facesearch.people.clusters import check_face, cluster_by_number, clusters_called, find, may_be_new, name_in
from facesearch.storage import Connection, clusters, constraints
from facesearch.storage.undo_log import Decision, UndoLog

__all__ = [
    *("assign", "assigned", "choose", "ignore", "ignore_faces", "import_name", "is_a_face", "keep_apart"),
    *("merge", "name", "not_a_face", "owned", "reject", "split"),
]

# More people than that are counted in a summary, not listed.
MOST_TITLES = 5


def name(connection: Connection, references: Sequence[str], new_name: str) -> Decision | None:
    """Give a cluster a name, or a person another one; several of them are one person. Raises InputError for no name."""
    called = checked_name(new_name)
    several = _several(connection, references)
    log = UndoLog(connection)
    person = _merged(connection, log, several, _winner(several))
    log.put("people", {"id": person}, {"name": called})
    return log.close("name", f"{_titles(several)} {_is(several)} {called}")


def merge(connection: Connection, references: Sequence[str]) -> Decision | None:
    """Say that clusters are one person: the first one, or the first one with a name.

    A face that was rejected as the other one's, and was not confirmed as the one's, is in neither then. Raises
    InputError where fewer than two different clusters are named.
    """
    several = _several(connection, references)
    if len(several) < 2:
        raise InputError("name two clusters or people to merge that are not the same already")
    winner, log = _winner(several), UndoLog(connection)
    _merged(connection, log, several, winner)
    others = [cluster for cluster in several if cluster is not winner]
    return log.close("merge", f"{_titles(others)} merged into {winner.title}")


def split(connection: Connection, reference: str, parts: Sequence[Collection[int]]) -> Decision | None:
    """Say that some faces of a cluster are other people, each part a person of its own.

    Raises InputError where a face is not in the cluster, or in two parts, or none would stay.
    """
    cluster = find(connection, reference)
    parts = [sorted(set(part)) for part in parts if part]
    leaving = [face for part in parts for face in part]
    strangers = sorted(set(leaving) - set(cluster.face_ids))
    if twice := sorted(face for face in set(leaving) if leaving.count(face) > 1):
        raise InputError(f"face {twice[0]} cannot be two people: it was named in two parts")
    if strangers:
        raise InputError(f"face {strangers[0]} is not in {cluster.title}: its faces are listed by `facesearch explain`")
    if len(leaving) >= len(cluster.face_ids) or not leaving:
        raise InputError(f"of the {len(cluster.face_ids)} faces of {cluster.title} some must leave and some must stay")
    log = UndoLog(connection)
    person = _person_of(log, cluster, without=set(leaving))
    for part in parts:
        _settle(connection, log, part, log.new_person(None), person)
    return log.close("split", f"{plural(len(leaving), 'face')} taken out of {cluster.title}")


def reject(connection: Connection, faces: Collection[int], reference: str) -> Decision | None:
    """Say that faces are not a person's. Raises InputError where that would leave nothing of that cluster."""
    chosen = _chosen(connection, faces)
    cluster = find(connection, reference)
    if set(cluster.face_ids) <= set(chosen):
        which = (
            f"face {chosen[0]} is the only one" if len(chosen) == 1 else f"these are all {len(cluster.face_ids)} faces"
        )
        raise InputError(f"{which} of {cluster.title}: use `facesearch not-a-face`, or leave it")
    log = UndoLog(connection)
    _refuse(log, chosen, _person_of(log, cluster, without=set(chosen)), cluster)
    return log.close("reject", f"{_these(chosen)} not {cluster.title}")


def assign(connection: Connection, faces: Collection[int], to: str, *, new: bool = False) -> Decision | None:
    """Say whose some faces are: a cluster's, a person's, or, by a name that nobody has, a new person's.

    Who is left in a cluster that they leave is another person then; a person without another face is deleted. Raises
    InputError for a number that is no cluster's, a name that several people have, and a name that is none.

    Args:
        new: `to` is the name of a new person, whoever else has it.
    """
    log, chosen = UndoLog(connection), _chosen(connection, faces)
    return log.close("assign", f"{_these(chosen)} {assigned(connection, log, chosen, to, new=new)}")


def assigned(connection: Connection, log: UndoLog, chosen: Sequence[int], to: str, *, new: bool = False) -> str:
    """What `assign` changes, in a log that may hold more; whose they are, in words."""
    target = None if new else _target(connection, to)
    title = target.title if target else checked_name(name_in(to))
    numbers = set(clusters.of_faces(connection, chosen).values()) - {target.id if target else None}
    left = [cluster_by_number(connection, number) for number in sorted(numbers)]
    person = _person_of(log, target) if target else log.new_person(title)
    home = target.id if target else clusters.new_number(connection)
    for cluster in left:
        if not set(cluster.face_ids) <= set(chosen):
            low, high = sorted((person, _person_of(log, cluster, without=set(chosen))))
            log.put("cannot_link", {"person_id": low, "other_id": high}, {})
    for face in chosen:
        log.put("not_faces", {"face_id": face}, None)
        _confirm(log, face, person, home)
    for cluster in left:
        if cluster.person and set(cluster.face_ids) <= set(chosen):
            _dismiss(connection, log, cluster.person.id)
    return title


def choose(connection: Connection, reference: str, right: Collection[int], wrong: Collection[int]) -> Decision | None:
    """Say which faces of a photo are a person's, and which are not; several are rightly there, as in a mirror.

    Raises InputError as `reject`, and for a face that is named twice or is in another cluster.
    """
    cluster, chosen = find(connection, reference), _chosen(connection, [*right, *wrong])
    elsewhere = {face for face, number in clusters.of_faces(connection, right).items() if number != cluster.id}
    if mistaken := sorted(elsewhere | (set(right) & set(wrong))):
        raise InputError(f"face {mistaken[0]} is said not to be {cluster.title}: say whose it is on its photo")
    if not right and set(cluster.face_ids) <= set(wrong):
        raise InputError(f"these are all faces of {cluster.title}: use `facesearch not-a-face`, or give another name")
    log = UndoLog(connection)
    person = _person_of(log, cluster, without=set(wrong))
    for face in chosen:
        several = len(set(right)) > 1 and face in right
        log.put("repeated", {"face_id": face}, {} if several else None)
        if face in right:
            log.put("not_faces", {"face_id": face}, None)
            _confirm(log, face, person, cluster.id)
    _refuse(log, wrong, person, cluster)
    said = [f"{_these(sorted(set(some)))} {word}" for some, word in ((right, cluster.title), (wrong, "not")) if some]
    return log.close("choose", ", ".join(said) + ("" if right else f" {cluster.title}"))


def not_a_face(connection: Connection, faces: Collection[int], of: Sequence[str] = ()) -> Decision | None:
    """Say that something is no face, or none to be looked at. A person without any other face is deleted.

    Args:
        of: clusters and people all of whose faces are meant, too.
    """
    whole = [face for cluster in _several(connection, of) for face in cluster.face_ids] if of else []
    chosen = _chosen(connection, [*faces, *whole])
    log, people = UndoLog(connection), list[int]()
    for number in sorted(set(clusters.of_faces(connection, chosen).values())):
        cluster = cluster_by_number(connection, number)
        if cluster.person and cluster.confirmed_ids <= set(chosen) and not set(cluster.face_ids) <= set(chosen):
            _person_of(log, cluster, without=set(chosen))  # the person's name stays with the rest
        gone = cluster.person if set(cluster.face_ids) <= set(chosen) else None
        people += [gone.id] if gone else []
    for face in chosen:
        _release(log, face)
        log.put("not_faces", {"face_id": face}, {})
    for person in people:
        _dismiss(connection, log, person)
    return log.close("not-a-face", f"{_these(chosen)} {'not a face' if len(chosen) == 1 else 'not faces'}")


def is_a_face(connection: Connection, faces: Collection[int]) -> Decision | None:
    """Say that something is a face after all; the next clustering finds its cluster."""
    log, chosen = UndoLog(connection), _chosen(connection, faces)
    for face in chosen:
        log.put("not_faces", {"face_id": face}, None)
    return log.close("is-a-face", f"{_these(chosen)} {'a face' if len(chosen) == 1 else 'faces'} after all")


def ignore(connection: Connection, references: Sequence[str], ignored: bool = True) -> Decision | None:
    """Keep people out of lists and suggestions, or let them in again."""
    log, several = UndoLog(connection), _several(connection, references)
    for cluster in several:
        log.put("people", {"id": _person_of(log, cluster)}, {"ignored": ignored})
    return log.close("ignore", f"{_titles(several)} {_is(several)} {'ignored' if ignored else 'no longer ignored'}")


def ignore_faces(connection: Connection, faces: Collection[int]) -> Decision | None:
    """Ignore whose some faces are: those of a cluster leave it as one person, each other one is a person of its own.

    Where they are all faces of a cluster, that cluster is ignored.
    """
    chosen = _chosen(connection, faces)
    cluster_of, log = clusters.of_faces(connection, chosen), UndoLog(connection)
    for number in sorted(set(cluster_of.values())):
        cluster = cluster_by_number(connection, number)
        part = sorted(set(chosen) & set(cluster.face_ids))
        if len(part) == len(cluster.face_ids):
            log.put("people", {"id": _person_of(log, cluster)}, {"ignored": True})
        else:
            other = _person_of(log, cluster, without=set(part))
            _settle(connection, log, part, log.new_person(None, ignored=True), other)
    for face in chosen:
        if face not in cluster_of:
            log.put("not_faces", {"face_id": face}, None)
            _settle(connection, log, [face], log.new_person(None, ignored=True), None)
    return log.close("ignore", f"{_these(chosen)} ignored")


def keep_apart(connection: Connection, reference: str, other: str) -> Decision | None:
    """Say that two clusters are two people. Raises InputError where they are one cluster."""
    one, two = find(connection, reference), find(connection, other)
    if one.id == two.id:
        raise InputError(f"the same cluster is {reference} and {other}: `facesearch split` takes faces out of it")
    log = UndoLog(connection)
    low, high = sorted(_person_of(log, cluster) for cluster in (one, two))
    log.put("cannot_link", {"person_id": low, "other_id": high}, {})
    return log.close("apart", f"{one.title} and {two.title} are two people")


def _several(connection: Connection, references: Sequence[str]) -> list[Cluster]:
    """The clusters that are meant, each once. Raises InputError where there is none."""
    if not references:
        raise InputError("nobody was chosen: say which clusters or people are meant")
    return list({cluster.id: cluster for cluster in (find(connection, one) for one in references)}.values())


def _winner(several: Sequence[Cluster]) -> Cluster:
    """Whose name and number stay when clusters become one person: the first one with a name, else the first."""
    return next((cluster for cluster in several if cluster.person and cluster.person.name), several[0])


def _merged(connection: Connection, log: UndoLog, several: Sequence[Cluster], winner: Cluster) -> int:
    """Make clusters the person of one of them; that person's id."""
    person = _person_of(log, winner)
    for cluster in several:
        if cluster is not winner:
            _hand_over(connection, log, cluster, person, winner.id)
    return person


def _person_of(log: UndoLog, cluster: Cluster, without: Collection[int] = ()) -> int:
    """The person that a cluster is; one that is nobody's yet becomes a person, with all its faces but some."""
    if cluster.person is not None and not cluster.confirmed_ids <= set(without):
        person = cluster.person.id
        for face in cluster.confirmed_ids & set(without):
            log.put("confirmed", {"face_id": face}, None)
        return person
    person = cluster.person.id if cluster.person else log.new_person(None)
    for face in cluster.face_ids:
        if face not in without:
            _confirm(log, face, person, cluster.id)
    return person


def owned(log: UndoLog, cluster: Cluster, face: int | None = None) -> int:
    """The person that a cluster is from now on. Args: face: one of it, which is confirmed as theirs."""
    person = _person_of(log, cluster)
    if face is not None:
        _confirm(log, face, person, cluster.id)
    return person


def _settle(connection: Connection, log: UndoLog, faces: Collection[int], newcomer: int, other: int | None) -> None:
    """Give a new person their faces. Args: other: the person whom they were taken for."""
    if other is not None:
        log.put("cannot_link", {"person_id": other, "other_id": newcomer}, {})
    number = clusters.new_number(connection)
    for face in faces:
        _confirm(log, face, newcomer, number)


def _confirm(log: UndoLog, face: int, person: int, number: int) -> None:
    log.put("confirmed", {"face_id": face}, {"person_id": person})
    log.put("clustered", {"face_id": face}, {"cluster_id": number})
    log.put("rejected", {"face_id": face, "person_id": person}, None)


def _refuse(log: UndoLog, faces: Collection[int], person: int, cluster: Cluster) -> None:
    """Faces are not the person's of a cluster, and leave it."""
    for face in sorted(set(faces)):
        if face in cluster.face_ids:
            _release(log, face)
        log.put("rejected", {"face_id": face, "person_id": person}, {})


def _release(log: UndoLog, face: int) -> None:
    log.put("confirmed", {"face_id": face}, None)
    log.put("clustered", {"face_id": face}, None)


def _hand_over(connection: Connection, log: UndoLog, cluster: Cluster, person: int, number: int) -> None:
    """All faces of a cluster become another person's, and so do the constraints of the one."""
    if cluster.person is not None:
        portraits.hand_over(connection, log, cluster.person.id, person)
    doubted = (constraints.rejected_faces(connection, person) & set(cluster.face_ids)) - cluster.confirmed_ids
    if len(doubted) == len(cluster.face_ids):  # it is just these of which the user has changed his mind
        doubted = set()
    for face in cluster.face_ids:
        if face in doubted:
            log.put("clustered", {"face_id": face}, None)
        else:
            _confirm(log, face, person, number)
    if cluster.person is None:
        return
    old = cluster.person.id
    for face in sorted(constraints.rejected_faces(connection, old)):
        log.put("rejected", {"face_id": face, "person_id": old}, None)
        if constraints.confirmed_person(connection, face) != person:
            log.put("rejected", {"face_id": face, "person_id": person}, {})
            if clusters.of_faces(connection, [face]).get(face) == number:
                log.put("clustered", {"face_id": face}, None)
    for low, high in constraints.told_apart_from(connection, old):
        log.put("cannot_link", {"person_id": low, "other_id": high}, None)
        other = high if low == old else low
        if other != person:
            first, second = sorted((other, person))
            log.put("cannot_link", {"person_id": first, "other_id": second}, {})
    log.put("people", {"id": old}, None)


def _dismiss(connection: Connection, log: UndoLog, person: int) -> None:
    """A person who has no face any more goes, with all constraints."""
    for face in sorted(constraints.rejected_faces(connection, person)):
        log.put("rejected", {"face_id": face, "person_id": person}, None)
    for low, high in constraints.told_apart_from(connection, person):
        log.put("cannot_link", {"person_id": low, "other_id": high}, None)
    portraits.take_out(log, person)
    log.put("people", {"id": person}, None)


def import_name(connection: Connection, called: str, faces: Sequence[int]) -> Decision | None:
    """Give faces a name, as another program has it.

    Faces about which the user has decided already are left as they are. A person of that name, if there is just one,
    gets them; else the cluster that holds most of them becomes that person, if it is nobody's yet; else a new one.
    """
    called = " ".join(visible(" ".join(called.split())).split())[:NAME_LENGTH].strip()
    if not called or not faces:
        return None
    known = clusters_called(connection, called)
    cluster = cluster_by_number(connection, known[0]) if len(known) == 1 else None
    free = _undecided(connection, _chosen(connection, faces), cluster)
    if not free:
        return None
    log = UndoLog(connection)
    cluster = cluster or _mostly(connection, free)
    if cluster is not None:
        person, number = cluster.person.id if cluster.person else log.new_person(called), cluster.id
    else:
        person, number = log.new_person(called), clusters.new_number(connection)
    for face in free:
        _confirm(log, face, person, number)
    verb = "is" if len(free) == 1 else "are"
    return log.close("import", f"{plural(len(free), 'face')} {verb} {called}, as their photos say")


def _undecided(connection: Connection, faces: Sequence[int], cluster: Cluster | None) -> list[int]:
    """Those of some faces about which nothing is decided that would be against it: not confirmed, no face, rejected."""
    hidden = constraints.not_faces(connection)
    if cluster is not None and cluster.person is not None:
        hidden |= constraints.rejected_faces(connection, cluster.person.id)
    return [face for face in faces if face not in hidden and constraints.confirmed_person(connection, face) is None]


def _mostly(connection: Connection, faces: Sequence[int]) -> Cluster | None:
    """The cluster that holds more than half of some faces and is nobody's yet."""
    numbers = list(clusters.of_faces(connection, faces).values())
    number = max(set(numbers), key=lambda g: (numbers.count(g), -g), default=None)
    if number is None or 2 * numbers.count(number) <= len(faces):
        return None
    cluster = cluster_by_number(connection, number)
    return cluster if cluster.person is None else None


def _chosen(connection: Connection, faces: Collection[int]) -> list[int]:
    """Some faces, each once. Raises InputError where there is none, or one is not in the library."""
    if not faces:
        raise InputError("no face was chosen: say which faces are meant")
    for face in faces:
        check_face(connection, face)
    return sorted(set(faces))


def _target(connection: Connection, reference: str) -> Cluster | None:
    """Whom a user means; None for a name that nobody has. Raises InputError as `find`."""
    return None if may_be_new(connection, reference) else find(connection, reference)


def _titles(several: Sequence[Cluster]) -> str:
    """Who is meant; many are only counted."""
    return ", ".join(one.title for one in several) if len(several) <= MOST_TITLES else f"{len(several)} people"


def _is(several: Sequence[Cluster]) -> str:
    return "is" if len(several) == 1 else "are"


def _these(faces: Sequence[int]) -> str:
    return f"face {faces[0]} is" if len(faces) == 1 else f"{len(faces)} faces are"
