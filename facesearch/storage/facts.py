"""The facts of a library in its table `library`, checked where they are read."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from facesearch.core.errors import FacesearchError
from facesearch.core.settings import DetectorSpec, ModelSpec
from facesearch.storage import schema as db
from facesearch.storage.values import MOST_NUMBERS, damaged, is_tolerated

__all__ = ["read", "wrong_facts"]


def read(connection: Connection) -> dict[str, str]:
    """All facts, by their names; none where the library's making was cut off. Raises LibraryFormatError."""
    facts = {row.key: row.value for row in connection.execute(select(db.library.c.key, db.library.c.value))}
    if "model" in facts:
        for key in wrong_facts(facts):
            if key in _NEEDED or not is_tolerated():
                raise damaged(f"the setting {key}", facts.get(key))
            del facts[key]
    return facts


def wrong_facts(facts: Mapping[str, Any]) -> list[str]:
    """Which of the facts of a library that was made are missing, or cannot be meant."""
    wrong = []
    for key, check in _CHECKS.items():
        try:
            if key in facts:
                check(facts[key])
            elif key in _NEEDED:
                wrong.append(key)
        except (ValueError, TypeError, FacesearchError):
            wrong.append(key)
    return wrong


def _model(value: str) -> None:
    dim = ModelSpec.from_json(value).dim
    if not isinstance(dim, int) or not 0 < dim <= MOST_NUMBERS:
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
_NEEDED = ("uuid", "generation", "model")
