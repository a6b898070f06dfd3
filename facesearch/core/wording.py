"""Figures in words, the same on the command line and on pages."""

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it imports numpy, and `facesearch --help` does not
    from collections.abc import Iterable, Mapping

    from facesearch.core.results import Answer, Match
    from facesearch.core.types import Face

__all__ = [
    *("age", "answered", "by_kind", "day", "likeness", "matched", "percent", "plural", "searched", "sentence"),
    *("skipped", "span", "why_skipped"),
]

IRREGULAR = {"person": "people", "other person": "other people", "nearest match": "nearest matches"}
# What a probability is called, from the largest down.
LIKENESS = (
    (0.99, "almost certainly the same person"),
    (0.9, "very probably the same person"),
    (0.6, "probably the same person"),
    (0.4, "could be the same person, or not"),
    (0.1, "probably somebody else"),
    (0.0, "almost certainly somebody else"),
)
# How a text begins that could begin with a name, where there is none.
WITHOUT_NAME = ("cluster ", "nobody yet", "somebody without a name")
# Faces that a search does not answer with are somebody else's, at the best probably.
LARGEST_DOUBT = 0.3
# How many kinds of skipped files a line names.
KINDS = 8
# Why files of a kind are not looked at; other kinds are suffixes.
WHY_SKIPPED = {
    "hidden": "hidden: its name begins with a full stop",
    "system": "it belongs to the operating system",
    "without suffix": "without a suffix it may be anything",
    "other suffixes": "its suffix is none of a photo",
    "made by facesearch": "facesearch has made it",
    "paused": "the folder is paused",
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def plural(count: int, noun: str) -> str:
    """1 face, 2,345 faces."""
    return f"{count:,} {noun if count == 1 else IRREGULAR.get(noun, noun + 's')}"


def percent(probability: float | None) -> str:
    """Never a certainty that the figures do not give."""
    if probability is None:
        return "-"
    if not 0.001 <= probability <= 0.999:
        return "<0.1 %" if probability < 0.5 else ">99.9 %"
    return f"{100 * probability:.1f} %"


def answered(answer: "Answer") -> str:
    """Who a search says it is, and how probable that is: "Anna Smith (99.2 %)"."""
    likely = percent(answer.probability)
    if answer.face is None:
        return f"nobody in this library ({likely})"
    who = answer.face.title if answer.face.cluster is not None else "somebody without a name"
    return f"{who} ({likely})" if answer.certain else f"not sure, perhaps {who} ({likely})"


def matched(match: "Match", answer: "Answer") -> str:
    """What the decision of a search says of one of the faces near the probe; never more than the answer itself."""
    if match.same_person and match.probability is not None:
        return likeness(match.probability)
    whose = answer.face
    if whose is not None and (whose.id == match.face.id or whose.cluster == match.face.cluster is not None):
        return "perhaps the same person"
    return likeness(min(match.probability or 0.0, LARGEST_DOUBT))


def searched(people: int, faces: int) -> str:
    """What was searched: "1,125 faces of at most 130 people"."""
    return f"{plural(faces, 'face')} of at most {plural(people, 'person')}"


def likeness(probability: float) -> str:
    """What it means, with even odds beforehand, that two faces are the same person's with a probability."""
    return next(words for least, words in LIKENESS if probability >= least)


def day(when: date, *, short: bool = False) -> str:
    """2 September 2024, or 2 Sep 2024, whatever the system's language."""
    month = MONTHS[when.month - 1]
    return f"{when.day} {month[:3] if short else month} {when.year}"


def age(face: "Face") -> str:
    """How old its person was when the photo was taken: 4 months, 12 years; empty where a date is not known."""
    born = face.person.born if face.person else None
    if born is None or face.taken is None or face.from_file:
        return ""
    months = (face.taken.year - born.year) * 12 + face.taken.month - born.month - (face.taken.day < born.day)
    if months < 0:
        return "before birth"
    if months == 0:
        return "newborn"
    return plural(months, "month") if months < 24 else plural(months // 12, "year")


def span(seconds: float) -> str:
    """A time that something takes, as roughly as it is known."""
    if seconds < 60:
        return plural(max(1, round(seconds)), "second")
    if seconds < 3570:
        return plural(round(seconds / 60), "minute")
    return f"{seconds / 3600:.1f} hours"


def sentence(text: str, name_first: bool = False) -> str:
    """With a capital at its beginning and a full stop at its end.

    Args:
        name_first: it may begin with a person's name, which keeps the spelling that was typed.
    """
    text = text.strip()
    if not text:
        return ""
    first = text[0] if name_first and not text.startswith(WITHOUT_NAME) else text[0].upper()
    return first + text[1:] + ("" if text[-1] in ".!?…" else ".")


def by_kind(kinds: "Iterable[str]") -> dict[str, int]:
    """How many skipped files there are of each kind, the most frequent first; ".CR2" and ".cr2" are one."""
    spelling: dict[str, str] = {}
    counts: dict[str, int] = {}
    for kind in kinds:
        told = spelling.setdefault(kind.casefold(), kind)
        counts[told] = counts.get(told, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def skipped(kinds: "Mapping[str, int]") -> str:
    """Files that were not looked at, by kind: "214 .CR2, 12 .mp4"."""
    named = [f"{count:,} {kind if kind == kind.strip() else repr(kind)}" for kind, count in kinds.items()]
    return ", ".join(named[:KINDS]) + (f" and {len(named) - KINDS} other kinds" if len(named) > KINDS else "")


def why_skipped(kind: str) -> str:
    """Why a file or folder of some kind was not looked at."""
    return WHY_SKIPPED.get(kind, f"files of the kind {kind} are not read")
