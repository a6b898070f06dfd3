"""Pages of longer lists. A cursor is the sort key of the item behind which a page begins, or before which it ends.

It is text that a link can hold. Nothing is shown twice or left out because something else has changed meanwhile.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, or_

from facesearch.core.errors import InputError
from facesearch.core.types import Page

__all__ = ["Key", "Place", "behind", "page_of", "page_of_ids", "place_of"]

Key = tuple[float, ...]
Row = TypeVar("Row")
Item = TypeVar("Item")

LONGEST = 200
# What tells a cursor before which a page ends from one behind which it begins; in no base64.
BEFORE = "."


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind a key, or at the list's start where it is None; or before which key it ends."""

    key: Key | None = None
    before: bool = False

    def has(self, key: Key) -> bool:
        """Whether an item of a list in ascending order may be on the page."""
        return self.key is None or (key < self.key if self.before else key > self.key)


def page_of_ids(
    connection: Connection,
    query: Select[Any],
    descending: Sequence[bool],
    cursor: str | None,
    limit: int,
    items: Callable[[list[int]], Sequence[Item]],
) -> Page[Item]:
    """A page of what a query finds.

    Args:
        query: of the columns by which the list is ordered, the last of them an id. descending: for each of them.
        items: what is shown of some ids, in their order.

    Raises InputError for a wrong cursor.
    """
    columns = list(query.selected_columns)
    place = place_of(cursor, len(columns))
    turned = [down != place.before for down in descending]
    if place.key is not None:
        query = query.where(_behind(list(zip(columns, turned, place.key, strict=True))))
    ways = [column.desc() if down else column.asc() for column, down in zip(columns, turned, strict=True)]
    rows = [tuple(row) for row in connection.execute(query.order_by(*ways).limit(limit + 1))]
    return page_of(rows, limit, place, lambda row: row, lambda some: items([int(row[-1]) for row in some]))


def page_of(
    rows: Sequence[Row],
    limit: int,
    place: Place,
    key: Callable[[Row], Key],
    items: Callable[[Sequence[Row]], Sequence[Item]],
) -> Page[Item]:
    """A page of the first `limit` rows, which are in the order in which one goes away from the place.

    Args:
        rows: one more where there are more. key: the sort key of a row.
    """
    shown, more = rows[:limit], len(rows) > limit
    if not shown:
        return Page((), None)
    first, last = (shown[-1], shown[0]) if place.before else (shown[0], shown[-1])
    return Page(
        tuple(items(shown[::-1] if place.before else shown)),
        next=_text(key(last)) if more or place.before else None,
        previous=BEFORE + _text(key(first)) if (more if place.before else place.key is not None) else None,
    )


def place_of(cursor: str | None, length: int) -> Place:
    """The place of a page in a list whose sort keys are of so many numbers. Raises InputError for a wrong cursor."""
    if cursor is None:
        return Place()
    text = cursor.removeprefix(BEFORE)
    try:
        if len(text) > LONGEST:
            raise ValueError
        numbers = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(numbers, list) or len(numbers) != length or not all(map(_is_number, numbers)):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise InputError("this is no place in a list that can be continued: begin at its start") from None
    return Place(tuple(numbers), before=text != cursor)


def _behind(order: Sequence[tuple[ColumnElement[Any], bool, float]]) -> ColumnElement[bool]:
    """Rows behind a key. Args: order: for each column whether it is descending, and the key's value."""
    (column, down, value), *rest = order
    further = column < value if down else column > value
    if not rest:
        return further
    # the first part says nothing new, and lets SQLite go straight there in an index
    return and_(column <= value if down else column >= value, or_(further, _behind(rest)))


def behind(key: Key) -> str:
    """The cursor of the page that begins behind a sort key, which need be no item's."""
    return _text(key)


def _text(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -(2.0**62) < value < 2.0**62  # type: ignore[operator]
