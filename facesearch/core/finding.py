"""Which photos are looked for, and what was found: plain frozen dataclasses, checked when they are made."""

import re
from calendar import monthrange
from dataclasses import dataclass, fields, replace
from datetime import date

from facesearch.core.arguments import as_strings
from facesearch.core.errors import InputError
from facesearch.core.types import Cluster, Page, Photo

__all__ = ["Condition", "Finding", "PhotoFilter", "Year", "as_count", "as_days"]

# Characters of a text, and how often anything can be asked for at once.
LONGEST, MOST = 1000, 50
COUNT = re.compile(r"(\d{1,4})(?:(\+)|\s*-\s*(\d{1,4}))?")
DAYS = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


@dataclass(frozen=True)
class PhotoFilter:
    """Which photos are wanted: those of which all of this holds. Texts are as users type them, "" for anything.

    text: words, see `facesearch.people.browsing.words`: parts of names, `-ben` for somebody who is not on it, years.
    people: clusters' numbers or people's names, who are all on it; without: who are not on it.
    only: nobody else is on it. count: how many faces are, as "2", "2-4" or "3+"; what is no face does not count.
    since, until, during: when it was taken, as 2019, 2019-07 or 2019-07-04, each with its last day.
    folder: the whole path of a folder that it is in or below, or any part of one's path.

    Raises InputError for what cannot be meant.
    """

    text: str = ""
    people: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    only: bool = False
    count: str = ""
    since: str = ""
    until: str = ""
    during: str = ""
    folder: str = ""

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name in ("people", "without"):
                value = tuple(as_strings(value))
                object.__setattr__(self, one.name, value)
                if len(value) > MOST:
                    raise InputError(f"{one.name}: at most {MOST} are wanted, not {len(value)}")
            elif not isinstance(value, type(one.default)):
                raise InputError(f"{one.name}: {_KINDS[type(one.default)]} is wanted, not {type(value).__name__}")
            for text in value if isinstance(value, tuple) else [value]:
                if isinstance(text, str) and (len(text) > LONGEST or "\0" in text):
                    raise InputError(f"{one.name}: a text of at most {LONGEST} characters is wanted")
        if self.count:
            as_count(self.count)
        for days in (self.since, self.until, self.during):
            if days:
                as_days(days)

    def but(self, field: str, value: str | bool | tuple[str, ...]) -> "PhotoFilter":
        """The same with another value of one field."""
        return replace(self, **{field: value})  # type: ignore[arg-type]


_KINDS = {str: "text", bool: "True or False"}


@dataclass(frozen=True)
class Condition:
    """One thing that a filter asks for.

    field: of `PhotoFilter`. value: as it was typed. title: in words.
    clusters: who is meant, with covers; at most a few where a part of a name is in many names.
    rest: the filter without it. photos: how many there are without it; None where not asked for.
    """

    field: str
    value: str
    title: str
    rest: PhotoFilter
    clusters: tuple[Cluster, ...] = ()
    photos: int | None = None


@dataclass(frozen=True)
class Year:
    """How many photos there are of a year."""

    year: int
    photos: int


@dataclass(frozen=True)
class Finding:
    """Photos that were looked for, a page of them, the newest first.

    conditions: what was asked for; where no photo was found, with how many there are without each of them.
    people: whose name has one of the words in it, the likeliest first.
    years: of all photos found, not only of this page; the newest first. Empty on all pages but the first, as `people`.
    """

    photos: Page[Photo]
    conditions: tuple[Condition, ...]
    people: tuple[Cluster, ...] = ()
    years: tuple[Year, ...] = ()

    @property
    def count(self) -> int:
        """How many photos were found."""
        return sum(year.photos for year in self.years)


def as_count(text: str) -> tuple[int, int | None]:
    """The least and the most of "2", "2-4" or "3+"; None for any number. Raises InputError."""
    found = COUNT.fullmatch(text.strip())
    if not found:
        raise InputError(f"a number of faces is written as 2, 2-4 or 3+, not {text[:20]!r}")
    least, open_end, most = found.groups()
    last = None if open_end else int(most or least)
    if last is not None and last < int(least):
        raise InputError(f"a number of faces from {least} to {most} is none: write the smaller one first")
    return int(least), last


def as_days(text: str) -> tuple[date, date]:
    """The first and the last day of 2019, 2019-07 or 2019-07-04. Raises InputError."""
    found = DAYS.fullmatch(text.strip())
    try:
        if not found:
            raise ValueError
        year, month, day = (int(part) if part else None for part in found.groups())
        assert year is not None
        first = date(year, month or 1, day or 1)
        if month is None:
            return first, date(year, 12, 31)
        return first, first if day else date(year, month, monthrange(year, month)[1])
    except ValueError:
        raise InputError(f"a date is written as 2019, 2019-07 or 2019-07-04, not {text[:20]!r}") from None
