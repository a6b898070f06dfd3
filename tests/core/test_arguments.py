"""One or several: a text is one thing, whatever is asked of it."""

import os
from pathlib import Path

import numpy as np
import pytest

from facesearch.core.arguments import as_ids, as_path, as_paths, as_strings
from facesearch.core.errors import InputError


@pytest.mark.parametrize("given", ["photos/a.jpg", Path("photos/a.jpg"), ["photos/a.jpg"], (Path("photos/a.jpg"),)])
def test_one_path_or_several(given: object) -> None:
    assert as_paths(given) == [os.path.join("photos", "a.jpg")]


def test_an_iterator_of_paths_is_read_to_its_end() -> None:
    assert as_paths(Path(name) for name in "ab") == ["a", "b"]
    assert as_paths([]) == []


@pytest.mark.parametrize("given", [b"photos", [b"photos"], bytearray(b"x"), memoryview(b"x"), 5, None, [None], [["a"]]])
def test_what_is_no_path_is_named_by_its_type(given: object) -> None:
    with pytest.raises(InputError, match=r"path.*not (bytes|bytearray|memoryview|int|NoneType|list)$"):
        as_paths(given)


def test_a_whole_photo_is_not_quoted() -> None:
    for given in (bytes(100_000), np.zeros((100, 100, 3))):
        with pytest.raises(InputError) as caught:
            as_path(given)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("given", ["", [""], ["a", ""]])
def test_an_empty_path_is_refused(given: object) -> None:
    with pytest.raises(InputError):
        as_paths(given)


def test_one_text_or_several() -> None:
    assert as_strings("Anna") == as_strings(["Anna"]) == ["Anna"]
    assert as_strings(()) == []
    for wrong in (b"Anna", 5, [5], [b"A"]):
        with pytest.raises(InputError):
            as_strings(wrong)


def test_one_id_or_several() -> None:
    assert as_ids(12) == as_ids([12]) == as_ids({12}) == as_ids(np.int64(12)) == as_ids(np.array([12])) == [12]
    for wrong in ("12", b"12", ["1", "2"], 1.5, [None]):
        with pytest.raises(InputError):
            as_ids(wrong)
