"""No cell is a formula, and every cell comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.core.spreadsheets import escaped, unescaped


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_formulas_are_text(formula: str) -> None:
    assert escaped(formula) == f"'{formula}"


@pytest.mark.parametrize("text", ["", "'", "Anna", "'t Hooft", "/photos/=.jpg", "李小龍"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert escaped(text) == unescaped(text) == text


@given(st.text(alphabet="'=+-@\t\ra"))
def test_every_text_comes_back(text: str) -> None:
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unescaped(escaped(text)) == text
