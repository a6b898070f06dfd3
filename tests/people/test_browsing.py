"""Pages of people, faces and photos: everything once, in order, whatever changes between two pages."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import numpy as np
import pytest
from index_samples import a_photo, put, settle
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, portrait

from facesearch.core.errors import InputError
from facesearch.core.types import Page
from facesearch.people import People
from facesearch.people.browsing import Browser

DAY = datetime(2019, 7, 1, 12, 0)


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Five people on 3 to 7 photos of their own, one photo of the first three, and a stranger who is in no cluster."""
    with a_collection() as collection:
        faces = collection.add_people({person: range(3 + person) for person in range(5)})
        (together,) = collection.add([a_portrait(portrait(person, 90), person) for person in range(3)])
        collection.add([a_portrait(portrait(77, 0))])
        collection.recluster()
        collection.faces = {person: [*some, *together[person : person + 1]] for person, some in faces.items()}
        yield collection


@pytest.fixture
def browse(collection: Collection) -> Browser:
    return Browser(collection.index, lambda: CALIBRATION)


@pytest.fixture
def people(collection: Collection) -> People:
    return collection.people


def cluster(collection: Collection, person: int) -> str:
    return str(collection.cluster_of(collection.faces[person][0]))


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


def backwards(page: Callable[..., Page[Any]], limit: int, **options: Any) -> list[Any]:
    """All but the last page, from behind; the pages that are behind each of them lead on."""
    last = page(limit=limit, **options)
    while last.next is not None:
        last = page(cursor=last.next, limit=limit, **options)
    items, cursor = list[Any](), last.previous
    while cursor is not None:
        found = page(cursor=cursor, limit=limit, **options)
        assert page(cursor=found.next, limit=limit, **options).items[0] not in found.items
        items, cursor = [*found.items, *items], found.previous
    return [*items, *last.items]


def faces_of(browse: Browser, cluster: int) -> set[int]:
    return {face.id for face in browse.faces(str(cluster), limit=500).items}


# --- people


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
def test_clusters_come_largest_first_and_each_once(collection, browse, limit):
    clusters = whole(browse.people, limit)
    assert [found.size for found in clusters] == sorted(
        (len(faces) for faces in collection.faces.values()), reverse=True
    )
    assert len({found.id for found in clusters}) == 5
    assert all(found.cover.id in faces_of(browse, found.id) for found in clusters)
    assert [(one.person, one.confirmed, one.ignored) for one in clusters] == [(None, 0, False)] * 5


def test_named_unnamed_and_ignored_ones(collection, browse, people):
    people.name(cluster(collection, 0), "Anna")
    people.name(cluster(collection, 1), "Bela")
    people.ignore("Bela")
    people.ignore(cluster(collection, 2))
    people.keep_apart(cluster(collection, 3), cluster(collection, 0))  # somebody without a name
    shown = {
        kind: {cluster.id for cluster in browse.people(kind).items} for kind in ("all", "named", "unnamed", "ignored")
    }
    ids = [int(cluster(collection, person)) for person in range(5)]
    assert shown["named"] == {ids[0]}
    assert shown["unnamed"] == {ids[3], ids[4]}
    assert shown["ignored"] == {ids[1], ids[2]}
    assert shown["all"] == shown["named"] | shown["unnamed"]
    counts = browse.counts()
    assert (counts.named, counts.unnamed, counts.ignored, counts.unclustered) == (1, 2, 2, 1)
    anna = browse.cluster("Anna")
    assert (anna.person.name, anna.title, anna.size, anna.confirmed) == ("Anna", "Anna", 4, 4)
    assert browse.cluster(cluster(collection, 3)).person.name is None
    assert browse.cluster(cluster(collection, 4)).person is None


