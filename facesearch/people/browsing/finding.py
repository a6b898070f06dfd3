"""What a filter of photos asks for, condition by condition, and what was found."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError
from facesearch.core.finding import Condition, Finding, PhotoFilter, Year, as_count, as_days
from facesearch.core.names import searchable
from facesearch.core.types import Cluster, Page, Photo
from facesearch.core.wording import day, plural
from facesearch.people.browsing.clusters import clusters_of, completions
from facesearch.people.browsing.words import Word, words_of
from facesearch.people.clusters import find_number
from facesearch.storage import Connection, cluster_pages, clusters, folders, photo_pages
from facesearch.storage.photo_filters import Wanted, together_with

__all__ = ["count_years", "find", "folder_paths", "narrowed", "photos", "wanted_by"]

# So many of those whose name has a word in it are shown, and so many faces on a condition.
PEOPLE_SHOWN, FACES_SHOWN = 12, 4
# Folders that a part of a path may mean; more say nothing.
MOST_FOLDERS = 200


@dataclass(frozen=True)
class _Part:
    """A condition, and what it means to the database. clusters: who is meant."""

    field: str
    value: str
    title: str
    rest: PhotoFilter
    means: Wanted
    clusters: tuple[int, ...] = ()


def find(connection: Connection, asked: PhotoFilter, cursor: str | None, limit: int) -> Finding:
    """A page of what a filter asks for. Raises InputError for who is not there, and a wrong cursor."""
    parts = _parts(connection, asked)
    found = photo_pages.page(connection, _all_of(parts), cursor, limit)
    if cursor is not None:
        return Finding(found, _told(connection, parts, nothing=False))
    return Finding(
        found,
        _told(connection, parts, nothing=not found.items),
        _people(connection, parts),
        _years(connection, _all_of(parts)),
    )


def photos(connection: Connection, asked: PhotoFilter, cursor: str | None, limit: int) -> Page[Photo]:
    return photo_pages.page(connection, wanted_by(connection, asked), cursor, limit)


def count_years(connection: Connection, asked: PhotoFilter) -> tuple[Year, ...]:
    return _years(connection, wanted_by(connection, asked))


def narrowed(where: PhotoFilter | None, people: Strings, only: bool) -> PhotoFilter:
    """A filter with further people who must be on the photos."""
    where = where or PhotoFilter()
    return replace(where, people=(*where.people, *as_strings(people)), only=where.only or only)


def wanted_by(connection: Connection, asked: PhotoFilter) -> Wanted:
    """What a filter means to the database. Raises InputError for who is not there."""
    return _all_of(_parts(connection, asked))


def _all_of(parts: Sequence[_Part]) -> Wanted:
    return together_with([part.means for part in parts])


def _years(connection: Connection, wanted: Wanted) -> tuple[Year, ...]:
    return tuple(Year(year, count) for year, count in photo_pages.years(connection, wanted))


def _people(connection: Connection, parts: Sequence[_Part]) -> tuple[Cluster, ...]:
    """Whose name has one of the words in it."""
    found: dict[int, Cluster] = {}
    for part in parts:
        if part.field == "text" and part.means.groups:
            for one in completions(connection, part.value, PEOPLE_SHOWN):
                found.setdefault(one.id, one)
    return tuple(found.values())[:PEOPLE_SHOWN]


def _told(connection: Connection, parts: Sequence[_Part], *, nothing: bool) -> tuple[Condition, ...]:
    """The conditions; nothing: no photo was found, and each says how many there are without it."""
    shown = {cluster for part in parts for cluster in part.clusters[:FACES_SHOWN]}
    known = {cluster.id: cluster for cluster in clusters_of(connection, sorted(shown))}
    told = []
    for part in parts:
        some = tuple(known[one] for one in part.clusters[:FACES_SHOWN] if one in known)
        others = _all_of([other for other in parts if other is not part])
        photos = sum(year.photos for year in _years(connection, others)) if nothing else None
        told.append(Condition(part.field, part.value, part.title, part.rest, some, photos))
    return tuple(told)


# -- from what was typed to what is meant


def _parts(connection: Connection, asked: PhotoFilter) -> list[_Part]:
    found = _typed(connection, asked) if asked.text.strip() else []
    for field in ("people", "without"):
        references = getattr(asked, field)
        for at, reference in enumerate(references):
            number = find_number(connection, reference)
            title = next(iter(cluster_pages.by_ids(connection, [number]))).title
            rest = asked.but(field, (*references[:at], *references[at + 1 :]))
            found.append(_person(field, reference, title, rest, (number,)))
    if asked.only:
        found.append(_Part("only", "1", "nobody else", asked.but("only", False), Wanted(only=True)))
    if asked.count:
        means = Wanted(faces=as_count(asked.count))
        found.append(_Part("count", asked.count, _faces(*as_count(asked.count)), asked.but("count", ""), means))
    for field in ("since", "until", "during"):
        if text := getattr(asked, field):
            means = Wanted(dates=(_between(field, text),))
            found.append(_Part(field, text, _when(field, text), asked.but(field, ""), means))
    if asked.folder:
        means = Wanted(folders=(_folders(connection, asked.folder),))
        found.append(_Part("folder", asked.folder, f"in {asked.folder}", asked.but("folder", ""), means))
    return found


def _typed(connection: Connection, asked: PhotoFilter) -> list[_Part]:
    """The words of the text, each a condition."""
    names = [(cluster, searchable(name)) for cluster, name in cluster_pages.names(connection)]
    words = words_of(asked.text, names, lambda text: _is_cluster(connection, text))
    parts = []
    for at, word in enumerate(words):
        rest = " ".join(other.text for other in (*words[:at], *words[at + 1 :]))
        parts.append(_of_word(connection, word, asked.but("text", rest)))
    return parts


def _of_word(connection: Connection, word: Word, rest: PhotoFilter) -> _Part:
    if word.kind in ("people", "without"):
        part = _person(word.kind, word.text, f"“{word.name}”", rest, word.clusters)
        return replace(part, field="text", value=word.name)
    if word.kind == "only":
        return _Part("text", word.text, "nobody else", rest, Wanted(only=True))
    if word.kind == "during":
        means = Wanted(dates=(_between("during", word.name),))
        return _Part("text", word.text, _when("during", word.name), rest, means)
    meant = _folders(connection, word.name)
    title = f"in a folder “{word.name}”" if meant else f"“{word.name}”, which is in nobody’s name"
    return _Part("text", word.text, title, rest, Wanted(folders=(meant,)))


def _person(field: str, value: str, title: str, rest: PhotoFilter, who: tuple[int, ...]) -> _Part:
    several = f" ({plural(len(who), 'person')})" if len(who) > 1 else ""
    if field == "without":
        return _Part(field, value, f"not {title}{several}", rest, Wanted(without=who), who)
    return _Part(field, value, f"{title}{several}", rest, Wanted(groups=(who,)), who)


def _is_cluster(connection: Connection, text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16 and clusters.exists(connection, int(text))


def _faces(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more faces"
    if most == 0:
        return "no face"
    return plural(least, "face") if least == most else f"{least} to {most} faces"


def _when(field: str, text: str) -> str:
    first, last = as_days(text)
    if field == "since":
        return f"from {day(first)}"
    if field == "until":
        return f"until {day(last)}"
    if first == last:
        return day(first)
    return str(first.year) if (last - first).days > 31 else day(first).split(" ", 1)[1]


def _between(field: str, text: str) -> tuple[float, float]:
    """As `taken_at` has it: from the first on, and before the second."""
    first, last = as_days(text)
    low = _stamp(first) if field != "until" else float("-inf")
    return low, _stamp(last) + timedelta(days=1).total_seconds() if field != "since" else float("inf")


def _stamp(when: date) -> float:
    return datetime(when.year, when.month, when.day, tzinfo=UTC).timestamp()


def _folders(connection: Connection, text: str) -> tuple[str, ...]:
    """The folder of a whole path; else the topmost of those that have a text in their path."""
    if os.path.isabs(text):
        return (os.path.normpath(text),)
    found = list[str]()
    for path in sorted(folder_paths(connection, text)):
        if not found or not path.startswith(found[-1].rstrip("/") + "/"):
            found.append(path)
    if len(found) > MOST_FOLDERS:
        raise InputError(f"{text!r} is in the paths of {len(found):,} folders: type more of it")
    return tuple(found)


def folder_paths(connection: Connection, text: str) -> list[str]:
    """The folders whose path has a text in it, the shortest first."""
    wanted = searchable(text)
    found = [path for path in folders.paths(connection) if wanted and wanted in searchable(path)]
    return sorted(found, key=lambda path: (len(path), path))
