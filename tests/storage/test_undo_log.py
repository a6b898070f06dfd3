"""Decisions that are undone to the last digit, whatever has become of their rows meanwhile."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from people_samples import Collection, a_collection, state
from sqlalchemy import delete, insert, select, text

from facesearch.storage import Store, undo_log
from facesearch.storage import schema as db
from facesearch.storage.undo_log import UndoLog


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Three people of two photos each, in no cluster."""
    with a_collection() as collection:
        collection.add_people({person: range(2) for person in range(3)})
        yield collection


def rows(index: Store, query: str) -> list[tuple[Any, ...]]:
    with index.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def undo(collection: Collection) -> undo_log.Decision | None:
    with collection.index.transaction() as connection:
        return undo_log.undo_last(connection)


def history(collection: Collection) -> list[undo_log.Decision]:
    with collection.index.reading() as connection:
        return undo_log.history(connection)


def somebody(collection: Collection, name: str | None, *faces: int) -> int:
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        person = book.new_person(name)
        for face in faces:
            book.put("confirmed", {"face_id": face}, {"person_id": person})
        book.close("name", f"somebody is {name}")
    return person


def test_undo_restores_every_column_of_every_table(collection):
    person, other = somebody(collection, "Anna", 1, 2), somebody(collection, None, 3)
    before = state(collection.index)
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        book.put("people", {"id": person}, {"name": "Änne", "ignored": True})
        book.put("confirmed", {"face_id": 1}, {"person_id": other})
        book.put("confirmed", {"face_id": 2}, None)
        book.put("rejected", {"face_id": 2, "person_id": person}, {})
        book.put("cannot_link", {"person_id": person, "other_id": other}, {})
        book.put("not_faces", {"face_id": 4}, {})
        book.put("clustered", {"face_id": 5}, {"cluster_id": 12})
        book.put("confirmed", {"face_id": 5}, {"person_id": person})
        book.put("repeated", {"face_id": 6}, {})
        book.put("faces", {"id": 6}, {"x1": 1.5})
        book.put("covers", {"person_id": person}, {"face_id": 1})
        book.put("births", {"person_id": other}, {"born": "1980-05-17"})
        decision = book.close("many", "many things")
    after = state(collection.index)
    assert [table for table in before if after[table] == before[table]] == []
    assert undo(collection) == decision
    assert state(collection.index) == before


@pytest.mark.parametrize("made_at", [0.1 + 0.2, 1e9 + 1 / 3, 1753900000.1234567, 5e-324])
def test_a_deleted_person_comes_back_with_the_same_time(collection, made_at):
    with collection.index.transaction() as connection:
        connection.execute(insert(db.people).values(id=7, name='"\n\u202e👩🏽', ignored=True, created_at=made_at))
        book = UndoLog(connection)
        book.put("people", {"id": 7}, None)
        book.close("merge", "gone")
    undo(collection)
    assert rows(collection.index, "SELECT * FROM people") == [(7, '"\n\u202e👩🏽', True, made_at)]


def test_what_changes_nothing_is_no_decision(collection):
    person = somebody(collection, "Anna", 1)
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        book.put("people", {"id": person}, {"name": "Anna"})
        book.put("confirmed", {"face_id": 1}, {"person_id": person})
        book.put("rejected", {"face_id": 1, "person_id": person}, None)
        assert book.close("name", "the same again") is None
    assert [decision.summary for decision in history(collection)] == ["somebody is Anna"]


def test_a_row_that_is_changed_twice_goes_back_to_what_it_was_first(collection):
    before = state(collection.index)
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        for cluster in (1, 2, 3):
            book.put("clustered", {"face_id": 1}, {"cluster_id": cluster})
        book.put("clustered", {"face_id": 1}, None)
        book.put("clustered", {"face_id": 1}, {"cluster_id": 4})
        book.close("many", "to and fro")
    undo(collection)
    assert state(collection.index) == before


