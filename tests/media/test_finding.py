"""Walking folders."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pictures import quarters
from PIL import Image

from facesearch.core.errors import InputError
from facesearch.media import PHOTO_SUFFIXES, LocalFiles, find_photos, open_photo


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode("utf-8", "surrogateescape"))
    return folder


def names(folder: Path, *given: Path) -> list[str]:
    return [os.path.relpath(photo.path, folder) for photo in find_photos(given or [folder]).photos]


def test_folders_are_walked_in_order_and_only_photos_taken(tmp_path: Path) -> None:
    tree(tmp_path, "b.jpg", "a/z.PNG", "a/b/c/deep.HeIc", "a.webp", "notes.txt", "jpg", "movie.mp4", "a/x.jpg.bak")

    found = find_photos([tmp_path])

    assert names(tmp_path) == ["a.webp", "a/b/c/deep.HeIc", "a/z.PNG", "b.jpg"]
    assert found.photos == sorted(found.photos, key=lambda p: p.path)
    assert [(os.path.basename(one.path), one.kind) for one in found.skipped] == [
        *(("x.jpg.bak", ".bak"), ("jpg", "without suffix"), ("movie.mp4", ".mp4"), ("notes.txt", ".txt"))
    ]
    assert not found.failures


def test_found_photos_carry_size_and_time(tmp_path: Path) -> None:
    path = tree(tmp_path, "photo.jpg") / "photo.jpg"
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))

    [photo] = find_photos([tmp_path]).photos

    info = path.stat()
    assert dataclasses.astuple(photo) == (str(path), 9, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def test_hidden_and_system_entries_are_passed_over_unless_given(tmp_path: Path) -> None:
    tree(
        tmp_path, "ok.jpg", ".hidden.jpg", "._ok.jpg", ".thumbnails/t.jpg", "@eaDir/t.jpg", "$RECYCLE.BIN/t.jpg",
        "System Volume Information/t.jpg", "__MACOSX/t.jpg", "sub/lost+found/t.jpg", "Thumbs.db",
    )  # fmt: skip

    assert names(tmp_path) == ["ok.jpg"]
    assert Counter(one.kind for one in find_photos([tmp_path]).skipped) == {"hidden": 3, "system": 6}
    assert names(tmp_path, tmp_path / ".thumbnails", tmp_path / ".hidden.jpg") == [".hidden.jpg", ".thumbnails/t.jpg"]


def test_a_given_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    tree(tmp_path, "scan.0001", "x.jpg")

    assert names(tmp_path, tmp_path / "scan.0001") == ["scan.0001"]


def test_what_is_reached_twice_is_listed_once(tmp_path: Path) -> None:
    tree(tmp_path, "a/b/x.jpg", "a/y.jpg")
    a = tmp_path / "a"

    for given in ([a, a / "b"], [a / "b", a], [a / "b/x.jpg", a], [a, a, a / "y.jpg"], [a / "b" / ".." / "b", a]):
        assert names(tmp_path, *given) == ["a/b/x.jpg", "a/y.jpg"]


def test_hard_links_and_copies_are_photos_of_their_own(tmp_path: Path) -> None:
    tree(tmp_path, "x.jpg")
    os.link(tmp_path / "x.jpg", tmp_path / "y.jpg")

    assert names(tmp_path) == ["x.jpg", "y.jpg"]


def test_links_lead_elsewhere_but_never_hide_the_photo_itself(tmp_path: Path) -> None:
    tree(tmp_path, "root/real/x.jpg", "elsewhere/y.jpg", "single/blob", "single/unrelated.jpg")
    root = tmp_path / "root"
    (root / "a-link-to-x.jpg").symlink_to(root / "real/x.jpg")
    (root / "a-link-to-real").symlink_to(root / "real")
    (root / "album").symlink_to(tmp_path / "elsewhere")
    (root / "annexed.jpg").symlink_to(tmp_path / "single/blob")
    (root / "text.txt").symlink_to(tmp_path / "single/unrelated.jpg")

    assert names(root, root) == ["album/y.jpg", "annexed.jpg", "real/x.jpg"]


def test_a_given_link_keeps_the_path_that_the_user_knows(tmp_path: Path) -> None:
    tree(tmp_path, "disk/x.jpg")
    (tmp_path / "Pictures").symlink_to(tmp_path / "disk")

    assert names(tmp_path, tmp_path / "Pictures") == ["Pictures/x.jpg"]
    assert names(tmp_path, tmp_path / "Pictures", tmp_path / "disk/x.jpg") == ["Pictures/x.jpg"]


def test_loops_end(tmp_path: Path) -> None:
    tree(tmp_path, "a/x.jpg", "b/y.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    (tmp_path / "a/to-b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to-a").symlink_to(tmp_path / "a")

    assert names(tmp_path) == ["a/x.jpg", "b/y.jpg"]
    assert names(tmp_path, tmp_path / "a") == ["a/to-b/y.jpg", "a/x.jpg"]


def test_broken_links_are_failures_where_they_may_have_been_photos(tmp_path: Path) -> None:
    for name in ("photo.jpg", "album", "notes.txt"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    (tmp_path / "itself.jpg").symlink_to(tmp_path / "itself.jpg")

    found = find_photos([tmp_path, tmp_path / "photo.jpg"])

    assert {(os.path.basename(f.path), f.reason) for f in found.failures} == {
        ("photo.jpg", "broken link"),
        ("album", "broken link"),
        ("itself.jpg", "a link that leads back to itself"),
    }
    assert [one.kind for one in found.skipped] == [".txt"]


def test_pipes_named_like_photos_are_failures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")

    [failure] = find_photos([tmp_path]).failures

    assert failure.reason == "not a regular file"


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_folder_that_cannot_be_read_is_a_failure_and_the_rest_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    """Stands in for chmod 000, which does not keep root out."""
    tree(tmp_path, "locked/x.jpg", "open/y.jpg")
    scandir: Callable[..., object] = os.scandir

    def refuse(path: str) -> object:
        if os.path.basename(path) == "locked":
            raise error
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_photos([tmp_path])

    assert [os.path.basename(p.path) for p in found.photos] == ["y.jpg"]
    [failure] = found.failures
    assert failure.path == str(tmp_path / "locked")
    assert failure.reason == f"the folder cannot be read: {error.strerror.lower()}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_a_failure(tmp_path: Path) -> None:
    tree(tmp_path, "locked/x.jpg")
    (tmp_path / "locked").chmod(0)
    try:
        [failure] = find_photos([tmp_path]).failures
    finally:
        (tmp_path / "locked").chmod(0o700)

    assert failure.reason == "the folder cannot be read: permission denied"


@pytest.mark.parametrize("given", ["nowhere", "null\0character", "caf\udce9"])
def test_a_given_path_that_does_not_exist_is_an_input_error(tmp_path: Path, given: str) -> None:
    with pytest.raises(InputError) as caught:
        find_photos([tmp_path, str(tmp_path / given)])

    assert str(caught.value).isprintable()  # may be printed whatever the path holds
    assert str(tmp_path) in str(caught.value)


def test_an_empty_path_is_not_the_current_folder() -> None:
    with pytest.raises(InputError):
        find_photos([""])


def test_a_single_path_is_one_path_and_none_are_none(tmp_path: Path) -> None:
    tree(tmp_path, "x.jpg")

    assert len(find_photos(str(tmp_path)).photos) == len(find_photos(tmp_path).photos) == 1
    assert find_photos([]).photos == []


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "a/x.jpg")
    monkeypatch.chdir(tmp_path / "a")

    assert [p.path for p in find_photos([".", "../a"]).photos] == [str(tmp_path / "a/x.jpg")]


def test_names_that_are_not_utf8_pass_through(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg")
    try:
        with open(path, "wb") as file:
            Image.fromarray(quarters()).save(file, "JPEG")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")

    [photo] = find_photos([tmp_path]).photos

    assert os.fsencode(photo.path) == path
    assert open_photo(photo.path).size == (96, 64)
    assert LocalFiles().identify(photo.path) == hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()


def test_suffixes_are_lower_case_with_dot() -> None:
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in PHOTO_SUFFIXES)


@pytest.mark.parametrize("number", [0, 7])
def test_folders_whose_numbers_repeat_are_all_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    for place in ("a", "b", "b/c"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"{len(place)}.jpg").write_bytes(b"x")
    plain = os.stat

    def repeating(path: Any, **options: Any) -> os.stat_result:
        info = plain(path, **options)
        return os.stat_result((*info[:1], number, *info[2:]), {"st_mtime_ns": 1, "st_ctime_ns": 1})

    monkeypatch.setattr(os, "stat", repeating)
    assert names(tmp_path) == ["a/1.jpg", "b/1.jpg", "b/c/3.jpg"]
