"""When two names are one, and what nobody sees in a name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.core.names import folded, invisible, visible


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "JOSE\u0301"),
        ("Straße", "STRASSE"),
        ("Anna  Lena ", "anna lena"),
        ("Anna", "An\u200bna"),
        ("Anna", "\ufeffAnna\u00ad"),
        ("\u1ec7", "e\u0323\u0302"),  # an e with two marks, in either order
        ("ΐ", "Ϊ\u0301"),
    ],
)
def test_one_name(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("Jose", "José"), ("Anna", "Anne"), ("Anna Lena", "Annalena")])
def test_two_names(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text())
def test_encodings_of_accents_are_one(name: str) -> None:
    assert folded(unicodedata.normalize("NFD", name)) == folded(unicodedata.normalize("NFC", name))
    assert folded(folded(name)) == folded(name)


UNSEEN = ["\u200b", "\u200d", "\u200e", "\u202e", "\u2066", "\u2060", "\ufeff", "\u00ad", "\u3164", "\ufe0f", "\x1b"]


@pytest.mark.parametrize("character", UNSEEN)
@pytest.mark.parametrize("name", ["{}Anna", "An{}na", "Anna{}", "{}"])
def test_what_nobody_sees(name: str, character: str) -> None:
    assert invisible(name.format(character)) == character
    assert visible(name.format(character)) == name.format("")


@pytest.mark.parametrize(
    "name",
    [
        "Anna Lena O'Neill",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\u0936\u0930\u094d\u200d\u092e\u093e",  # Devanagari, with a joiner
        "\u845b\U000e0100",  # a kanji with a selector, as in names in Japan's registers
        "\U0001f469\U0001f3fd\u200d\U0001f680",
        "\u2764\ufe0f\u200d\U0001f525 3\ufe0f\u20e3",
        "Jose\u0301",
    ],
)
def test_what_joins_and_chooses_is_seen(name: str) -> None:
    assert invisible(name) is None
    assert visible(name) == name