def test_what_is_decided_between_two_pages_hides_nobody_and_shows_nobody_twice(collection, browse, people):
    first = browse.people(limit=2)
    rest = {cluster.id for cluster in whole(browse.people, 9)[2:]}
    people.ignore(str(first.items[0].id))
    people.merge([str(first.items[1].id), str(first.items[0].id)])
    later = browse.people(cursor=first.next, limit=9)
    assert {cluster.id for cluster in later.items} == rest


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_every_list_can_be_gone_back_in(collection, browse, people, limit):
    for stranger in range(60, 64):
        collection.add([a_portrait(portrait(stranger, 0))])
    people.not_a_face([face.id for face in browse.unclustered(limit=3).items])
    largest = str(browse.people(limit=1).items[0].id)
    orders = [partial(browse.faces, largest, order) for order in ("newest", "oldest", "doubt")]
    for page in (browse.people, browse.photos, browse.unclustered, browse.not_faces, *orders):
        assert backwards(page, limit) == whole(page, limit)
        assert page(limit=limit).previous is None


def test_the_way_back_holds_when_what_it_was_taken_from_is_gone(browse, people):
    second = browse.people(cursor=browse.people(limit=2).next, limit=2)
    people.ignore(str(second.items[0].id))
    assert browse.people(cursor=second.previous, limit=9).items == browse.people(limit=2).items
    assert browse.people(cursor=second.previous, limit=9).previous is None


def test_the_cover_is_a_good_face_and_stays():
    with a_collection() as other:
        bad, good = (
            [other.add([a_portrait(portrait(0, shot), weak=weak)])[0][0] for shot in shots]
            for weak, shots in ((True, range(3)), (False, range(3, 6)))
        )
        other.recluster()
        browse = Browser(other.index, lambda: CALIBRATION)
        shown = browse.cluster(str(other.cluster_of(good[0]))).cover.id
        assert shown in good
        assert shown not in bad
        other.add([a_portrait(portrait(0, 9))])
        other.recluster()
        assert browse.cluster(str(other.cluster_of(good[0]))).cover.id == shown


def test_names_are_found_by_any_part_of_them_the_beginning_first(collection, browse, people):
    for person, name in enumerate(["Anna Larsson", "Susanna", "Lars", "Åsa O\u0308berg", "Bo Annasson"]):
        people.name(cluster(collection, person), name)

    def found(text: str, **limit: int) -> list[str]:
        return [found.title for found in browse.completions(text, **limit)]

    assert found("ANN") == ["Anna Larsson", "Bo Annasson", "Susanna"]
    assert found("lars") == ["Lars", "Anna Larsson"]
    assert found("öb") == found("ASA ob") == ["Åsa O\u0308berg"]
    assert found("a", limit=2) == ["Anna Larsson", "Åsa O\u0308berg"]
    assert found("  ") == found("zz") == []


# --- faces


def dated(collection: Collection, dates: list[datetime | None]) -> list[int]:
    """A photo of somebody for each date; all are one cluster. Returns the faces."""
    run = collection.index.start_run("index")
    photos = [
        replace(a_photo(f"/d/{n}", f"d{n}"), faces=(a_portrait(portrait(50, n)),), taken=taken)
        for n, taken in enumerate(dates)
    ]
    put(collection.index, run, *photos)
    collection.recluster()
    return collection.index.embeddings()[0][-len(dates) :].tolist()


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_faces_by_date_those_of_one_date_by_number(collection, browse, limit):
    faces = dated(collection, [DAY + timedelta(days=day) for day in (3, 1, 1, 2, 1)])
    who = str(collection.cluster_of(faces[0]))

    def listed(order: str) -> list[int]:
        return [face.id for face in whole(lambda **page: browse.faces(who, order, **page), limit)]

    assert listed("newest") == [faces[i] for i in (0, 3, 1, 2, 4)]
    assert listed("oldest") == [faces[i] for i in (1, 2, 4, 3, 0)]


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_faces_by_date_can_begin_with_a_year(collection, browse, limit):
    ends = [datetime(2018, 12, 31, 23, 59, 59), datetime(2019, 1, 1), datetime(2019, 12, 31), datetime(2020, 1, 1)]
    faces = dated(collection, ends)
    who = str(collection.cluster_of(faces[0]))

    def listed(order: str, year: int) -> list[int]:
        return [face.id for face in whole(lambda **page: browse.faces(who, order, year=year, **page), limit)]

    assert listed("newest", 2019) == faces[2::-1]
    assert listed("oldest", 2019) == faces[1:]
    assert listed("newest", 2017) == listed("oldest", 2021) == []
    assert browse.faces(who, year=2020).previous is browse.faces(who, "oldest", year=2018).previous is None
    before = browse.faces(who, cursor=browse.faces(who, year=2019).previous)
    assert [face.id for face in before.items] == faces[:2:-1]
    with pytest.raises(InputError, match="a year from 1000 to 9998 is wanted, not 0"):
        browse.faces(who, year=0)


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_faces_by_doubt_begin_with_those_furthest_from_the_mean(collection, browse, limit):
    who, ids = cluster(collection, 4), collection.faces[4]
    vectors = np.stack([collection.index.embedding(face) for face in ids]).astype(float)
    mean = vectors.mean(axis=0) / np.linalg.norm(vectors.mean(axis=0))
    expected = dict(zip(ids, np.linalg.norm(vectors - mean, axis=1), strict=True))
    found = whole(lambda **page: browse.faces(who, "doubt", **page), limit)
    assert [face.id for face in found] == sorted(ids, key=lambda face: -expected[face])
    assert [face.distance for face in found] == pytest.approx([expected[face.id] for face in found], abs=2e-6)


