"""What `index` says of what the library knows and what is not there any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FAKE_SPEC

from facesearch.core.errors import InputError
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store


@pytest.fixture
def library(tmp_path: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    """a.png and sub/b.png in photos/, indexed; pipeline of FAKE_SPEC."""
    Store.create(tmp_path / "library", FAKE_SPEC).close()
    for name in ("a.png", "sub/b.png"):
        Picture.save(tmp_path / "photos" / name, name)
    with Library(tmp_path / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index(tmp_path / "photos")
        yield library


@pytest.mark.parametrize("name", ["a.png", "sub"])
def test_a_file_or_folder_that_the_library_knows(library: Library, tmp_path: Path, name: str) -> None:
    place = tmp_path / "photos" / name
    place.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"not there any more.*facesearch remove"):
        library.index(place)
    assert library.status().faces == 2
    assert library.remove(place) == 1


def test_a_path_that_nobody_knows(library: Library, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        library.index(tmp_path / "photos/mistyped.png")
