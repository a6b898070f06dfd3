"""The page Photos as it finds, and a person's cover, asked for without a browser."""

from datetime import datetime

import pytest
from web_samples import Visitor

from facesearch.core.types import Photo
from facesearch.web.finding import shape


def test_folders_are_completed(visit: Visitor) -> None:
    (folder,) = visit.get("/photos/folders?text=DEMO").json()
    assert visit.get(f"/photos?folder={folder}").text.count('id="photo-') == visit.library.status().photos
    assert visit.get("/photos/folders?text=nowhere").json() == []


def test_a_cover_is_one_face(made_up: Visitor) -> None:
    assert "one face is wanted here, not 0: select just one" in made_up.decide("cover", cluster="1").lower()


@pytest.mark.parametrize(
    ("size", "heads", "classes"),
    [
        ((400, 300), None, "r27"),  # a tile of its shape, as near as a twentieth
        ((300, 400), None, "r15"),
        ((100, 1000), (0, 0, 100, 100), "r8 at0"),  # too tall for a tile: its heads are at the top,
        ((100, 1000), (0, 450, 100, 550), "r8 at5"),  # in the middle,
        ((100, 1000), (0, 900, 100, 1000), "r8 at10"),  # or at the bottom
        ((1000, 100), (0, 0, 100, 100), "r60 at0"),
        ((1000, 100), (800, 0, 1000, 100), "r60 at10"),
    ],
)
def test_a_tile_has_the_shape_of_its_photo_and_keeps_the_heads_in_it(size, heads, classes) -> None:
    assert shape(Photo(1, size, datetime(2019, 7, 4), heads=heads)).startswith(classes)
