"""`index/compare_results.py` sees what has changed, and lets keys be added."""

import copy
import importlib.util
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "index" / "compare_results.py"
STORED: dict[str, Any] = {
    "keys": {"status": ["faces", "photos"]},
    "answers": {"status": {"faces": 3, "photos": 2}},
    "people": {"1": {"size": 3}},
    "query": {"a.jpg": {"faces": [{"distance": 0.25}]}},
    "verify": {},
    "clusters": {"1": {"size": 3, "members": "ab"}},
    "photos": {"ff": [{"box": [1.0, 2.0, 3.0, 4.0], "projections": [0.5], "embedding": "aa"}]},
}


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("compare_results", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(**sections: Any) -> dict[str, Any]:
    return {**copy.deepcopy(STORED), **sections}


def test_the_same_is_the_same(script: Any) -> None:
    nearly = changed(query={"a.jpg": {"faces": [{"distance": 0.25 + 5e-7}]}})
    assert list(script.differences(STORED, nearly)) == []


@pytest.mark.parametrize(
    "sections",
    [
        {"answers": {"status": {"faces": 4, "photos": 2}}},
        {"answers": {"status": {"faces": 3}}},
        {"keys": {"status": ["photos", "more"]}},
        {"people": {"2": {"size": 3}}},
        {"query": {"a.jpg": {"faces": [{"distance": 0.26}]}}},
        {"query": {"a.jpg": {"faces": []}}},
        {"clusters": {"1": {"size": 3, "members": "cd"}}},
        {"photos": {"ff": [{"box": [1.0, 2.0, 3.0, 4.1], "projections": [0.5], "embedding": "aa"}]}},
        {"photos": {}},
    ],
)
def test_what_has_changed_is_a_difference(script: Any, sections: dict[str, Any]) -> None:
    assert list(script.differences(STORED, changed(**sections)))


def test_a_key_may_be_added(script: Any) -> None:
    more = changed(
        keys={"status": ["detector", "faces", "photos"]},
        answers={"status": {"faces": 3, "photos": 2, "detector": {"name": "mtcnn"}}},
    )
    assert list(script.differences(STORED, more)) == []
    assert list(script.added_keys(STORED["keys"], more["keys"])) == [("status", "detector")]


def test_other_bytes_of_an_embedding_are_counted_apart(script: Any) -> None:
    other = changed(photos={"ff": [{"box": [1.0, 2.0, 3.0, 4.0], "projections": [0.5], "embedding": "bb"}]})
    assert list(script.differences(STORED, other)) == []
    assert len(script.moved_bits(STORED, other)) == 1
