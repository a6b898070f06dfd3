"""How SQLite goes about the pages of large libraries."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, portrait
from sqlalchemy import event

from facesearch.core.finding import PhotoFilter
from facesearch.people.browsing import Browser
from facesearch.storage import Store
from facesearch.storage import schema as db

TABLES = "|".join(table.name for table in (db.faces, db.photos, db.paths, db.confirmed, db.clustered))


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Three people on photos of their own and on one together."""
    with a_collection() as collection:
        collection.add_people({person: range(4) for person in range(3)})
        collection.add([a_portrait(portrait(person, 90), person) for person in range(3)])
        collection.recluster()
        yield collection


def plans(store: Store, ask: Callable[[], object]) -> list[str]:
    """How SQLite goes about every query that a page makes."""
    queries: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            queries.append((statement, values))

    event.listen(store._engine, "before_cursor_execute", note)
    ask()
    event.remove(store._engine, "before_cursor_execute", note)
    with store.reading() as connection:
        return [
            row.detail
            for statement, values in queries
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def test_no_page_reads_a_table_of_faces_or_photos_from_end_to_end(collection: Collection) -> None:
    browse = Browser(collection.index, lambda: CALIBRATION)
    collection.people.name("1", "Anna")
    collection.people.ignore("2")
    photos, faces, people = browse.photos(limit=2), browse.faces("Anna", limit=2), browse.people(limit=1)
    back = browse.photos(cursor=photos.next).previous
    pages: dict[str, Callable[[], object]] = {
        "photos": lambda: browse.photos(cursor=photos.next),
        "photos, back": lambda: browse.photos(cursor=back),
        "photos of": lambda: browse.photos(["Anna"], cursor=photos.next),
        "found": lambda: browse.find(PhotoFilter(text="anna -2", only=True), cursor=photos.next),
        "years of": lambda: browse.years(PhotoFilter(people=("Anna",))),
        "photo": lambda: browse.photo(photos.items[0].id),
        "faces": lambda: browse.faces("Anna", cursor=faces.next),
        "doubt": lambda: browse.faces("Anna", "doubt"),
        "face": lambda: browse.face(faces.items[0].id),
        "people": lambda: browse.people(cursor=people.next),
        "cluster": lambda: browse.cluster("Anna"),
        "together": lambda: browse.together("Anna"),
        "names": lambda: browse.completions("ann"),
    }
    for name, ask in pages.items():
        read = plans(collection.index, ask)
        assert read, name
        whole = [plan for plan in read if re.match(rf"SCAN ({TABLES})\b", plan)]
        # who has how many faces is counted, but in an index, which is a hundredth of the faces
        assert [plan for plan in whole if name != "people" or "COVERING INDEX" not in plan] == [], name
        if name in ("photos", "photos, back"):
            assert [plan for plan in read if "TEMP B-TREE" in plan] == [], name  # nor sorted
