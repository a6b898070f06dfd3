"""How the package is cut into parts: how many, on how many levels, who knows whom; and how long a file may grow.

Who may import whom is in pyproject.toml, and tests/test_repository.py runs it. A part is what lies directly below
facesearch/; `__main__` is none, it only starts the command line.
"""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parent.parent
MOST_PARTS, MOST_LEVELS, MOST_RELATIONS, MOST_EXCEPTIONS = 18, 7, 80, 5
MOST_LINES_OF_A_FUNCTION = 60
SOURCES = sorted(path for package in ("facesearch", "train") for path in (ROOT / package).rglob("*.py"))
PACKAGES = sorted(path for path in SOURCES if path.name == "__init__.py" and ROOT / "facesearch" in path.parents)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    built = grimp.build_graph("facesearch", cache_dir=None)
    built.remove_module("facesearch.__main__")
    return built


@pytest.fixture(scope="module")
def relations(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """Part -> the other parts that it imports."""
    found: dict[str, set[str]] = {part: set() for part in graph.find_children("facesearch")}
    for module in graph.modules - {"facesearch"}:
        for imported in graph.find_modules_directly_imported_by(module) - {"facesearch"}:
            if part_of(module) != part_of(imported):
                found[part_of(module)].add(part_of(imported))
    return found


def part_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_parts_are_few(relations: dict[str, set[str]]) -> None:
    assert len(relations) <= MOST_PARTS, sorted(relations)


def test_parts_lie_on_few_levels(relations: dict[str, set[str]]) -> None:
    @cache
    def levels(part: str) -> tuple[str, ...]:
        """The longest chain of imports that begins at a part."""
        return (part, *max((levels(imported) for imported in relations[part]), key=len, default=()))

    longest = max(map(levels, relations), key=len)
    assert len(longest) <= MOST_LEVELS, " -> ".join(longest)


def test_parts_know_few_others(relations: dict[str, set[str]]) -> None:
    assert sum(map(len, relations.values())) <= MOST_RELATIONS, relations


def test_no_two_modules_import_each_other_however_indirectly(graph: grimp.ImportGraph) -> None:
    modules = sorted(graph.modules)
    imports = [
        (modules.index(a), modules.index(b)) for a in modules for b in graph.find_modules_directly_imported_by(a)
    ]
    rows, columns = np.array(imports).T
    size = len(modules)
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), (size, size))
    _, components = connected_components(matrix, connection="strong")
    cycles = [
        [modules[i] for i in np.flatnonzero(components == c)] for c in np.flatnonzero(np.bincount(components) > 1)
    ]
    assert cycles == []


def test_exceptions_from_the_layers_are_few() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    exceptions = [line for contract in contracts for line in contract.get("ignore_imports", [])]
    assert len(exceptions) <= MOST_EXCEPTIONS, exceptions


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in SOURCES if ROOT / "facesearch" in path.parents}
    assert folders == {path.parent for path in PACKAGES}


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_every_package_says_what_it_is_for_and_what_it_may_import(path: Path) -> None:
    """At once: a list of what is in it may follow."""
    told = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert "May import " in " ".join(told.splitlines()[:3]), told


def functions() -> Iterator[tuple[str, int]]:
    """(file:line, number of lines) of every function."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_no_function_is_too_long_to_read() -> None:
    assert [(where, lines) for where, lines in functions() if lines > MOST_LINES_OF_A_FUNCTION] == []
