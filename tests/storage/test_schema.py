"""The tables of a library: as the golden schema says, as SQLAlchemy thinks, and quick to delete from."""

import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from index_samples import SPEC, a_photo, put
from sqlalchemy import create_engine, inspect, select

from facesearch.core.errors import LibraryFormatError
from facesearch.storage import Store, catalog, migrations
from facesearch.storage import dates as dating
from facesearch.storage import schema as db
from facesearch.storage.database import FILE_NAME

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "index" / "schema.sql"


@pytest.fixture
def raw(index: Store) -> sqlite3.Connection:
    """The library's database, without SQLAlchemy between."""
    return sqlite3.connect(index.folder / FILE_NAME)


def test_a_fresh_library_has_the_golden_schema(raw: sqlite3.Connection) -> None:
    # indices that SQLite makes by itself and the table of AUTOINCREMENT have no statement or are not ours
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type, name"
    statements = [" ".join(sql.split()) + ";" for (sql,) in raw.execute(query)]
    golden = [line for line in GOLDEN.read_text(encoding="utf-8").splitlines() if not line.startswith("--")]
    assert statements == golden


def test_the_migrated_tables_are_those_that_sqlalchemy_writes_to(index: Store, tmp_path: Path) -> None:
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite3'}")
    db.metadata.create_all(declared)
    migrated = create_engine(f"sqlite:///{index.folder / FILE_NAME}")
    ours, theirs = inspect(migrated), inspect(declared)
    assert set(ours.get_table_names()) == set(theirs.get_table_names()) | {"migrations"}
    for table in db.metadata.tables:
        assert _described(ours, table) == _described(theirs, table)
    for engine in (declared, migrated):
        engine.dispose()


def _described(inspector: object, table: str) -> dict[str, object]:
    columns = {c["name"]: (str(c["type"]), c["nullable"], c["primary_key"]) for c in inspector.get_columns(table)}  # type: ignore[attr-defined]
    keys = {
        (tuple(k["constrained_columns"]), k["referred_table"], tuple(k["referred_columns"]), str(k["options"]))
        for k in inspector.get_foreign_keys(table)  # type: ignore[attr-defined]
    }
    indices = {(i["name"], tuple(i["column_names"]), i["unique"]) for i in inspector.get_indexes(table)}  # type: ignore[attr-defined]
    unique = {tuple(u["column_names"]) for u in inspector.get_unique_constraints(table)}  # type: ignore[attr-defined]
    return {"columns": columns, "keys": keys, "indices": indices, "unique": unique}


@pytest.mark.parametrize("table", [name for name, table in db.metadata.tables.items() if table.dialect_kwargs])
def test_ids_that_something_depends_on_are_never_used_again(raw: sqlite3.Connection, table: str) -> None:
    (sql,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    assert "AUTOINCREMENT" in sql


def test_deleting_a_row_never_has_another_table_read_from_end_to_end(raw: sqlite3.Connection) -> None:
    """SQLite looks for the children of every row that is deleted; without an index that is a scan for each."""
    parents_that_go = {"photos", "faces", "people"}
    for table in db.metadata.tables:
        leading = {
            raw.execute(f"SELECT name FROM pragma_index_info('{name}') ORDER BY seqno").fetchone()[0]
            for _, name, *_ in raw.execute(f"PRAGMA index_list({table})")
        }
        leading |= {name for _, name, _, _, _, pk in raw.execute(f"PRAGMA table_info({table})") if pk == 1}
        for _, _, parent, column, *_ in raw.execute(f"PRAGMA foreign_key_list({table})"):
            assert parent not in parents_that_go or column in leading, f"{table}.{column}"


def test_opening_again_applies_no_migration_twice(index: Store, raw: sqlite3.Connection) -> None:
    Store.open(index.folder).close()
    names = [name for (name,) in raw.execute("SELECT name FROM migrations ORDER BY name")]
    assert len(names) == migrations.LATEST
    assert names[0] == "m001_initial"


FIRST_FORMAT = (
    "INSERT INTO runs (id, kind, started_at) VALUES (1, 'index', 0)",
    "INSERT INTO photos (id, sha256, width, height, min_face_px, run_id) VALUES (1, 'a', 640, 480, 20, 1)",
    "INSERT INTO paths (path, photo_id, size_bytes, mtime_ns) VALUES ('/p/a', 1, 1, 1500000000999999999)",
)


def test_a_library_of_the_first_format_is_migrated_and_keeps_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_NAMES", migrations._NAMES[:1])
    monkeypatch.setattr(migrations, "LATEST", 1)
    old = Store.create(tmp_path, SPEC)
    with old.transaction() as connection:
        for statement in FIRST_FORMAT:
            connection.exec_driver_sql(statement)
    old.close()
    monkeypatch.undo()
    new = Store.open(tmp_path)
    assert [path for path, _ in new.files_of(1)] == ["/p/a"]
    with new.reading() as connection:
        assert migrations.applied(connection) == migrations.LATEST
        taken_at, offset_s, dated_by = connection.exec_driver_sql(
            "SELECT taken_at, taken_offset_s, dated_by FROM photos"
        ).one()
    assert dating.as_datetime(taken_at, offset_s) == datetime.fromtimestamp(1_500_000_000)  # the file's time, for now
    assert dated_by is None
    new.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facesearch.storage.migrations import m001_initial

    whole = m001_initial.STATEMENTS
    monkeypatch.setattr(m001_initial, "STATEMENTS", [*whole, "CREATE nonsense"])
    with pytest.raises(LibraryFormatError, match="nonsense"):
        Store.create(tmp_path, SPEC)
    assert sqlite3.connect(tmp_path / FILE_NAME).execute("SELECT name FROM sqlite_master").fetchall() == []
    monkeypatch.setattr(m001_initial, "STATEMENTS", whole)
    Store.create(tmp_path, SPEC).close()


PATHS = ["/photos/été & co/a b.jpg", "/photos/👩‍👧.jpg", "/photos/caf\udce9.jpg", "/photos/new\nline", "/p/'quoted\"%_"]


@pytest.mark.parametrize("path", PATHS)
def test_every_name_that_a_file_can_have_comes_back(index: Store, path: str) -> None:
    run = index.start_run("index", [path])
    put(index, run, a_photo(path, "content"))
    assert list(index.known_paths()) == [path]
    assert [path for path, _ in index.files_of(1)] == [path]
    assert index.roots() == [path]
    index.record_failures(run, [(path, "unreadable")])
    assert index.failures() == [(path, "unreadable")]
    with index.transaction() as connection:
        catalog.mark_missing(connection, [path])
        found = connection.execute(select(db.paths.c.path).where(db.paths.c.path.in_([path]))).scalars().all()
    assert found == [path]
    assert index.known_paths()[path].missing
    index.forget_roots([path])
    index.forget_paths([path])
    assert not index.known_paths()
    assert not index.roots()
    assert not index.failures()


def test_a_name_that_is_text_is_stored_as_text_and_other_bytes_as_they_are(
    index: Store, raw: sqlite3.Connection
) -> None:
    run = index.start_run("index")
    put(index, run, a_photo("/caf\udce9", "1"), a_photo("/café", "2"))
    stored = dict(raw.execute("SELECT path, typeof(path) FROM paths"))
    assert stored == {b"/caf\xe9": "blob", "/café": "text"}
