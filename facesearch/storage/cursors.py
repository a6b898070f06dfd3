"""Where a page ended: the sort key of its last item, as text that a link can hold.

The next page is what comes behind that key, so nothing is shown twice or left out because something else has changed.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from facesearch.core.errors import InputError
from facesearch.core.types import Page

__all__ = ["Key", "behind", "key_of", "page_of"]

Key = tuple[float, ...]
Row = TypeVar("Row")
Item = TypeVar("Item")

LONGEST = 200


def page_of(
    rows: Sequence[Row], limit: int, key: Callable[[Row], Key], items: Callable[[Sequence[Row]], Sequence[Item]]
) -> Page[Item]:
    """A page of the first `limit` rows; rows: one more where there are more. Args: key: the sort key of a row."""
    shown = rows[:limit]
    return Page(tuple(items(shown)), _text(key(shown[-1])) if len(rows) > limit else None)


def key_of(cursor: str | None, length: int) -> Key | None:
    """The sort key, of so many numbers, behind which a page begins; None for the first page.

    Raises InputError for text that is no cursor.
    """
    if cursor is None:
        return None
    try:
        if len(cursor) > LONGEST:
            raise ValueError
        numbers = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(numbers, list) or len(numbers) != length or not all(map(_is_number, numbers)):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise InputError("this is no place in a list that can be continued: begin at its start") from None
    return tuple(numbers)


def behind(key: Key) -> str:
    """The cursor of the page that begins behind a sort key, which need be no item's."""
    return _text(key)


def _text(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -(2.0**62) < value < 2.0**62  # type: ignore[operator]
