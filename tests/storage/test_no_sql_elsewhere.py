"""Only the tests of storage know what a library is kept in: all others can be run on another store."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
DATABASE = ("sqlalchemy", "sqlite3", *(f"facesearch.storage.{name}" for name in ("database", "migrations", "schema")))
SQL = re.compile(r"exec_driver_sql|library\.sqlite3|\b(SELECT|DELETE) .*\bFROM\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b")


def imported(text: str) -> Iterator[str]:
    """What a file imports, as whole names."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def known_of_the_database(text: str) -> list[str]:
    """The imports and lines of a file by which it depends on SQLite."""
    imports = [name for name in imported(text) if any(f"{name}.".startswith(f"{one}.") for one in DATABASE)]
    return imports + [line.strip() for line in text.splitlines() if SQL.search(line)]


def test_no_other_test_knows_the_database() -> None:
    elsewhere = [path for path in TESTS.rglob("*.py") if Path(__file__).parent not in path.parents]
    found = {
        str(path.relative_to(TESTS)): known_of_the_database(path.read_text(encoding="utf-8")) for path in elsewhere
    }
    assert {path: known for path, known in found.items() if known} == {}


def test_a_test_that_knows_it_is_found() -> None:
    """So that a mistake in the search cannot pass for an answer."""
    found = known_of_the_database((TESTS / "storage" / "test_schema.py").read_text(encoding="utf-8"))
    assert {"sqlite3", "sqlalchemy.select", "facesearch.storage.schema"} <= set(found)
    assert any("exec_driver_sql" in line for line in found)
