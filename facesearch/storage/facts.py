"""The facts of a library in its table `library`, checked where they are read."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from facesearch.core.errors import FacesearchError
from facesearch.core.settings import DetectorSpec, ModelSpec
from facesearch.storage import schema as db
from facesearch.storage.values import MOST_NUMBERS, damaged

__all__ = ["is_made", "number", "read", "wrong_facts"]


def read(connection: Connection) -> dict[str, str]:
    """All facts, by their names; none where the library's making was cut off.

    Raises LibraryFormatError where one is damaged without which nothing can be done.
    """
    facts = {row.key: row.value for row in connection.execute(select(db.library.c.key, db.library.c.value))}
    if is_made(connection, facts):
        for key in wrong_facts(facts):
            if key in _NEEDED or key not in facts:
                raise damaged(f"the setting {key}", facts.get(key))
    return facts


def is_made(connection: Connection, facts: Mapping[str, Any]) -> bool:
    """Whether a library was made to its end: all facts that it must have came in one transaction, and photos later."""
    return bool(facts) or connection.execute(select(db.photos.c.id).limit(1)).first() is not None


def number(connection: Connection, key: str) -> int:
    """One of the facts that are whole numbers, 0 where it is not there. Raises LibraryFormatError."""
    value = connection.execute(select(db.library.c.value).where(db.library.c.key == key)).scalar()
    try:
        return int(value or 0)
    except ValueError:
        raise damaged(f"the setting {key}", value) from None


def wrong_facts(facts: Mapping[str, Any]) -> list[str]:
    """Which of the facts of a library that was made are missing, or cannot be meant."""
    wrong = []
    for key, check in _CHECKS.items():
        try:
            if key in facts:
                check(facts[key])
            elif key in _ALWAYS:
                wrong.append(key)
        except (ValueError, TypeError, FacesearchError):
            wrong.append(key)
    return wrong


def _model(value: str) -> None:
    if ModelSpec.from_json(value).dim > MOST_NUMBERS:
        raise ValueError(value)


def _words(value: str) -> None:
    if not value:
        raise ValueError(value)


_CHECKS: dict[str, Callable[[str], Any]] = {
    "uuid": _words,
    "generation": lambda value: int(value.partition("-")[0]),
    "model": _model,
    "detector": DetectorSpec.from_json,
    "last_cluster": int,
    "clustered_up_to": int,
    "clustered_at": float,
}
_ALWAYS = ("uuid", "generation", "model")
# The others are asked for where they are needed; a generation is only compared.
_NEEDED = ("uuid", "model", "detector")
