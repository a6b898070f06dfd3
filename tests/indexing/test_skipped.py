"""What a run does not look at: counted, told, kept, and never taken for photos."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Picture
from PIL import Image

from facesearch.indexing.indexer import IndexReport, index_photos
from facesearch.indexing.removal import remove
from facesearch.media import OWN, marks
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

Run = Callable[..., IndexReport]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.png", "trip/b.png"):
        Picture.save(folder / name, name)
    return folder


@pytest.fixture
def run(index: Store, photos: Path, fake_pipeline: Pipeline) -> Run:
    def run(*paths: Path) -> IndexReport:
        report = index_photos(index, lambda: fake_pipeline, [str(path) for path in paths or (photos,)])
        assert report.found == report.indexed + report.unchanged + report.failed
        return report

    return run


def test_every_kind_is_counted_and_every_file_kept(run: Run, index: Store, photos: Path) -> None:
    for name in ("1.CR2", "2.cr2", "film.mp4", "MVIMG_2018", ".hidden", "trip/Thumbs.db", "trip/3.CR2"):
        (photos / name).touch()
    kinds = {".CR2": 3, ".mp4": 1, "hidden": 1, "system": 1, "without suffix": 1}
    report = run()
    assert report.skipped == report.to_dict()["photos"]["skipped"] == kinds  # type: ignore[index]
    assert next(iter(report.skipped)) == ".CR2"
    assert index.skipped()[str(photos / "trip" / "3.CR2")] == ".CR2"
    assert len(index.skipped()) == 7
    (photos / "film.mp4").unlink()
    assert run(photos / "trip").skipped == {".CR2": 1, "system": 1}
    assert len(index.skipped()) == 7  # that run did not come by
    assert run().skipped == {kind: count for kind, count in kinds.items() if kind != ".mp4"}
    assert len(index.skipped()) == 6
    remove(index, [photos / "trip"])
    assert [Path(path).name for path in index.skipped()] == [".hidden", "1.CR2", "2.cr2", "MVIMG_2018"]
    index.clear()
    assert index.skipped() == {}


def test_a_file_that_was_given_by_name_is_not_skipped_later(run: Run, photos: Path, index: Store) -> None:
    (photos / "a.png").rename(photos / "a.jpg~2")
    assert run(photos / "a.jpg~2").indexed == 1
    assert run().skipped == index.skipped() == {}


def draw(path: Path, color: str = "red") -> None:
    Image.new("RGB", (64, 48), color).save(path, exif=marks.EXIF)


def test_drawn_pictures_are_skipped_wherever_they_lie(run: Run, photos: Path, index: Store) -> None:
    draw(photos / "sheet.png")
    draw(photos / "trip" / "face.jpg")
    for _ in range(2):
        report = run()
        assert (report.found, report.skipped, report.failures) == (2, {OWN: 2}, [])
    assert run(photos / "sheet.png").skipped == {OWN: 1}
    assert set(index.known_paths()) == {str(photos / "a.png"), str(photos / "trip" / "b.png")}
    assert len(index.skipped()) == 2


def test_a_drawn_picture_in_the_place_of_a_photo_leaves_it_missing(run: Run, photos: Path, index: Store) -> None:
    run()
    draw(photos / "a.png")
    assert run().missing == 1
    assert index.known_paths()[str(photos / "a.png")].missing
    Picture.save(photos / "a.png", "a.png")
    assert run().missing == 0
    assert index.skipped() == {}
