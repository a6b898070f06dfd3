"""What the user says of faces and groups. Every function is one decision, with undo, inside the caller's transaction.

A group becomes a person, with or without a name, as soon as something is said of it: its faces are then confirmed, and
no clustering takes them apart or puts two people together.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from facesearch.core.errors import InputError
from facesearch.people.clusters import (
    Party,
    face_exists,
    find,
    groups_called,
    new_group,
    party_of_group,
    people_of_faces,
)
from facesearch.storage import schema as db
from facesearch.storage.undo_log import Decision, UndoLog

__all__ = [
    *("assign", "ignore", "import_name", "is_a_face", "keep_apart", "merge", "name", "not_a_face", "reject", "split"),
]

NAME_LENGTH = 200


def name(connection: Connection, reference: str, new_name: str) -> Decision | None:
    """Give a group a name, or somebody another one. Raises InputError for a name that is empty, too long or no text."""
    called = _checked_name(new_name)
    party = find(connection, reference)
    log = UndoLog(connection)
    person = _person_of(log, party)
    log.put("people", {"id": person}, {"name": called})
    return log.close("name", f"{party.title} is {called}")


def merge(connection: Connection, references: Sequence[str]) -> Decision | None:
    """Say that groups are one person: the first one, or the first one with a name.

    A face of which the user has said that it is not the other one, and that was only thought to be the one, is in
    neither then. Raises InputError where fewer than two different groups are named.
    """
    parties = list({party.group: party for party in (find(connection, r) for r in references)}.values())
    if len(parties) < 2:
        raise InputError("name two groups or people to merge that are not the same already")
    winner = next((party for party in parties if party.person and party.person.name), parties[0])
    log = UndoLog(connection)
    person = _person_of(log, winner)
    for party in parties:
        if party is not winner:
            _hand_over(connection, log, party, person, winner.group)
    return log.close("merge", f"{', '.join(p.title for p in parties if p is not winner)} merged into {winner.title}")


def split(connection: Connection, reference: str, parts: Sequence[Collection[int]]) -> Decision | None:
    """Say that some faces of a group are somebody else, each part somebody of its own.

    Raises InputError where a face is not in the group, or in two parts, or none would stay.
    """
    party = find(connection, reference)
    parts = [sorted(set(part)) for part in parts if part]
    leaving = [face for part in parts for face in part]
    strangers = sorted(set(leaving) - set(party.faces))
    if twice := sorted(face for face in set(leaving) if leaving.count(face) > 1):
        raise InputError(f"face {twice[0]} cannot be two people: it was named in two parts")
    if strangers:
        raise InputError(f"face {strangers[0]} is not in {party.title}: its faces are listed by `facesearch explain`")
    if len(leaving) >= len(party.faces) or not leaving:
        raise InputError(f"of the {len(party.faces)} faces of {party.title} some must leave and some must stay")
    log = UndoLog(connection)
    person = _person_of(log, party, without=set(leaving))
    for part in parts:
        newcomer, group = log.new_person(None), new_group(connection)
        log.put("cannot_link", {"person_id": person, "other_id": newcomer}, {})
        for face in part:
            _confirm(log, face, newcomer, group)
    return log.close("split", f"{_faces(len(leaving))} taken out of {party.title}")


def reject(connection: Connection, faces: Collection[int], reference: str) -> Decision | None:
    """Say that faces are not somebody's. Raises InputError where that would leave nothing of that group."""
    chosen = _chosen(connection, faces)
    party = find(connection, reference)
    if set(party.faces) <= set(chosen):
        which = f"face {chosen[0]} is the only one" if len(chosen) == 1 else f"these are all {len(party.faces)} faces"
        raise InputError(f"{which} of {party.title}: use `facesearch not-a-face`, or leave it")
    log = UndoLog(connection)
    person = _person_of(log, party, without=set(chosen))
    for face in chosen:
        if face in party.faces:
            _release(log, face)
        log.put("rejected", {"face_id": face, "person_id": person}, {})
    return log.close("reject", f"{_these(chosen)} not {party.title}")


