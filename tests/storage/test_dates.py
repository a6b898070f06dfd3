"""When photos were taken: as EXIF has it, else by their files."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pictures import quarters, save, skip_unless_supported
from PIL import ExifTags, Image
from sqlalchemy import text

from facesearch.indexing.indexer import index_photos
from facesearch.media import open_photo
from facesearch.storage import Store
from facesearch.storage import dates as dating

NOON = datetime(2019, 7, 1, 12, 0, 30)
Tag = ExifTags.Base


def exif(**tags: object) -> bytes:
    made = Image.Exif()
    made[Tag.DateTime] = "2001:01:01 00:00:00"  # when the file was changed: never looked at
    made.get_ifd(ExifTags.IFD.Exif).update({Tag[name]: value for name, value in tags.items()})
    return made.tobytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "heic", "avif"])
def test_every_format_tells(tmp_path: Path, suffix: str) -> None:
    skip_unless_supported(suffix)
    data = exif(DateTimeOriginal="2019:07:01 12:00:30", OffsetTimeOriginal="+09:00")
    path = save(tmp_path / f"a.{suffix}", quarters(), exif=data)
    assert open_photo(path).taken == NOON.replace(tzinfo=timezone(timedelta(hours=9)))
    assert open_photo(save(tmp_path / f"b.{suffix}", quarters())).taken is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"DateTimeOriginal": "2019:07:01 12:00:30"}, NOON),
        ({"DateTimeOriginal": "2019:07:01 12:00:30\0"}, NOON),
        ({"DateTimeOriginal": "2019:07:01 12:00:30", "OffsetTimeOriginal": "-03:30"}, timedelta(hours=-3.5)),
        ({"DateTimeOriginal": "2019:07:01 12:00:30", "OffsetTimeOriginal": "Z"}, timedelta(0)),
        ({"DateTimeOriginal": "2019:07:01 12:00:30", "OffsetTimeOriginal": "   :  "}, NOON),
        ({"DateTimeOriginal": "2019:07:01 12:00:30", "OffsetTimeOriginal": "+23:59"}, NOON),
        ({"DateTimeDigitized": "2019:07:01 12:00:30"}, NOON),
        ({"DateTimeOriginal": "0000:00:00 00:00:00", "DateTimeDigitized": "2019:07:01 12:00:30"}, NOON),
        ({"DateTimeOriginal": "    :  :     :  :  "}, None),
        ({"DateTimeOriginal": "yesterday"}, None),
        ({"DateTimeOriginal": "2019:02:30 12:00:00"}, None),
        ({"DateTimeOriginal": "1066:10:14 09:00:00"}, None),
        ({"DateTimeOriginal": ""}, None),
        ({}, None),
    ],
)
def test_what_cameras_write(tmp_path: Path, tags: dict[str, Any], expected: datetime | timedelta | None) -> None:
    taken = open_photo(save(tmp_path / "a.jpg", quarters(), exif=exif(**tags))).taken
    if isinstance(expected, timedelta):
        assert taken is not None
        assert (taken.replace(tzinfo=None), taken.utcoffset()) == (NOON, expected)
    else:
        assert taken == expected
        assert taken is None or taken.tzinfo is None


@pytest.mark.parametrize("offset", [None, timedelta(hours=9), timedelta(hours=-9, minutes=-30)])
@pytest.mark.parametrize("moment", [NOON, datetime(1839, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 500_000)])
def test_a_date_comes_back_as_it_was(moment: datetime, offset: timedelta | None) -> None:
    taken = moment if offset is None else moment.replace(tzinfo=timezone(offset))
    columns = dating.dated(taken, 0)
    assert columns["dated_by"] == "exif"
    back = dating.as_datetime(columns["taken_at"], columns["taken_offset_s"])
    assert (back, back.utcoffset()) == (taken, offset)
    assert columns["taken_at"] == moment.replace(tzinfo=UTC).timestamp()  # sorts by what the clock showed


# --- in the library


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    save(
        folder / "told.jpg", quarters(), exif=exif(DateTimeOriginal="2019:07:01 12:00:30", OffsetTimeOriginal="+02:00")
    )
    os.utime(save(folder / "untold.jpg", quarters(90)), (NOON.timestamp(), NOON.timestamp()))
    return folder


@pytest.fixture
def library(tmp_path: Path, fake_pipeline: Any) -> Iterator[Store]:
    index = Store.create(tmp_path / "library", fake_pipeline.embedder.spec)
    yield index
    index.close()


def dates(index: Store) -> dict[str, tuple[datetime, str | None]]:
    query = "SELECT path, taken_at, taken_offset_s, dated_by FROM photos JOIN paths ON photo_id = id"
    with index.reading() as connection:
        rows = connection.execute(text(query)).all()
    return {Path(path).name: (dating.as_datetime(at, offset), by) for path, at, offset, by in rows}


TOLD = {
    "told.jpg": (NOON.replace(tzinfo=timezone(timedelta(hours=2))), "exif"),
    "untold.jpg": (NOON, "file"),
}


def test_photos_are_dated_when_they_are_indexed(library: Store, photos: Path, fake_pipeline: Any) -> None:
    index_photos(library, lambda: fake_pipeline, [str(photos)])
    assert dates(library) == TOLD


def undate(library: Store) -> None:
    """As a library of before is after its migration."""
    with library.transaction() as connection:
        connection.execute(text("UPDATE photos SET taken_at = 5, taken_offset_s = NULL, dated_by = NULL"))


def test_photos_of_before_are_dated_by_the_next_run_and_not_looked_at_again(
    library: Store, photos: Path, fake_pipeline: Any
) -> None:
    index_photos(library, lambda: fake_pipeline, [str(photos)])
    undate(library)
    report = index_photos(library, lambda: pytest.fail("no pipeline is needed"), [str(photos)])
    assert (report.indexed, report.unchanged) == (0, 2)
    assert dates(library) == TOLD


def test_a_photo_of_before_that_cannot_be_read_now_keeps_its_files_time(
    library: Store, photos: Path, fake_pipeline: Any
) -> None:
    index_photos(library, lambda: fake_pipeline, [str(photos)])
    undate(library)
    found = (photos / "told.jpg").stat()
    (photos / "told.jpg").write_bytes(b"x" * found.st_size)
    os.utime(photos / "told.jpg", ns=(found.st_mtime_ns, found.st_mtime_ns))
    index_photos(library, lambda: fake_pipeline, [str(photos)])
    assert dates(library)["told.jpg"] == (datetime.fromtimestamp(found.st_mtime_ns / 1e9), "file")


def test_an_edit_that_gives_a_photo_a_date_is_seen(library: Store, photos: Path, fake_pipeline: Any) -> None:
    index_photos(library, lambda: fake_pipeline, [str(photos)])
    save(photos / "untold.jpg", quarters(90), exif=exif(DateTimeOriginal="2020:01:01 00:00:00"))
    index_photos(library, lambda: fake_pipeline, [str(photos)])
    assert dates(library)["untold.jpg"] == (datetime(2020, 1, 1), "exif")
