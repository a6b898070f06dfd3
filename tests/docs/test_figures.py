"""Every figure in the pages is the one that was measured, to the digits given there.

A comment before a figure says where it is in docs/accuracy.json or docs/speed.json: `<!-- verification/auc --> 0.9991`.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/accuracy.md", "docs/speed.md")
MARKED = re.compile(r"<!-- (\S.*?) -->\s*([\d,]*\.?\d+)?")


def measured() -> dict[str, Any]:
    accuracy, speed = (json.loads((ROOT / "docs" / f"{name}.json").read_text()) for name in ("accuracy", "speed"))
    assert accuracy.keys().isdisjoint(speed)
    return {**accuracy, **speed}


def figure(path: str) -> float:
    found: Any = measured()
    for key in path.split("/"):
        found = found[int(key) if isinstance(found, list) else key]
    return float(found)


def marked(page: str) -> list[tuple[str, str]]:
    return MARKED.findall((ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_every_marker_stands_before_its_figure(page: str) -> None:
    assert marked(page)
    assert [path for path, text in marked(page) if not text] == []


@pytest.mark.parametrize(("page", "path", "text"), [(page, *found) for page in PAGES for found in marked(page)])
def test_the_figure_is_the_measured_one(page: str, path: str, text: str) -> None:
    digits = len(text.partition(".")[2])
    assert f"{figure(path):,.{digits}f}".replace(",", "") == text.replace(",", "")
