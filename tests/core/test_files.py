"""Files that are replaced whole, and files that are their owner's only."""

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from facesearch.core.files import (
    create_private,
    make_folders,
    make_private_folder,
    open_private,
    part_of,
    put_in_place,
    replace_file,
    replacing,
    tighten,
)

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


@pytest.fixture(params=[0o000, 0o022, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_what_is_replaced_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, b"one")
    replace_file(path, memoryview(b"two"))
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a"]


def test_what_fails_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, b"one")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"tw")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a"]


@posix
def test_a_power_cut_is_waited_for_before_and_after_the_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced, renamed, and then its folder is synced."""
    seen: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def watched_sync(fd: int) -> None:
        seen.append(("sync", Path(os.readlink(f"/proc/self/fd/{fd}")).name))
        fsync(fd)

    def watched_rename(part: Path, path: Path) -> None:
        seen.append(("rename", part.name))
        rename(part, path)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not say which file is synced")
    monkeypatch.setattr("facesearch.core.files.os.fsync", watched_sync)
    monkeypatch.setattr("facesearch.core.files.os.replace", watched_rename)
    replace_file(tmp_path / "a", b"x")
    in_order = [("sync", "a.part"), ("rename", "a.part"), ("sync", tmp_path.name)]
    assert seen == in_order
    seen.clear()
    part_of(tmp_path / "a").write_bytes(b"y")
    put_in_place(part_of(tmp_path / "a"), tmp_path / "a")
    assert seen == in_order
    seen.clear()
    replace_file(tmp_path / "a", b"z", durable=False)
    assert seen == [("rename", "a.part")]
    seen.clear()
    make_folders(tmp_path / "one/two")
    assert seen == [("sync", tmp_path.name), ("sync", "one")]


def test_nothing_else_renames_a_file() -> None:
    """Path.replace takes one argument, and str.replace two."""
    root = Path(__file__).resolve().parents[2]
    found = []
    for path in sorted([*root.glob("facesearch/**/*.py"), *root.glob("train/**/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name, owner = node.func.attr, getattr(node.func.value, "id", "")
                lone = name == "replace" and len(node.args) == 1 and not node.keywords
                if name in ("rename", "renames") or lone or (name, owner) == ("replace", "os"):
                    found.append(path.relative_to(root).as_posix())
    assert set(found) == {"facesearch/core/files.py"}


def test_a_finished_part_is_put_in_place(tmp_path: Path) -> None:
    part = part_of(tmp_path / "a")
    part.write_bytes(b"whole")
    put_in_place(part, tmp_path / "a")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"whole"}


@posix
def test_files_that_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    (tmp_path / "old").write_bytes(b"x")
    (tmp_path / "old").chmod(0o666)
    replace_file(tmp_path / "replaced", b"x", mode=0o600)
    assert create_private(tmp_path / "created")
    for name in ("old", "opened"):
        open_private(tmp_path / name).close()
    assert {mode(path) for path in tmp_path.iterdir()} == {"0o600"}
    replace_file(tmp_path / "for all", b"x", mode=0o644)
    assert mode(tmp_path / "for all") == "0o644"


def test_a_file_that_is_there_is_not_created(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert not create_private(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"x"


@posix
def test_folders_that_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    make_private_folder(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty").chmod(0o755)
    make_private_folder(tmp_path / "empty")
    assert {mode(path) for path in tmp_path.iterdir()} == {"0o700"}


@posix
def test_a_folder_with_something_in_it_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path)
    assert mode(tmp_path) == "0o755"


def test_folders_above_are_made(tmp_path: Path) -> None:
    make_folders(tmp_path / "a/b/c")
    make_folders(tmp_path / "a/b/c")
    assert (tmp_path / "a/b/c").is_dir()


@posix
def test_tightening_takes_from_others_and_keeps_what_the_owner_may(tmp_path: Path) -> None:
    for name, before in (("a", 0o644), ("b", 0o444), ("c", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(before)
        tighten(tmp_path / name)
    assert [mode(tmp_path / name) for name in "abc"] == ["0o600", "0o400", "0o600"]


@posix
def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    (tmp_path / "other").chmod(0o644)
    (tmp_path / "link").symlink_to("other")
    tighten(tmp_path / "link")
    tighten(tmp_path / "none")
    with pytest.raises(OSError, match="link"):
        open_private(tmp_path / "link")
    assert mode(tmp_path / "other") == "0o644"