def assign(connection: Connection, faces: Collection[int], to: str) -> Decision | None:
    """Say whose faces are, wherever they are now: a group's, somebody's, or, by a name that nobody has, a new person's.

    Who is left in a group that they leave is somebody else then; who has no other face is nobody any more. Raises
    InputError for a number that is no group's, a name that several people have, and a name that is none.
    """
    chosen = _chosen(connection, faces)
    target = _somebody(connection, to)
    title = target.title if target else _checked_name(to)
    groups = set(people_of_faces(connection, chosen)[0].values())
    left = [party_of_group(connection, group) for group in sorted(groups) if target is None or group != target.group]
    log = UndoLog(connection)
    person = _person_of(log, target) if target else log.new_person(title)
    home = target.group if target else new_group(connection)
    for party in left:
        if not set(party.faces) <= set(chosen):
            low, high = sorted((person, _person_of(log, party, without=set(chosen))))
            log.put("cannot_link", {"person_id": low, "other_id": high}, {})
    for face in chosen:
        log.put("not_faces", {"face_id": face}, None)
        _confirm(log, face, person, home)
    for party in left:
        if party.person and set(party.faces) <= set(chosen):
            _dismiss(connection, log, party.person.id)
    return log.close("assign", f"{_these(chosen)} {title}")


def not_a_face(connection: Connection, faces: Collection[int]) -> Decision | None:
    """Say that something is no face, or none to be looked at."""
    chosen = _chosen(connection, faces)
    log = UndoLog(connection)
    for group in sorted(set(people_of_faces(connection, chosen)[0].values())):
        party = party_of_group(connection, group)
        if party.person and party.confirmed <= set(chosen) and not set(party.faces) <= set(chosen):
            _person_of(log, party, without=set(chosen))  # somebody's name stays with the rest
    for face in chosen:
        _release(log, face)
        log.put("not_faces", {"face_id": face}, {})
    return log.close("not-a-face", f"{_these(chosen)} {'not a face' if len(chosen) == 1 else 'not faces'}")


def is_a_face(connection: Connection, faces: Collection[int]) -> Decision | None:
    """Say that something is a face after all; the next clustering finds its group."""
    chosen = _chosen(connection, faces)
    log = UndoLog(connection)
    for face in chosen:
        log.put("not_faces", {"face_id": face}, None)
    return log.close("is-a-face", f"{_these(chosen)} {'a face' if len(chosen) == 1 else 'faces'} after all")


def ignore(connection: Connection, reference: str, ignored: bool = True) -> Decision | None:
    """Keep somebody out of lists and suggestions, or let them in again."""
    party = find(connection, reference)
    log = UndoLog(connection)
    person = _person_of(log, party)
    log.put("people", {"id": person}, {"ignored": ignored})
    return log.close("ignore", f"{party.title} is {'ignored' if ignored else 'no longer ignored'}")


def keep_apart(connection: Connection, reference: str, other: str) -> Decision | None:
    """Say that two groups are two people. Raises InputError where they are one group."""
    parties = [find(connection, reference), find(connection, other)]
    if parties[0].group == parties[1].group:
        raise InputError(f"{reference} and {other} are the same group: `facesearch split` takes faces out of it")
    log = UndoLog(connection)
    low, high = sorted(_person_of(log, party) for party in parties)
    log.put("cannot_link", {"person_id": low, "other_id": high}, {})
    return log.close("apart", f"{parties[0].title} and {parties[1].title} are two people")


def _person_of(log: UndoLog, party: Party, without: Collection[int] = ()) -> int:
    """The person that a group is; a group that is nobody yet becomes somebody, with all its faces but some."""
    if party.person is not None and not party.confirmed <= set(without):
        person = party.person.id
        for face in party.confirmed & set(without):
            log.put("confirmed", {"face_id": face}, None)
        return person
    person = party.person.id if party.person else log.new_person(None)
    for face in party.faces:
        if face not in without:
            _confirm(log, face, person, party.group)
    return person


def _confirm(log: UndoLog, face: int, person: int, group: int) -> None:
    log.put("confirmed", {"face_id": face}, {"person_id": person})
    log.put("clustered", {"face_id": face}, {"cluster_id": group})
    log.put("rejected", {"face_id": face, "person_id": person}, None)


def _release(log: UndoLog, face: int) -> None:
    log.put("confirmed", {"face_id": face}, None)
    log.put("clustered", {"face_id": face}, None)


def _hand_over(connection: Connection, log: UndoLog, party: Party, person: int, group: int) -> None:
    """All faces of a party become another person's, and what was said of the one is then said of the other."""
    doubted = (_rejected_from(connection, person) & set(party.faces)) - party.confirmed
    if len(doubted) == len(party.faces):  # it is just these of which the user has changed his mind
        doubted = set()
    for face in party.faces:
        if face in doubted:
            log.put("clustered", {"face_id": face}, None)
        else:
            _confirm(log, face, person, group)
    if party.person is None:
        return
    old = party.person.id
    for face in sorted(_rejected_from(connection, old)):
        log.put("rejected", {"face_id": face, "person_id": old}, None)
        if _confirmed_as(connection, face) != person:
            log.put("rejected", {"face_id": face, "person_id": person}, {})
            if people_of_faces(connection, [face])[0].get(face) == group:
                log.put("clustered", {"face_id": face}, None)
    for low, high in connection.execute(_pairs_of(old)).all():
        log.put("cannot_link", {"person_id": low, "other_id": high}, None)
        other = high if low == old else low
        if other != person:
            first, second = sorted((other, person))
            log.put("cannot_link", {"person_id": first, "other_id": second}, {})
    log.put("people", {"id": old}, None)


