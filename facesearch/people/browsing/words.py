"""What users type to find photos: words, each of which is a person, a date or a folder.

    anna ben        somebody whose name has "anna" in it, and somebody whose name has "ben" in it
    anna larsson    as long as any name has both, one person; "anna larsson" in quotation marks always
    anna -ben       without anybody called so; also: not ben, without ben
    anna only       and nobody else
    2019 2019-07    when it was taken
    summer          where nobody is called so: photos in folders whose path has it

May import what people may.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facesearch.core.errors import InputError
from facesearch.core.finding import as_days
from facesearch.core.names import searchable

__all__ = ["Names", "Word", "words_of"]

TOKEN = re.compile(r"""-?"[^"]*"?|[^\s,;]+""")
AND, NOT, ONLY = {"and", "&", "+"}, {"not", "without"}, {"only", "alone"}
# A name's part that is in more names than this says nothing; and how many words a name may have.
MOST_PEOPLE, LONGEST_NAME = 5000, 8

# (cluster, name as `searchable` makes it)
Names = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Word:
    """One condition that was typed.

    text: as it was typed. kind: "people", "without", "only", "during" or "folder"; name: without the sign before it.
    clusters: whose name it is, or has it in it.
    """

    text: str
    kind: str
    name: str
    clusters: tuple[int, ...] = ()


def words_of(text: str, names: Names, is_cluster: Callable[[str], bool]) -> list[Word]:
    """What a text asks for, in its order.

    Args:
        is_cluster: whether there is a cluster of that number.

    Raises InputError for a part of a name that is in too many.
    """
    tokens = [token for token in TOKEN.findall(text) if token.strip('-"')]
    words, at = list[Word](), 0
    while at < len(tokens):
        word, used = _next(tokens[at:], names, is_cluster)
        words += [word] if word else []
        at += used
    return words


def _next(tokens: Sequence[str], names: Names, is_cluster: Callable[[str], bool]) -> tuple[Word | None, int]:
    """The word at the beginning of some tokens, and of how many it is made."""
    first = tokens[0].casefold()
    if first in AND:
        return None, 1
    if first in NOT and len(tokens) > 1:
        return _named(tokens[1:], names, is_cluster, "without", f"{tokens[0]} ", 1)
    if first.startswith("-") and len(first) > 1:
        return _named([tokens[0][1:], *tokens[1:]], names, is_cluster, "without", "-", 0)
    if first in ONLY and not _called(first, names):
        return Word(tokens[0], "only", first), 1
    return _named(tokens, names, is_cluster, "people", "", 0)


def _named(
    tokens: Sequence[str], names: Names, is_cluster: Callable[[str], bool], kind: str, sign: str, before: int
) -> tuple[Word, int]:
    """The longest beginning that is part of a name; else a date, a cluster, or a folder.

    Args:
        sign: what stood before it, in as many tokens as `before` says.
    """
    longest = 1 if tokens[0].startswith('"') else LONGEST_NAME
    for count in range(min(longest, len(tokens)), 0, -1):
        phrase = " ".join(tokens[:count])
        if found := _called(phrase.strip('"'), names):
            return Word(sign + phrase, kind, phrase.strip('"'), found), before + count
    text, name = sign + tokens[0], tokens[0].strip('"')
    if kind == "people" and _is_date(name):
        return Word(text, "during", name), before + 1
    if is_cluster(name):
        return Word(text, kind, name, (int(name),)), before + 1
    return Word(text, "folder" if kind == "people" else kind, name), before + 1


def _called(phrase: str, names: Names) -> tuple[int, ...]:
    """Who is called so; where nobody is, whose name has it in it."""
    wanted = searchable(phrase)
    if not wanted:
        return ()
    exact = tuple(cluster for cluster, name in names if name == wanted)
    found = exact or tuple(cluster for cluster, name in names if wanted in name)
    if len(found) > MOST_PEOPLE:
        raise InputError(f"{phrase!r} is in {len(found):,} names: type more of the name")
    return found


def _is_date(text: str) -> bool:
    try:
        return 1800 <= as_days(text)[0].year < 2200
    except InputError:
        return False
