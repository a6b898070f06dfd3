"""When a person was born and which face stands for them: what shows it, undo, and what other decisions make of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

import pytest
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, check, portrait, state

from facesearch.core.errors import InputError
from facesearch.core.types import Face, Person
from facesearch.core.wording import age
from facesearch.people.browsing import Browser


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Three people of four photos each, and a weak face of the first; person p is in cluster p + 1."""
    with a_collection() as collection:
        collection.faces = collection.add_people({person: range(4) for person in range(3)})
        collection.add([a_portrait(portrait(0, 9), weak=True)])
        collection.recluster()
        collection.people.name("1", "Anna")
        yield collection
        check(collection.index)


@pytest.fixture
def browse(collection: Collection) -> Browser:
    return Browser(collection.index, lambda: CALIBRATION)


def born(browse: Browser, who: str) -> date | None:
    person = browse.cluster(who).person
    return person.born if person else None


def test_a_birth_date_is_shown_with_the_person_and_all_their_faces(collection, browse):
    collection.people.describe("Anna", born="1980-05-17")
    assert born(browse, "Anna") == date(1980, 5, 17)
    assert {face.person.born for face in browse.faces("Anna").items} == {date(1980, 5, 17)}
    assert collection.people.find("Anna").person.born == date(1980, 5, 17)
    assert collection.people.all()[0].person.born == date(1980, 5, 17)
    (latest, _) = collection.people.history()
    assert latest.summary == "Anna was born on 17 May 1980"
    collection.people.describe("Anna", born="")
    assert born(browse, "Anna") is None


def test_a_chosen_cover_stands_for_the_person_everywhere_and_stays(collection, browse):
    chosen = collection.faces[0][2]
    assert browse.cluster("Anna").cover.id != chosen
    collection.people.describe("Anna", cover=chosen)
    collection.recluster()
    shown = [one.cover.id for one in browse.people().items if one.title == "Anna"]
    assert shown == [browse.cluster("Anna").cover.id] == [collection.people.all()[0].cover.id] == [chosen]
    assert browse.completions("ann")[0].cover.id == chosen
    collection.people.describe("Anna", cover=0)
    assert browse.cluster("Anna").cover.id != chosen


def test_a_face_that_was_only_clustered_is_confirmed_when_it_becomes_the_cover(collection, browse):
    ((new,),) = collection.add([a_portrait(portrait(0, 7))], place=True)
    assert not browse.face(new).confirmed
    collection.people.describe("Anna", cover=new)
    assert browse.face(new).confirmed
    assert browse.cluster("Anna").cover.id == new


@pytest.mark.parametrize("said", [{"born": "1980-05-17"}, {"cover": 2}, {"born": "2001-01-01", "cover": 3}])
@pytest.mark.parametrize("who", ["Anna", "2"])
def test_it_is_one_decision_and_undone_exactly(collection, who, said):
    first = collection.faces[0 if who == "Anna" else 1][0]
    said = said | ({"cover": first + said["cover"]} if "cover" in said else {})
    before, decisions = state(collection.index), len(collection.people.history())
    assert collection.people.describe(who, **said)
    assert state(collection.index) != before
    assert len(collection.people.history()) == decisions + 1
    assert collection.people.describe(who, **said) is None
    collection.people.undo()
    assert state(collection.index) == before


def test_nothing_said_changes_nothing(collection):
    before = state(collection.index)
    assert collection.people.describe("2") is None
    assert state(collection.index) == before


def test_a_cover_that_goes_to_somebody_else_is_nobodys(collection, browse):
    chosen = collection.faces[0][1]
    collection.people.describe("Anna", cover=chosen)
    collection.people.assign([chosen], "2")
    assert browse.cluster("Anna").cover.id != chosen
    collection.people.undo()
    assert browse.cluster("Anna").cover.id == chosen
    collection.people.not_a_face([chosen])
    assert browse.cluster("Anna").cover.id != chosen
    collection.people.undo()
    collection.remove(collection.paths[1])
    assert browse.cluster("Anna").cover.id != chosen


def test_who_is_merged_takes_over_what_is_not_known_yet(collection, browse):
    collection.people.describe("2", born="1990-01-01", cover=collection.faces[1][2])
    collection.people.describe("Anna", born="1980-05-17")
    before = state(collection.index)
    collection.people.merge(["Anna", "2"])
    assert born(browse, "Anna") == date(1980, 5, 17)
    assert browse.cluster("Anna").cover.id == collection.faces[1][2]
    collection.people.undo()
    assert state(collection.index) == before


def test_who_is_forgotten_leaves_no_birth_date(collection):
    collection.people.describe("Anna", born="1980-05-17", cover=collection.faces[0][1])
    collection.people.forget("Anna")
    found = state(collection.index)
    assert found["births"] == found["covers"] == []
    assert not [one for one in collection.people.history() if "1980" in one.summary]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"born": "17.05.1980"}, "'17.05.1980' is no date: a birth date is written as 1980-05-17"),
        ({"born": "1980-02-30"}, "is no date"),
        ({"born": "19800517"}, "is no date"),
        ({"born": "9999-01-01"}, "9999-01-01 is still to come"),
        ({"cover": 10**6}, "there is no face 1000000"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(collection, said, told):
    before = state(collection.index)
    with pytest.raises(InputError, match=told):
        collection.people.describe("Anna", **said)
    with pytest.raises(InputError, match="is not in Anna: only a face of theirs can be the cover"):
        collection.people.describe("Anna", cover=collection.faces[1][0])
    assert state(collection.index) == before


@pytest.mark.parametrize(
    ("taken", "from_file", "told"),
    [
        ("1980-05-16", False, "before birth"),
        ("1980-05-17", False, "newborn"),
        ("1980-06-17", False, "1 month"),
        ("1982-05-16", False, "23 months"),
        ("1982-05-17", False, "2 years"),
        ("2020-05-16", False, "39 years"),
        ("2020-05-17", True, ""),
    ],
)
def test_ages_are_told_where_both_dates_are_known(taken, from_file, told):
    anna = Person(1, "Anna", date(1980, 5, 17))
    face = Face((0.0, 0.0, 1.0, 1.0), taken=datetime.fromisoformat(taken), from_file=from_file, person=anna)
    assert age(face) == told
    assert age(replace(face, person=Person(1, "Anna"))) == age(replace(face, person=None)) == ""
