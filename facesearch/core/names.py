"""People's names: when two are the same, and what a name may hold."""

import unicodedata

from facesearch.core.errors import InputError

__all__ = ["NAME_LENGTH", "checked_name", "folded", "invisible", "searchable", "visible"]

# Characters that show nothing and are of no control category: fillers, and what chooses between shapes of others
# (Unicode's Default_Ignorable_Code_Point, and the blank of Braille).
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS = frozenset(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
_JOINERS = frozenset("\u200c\u200d")
# Letters of scripts without case, signs and emoji, and the marks on them: what joiners and selectors stand between.
_JOINED = frozenset(["Lo", "Mn", "Mc", "So", "Sk", "Sm"])

# Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})

# Characters of a person's name.
NAME_LENGTH = 200


def folded(name: str) -> str:
    """Names are the same, to people and to some file systems, whatever their case and their accents' encoding.

    Characters that do not show and the number of spaces count for nothing.
    """
    if not name.isascii():
        name = "".join(c for c in unicodedata.normalize("NFC", name) if not _shows_nothing(c))
        # Folding takes some letters apart that are one in NFC, as the Greek iota with two accents.
        name = unicodedata.normalize("NFC", name.casefold())
    return " ".join(name.casefold().split())


def searchable(text: str) -> str:
    """What is compared where a part of a name is looked for: as `folded`, and without accents."""
    text = folded(text)
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFD", text.translate(_PLAIN))
    return "".join(c for c in plain if unicodedata.category(c) != "Mn") or text


def invisible(name: str) -> str | None:
    """The first character of a name that nobody sees and that does nothing for its neighbours; None for none.

    Joiners in Persian and Indic names and in emoji, and selectors of a letter's shape, are seen by what they do.
    """
    return next((c for i, c in enumerate(name) if _shows_nothing(c) and not _is_of_use(name, i)), None)


def visible(name: str) -> str:
    """A name without what `invisible` finds."""
    return "".join(c for i, c in enumerate(name) if not _shows_nothing(c) or _is_of_use(name, i))


def checked_name(name: str) -> str:
    """A name as it is kept, on one line. Raises InputError for one that is none."""
    called = " ".join(name.split())
    if not called or len(called) > NAME_LENGTH:
        raise InputError(f"a name has 1 to {NAME_LENGTH} characters, not {len(called)}")
    try:
        called.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the name {called!r} is not valid Unicode text: type it again") from error
    if unseen := invisible(called):
        what = f"U+{ord(unseen):04X}, {unicodedata.name(unseen, 'a control character').lower()}"
        raise InputError(f"the name {called!r} holds a character that nobody sees ({what}): type it without")
    return called


def _shows_nothing(character: str) -> bool:
    if character in _BLANKS or character in _SELECTORS:
        return True
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def _is_of_use(name: str, at: int) -> bool:
    def joined(character: str) -> bool:
        return unicodedata.category(character) in _JOINED if character else False

    before, after = name[:at][-1:], name[at + 1 :][:1]
    if name[at] in _JOINERS:
        return joined(before) and joined(after)
    return name[at] in _SELECTORS and before not in _SELECTORS and (joined(before) or after == "\u20e3")
