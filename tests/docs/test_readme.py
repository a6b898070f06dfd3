"""What README.md, CONTRIBUTING.md and the other pages say is so: examples, commands, targets, links, the layout."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
README, CONTRIBUTING = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md"))
PAGES = sorted(
    page for pattern in ("*.md", "docs/**/*.md", "index/*.md", "train/**/*.md") for page in ROOT.glob(pattern)
)
# What a layout leaves out: caches, and files that are not modules.
UNNAMED = re.compile(r"[_.]|py\.typed")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.usefixtures("pipeline_at_hand")
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


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= 1000
    assert len(CONTRIBUTING.splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_a_page_names_exists(page: Path, command: Callable[..., Any]) -> None:
    named = set(re.findall(r"`facesearch ([a-z][a-z-]*)", page.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"^\W ([a-z][a-z-]*) ", command("--help").out, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), target


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{3}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in folder.glob("[0-9]*.md"))
    for name in listed:
        headings = re.findall(r"^## (.+)$", (folder / name).read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Figures", "When to revisit"], name


def test_the_packages_in_the_layout_are_those_that_are_there() -> None:
    layout = re.search(r"^    facesearch/\n(.*?)^    \S", CONTRIBUTING, re.DOTALL | re.MULTILINE)
    assert layout
    told = set(re.findall(r"^      (\w+)(?:/|\.py) ", layout[1], re.MULTILINE))
    assert told == {path.stem for path in (ROOT / "facesearch").iterdir() if not UNNAMED.match(path.name)}
