"""The local file system as a source: a file is opened once, and huge ones and those that change are refused."""

import os
from pathlib import Path
from typing import IO

import pytest
from pictures import quarters, save

from facesearch.core.errors import PhotoError
from facesearch.media import LocalFiles
from facesearch.media import source as sources


def sparse(path: Path, size: int, start: bytes = b"") -> Path:
    """A file of any size that takes no room on the disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


@pytest.mark.parametrize(
    ("start", "reason"), [(b"", "not an image"), (b"\xff\xd8\xff\xe0", r"^64\.4 GB, more than the limit of 2\.1 GB$")]
)
def test_60_gigabytes_are_not_read(tmp_path: Path, start: bytes, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sparse(tmp_path / "huge.jpg", 60 << 30, start)
    monkeypatch.setattr(sources.hashlib, "sha256", lambda _: pytest.fail("it was read"))
    with pytest.raises(PhotoError, match=reason):
        LocalFiles().read(str(path))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", quarters())
    read = sources.read_medium

    def touched(*args: object) -> object:
        medium = read(*args)  # type: ignore[arg-type]
        os.utime(path, ns=(1, 1))
        return medium

    monkeypatch.setattr(sources, "read_medium", touched)
    with pytest.raises(PhotoError):
        LocalFiles().read(str(path))


def test_a_file_that_is_cut_off_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", quarters())
    check = sources.check_format

    def cut(header: bytes) -> None:
        check(header)
        os.truncate(path, 20)

    monkeypatch.setattr(sources, "check_format", cut)
    with pytest.raises(PhotoError):
        LocalFiles().read(str(path))


def test_size_and_time_are_those_of_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of the file that had the name when it was listed."""
    path, other = save(tmp_path / "a.png", quarters()), save(tmp_path / "b.png", quarters(64, 32))
    os.utime(other, ns=(5, 5))
    expected = LocalFiles().read(str(other))

    def opened(name: str, mode: str) -> IO[bytes]:
        other.replace(path)
        return open(name, mode)

    monkeypatch.setattr(sources, "open", opened, raising=False)
    medium = LocalFiles().read(str(path))
    assert (medium.sha256, medium.data) == (expected.sha256, expected.data)
    assert (medium.file.size_bytes, medium.file.mtime_ns) == (len(expected.data), 5)


def test_a_large_file_is_not_read_whole_before_its_header_is_a_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + bytes(100))
        file.truncate(1 << 30)  # nothing of it is on the disk
    monkeypatch.setattr("hashlib.sha256", lambda *_: pytest.fail("it was hashed"))
    with pytest.raises(PhotoError, match="damaged"):
        LocalFiles().read(str(path))
    with path.open("r+b") as file:
        file.truncate(60 << 30)
    with pytest.raises(PhotoError, match=r"64\.4 GB, more than the limit of 2\.1 GB"):
        LocalFiles().read(str(path))
