"""Photos by who is on them, how many, when and where: by what is asked for in fields, and by words."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from index_samples import a_photo, put
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, portrait

from facesearch.core.errors import InputError
from facesearch.core.finding import PhotoFilter, as_count, as_days
from facesearch.people.browsing import Browser
from facesearch.storage import folders

ANNA, BEN, CARL, ANNA_TWO = range(4)
NAMES = {ANNA: "Anna Larsson", BEN: "Bën Ødegård", CARL: "Carl 2019", ANNA_TWO: "Susanna"}
# What photo is of whom, when, and where.
PHOTOS = {
    "both": ((ANNA, BEN), "2019-07-04", "/home/summer/sea"),
    "all": ((ANNA, BEN, CARL), "2019-07-31", "/home/summer"),
    "stranger": ((ANNA, 77), "2019-12-31", "/home/winter"),
    "anna": ((ANNA,), "2020-01-01", "/home/winter"),
    "susanna": ((ANNA_TWO,), "2020-02-29", "/home/summertime"),
    "nobody": ((), "2018-05-01", "/home/summer"),
    "ben": ((BEN,), "2020-02-29", "/home/caf\udce9"),
}


@pytest.fixture(scope="module")
def collection() -> Iterator[Collection]:
    """PHOTOS, and three photos of each of NAMES of 2001 in /old."""
    with a_collection() as collection:
        run = collection.index.start_run("index")
        photos = [
            replace(
                a_photo(f"{where}/{name}.jpg", name),
                faces=tuple(a_portrait(portrait(one, 10 + shot), place) for place, one in enumerate(who)),
                taken=datetime.fromisoformat(f"{when}T23:59:59"),
            )
            for shot, (name, (who, when, where)) in enumerate(PHOTOS.items())
        ]
        photos += [
            replace(
                a_photo(f"/old/{person}-{shot}.jpg", f"{person}-{shot}"),
                faces=(a_portrait(portrait(person, shot)),),
                taken=datetime(2001, 1, 1),
            )
            for person in NAMES
            for shot in range(3)
        ]
        put(collection.index, run, *photos)
        with collection.index.transaction() as connection:
            known = {where: folders.add(connection, where, "") for _, _, where in PHOTOS.values()}
            folders.assign(connection, {f"{where}/{name}.jpg": known[where] for name, (_, _, where) in PHOTOS.items()})
        collection.recluster()
        for person, name in NAMES.items():
            (face,) = collection.people.faces_in(f"/old/{person}-0.jpg")
            collection.people.name(str(collection.cluster_of(face)), name)
        yield collection


@pytest.fixture
def browse(collection: Collection) -> Browser:
    return Browser(collection.index, lambda: CALIBRATION)


def found(browse: Browser, collection: Collection, **asked: object) -> set[str]:
    """The names of the photos, without those in /old; by `find`, which `photos` and the command's list agree with."""
    where = PhotoFilter(**asked)  # type: ignore[arg-type]
    pages, cursor = [], None
    while True:
        finding = browse.find(where, cursor=cursor, limit=2)
        pages += finding.photos.items
        if (cursor := finding.photos.next) is None:
            break
    assert [photo.id for photo in pages] == [photo.id for photo in browse.photos(where=where, limit=500).items]
    assert browse.find(where).count == len(pages) == sum(year.photos for year in browse.years(where))
    paths = {path for photo in pages for path in browse.photo(photo.id).photo.paths}
    listed = {photo.path for photo in collection.people.photos(where=where)}
    assert listed == (paths if asked.get("count") else {path for path in paths if "nobody" not in path})
    return {path.rpartition("/")[2].removesuffix(".jpg") for path in paths if not path.startswith("/old")}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, set(PHOTOS)),
        ({"people": ("Anna Larsson",)}, {"both", "all", "stranger", "anna"}),
        ({"people": ("anna larsson", "bën ødegård")}, {"both", "all"}),
        ({"people": ("Anna Larsson",), "without": ("Carl 2019",)}, {"both", "stranger", "anna"}),
        ({"without": ("Anna Larsson", "Susanna")}, {"nobody", "ben"}),
        ({"people": ("Anna Larsson",), "only": True}, {"anna"}),
        ({"people": ("Anna Larsson", "Bën Ødegård"), "only": True}, {"both"}),
        ({"count": "2"}, {"both", "stranger"}),
        ({"count": "2+"}, {"both", "stranger", "all"}),
        ({"count": "0"}, {"nobody"}),
        ({"count": "0-1"}, {"nobody", "anna", "susanna", "ben"}),
        ({"during": "2019"}, {"both", "all", "stranger"}),
        ({"during": "2019-07"}, {"both", "all"}),
        ({"since": "2019-07-31", "until": "2019-12-31"}, {"all", "stranger"}),
        ({"since": "2020-02"}, {"susanna", "ben"}),
        ({"until": "2018"}, {"nobody"}),
        ({"folder": "/home/summer"}, {"both", "all", "nobody"}),
        ({"folder": "/home/summer/"}, {"both", "all", "nobody"}),
        ({"folder": "SUMMER"}, {"both", "all", "nobody", "susanna"}),
        ({"folder": "/home"}, set(PHOTOS)),
        ({"folder": "/home/caf\udce9"}, {"ben"}),
        ({"folder": "nowhere"}, set()),
        ({"folder": "summer", "people": ("Anna Larsson",), "during": "2019-07", "count": "3"}, {"all"}),
    ],
)
def test_all_that_is_asked_for_must_hold(browse, collection, asked, expected):
    assert found(browse, collection, **asked) == expected


