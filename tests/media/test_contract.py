"""What every source of media promises: the files of this machine, and files in memory."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import MemoryFiles
from pictures import quarters, save

from facesearch.core.errors import InputError, PhotoError
from facesearch.media import LocalFiles, MediaSource, Medium, PhotoFile
from facesearch.media import source as sources
from facesearch.media.devices import same_device

Write = Callable[[str, bytes], str]


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[MediaSource, Write]:
    """A source, and how a file gets into it: by its name below one folder, which gives its path."""
    memory = MemoryFiles()

    def write(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if request.param == "local":
            path.write_bytes(data)
        else:
            memory.write(str(path), data)
        return str(path)

    return (LocalFiles() if request.param == "local" else memory), write


@pytest.fixture
def source(place: tuple[MediaSource, Write]) -> MediaSource:
    return place[0]


@pytest.fixture
def write(place: tuple[MediaSource, Write]) -> Write:
    return place[1]


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return save(tmp_path_factory.mktemp("photo") / "photo.png", quarters()).read_bytes()


def test_photos_are_listed_by_path_with_what_stat_says(
    source: MediaSource, write: Write, photo: bytes, tmp_path: Path
) -> None:
    paths = [write(name, photo) for name in ("b.png", "a.jpg", "trip/c.png")]
    write("notes.txt", b"no photo")
    found = source.find([str(tmp_path)])
    assert [file.path for file in found.photos] == sorted(paths)
    assert found.photos == [source.stat(path) for path in sorted(paths)]
    assert {file.size_bytes for file in found.photos} == {len(photo)}
    assert not found.failures


def test_a_file_given_by_name_is_listed_whatever_its_suffix(source: MediaSource, write: Write, photo: bytes) -> None:
    path = write("odd.photo", photo)
    assert source.find([path]).photos == [source.stat(path)]


def test_what_does_not_exist_cannot_be_listed(source: MediaSource, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        source.find([str(tmp_path / "nowhere")])


def test_a_medium_is_what_the_file_holds(source: MediaSource, write: Write, photo: bytes) -> None:
    path = write("a.png", photo)
    medium = source.read(path)
    assert medium == Medium(source.stat(path), hashlib.sha256(photo).hexdigest(), photo)
    assert PhotoFile.parse(medium.data).size == (96, 64)
    assert pickle.loads(pickle.dumps(medium)) == medium


def test_content_identifies_and_not_the_name(source: MediaSource, write: Write, photo: bytes) -> None:
    paths = [write("a.png", photo), write("b.png", photo), write("c.png", photo + b" ")]
    one, same, other = (source.read(path).sha256 for path in paths)
    assert one == same != other
    assert [source.identify(path) for path in paths] == [one, same, other]


def test_a_changed_file_shows_it(source: MediaSource, write: Write, photo: bytes) -> None:
    before = source.stat(write("a.png", photo))
    after = source.stat(write("a.png", photo + b" "))
    assert (before.size_bytes, before.mtime_ns) != (after.size_bytes, after.mtime_ns)


def test_a_folder_lies_on_a_device_that_is_known_again(source: MediaSource, write: Write, photo: bytes) -> None:
    folder = os.path.dirname(write("a.png", photo))
    device = source.device(folder)
    assert device is not None
    assert same_device(device, str(source.device(folder)))
    assert source.device(os.path.join(folder, "none")) is None


@pytest.mark.parametrize("what", ["stat", "read", "identify"])
def test_what_is_gone_is_said(source: MediaSource, what: str, tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"^no longer there$"):
        getattr(source, what)(str(tmp_path / "gone.jpg"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"abc", "not an image"), (b"\0" * 5000, "not an image")],
)
def test_what_is_no_photo_is_refused(source: MediaSource, write: Write, content: bytes, reason: str) -> None:
    path = write("a.jpg", content)
    with pytest.raises(PhotoError, match=reason):
        source.read(path)
    assert source.identify(path) == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_too_large_is_refused(
    source: MediaSource, write: Write, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.png", photo)
    monkeypatch.setattr(sources, "MAX_BYTES", len(photo))
    assert source.read(path).data == photo
    monkeypatch.setattr(sources, "MAX_BYTES", len(photo) - 1)
    with pytest.raises(PhotoError):
        source.read(path)
