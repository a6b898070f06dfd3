"""What the README and the other pages say is so."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from facesearch.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")]

COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


@pytest.mark.usefixtures("engine_at_hand")
def test_the_python_example_runs(
    demo: tuple[Path, dict[str, tuple[str, ...]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shutil.copytree(demo[0], tmp_path / "photos")
    shutil.copy(demo[0] / "grace-hopper-soft.jpg", tmp_path / "face.jpg")
    shutil.copy(demo[0] / "grace-hopper-soft.jpg", tmp_path / "a.jpg")
    shutil.copy(demo[0] / "eileen-collins-soft.jpg", tmp_path / "b.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert out.startswith("27 photos, 26 faces\n")
    assert out.count(" True\n") == 5
    assert re.search(r"^False 0\.\d+$", out, re.MULTILINE)
    assert out.count("13 [") == 2


@pytest.mark.parametrize("page", PAGES, ids=["README", "CONTRIBUTING"])
def test_every_command_that_is_spoken_of_exists(page: str) -> None:
    spoken = set(re.findall(r"(?:^    |`)facesearch ([a-z-]+)", page, re.MULTILINE))
    assert spoken <= COMMANDS | {"--help"}


def test_every_command_is_in_the_readme() -> None:
    missing = {name for name in COMMANDS if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", README)}
    assert not missing


def test_every_make_target_that_is_spoken_of_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:^    |`)make ([a-z]+)", page, re.MULTILINE)) <= targets


def test_every_link_leads_to_a_file() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page):
            assert "://" in target or (ROOT / target).exists(), target


@pytest.mark.parametrize("house", ["facesearch", "train"])
def test_the_rooms_in_the_layout_are_there(house: str) -> None:
    layout = re.search(rf"## Layout\n.*?\n    {house}/[^\n]*\n(.*?)\n    \w", PAGES[1], re.DOTALL)
    assert layout
    rooms = set(re.findall(r"(?:^      |, )(\w+)(?:/|\.py)(?= |,)", layout[1], re.MULTILINE))
    there = {path.stem for path in (ROOT / house).iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert rooms == there


@pytest.mark.parametrize(("section", "measured"), [("How good it is", "accuracy"), ("How fast it is", "speed")])
def test_the_figures_in_the_readme_are_those_that_were_measured(section: str, measured: str) -> None:
    """Every figure, to the digits given there."""
    figures = json.loads((ROOT / "docs" / f"{measured}.json").read_text(encoding="utf-8"))
    table = re.search(rf"## {section}\n(.*?)\n## ", README, re.DOTALL)
    assert table
    quoted = re.findall(r"<!-- (.+?) -->\s*\|?\s*\**(\d[\d,]*(?:\.\d+)?)", table[1])
    assert quoted
    for path, text in quoted:
        digits = len(text.split(".")[1]) if "." in text else 0
        assert f"{figure(figures, path):,.{digits}f}".replace(",", "") == text.replace(",", ""), path


def figure(figures: Any, path: str) -> Any:
    for key in path.split("/"):
        figures = figures[int(key) if isinstance(figures, list) else key]
    return figures