def _dismiss(connection: Connection, log: UndoLog, person: int) -> None:
    """Somebody who has no face any more goes, with all that was said of them."""
    for face in sorted(_rejected_from(connection, person)):
        log.put("rejected", {"face_id": face, "person_id": person}, None)
    for low, high in connection.execute(_pairs_of(person)).all():
        log.put("cannot_link", {"person_id": low, "other_id": high}, None)
    log.put("people", {"id": person}, None)


def _pairs_of(person: int) -> Select[Any]:
    return select(db.cannot_link).where(or_(db.cannot_link.c.person_id == person, db.cannot_link.c.other_id == person))


def _rejected_from(connection: Connection, person: int) -> set[int]:
    query = select(db.rejected.c.face_id).where(db.rejected.c.person_id == person)
    return set(connection.execute(query).scalars())


def _confirmed_as(connection: Connection, face: int) -> int | None:
    return connection.execute(select(db.confirmed.c.person_id).where(db.confirmed.c.face_id == face)).scalar()


def import_name(connection: Connection, called: str, faces: Sequence[int]) -> Decision | None:
    """Say that faces are somebody, as another program has it.

    Faces of which the user has spoken already are left as they are. Somebody of that name, if there is just one, gets
    them; else the group that holds most of them becomes that person, if nothing was said of it yet; else a new one.
    """
    called = " ".join(called.split())[:NAME_LENGTH].strip()
    if not called:
        return None
    known = groups_called(connection, called)
    party = party_of_group(connection, known[0]) if len(known) == 1 else None
    free = _unspoken(connection, faces, party)
    if not free:
        return None
    log = UndoLog(connection)
    party = party or _mostly(connection, free)
    if party is not None:
        person, group = party.person.id if party.person else log.new_person(called), party.group
    else:
        person, group = log.new_person(called), new_group(connection)
    for face in free:
        _confirm(log, face, person, group)
    verb = "is" if len(free) == 1 else "are"
    return log.close("import", f"{_faces(len(free))} {verb} {called}, as their photos say")


def _unspoken(connection: Connection, faces: Sequence[int], party: Party | None) -> list[int]:
    """Those of some faces that are nobody's by the user's word, nor no face, nor said not to be this party."""
    hidden = set(connection.execute(select(db.not_faces.c.face_id)).scalars())
    if party is not None and party.person is not None:
        hidden |= _rejected_from(connection, party.person.id)
    return [face for face in faces if face not in hidden and _confirmed_as(connection, face) is None]


def _mostly(connection: Connection, faces: Sequence[int]) -> Party | None:
    """The group that holds more than half of some faces and is nobody yet."""
    groups = list(people_of_faces(connection, faces)[0].values())
    group = max(set(groups), key=lambda g: (groups.count(g), -g), default=None)
    if group is None or 2 * groups.count(group) <= len(faces):
        return None
    party = party_of_group(connection, group)
    return party if party.person is None else None


def _checked_name(name: str) -> str:
    """A name as it is kept, on one line. Raises InputError for one that is none."""
    called = " ".join(name.split())
    if not called or len(called) > NAME_LENGTH:
        raise InputError(f"a name has 1 to {NAME_LENGTH} characters, not {len(called)}")
    try:
        called.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the name {called!r} is not valid Unicode text: type it again") from error
    return called


def _chosen(connection: Connection, faces: Collection[int]) -> list[int]:
    """Some faces, each once. Raises InputError where there is none, or one is not in the library."""
    if not faces:
        raise InputError("no face was chosen: say which faces are meant")
    for face in faces:
        face_exists(connection, face)
    return sorted(set(faces))


def _somebody(connection: Connection, reference: str) -> Party | None:
    """Whom a user means; None for a name that nobody has. Raises InputError for a number that is no group's."""
    number = reference.strip().isascii() and reference.strip().isdigit()
    return find(connection, reference) if number or groups_called(connection, reference) else None


def _these(faces: Sequence[int]) -> str:
    return f"face {faces[0]} is" if len(faces) == 1 else f"{len(faces)} faces are"


def _faces(count: int) -> str:
    return f"{count} face{'' if count == 1 else 's'}"
