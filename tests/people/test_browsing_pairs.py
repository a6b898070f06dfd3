"""Pairs that may be one person: each comes once, an answer takes it out, and nothing is asked of what is settled."""

from collections.abc import Iterator

import pytest
from people_samples import CALIBRATION, Collection, a_collection

from facesearch.core.errors import InputError
from facesearch.people import suggestions
from facesearch.people.browsing import Browser, pairs


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Twelve people, of whom strangers are near enough to be asked about."""
    with a_collection() as collection:
        faces = collection.add_people({person: range(3 + person % 4) for person in range(12)})
        collection.recluster()
        collection.faces = [faces[person] for person in range(12)]
        yield collection


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs were found, each time that they were looked for; up to a distance at which there are some."""
    monkeypatch.setattr(suggestions, "LOOSEST_FAR", 0.5)
    counts: list[int] = []

    def suggest(*arguments: object) -> list[object]:
        found = suggestions.suggest(*arguments)
        counts.append(len(found))
        return found

    monkeypatch.setattr(pairs, "suggest", suggest)
    return counts


@pytest.fixture
def browse(collection: Collection, made: list[int]) -> Browser:
    return Browser(collection.index, lambda: CALIBRATION)


def through(browse: Browser, limit: int) -> list[tuple[int, int]]:
    """All pairs, by skipping each."""
    found, cursor = [], None
    while True:
        page = browse.pairs(cursor=cursor, limit=limit)
        found += [(pair.a.id, pair.b.id) for pair in page.items]
        if page.next is None:
            return found
        cursor = page.next


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_all_pairs_come_once_the_nearest_first(collection, browse, made, limit):
    asked = [(s.a.id, s.b.id) for s in collection.people.suggestions(100)]
    assert len(asked) >= 4
    assert through(browse, limit) == asked
    assert made == [len(asked)]  # found once


def test_a_pair_shows_what_it_takes_to_answer(collection, browse):
    (pair,), (suggestion,) = browse.pairs().items, collection.people.suggestions(1)
    assert pair.distance == pytest.approx(suggestion.distance, abs=1e-6)
    assert pair.probability == pytest.approx(suggestion.probability, abs=1e-6)
    assert set(pair.a_faces) == set(collection.people.find(str(pair.a.id)).face_ids)
    assert set(pair.b_faces) == set(collection.people.find(str(pair.b.id)).face_ids)
    typical = collection.people.find(str(pair.a.id)).face_ids
    doubtful = browse.faces(str(pair.a.id), "doubt").items[0].id
    assert pair.a_faces[-1] == doubtful
    assert len(typical) == pair.a.size


def test_a_no_is_not_asked_again_and_the_others_are(collection, browse, made):
    asked = through(browse, 1)
    first = asked[0]
    collection.people.keep_apart(*map(str, first))
    assert through(browse, 1) == asked[1:]
    collection.people.undo()
    assert through(browse, 1) == asked
    assert len(made) == 1


def test_a_yes_settles_all_that_was_asked_of_the_one_that_is_gone(collection, browse):
    asked = through(browse, 1)
    kept, gone = asked[0]
    collection.people.merge([str(kept), str(gone)])
    assert through(browse, 1) == [pair for pair in asked if gone not in pair]


def test_ignored_people_are_not_asked_about(collection, browse):
    asked = through(browse, 1)
    collection.people.ignore(str(asked[0][0]))
    assert through(browse, 1) == [pair for pair in asked if asked[0][0] not in pair]


def test_new_faces_and_a_new_clustering_make_the_list_anew(collection, browse, made):
    through(browse, 1)
    collection.add_people({77: range(4)})
    through(browse, 1)
    assert len(made) == 2
    collection.recluster()
    assert len(through(browse, 100)) > made[0]
    assert len(made) == 3


def test_when_all_are_answered_those_that_the_answers_have_brought_up_come(collection, browse, made, monkeypatch):
    monkeypatch.setattr(pairs, "PAIRS", 1)
    answered = []
    while page := browse.pairs().items:
        answered.append((page[0].a.id, page[0].b.id))
        collection.people.keep_apart(*map(str, answered[-1]))
    assert len(answered) == len(set(answered)) >= 4
    assert made == [1] * len(answered) + [0]


def test_without_a_calibration_there_is_no_asking(collection):
    with pytest.raises(InputError, match="facesearch calibrate"):
        Browser(collection.index, lambda: None).pairs()


def test_a_pair_of_which_one_goes_meanwhile_is_left_out(
    collection: Collection, browse: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = browse.pairs(limit=1).items[0]
    is_open = pairs.PairList._open

    def merging(self: pairs.PairList, after: object, count: int) -> object:
        found = is_open(self, after, count)
        if found:
            collection.people.merge([str(first.a.id), str(first.b.id)])
        return found

    monkeypatch.setattr(pairs.PairList, "_open", merging)
    assert browse.pairs(limit=1).items == ()
