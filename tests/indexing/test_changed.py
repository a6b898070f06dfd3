"""A file that changed behind the library's back, and metadata that nobody can believe, stop no other photo."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pictures import quarters, save
from storage.file_states import forget_file_states

from facesearch.core.types import MOST, FileFacts
from facesearch.indexing.changed import may_have_changed
from facesearch.indexing.indexer import IndexReport, index_photos
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import KnownPath, Store

Run = Callable[..., IndexReport]
YEAR_S = 31_556_952


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    for number in range(3):
        save(tmp_path / "p" / f"{number}.png", quarters(96 + 2 * number, 64))
    return tmp_path / "p"


@pytest.fixture
def run(index: Store, photos: Path, fake_pipeline: Pipeline) -> Run:
    return lambda: index_photos(index, lambda: fake_pipeline, [photos])


def in_place(path: Path, data: bytes) -> None:
    """Write over a file, and give it its time back."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_change_at_the_same_size_and_time_is_seen(run: Run, photos: Path, index: Store) -> None:
    run()
    changed = (photos / "0.png").read_bytes()
    in_place(photos / "0.png", changed[:-1] + b"\0")  # of the end marker's sum, which decides nothing
    assert (run().unchanged, run().unchanged) == (2, 3)
    hashes = {sha256 for photo in index.photo_sizes() for _, sha256 in index.files_of(photo)}
    assert len(hashes) == 3


def test_a_file_that_takes_anothers_place_is_seen(run: Run, photos: Path) -> None:
    run()
    other = save(photos.parent / "other.png", quarters(64, 96))
    before = (photos / "0.png").stat()
    other.write_bytes(other.read_bytes().ljust(before.st_size, b"\0")[: before.st_size])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(photos / "0.png")
    assert run().unchanged == 2


def test_a_file_that_was_only_touched_keeps_its_photo(run: Run, photos: Path, index: Store) -> None:
    run()
    before = index.known_paths()
    for path in photos.iterdir():
        path.chmod(0o640)
    report = run()
    assert (report.indexed, report.unchanged, report.failed) == (0, 3, 0)
    after = index.known_paths()
    assert {path: row.photo_id for path, row in after.items()} == {path: row.photo_id for path, row in before.items()}
    assert all(row.ctime_ns != before[path].ctime_ns for path, row in after.items())


@pytest.mark.parametrize("year", [1, 1960, 2101, 2399, 9999, 11476])
def test_a_time_that_cannot_be_stops_nothing(run: Run, photos: Path, index: Store, year: int) -> None:
    try:
        os.utime(photos / "1.png", ns=(0, (year - 1970) * YEAR_S * 10**9))
    except (OverflowError, OSError):
        pytest.skip("this file system has no such time")
    assert (run().indexed, run().unchanged) == (3, 3)


def test_numbers_of_a_file_fit_into_the_database() -> None:
    info = os.stat_result(
        (0o100644, 2**64 - 1, 0, 1, 0, 0, 7, 0, 0, 0), {"st_mtime_ns": 2**80, "st_ctime_ns": -(2**80)}
    )
    facts = FileFacts.of("/p/a.jpg", info)
    assert facts == FileFacts("/p/a.jpg", 7, MOST, -MOST, MOST)


def file(name: str, *, mtime: int = 1, ctime: int | None = 1, inode: int | None = 1) -> FileFacts:
    return FileFacts(f"/p/{name}", 5, mtime, ctime, inode)


def known(name: str, **facts: int | None) -> tuple[str, KnownPath]:
    one = file(name, **facts)  # type: ignore[arg-type]
    row = KnownPath(1, one.size_bytes, one.mtime_ns, False, ctime_ns=one.ctime_ns, inode=one.inode)
    return one.path, row


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ([file("a"), file("b")], []),
        ([file("a", ctime=2), file("b")], ["/p/a"]),
        ([file("a", mtime=2), file("b")], ["/p/a"]),
        ([file("a", inode=9), file("b")], ["/p/a"]),
        ([file("a", inode=9), file("b", inode=8)], []),  # a file system that numbers anew with every mount
        ([file("a", inode=None, ctime=None), file("b")], []),
        ([file("a"), file("b"), file("c")], ["/p/c"]),
    ],
)
def test_what_may_have_changed(now: list[FileFacts], changed: list[str]) -> None:
    before = dict([known("a"), known("b")])
    assert [one.path for one in may_have_changed(now, before)] == changed


def test_files_may_share_a_number_and_a_single_one_is_read_again() -> None:
    assert may_have_changed([file("a", inode=9)], dict([known("a")])) == [file("a", inode=9)]
    two = dict([known("a", inode=7), known("b", inode=7)])
    assert may_have_changed([file("a", inode=7), file("b", inode=7)], two) == []


def test_a_library_of_before_notes_how_its_files_are_now(run: Run, photos: Path, index: Store) -> None:
    run()
    forget_file_states(index)
    assert run().unchanged == 3
    assert all(row.ctime_ns and row.inode for row in index.known_paths().values())
    in_place(photos / "0.png", (photos / "0.png").read_bytes()[:-1] + b"\0")
    assert run().unchanged == 2
