"""The commands in README.md and docs/usage.md work, and every command is documented.

The commands of a page are run in the order in which they stand, on copies of the demo photos; names such as
~/Pictures are mapped to these by PLACES.
"""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/usage.md")
USAGE = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")

# What a page calls a file or a folder -> where it is below the test's folder.
PLACES = {
    "~/Pictures": "Pictures",
    "~/Pictures/old": "Pictures/old",
    "~/Pictures/group.jpg": "Pictures/together.jpg",
    "~/labelled": "labelled",
    "~/People": "People",
    "~/reunion": "reunion",
    "~/sidecars": "sidecars",
    "~/faces": "library",
    "face.jpg": "Pictures/grace-hopper-soft.jpg",
    "a.jpg": "Pictures/grace-hopper-soft.jpg",
    "b.jpg": "Pictures/eileen-collins-soft.jpg",
}
# Commands that need a file from the network, LFW or many named people, and the one that runs until it is stopped: only
# their options are checked.
OPTIONS_ONLY = (
    *("serve", "models --download", "models run/", "migrate --model facenet"),
    *("evaluate --lfw", "calibrate --named", "adapt"),
)
# `verify` says "different people" by exit code 1.
CODES = {"verify": (0, 1)}
EVERYWHERE = {"--library", "--model", "--precision", "--device", "--json", "--help"}

Answer = Any  # conftest.Answer


def lines(page: str) -> Iterator[str]:
    """The `facesearch …` lines of a page's shell blocks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from (line for line in block.splitlines() if line.startswith("facesearch "))


def words(line: str) -> list[str]:
    """The arguments, without a comment, and without what the shell does with the answer."""
    parts = shlex.split(line, comments=True)[1:]
    ends = [parts.index(sign) for sign in (">", "|", "&&") if sign in parts]
    return parts[: min(ends, default=len(parts))]


def help_of(command: Callable[..., Answer], name: str = "") -> str:
    answer = command(*name.split(), "--help")
    assert answer.code == 0
    return str(answer.out)


def options(command: Callable[..., Answer], name: str) -> set[str]:
    return set(re.findall(r"(?<!\S)--[a-z][a-z-]*(?=\s)", help_of(command, name)))


@pytest.fixture
def photos(demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path) -> Path:
    """The demo photos as ~/Pictures, one of them in a folder of its own, and enough of them as ~/labelled."""
    shutil.copytree(demo[0], tmp_path / "Pictures")
    (tmp_path / "Pictures" / "grace-hopper-bright.heic").unlink()  # the other one's cluster is larger: it is number 1
    (tmp_path / "Pictures" / "old").mkdir()
    (tmp_path / "Pictures" / "gradient.jpg").rename(tmp_path / "Pictures" / "old" / "gradient.jpg")
    for name, people in demo[1].items():
        for copy in range(3 if len(people) == 1 else 0):
            place = tmp_path / "labelled" / people[0]
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(demo[0] / name, place / f"{copy}-{name}")
    return tmp_path


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # a narrow table of options cuts their names


@pytest.mark.usefixtures("pipeline_at_hand")
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_work(
    page: str, photos: Path, command: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(photos / "library"))
    for line in lines(page):
        arguments = words(line)
        name = arguments[0]
        if " ".join(arguments).startswith(OPTIONS_ONLY):
            asked = {word for word in arguments if word.startswith("--")}
            assert asked <= options(command, name), line
            continue
        answer = command(*(photos / PLACES[word] if word in PLACES else word for word in arguments))
        assert answer.code in CODES.get(name, (0,)), f"{line}\n{answer.out}{answer.err}"


def test_every_command_is_documented_and_every_documented_command_exists(command: Callable[..., Answer]) -> None:
    exist = set(re.findall(r"^\W ([a-z][a-z-]*) ", help_of(command), re.MULTILINE))
    assert {"index", "query", "verify", "cluster"} <= exist
    assert set(re.findall(r"^### ([a-z-]+)$", USAGE, re.MULTILINE)) == exist
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in exist if f"`{name}`" not in readme} == set()


@pytest.mark.parametrize("name", re.findall(r"^### ([a-z-]+)$", USAGE, re.MULTILINE))
def test_every_option_is_documented_and_every_documented_option_exists(
    name: str, command: Callable[..., Answer]
) -> None:
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", USAGE, re.DOTALL | re.MULTILINE)
    assert section
    assert re.search(rf"^facesearch {name}\b", section[1], re.MULTILINE), "there is no example"
    assert set(re.findall(r"`(--[a-z][a-z-]*)", section[1])) | EVERYWHERE == options(command, name) | EVERYWHERE
