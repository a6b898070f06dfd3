"""Which files lie below which folders."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.core.paths import below, under


@pytest.mark.parametrize(
    ("path", "root", "inside"),
    [("/p/a", "/p", True), ("/p", "/p", True), ("/pa", "/p", False), ("/p", "/p/a", False), ("/x", "/", True)],
)
def test_under(path: str, root: str, inside: bool) -> None:
    assert under(path, root) == inside


PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a b", "."]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(PATHS, st.lists(PATHS, max_size=4))
def test_below_is_under_any(path: str, places: list[str]) -> None:
    path, *places = map(os.path.normpath, (path, *places))
    tells = below(places)
    for tried in (path, os.path.join(path, "x")):
        assert tells(tried) == any(under(tried, place) for place in places)