@pytest.mark.parametrize(
    ("text", "expected", "titles"),
    [
        ("larsson", {"both", "all", "stranger", "anna"}, ["“larsson”"]),
        ("ANNA", {"both", "all", "stranger", "anna", "susanna"}, ["“ANNA” (2 people)"]),
        ("susanna", {"susanna"}, ["“susanna”"]),  # the whole name of one, though part of none other
        ("anna ben", {"both", "all"}, ["“anna” (2 people)", "“ben”"]),
        ("anna and ben, not carl", {"both"}, ["“anna” (2 people)", "“ben”", "not “carl”"]),
        ("ben odegard", {"both", "all", "ben"}, ["“ben odegard”"]),  # one person, without the accents
        ('"anna larsson" -ben', {"stranger", "anna"}, ["“anna larsson”", "not “ben”"]),
        ("anna ben only", {"both"}, ["“anna” (2 people)", "“ben”", "nobody else"]),
        ("2019", {"all"}, ["“2019”"]),  # a name comes before a year
        ("2020", {"anna", "susanna", "ben"}, ["2020"]),
        ("2020-02 ben", {"ben"}, ["February 2020", "“ben”"]),
        ("winter", {"stranger", "anna"}, ["in a folder “winter”"]),
        ("anna zzz", set(), ["“anna” (2 people)", "“zzz”, which is in nobody’s name"]),
        ("and , ", set(PHOTOS), []),
    ],
)
def test_words_are_people_dates_and_folders(browse, collection, text, expected, titles):
    assert found(browse, collection, text=text) == expected
    assert [one.title for one in browse.find(PhotoFilter(text=text)).conditions] == titles


def test_people_are_found_by_any_part_of_their_name(browse):
    finding = browse.find(PhotoFilter(text="anna zzz"))
    assert [one.title for one in finding.people] == ["Anna Larsson", "Susanna"]
    assert [one.title for one in browse.find(PhotoFilter(text="degar")).people] == ["Bën Ødegård"]
    assert browse.find(PhotoFilter(text="-anna")).people == ()


def test_a_condition_can_be_taken_away_and_says_what_there_is_without_it(browse):
    asked = PhotoFilter(text="larsson 2018", without=("Carl 2019",), count="2")
    finding = browse.find(asked)
    assert finding.photos.items == ()
    said = {one.title: (one.photos, one.rest) for one in finding.conditions}
    assert said == {
        "“larsson”": (0, asked.but("text", "2018")),
        "2018": (2, asked.but("text", "larsson")),
        "not Carl 2019": (0, asked.but("without", ())),
        "2 faces": (0, asked.but("count", "")),
    }
    assert browse.find(asked.but("text", "larsson")).count == 2
    assert {one.photos for one in browse.find(PhotoFilter(text="anna")).conditions} == {None}


def test_years_are_counted_for_what_was_found(browse):
    years = browse.find(PhotoFilter(text="anna")).years
    assert [(one.year, one.photos) for one in years] == [(2020, 2), (2019, 3), (2001, 6)]


def test_folders_are_found_by_any_part_of_their_path(browse):
    assert browse.folders("SUMM") == ("/home/summer", "/home/summer/sea", "/home/summertime")
    assert browse.folders("summ", limit=1) == ("/home/summer",)
    assert browse.folders(" ") == browse.folders("/nowhere") == ()


def test_what_is_no_face_counts_for_nobody(collection, browse):
    stranger = collection.people.faces_in("/home/winter/stranger.jpg")[1]
    collection.people.not_a_face(stranger)
    try:
        assert found(browse, collection, people=("Anna Larsson",), only=True) == {"anna", "stranger"}
        assert found(browse, collection, count="2") == {"both"}
    finally:
        collection.people.undo()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"count": "many"}, "a number of faces is written as 2, 2-4 or 3\\+, not 'many'"),
        ({"count": "4-2"}, "write the smaller one first"),
        ({"since": "04.07.2019"}, "a date is written as 2019, 2019-07 or 2019-07-04"),
        ({"during": "2019-02-30"}, "a date is written as"),
        ({"people": "x" * 2000}, "people: a text of at most 1000"),
        ({"people": ["a"] * 60}, "people: at most 50"),
        ({"only": "yes"}, "only: True or False is wanted, not str"),
        ({"text": 5}, "text: text is wanted, not int"),
    ],
)
def test_what_cannot_be_asked_for_is_told(asked, told):
    with pytest.raises(InputError, match=told):
        PhotoFilter(**asked)


def test_who_is_not_there_is_told(browse):
    for asked in ({"people": "Dora"}, {"without": "Dora"}):
        with pytest.raises(InputError, match="Dora"):
            browse.find(PhotoFilter(**asked))


def test_numbers_and_days_as_they_are_written():
    assert [as_count(text) for text in ("2", " 2 - 4 ", "3+", "0")] == [(2, 2), (2, 4), (3, None), (0, 0)]
    assert [str(day) for day in as_days("2020-2")] == ["2020-02-01", "2020-02-29"]
