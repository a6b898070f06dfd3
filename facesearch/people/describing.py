"""What the user says of a person beside the name: when they were born, and which face stands for them in lists."""

from datetime import date

from facesearch.core.errors import InputError
from facesearch.core.wording import day
from facesearch.people import decisions, portraits
from facesearch.people.clusters import check_face, find
from facesearch.storage import Connection
from facesearch.storage.undo_log import Decision, UndoLog

__all__ = ["describe"]

# What people leave out of a birth date is said by a date that has all of it.
FORM = "a birth date is written as 1980-05-17"


def describe(connection: Connection, reference: str, born: str | None, cover: int | None) -> Decision | None:
    """Say when a person was born, and which of their faces stands for them in lists.

    Args:
        born: as 1980-05-17, "" for not known; None leaves it.
        cover: a face of theirs, which is confirmed then; 0 for none that was chosen; None leaves it.

    Raises InputError for what is no birth date, and for a face that is somebody else's.
    """
    if born is None and cover is None:
        return None
    cluster = find(connection, reference)
    birth = _birth_date(born, date.today()) if born else None
    if cover and cover not in cluster.face_ids:
        check_face(connection, cover)
        raise InputError(f"face {cover} is not in {cluster.title}: only a face of theirs can be the cover")
    log = UndoLog(connection)
    person = decisions.owned(log, cluster, cover or None)
    before = portraits.of(connection, person)
    birth, face = birth if born is not None else before[0], cover if cover is not None else before[1]
    portraits.put(log, person, birth, face)
    told = [] if born is None else [f"was born on {day(birth)}" if birth else "has no birth date"]
    told += [] if cover is None else [f"has face {cover} as the cover" if cover else "has no chosen cover"]
    return log.close("describe", f"{cluster.title} {' and '.join(told)}")


def _birth_date(text: str, today: date) -> date:
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