def test_a_face_tells_what_was_decided_of_it(collection, browse, people):
    alone = next(iter(browse.unclustered().items))
    assert (alone.cluster, alone.person, alone.confirmed, alone.not_a_face) == (None, None, False, False)
    people.not_a_face(alone.id)
    assert browse.unclustered().items == ()
    assert [face.id for face in browse.not_faces().items] == [alone.id]
    assert browse.face(alone.id).not_a_face
    people.name(cluster(collection, 0), "Anna")
    face = browse.face(collection.faces[0][0])
    assert (face.person.name, face.title, face.confirmed) == ("Anna", "Anna", True)
    assert face.photo_size == (640, 480)
    other = browse.face(collection.faces[1][0])
    assert (str(other.cluster), other.person) == (cluster(collection, 1), None)


# --- photos


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_photos_come_newest_first_and_each_once(collection, browse, limit):
    dated(collection, [DAY + timedelta(days=day) for day in (3, 1, 1, 2, 1)])
    photos = whole(browse.photos, limit)
    assert len({photo.id for photo in photos}) == len(photos) == len(collection.paths) + 5
    assert [(photo.taken, photo.id) for photo in photos] == sorted(((p.taken, p.id) for p in photos), reverse=True)


def test_a_photo_tells_where_the_heads_are(collection, browse, people):
    (photo,) = (one for one in browse.photos(limit=100).items if one.face_count > 1)
    boxes = [face.box for face in browse.photo(photo.id).photo.faces]
    assert photo.heads == (*np.min(boxes, axis=0)[:2], *np.max(boxes, axis=0)[2:])
    people.not_a_face([face.id for face in browse.photo(photo.id).photo.faces])
    assert browse.photo(photo.id).photo.heads is None


def test_photos_of_some_people_together_and_of_nobody_else(collection, browse, people):
    people.name(cluster(collection, 0), "Anna")
    people.name(cluster(collection, 1), "Bela")
    listed = {path: known.photo_id for path, known in collection.index.known_paths().items()}
    for who, only in ((["Anna"], False), (["Anna"], True), (["Anna", "Bela"], False), (["Anna", "Bela"], True)):
        expected = {listed[photo.path] for photo in people.photos(who, only=only)}
        assert {photo.id for photo in whole(lambda **p: browse.photos(who, only=only, **p), 2)} == expected  # noqa: B023
    (stranger,) = [face.id for face in browse.unclustered().items]
    people.assign([stranger], "Cem")
    together = browse.photos(["Anna", "Bela"]).items[0]
    third = next(f for f in browse.photo(together.id).photo.faces if f.title not in ("Anna", "Bela"))
    people.not_a_face(third.id)  # does not count as anybody else
    assert [photo.id for photo in browse.photos(["Anna", "Bela"], only=True).items] == [together.id]
    assert browse.photo(together.id).photo.face_count == 2


