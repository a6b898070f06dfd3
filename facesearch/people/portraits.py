"""What is known of a person beside the name: when they were born, and which face stands for them in lists."""

from datetime import date

from facesearch.storage import Connection, persons
from facesearch.storage.undo_log import UndoLog

__all__ = ["hand_over", "of", "put", "take_out"]


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
