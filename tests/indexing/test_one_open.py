"""A photo that is new is opened once, whatever has to be done with it; one that is unchanged, never."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import skimage.data
from pictures import skip_unless_supported
from PIL import Image

from facesearch.indexing.indexer import index_photos
from facesearch.media import PhotoFile
from facesearch.pipeline.pipeline import Pipeline
from facesearch.searching.search import compare
from facesearch.storage import Store

ASTRONAUT = Image.fromarray(skimage.data.astronaut())

watched: Counter[str] | None = None


def _count(event: str, arguments: tuple[object, ...]) -> None:
    """What Python tells of every file that it opens, through whichever of its functions."""
    if watched is not None and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        watched[os.path.basename(os.fsdecode(arguments[0]))] += 1


sys.addaudithook(_count)


@contextmanager
def opens() -> Iterator[Counter[str]]:
    """How often files are opened, by their names, as long as this lasts."""
    global watched
    watched = counted = Counter()
    try:
        yield counted
    finally:
        watched = None


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A small JPEG; a large one whose face wants a second, larger decode; a PNG; a HEIC with a date."""
    skip_unless_supported("heic")
    folder = tmp_path / "photos"
    folder.mkdir()
    ASTRONAUT.save(folder / "small.jpg")
    ASTRONAUT.save(folder / "a.png")
    canvas = Image.linear_gradient("L").resize((4000, 3000)).convert("RGB")
    canvas.paste(ASTRONAUT, (3100, 2100))
    canvas.save(folder / "large.jpg", quality=90)
    exif = Image.Exif()
    exif[0x9003] = "2020:01:02 03:04:05"
    ASTRONAUT.convert("L").convert("RGB").save(folder / "a.heic", exif=exif)
    return folder


@pytest.fixture
def store(tmp_path: Path, pipeline: Pipeline) -> Iterator[Store]:
    made = Store.create(tmp_path / "library", pipeline.embedder.spec)
    yield made
    made.close()


def test_the_count_counts(tmp_path: Path) -> None:
    with opens() as counted:
        (tmp_path / "a.txt").write_text("x")
        with open(tmp_path / "a.txt", "rb"):
            os.close(os.open(tmp_path / "a.txt", os.O_RDONLY))
    assert counted["a.txt"] == 3


def test_a_new_photo_is_opened_once_and_an_unchanged_one_never(
    store: Store, pipeline: Pipeline, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: Counter[str] = Counter()
    decode = PhotoFile.decode

    def counting(self: PhotoFile, min_scale: float = 1.0) -> object:
        decoded[Path(self.path).name] += 1
        return decode(self, min_scale)

    monkeypatch.setattr(PhotoFile, "decode", counting)
    names = {path.name for path in photos.iterdir()}
    with opens() as counted:
        report = index_photos(store, lambda: pipeline, [str(photos)])
    assert (report.indexed, report.failed) == (4, 0)
    assert decoded == {"small.jpg": 1, "large.jpg": 2, "a.png": 1, "a.heic": 1}
    assert {name: counted[name] for name in names} == dict.fromkeys(names, 1)
    with opens() as counted:
        assert index_photos(store, lambda: pipeline, [str(photos)]).unchanged == 4
    assert not names & counted.keys()


def test_what_is_touched_moved_or_copied_is_opened_once_and_not_decoded(
    store: Store, pipeline: Pipeline, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_photos(store, lambda: pipeline, [str(photos)])
    monkeypatch.setattr(PhotoFile, "decode", lambda *_: pytest.fail("it was decoded"))
    os.utime(photos / "small.jpg", ns=(1, 1))
    (photos / "a.heic").rename(photos / "moved.heic")
    shutil.copy(photos / "a.png", photos / "copy.png")
    with opens() as counted:
        report = index_photos(store, lambda: pipeline, [str(photos)])
    assert (report.indexed, report.unchanged) == (0, 5)
    names = ("small.jpg", "large.jpg", "a.png", "moved.heic", "copy.png")
    assert [counted[name] for name in names] == [1, 0, 0, 1, 1]


def test_a_picture_that_is_asked_about_is_opened_once(pipeline: Pipeline, photos: Path) -> None:
    with opens() as counted:
        compare(pipeline, None, photos / "small.jpg", photos / "large.jpg", threshold=1.0)
        assert len(list(pipeline.main_faces([str(photos / "a.png")]))) == 1
    assert [counted[name] for name in ("small.jpg", "large.jpg", "a.png")] == [1, 1, 1]
