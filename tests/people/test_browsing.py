"""Pages of people, faces and photos: everything once, in order, whatever changes between two pages."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from index_samples import a_photo, put
from people_samples import CALIBRATION, Album, a_portrait, an_album, portrait, rows
from sqlalchemy import event

from facesearch.core.errors import InputError
from facesearch.core.views import Page
from facesearch.people import People
from facesearch.people.browsing import Browser

DAY = datetime(2019, 7, 1, 12, 0)


@pytest.fixture
def album() -> Iterator[Album]:
    """Five people on 3 to 7 photos of their own, one photo of the first three, and a stranger who is in no group."""
    with an_album() as album:
        faces = album.add_people({person: range(3 + person) for person in range(5)})
        (together,) = album.add([a_portrait(portrait(person, 90), person) for person in range(3)])
        album.add([a_portrait(portrait(77, 0))])
        album.recluster()
        album.faces = {person: [*some, *together[person : person + 1]] for person, some in faces.items()}
        yield album


@pytest.fixture
def browse(album: Album) -> Browser:
    return Browser(album.index, lambda: CALIBRATION)


@pytest.fixture
def people(album: Album) -> People:
    return album.people


def group(album: Album, person: int) -> str:
    return str(album.group_of(album.faces[person][0]))


def whole(page: Callable[..., Page[Any]], limit: int, **options: Any) -> list[Any]:
    """All pages, one after the other."""
    items, cursor = [], None
    while True:
        found = page(cursor=cursor, limit=limit, **options)
        assert len(found.items) == limit or found.next is None
        items += found.items
        if found.next is None:
            return items
        cursor = found.next


# --- people


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
def test_groups_come_largest_first_and_each_once(album, browse, limit):
    cards = whole(browse.people, limit)
    assert [card.size for card in cards] == sorted((len(faces) for faces in album.faces.values()), reverse=True)
    assert len({card.group for card in cards}) == 5
    assert all(card.face in album.people.find(str(card.group)).face_ids for card in cards)
    assert [(card.person, card.confirmed, card.ignored) for card in cards] == [(None, 0, False)] * 5


def test_named_unnamed_and_ignored_ones(album, browse, people):
    people.name(group(album, 0), "Anna")
    people.name(group(album, 1), "Bela")
    people.ignore("Bela")
    people.ignore(group(album, 2))
    people.keep_apart(group(album, 3), group(album, 0))  # somebody without a name
    shown = {
        kind: {card.group for card in browse.people(kind).items} for kind in ("all", "named", "unnamed", "ignored")
    }
    groups = [int(group(album, person)) for person in range(5)]
    assert shown["named"] == {groups[0]}
    assert shown["unnamed"] == {groups[3], groups[4]}
    assert shown["ignored"] == {groups[1], groups[2]}
    assert shown["all"] == shown["named"] | shown["unnamed"]
    counts = browse.counts()
    assert (counts.named, counts.unnamed, counts.ignored, counts.loose) == (1, 2, 2, 1)
    anna = browse.card("Anna")
    assert (anna.person.name, anna.title, anna.size, anna.confirmed) == ("Anna", "Anna", 4, 4)
    assert browse.card(group(album, 3)).person is None


def test_what_is_decided_between_two_pages_hides_nobody_and_shows_nobody_twice(album, browse, people):
    first = browse.people(limit=2)
    rest = {card.group for card in whole(browse.people, 9)[2:]}
    people.ignore(str(first.items[0].group))
    people.merge([str(first.items[1].group), str(first.items[0].group)])
    later = browse.people(cursor=first.next, limit=9)
    assert {card.group for card in later.items} == rest


def test_the_face_that_is_shown_is_a_good_one_and_stays(album, browse):
    with an_album() as other:
        bad, good = (
            [other.add([a_portrait(portrait(0, shot), weak=weak)])[0][0] for shot in shots]
            for weak, shots in ((True, range(3)), (False, range(3, 6)))
        )
        other.recluster()
        cards = Browser(other.index, lambda: CALIBRATION)
        shown = cards.card(str(other.group_of(good[0]))).face
        assert shown in good
        assert shown not in bad
        other.add([a_portrait(portrait(0, 9))])
        other.recluster()
        assert cards.card(str(other.group_of(good[0]))).face == shown


def test_names_are_found_by_any_part_of_them_the_beginning_first(album, browse, people):
    for person, name in enumerate(["Anna Larsson", "Susanna", "Lars", "Åsa O\u0308berg", "Bo Annasson"]):
        people.name(group(album, person), name)

    def found(text: str, **limit: int) -> list[str]:
        return [card.title for card in browse.completions(text, **limit)]

    assert found("ANN") == ["Anna Larsson", "Bo Annasson", "Susanna"]
    assert found("lars") == ["Lars", "Anna Larsson"]
    assert found("öb") == ["Åsa O\u0308berg"]
    assert found("a", limit=2) == ["Anna Larsson", "Bo Annasson"]
    assert found("  ") == found("zz") == []


# --- faces


def dated(album: Album, dates: list[datetime | None]) -> list[int]:
    """A photo of somebody for each date; all are one group. Returns the faces."""
    run = album.index.start_run("index")
    photos = [
        replace(a_photo(f"/d/{n}", f"d{n}"), faces=(a_portrait(portrait(50, n)),), taken=taken)
        for n, taken in enumerate(dates)
    ]
    put(album.index, run, *photos)
    album.recluster()
    (ids,) = zip(*rows(album.index, "SELECT id FROM faces ORDER BY id DESC LIMIT :n", n=len(dates)), strict=True)
    return sorted(ids)


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_faces_by_date_those_of_one_date_by_number(album, browse, limit):
    faces = dated(album, [DAY + timedelta(days=day) for day in (3, 1, 1, 2, 1)])
    who = str(album.group_of(faces[0]))

    def listed(order: str) -> list[int]:
        return [face.id for face in whole(lambda **page: browse.faces(who, order, **page), limit)]

    assert listed("newest") == [faces[i] for i in (0, 3, 1, 2, 4)]
    assert listed("oldest") == [faces[i] for i in (1, 2, 4, 3, 0)]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_faces_by_doubt_begin_with_those_furthest_from_the_mean(album, browse, limit):
    who, ids = group(album, 4), album.faces[4]
    vectors = np.stack([album.index.embedding(face) for face in ids]).astype(float)
    mean = vectors.mean(axis=0) / np.linalg.norm(vectors.mean(axis=0))
    expected = dict(zip(ids, np.linalg.norm(vectors - mean, axis=1), strict=True))
    found = whole(lambda **page: browse.faces(who, "doubt", **page), limit)
    assert [face.id for face in found] == sorted(ids, key=lambda face: -expected[face])
    assert [face.distance for face in found] == pytest.approx([expected[face.id] for face in found], abs=2e-6)


def test_a_face_tells_what_is_said_of_it(album, browse, people):
    loose = next(iter(browse.loose().items))
    assert (loose.group, loose.title, loose.confirmed, loose.not_a_face) == (None, "nobody yet", False, False)
    people.not_a_face(loose.id)
    assert browse.loose().items == ()
    assert [face.id for face in browse.not_faces().items] == [loose.id]
    assert browse.face(loose.id).not_a_face
    people.name(group(album, 0), "Anna")
    face = browse.face(album.faces[0][0])
    assert (face.person.name, face.title, face.confirmed) == ("Anna", "Anna", True)
    assert face.photo_size == (640, 480)
    assert browse.face(album.faces[1][0]).title == f"group {group(album, 1)}"


# --- photos


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_photos_come_newest_first_and_each_once(album, browse, limit):
    dated(album, [DAY + timedelta(days=day) for day in (3, 1, 1, 2, 1)])
    photos = whole(browse.photos, limit)
    assert len({photo.id for photo in photos}) == len(photos) == len(album.paths) + 5
    assert [(photo.taken, photo.id) for photo in photos] == sorted(((p.taken, p.id) for p in photos), reverse=True)


def test_photos_of_some_people_together_and_of_nobody_else(album, browse, people):
    people.name(group(album, 0), "Anna")
    people.name(group(album, 1), "Bela")
    listed = {path: photo for photo, path in rows(album.index, "SELECT photo_id, path FROM paths")}
    for who, only in ((["Anna"], False), (["Anna"], True), (["Anna", "Bela"], False), (["Anna", "Bela"], True)):
        expected = {listed[photo.path] for photo in people.photos(who, only=only)}
        assert {photo.id for photo in whole(lambda **p: browse.photos(who, only=only, **p), 2)} == expected  # noqa: B023
    (stranger,) = [face.id for face in browse.loose().items]
    people.assign([stranger], "Cem")
    together = browse.photos(["Anna", "Bela"]).items[0]
    third = next(f for f in browse.photo(together.id).faces if f.title not in ("Anna", "Bela"))
    people.not_a_face(third.id)  # does not count as anybody else
    assert [photo.id for photo in browse.photos(["Anna", "Bela"], only=True).items] == [together.id]
    assert browse.photo(together.id).card.faces == 2


def test_a_photo_with_its_faces_from_left_to_right_its_files_and_its_neighbours(album, browse):
    faces = dated(album, [DAY, DAY + timedelta(days=2), DAY + timedelta(days=1)])
    photos = [browse.face(face).photo for face in faces]
    view = browse.photo(photos[2])
    assert (view.newer, view.older) == (photos[1], photos[0])
    assert view.paths == ("/d/2",)
    assert view.card.taken == DAY + timedelta(days=1)
    (together,) = [photo for photo in browse.photos().items if photo.faces == 3]
    left = [face.box[0] for face in browse.photo(together.id).faces]
    assert left == sorted(left)
    ends = whole(browse.photos, 100)
    assert browse.photo(ends[0].id).newer is None
    assert browse.photo(ends[-1].id).older is None


def test_photos_that_are_missing_say_so(album, browse):
    with album.index.transaction() as connection:
        connection.exec_driver_sql("UPDATE paths SET missing_since = 1 WHERE photo_id = 1")
    assert [photo.id for photo in whole(browse.photos, 100) if photo.missing] == [1]


def test_who_is_with_whom(album, browse, people):
    with_first = browse.together(group(album, 0))
    assert {(one.card.group, one.photos) for one in with_first} == {(int(group(album, p)), 1) for p in (1, 2)}
    people.ignore(group(album, 1))
    assert [one.card.group for one in browse.together(group(album, 0))] == [int(group(album, 2))]
    assert browse.together(group(album, 4)) == ()


def test_dates_are_those_of_the_place_with_its_offset_where_it_is_known(album, browse):
    tokyo = DAY.replace(tzinfo=timezone(timedelta(hours=9)))
    faces = dated(album, [tokyo, DAY, None])
    views = [browse.face(face) for face in faces]
    assert views[0].taken == tokyo
    assert views[0].taken.utcoffset() == timedelta(hours=9)
    assert (views[1].taken, views[1].taken.tzinfo) == (DAY, None)
    assert views[2].taken == datetime.fromtimestamp(1_000_000_007 / 1e9)  # of the file
    assert [browse.photo(view.photo).card.from_file for view in views] == [False, False, True]


# --- what cannot be


@pytest.mark.parametrize("cursor", ["", "x", "WzFd", "W10", "bnVsbA", "WyJhIiwgMV0", "é", "A" * 5000, "W05hTiwgMV0"])
def test_cursors_of_ones_own_making_are_refused(browse, cursor):
    for page in (browse.people, browse.photos, lambda **p: browse.faces("1", **p), lambda **p: browse.pairs(**p)):
        with pytest.raises(InputError, match="no place in a list"):
            page(cursor=cursor)


def test_what_is_not_there_or_cannot_be_meant(browse):
    for ask in (browse.card, browse.faces, browse.together, lambda who: browse.photos([who])):
        with pytest.raises(InputError, match=r"no group 999|nobody called"):
            ask("999")
        with pytest.raises(InputError, match="nobody called"):
            ask("Nobody")
    for number in (0, -5, 10**30):
        for look, what in ((browse.photo, "photo"), (browse.face, "face")):
            with pytest.raises(InputError, match=f"no {what}"):
                look(number)
    for limit in (0, -1, 501):
        with pytest.raises(InputError, match="1 to 500"):
            browse.people(limit=limit)
    with pytest.raises(InputError, match="not 'secret'"):
        browse.people("secret")
    with pytest.raises(InputError, match="not 'best'"):
        browse.faces("1", "best")


def test_an_empty_library_has_empty_pages():
    with an_album() as empty:
        browse = Browser(empty.index, lambda: CALIBRATION)
        for page in (browse.people(), browse.photos(), browse.loose(), browse.not_faces(), browse.pairs()):
            assert (page.items, page.next) == ((), None)
        assert (browse.counts().named, browse.counts().loose) == (0, 0)


# --- large libraries


def plans(browse: Browser, ask: Callable[[], object]) -> list[str]:
    """How SQLite goes about every query that a page makes."""
    index, queries = browse._index, list[tuple[str, Any]]()

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            queries.append((statement, values))

    event.listen(index._engine, "before_cursor_execute", note)
    ask()
    event.remove(index._engine, "before_cursor_execute", note)
    with index.reading() as connection:
        return [
            row.detail
            for statement, values in queries
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def test_no_page_reads_a_table_of_faces_or_photos_from_end_to_end(album, browse, people):
    people.name(group(album, 0), "Anna")
    photos, faces, cards = browse.photos(limit=2), browse.faces("Anna", limit=2), browse.people(limit=2)
    pages: dict[str, Callable[[], object]] = {
        "photos": lambda: browse.photos(cursor=photos.next),
        "photos of": lambda: browse.photos(["Anna"], cursor=photos.next),
        "photo": lambda: browse.photo(photos.items[0].id),
        "faces": lambda: browse.faces("Anna", cursor=faces.next),
        "doubt": lambda: browse.faces("Anna", "doubt"),
        "face": lambda: browse.face(faces.items[0].id),
        "people": lambda: browse.people(cursor=cards.next),
        "card": lambda: browse.card("Anna"),
        "together": lambda: browse.together("Anna"),
        "names": lambda: browse.completions("ann"),
    }
    for name, ask in pages.items():
        read = plans(browse, ask)
        assert read, name
        whole = [plan for plan in read if re.match(r"SCAN (faces|photos|paths|confirmed|grouped)\b", plan)]
        # who has how many faces is counted, but in an index, which is a hundredth of the faces
        assert [plan for plan in whole if name != "people" or "COVERING INDEX" not in plan] == [], name
        assert name != "photos" or not [plan for plan in read if "TEMP B-TREE" in plan]  # nor sorted