def test_a_photo_with_its_faces_from_left_to_right_its_files_and_its_neighbours(collection, browse):
    faces = dated(collection, [DAY, DAY + timedelta(days=2), DAY + timedelta(days=1)])
    photos = [browse.face(face).photo_id for face in faces]
    shown = browse.photo(photos[2])
    assert (shown.newer, shown.older) == (photos[1], photos[0])
    assert shown.photo.paths == ("/d/2",)
    assert shown.photo.taken == DAY + timedelta(days=1)
    (together,) = [photo for photo in browse.photos().items if photo.face_count == 3]
    left = [face.box[0] for face in browse.photo(together.id).photo.faces]
    assert left == sorted(left)
    ends = whole(browse.photos, 100)
    assert browse.photo(ends[0].id).newer is None
    assert browse.photo(ends[-1].id).older is None


def test_photos_that_are_missing_say_so(collection, browse):
    gone = collection.paths[0]
    settle(collection.index, gone)
    missing = [photo.id for photo in whole(browse.photos, 100) if photo.missing]
    assert missing == [collection.index.known_paths()[gone].photo_id]


def test_ignored_people_take_no_place_among_those_who_are_with_somebody(collection, browse, people):
    people.ignore(cluster(collection, 1))
    people.ignore(cluster(collection, 0))
    assert [one.cluster.id for one in browse.together(cluster(collection, 2), limit=1)] == []
    people.ignore(cluster(collection, 0), False)
    assert [one.cluster.id for one in browse.together(cluster(collection, 2), limit=1)] == [int(cluster(collection, 0))]


def test_who_is_with_whom(collection, browse, people):
    with_first = browse.together(cluster(collection, 0))
    assert {(one.cluster.id, one.photos) for one in with_first} == {(int(cluster(collection, p)), 1) for p in (1, 2)}
    people.ignore(cluster(collection, 1))
    assert [one.cluster.id for one in browse.together(cluster(collection, 0))] == [int(cluster(collection, 2))]
    assert browse.together(cluster(collection, 4)) == ()


def test_dates_are_those_of_the_place_with_its_offset_where_it_is_known(collection, browse):
    tokyo = DAY.replace(tzinfo=timezone(timedelta(hours=9)))
    faces = dated(collection, [tokyo, DAY, None])
    shown = [browse.face(face) for face in faces]
    assert shown[0].taken == tokyo
    assert shown[0].taken.utcoffset() == timedelta(hours=9)
    assert (shown[1].taken, shown[1].taken.tzinfo) == (DAY, None)
    assert shown[2].taken == datetime.fromtimestamp(1_000_000_007 / 1e9)  # of the file
    assert [browse.photo(face.photo_id).photo.from_file for face in shown] == [False, False, True]


# --- what cannot be


@pytest.mark.parametrize("cursor", ["", "x", "WzFd", "W10", "bnVsbA", "WyJhIiwgMV0", "é", "A" * 5000, "W05hTiwgMV0"])
def test_cursors_of_ones_own_making_are_refused(browse, cursor):
    for page in (browse.people, browse.photos, lambda **p: browse.faces("1", **p), lambda **p: browse.pairs(**p)):
        with pytest.raises(InputError):
            page(cursor=cursor)


def test_what_is_not_there_or_cannot_be_meant(browse):
    for ask in (browse.cluster, browse.faces, browse.together, lambda who: browse.photos([who])):
        with pytest.raises(InputError, match="999"):
            ask("999")
        with pytest.raises(InputError, match="Nobody"):
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
    with a_collection() as empty:
        browse = Browser(empty.index, lambda: CALIBRATION)
        for page in (browse.people(), browse.photos(), browse.unclustered(), browse.not_faces(), browse.pairs()):
            assert (page.items, page.next) == ((), None)
        assert (browse.counts().named, browse.counts().unclustered) == (0, 0)
