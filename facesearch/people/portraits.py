"""What is known of a person beside the name: when they were born, and which face stands for them in lists."""

from datetime import date

from facesearch.core.errors import InputError
from facesearch.storage import Connection, persons
from facesearch.storage.undo_log import UndoLog

__all__ = ["as_birth_date", "hand_over", "of", "put", "take_out"]

# What people leave out of a birth date is said by a date that has all of it.
FORM = "a birth date is written as 1980-05-17"


def as_birth_date(text: str, today: date) -> date:
    """Raises InputError for what is no date, or one that is still to come."""
    try:
        born = date.fromisoformat(text) if len(text) == len("1980-05-17") else None
    except ValueError:
        born = None
    if born is None:
        raise InputError(f"{text[:20]!r} is no date: {FORM}")
    if born > today:
        raise InputError(f"{born} is still to come: {FORM}")
    return born


def put(log: UndoLog, person: int, born: date | None, cover: int | None) -> None:
    """What is known from now on; None for nothing."""
    log.put("births", {"person_id": person}, {"born": born.isoformat()} if born else None)
    log.put("covers", {"person_id": person}, {"face_id": cover} if cover else None)


def of(connection: Connection, person: int) -> tuple[date | None, int | None]:
    """When a person was born, and the face that was chosen for them."""
    return persons.births(connection, [person]).get(person), persons.covers(connection, [person]).get(person)


def hand_over(connection: Connection, log: UndoLog, old: int, person: int) -> None:
    """A person becomes another one, who keeps what is known of them, and takes over what is not."""
    born, cover = of(connection, person)
    other_born, other_cover = of(connection, old)
    take_out(log, old)
    put(log, person, born or other_born, cover or other_cover)


def take_out(log: UndoLog, person: int) -> None:
    put(log, person, None, None)