def test_history_is_latest_first_and_undo_goes_back_through_it(collection):
    states = []
    for name in ("Anna", "Bela", "Cleo"):
        states.append(state(collection.index))
        somebody(collection, name)
    listed = history(collection)
    assert [decision.summary for decision in listed] == [f"somebody is {name}" for name in ("Cleo", "Bela", "Anna")]
    for before in reversed(states):
        assert undo(collection) == listed.pop(0)
        assert state(collection.index) == before
        assert history(collection) == listed
    assert undo(collection) is None


def test_a_face_that_is_gone_stays_gone(collection):
    person = somebody(collection, "Anna", 1, 2)
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        for face in (1, 2):
            book.put("confirmed", {"face_id": face}, None)
            book.put("not_faces", {"face_id": face}, {})
        book.put("people", {"id": person}, None)
        book.close("not-a-face", "two of them")
        connection.execute(delete(db.faces).where(db.faces.c.id == 1))
    undo(collection)
    assert rows(collection.index, "SELECT face_id FROM confirmed") == [(2,)]
    assert rows(collection.index, "SELECT * FROM not_faces") == []


def test_a_row_that_was_changed_since_is_left_alone(collection):
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        book.put("clustered", {"face_id": 1}, {"cluster_id": 5})
        book.put("clustered", {"face_id": 2}, {"cluster_id": 5})
        book.close("many", "two")
        connection.execute(db.clustered.update().where(db.clustered.c.face_id == 1).values(cluster_id=9))
    undo(collection)
    assert rows(collection.index, "SELECT * FROM clustered") == [(1, 9)]


def test_a_transaction_that_fails_leaves_no_decision(collection):
    before = state(collection.index)

    def fail() -> None:
        with collection.index.transaction() as connection:
            book = UndoLog(connection)
            book.new_person("Anna")
            book.close("name", "somebody is Anna")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert (state(collection.index), history(collection)) == (before, [])


def erase(collection: Collection, faces: set[int], people: set[int]) -> None:
    with collection.index.transaction() as connection:
        undo_log.erase(connection, faces, people)


def test_erasing_takes_only_what_is_theirs(collection):
    anna, bela = somebody(collection, "Anna", 1, 2), somebody(collection, "Bela", 3)
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        book.put("cannot_link", {"person_id": anna, "other_id": bela}, {})
        book.put("people", {"id": bela}, {"ignored": True})
        book.close("apart", "Anna and Bela are two people")
    erase(collection, {1, 2}, {anna})
    assert [decision.summary for decision in history(collection)] == ["apart (partly forgotten)", "somebody is Bela"]
    with collection.index.reading() as connection:
        changes = [json.loads(text) for text in connection.execute(select(db.undo_log.c.changes)).scalars()]
    assert not [
        c for one in changes for c in one if c["table"] in ("apart", "confirmed") and c["key"] != {"face_id": 3}
    ]


def test_erasing_takes_those_who_were_merged_into_them_and_all_their_names(collection):
    anna, bela = somebody(collection, "Anna", 1, 2), somebody(collection, "Bela", 3)
    carl = somebody(collection, "Carl", 5)
    with collection.index.transaction() as connection:
        book = UndoLog(connection)
        book.put("confirmed", {"face_id": 3}, {"person_id": anna})
        book.put("people", {"id": bela}, None)
        book.close("merge", "Bela merged into Anna")
        book = UndoLog(connection)
        book.put("people", {"id": anna}, {"name": "Ann"})
        book.close("name", "Anna is Ann")
        book = UndoLog(connection)
        book.put("people", {"id": carl}, {"ignored": True})
        book.close("ignore", "Carl, not Bela, is ignored; Annabel is not")
    erase(collection, {1, 2, 3}, {anna})
    written = rows(collection.index, "SELECT summary, changes FROM undo_log ORDER BY id")
    assert [summary for summary, _ in written] == ["somebody is Carl", "ignore (partly forgotten)"]
    assert not [text for row in written for text in row if "Ann" in text or "Bela" in text]
    undo(collection)
    assert rows(collection.index, "SELECT ignored FROM people WHERE name = 'Carl'") == [(False,)]
