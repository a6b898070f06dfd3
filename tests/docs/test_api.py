"""docs/api.md: its example runs, and what it names is there."""

import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import facesearch

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_example_runs_and_every_call_exists(
    demo: tuple[Path, dict[str, tuple[str, ...]]],
    pipeline_at_hand: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    shutil.copytree(demo[0], tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "api.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 2 + 13
    with facesearch.Library("my-library") as library:
        for path in re.findall(r"`library\.([\w.]+)", PAGE):
            part: Any = library
            for name in path.split("."):
                part = getattr(part, name)


@pytest.mark.parametrize(("module", "names"), re.findall(r"`from ([\w.]+) import ([\w, ]+)`", PAGE))
def test_every_import_exists(module: str, names: str) -> None:
    there = importlib.import_module(module)
    assert [name for name in names.split(", ") if not hasattr(there, name)] == []


def test_every_error_is_documented() -> None:
    def tree(error: type[Exception]) -> set[str]:
        return {error.__name__}.union(*map(tree, error.__subclasses__()))

    documented = set(re.findall(r"^\| `(\w+Error)` \|", PAGE, re.MULTILINE))
    assert documented == {name for name in tree(facesearch.FacesearchError) if hasattr(errors(), name)}


def errors() -> Any:
    return importlib.import_module(facesearch.FacesearchError.__module__)
