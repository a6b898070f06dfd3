"""What facesearch has made says so, and nothing else is taken for that."""

import io
import json
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from facesearch.media import OWN, find_photos, marks


def saved(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_drawn_picture_says_so_in_every_format(kind: str) -> None:
    assert marks.is_drawn(saved(kind, exif=marks.EXIF))
    assert not marks.is_drawn(saved(kind))


def test_the_words_elsewhere_in_a_photo_are_no_mark() -> None:
    drawn = saved("JPEG", exif=marks.EXIF)
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "facesearch: drawn from a library, not a photo"
    assert not marks.is_drawn(saved("JPEG", exif=exif))
    assert not marks.is_drawn(saved("JPEG") + drawn)  # the thumbnail of another file
    assert not marks.is_drawn(drawn[2:])


def taken(folder: Path, *, exported: bool = False) -> tuple[list[str], list[str]]:
    """Names of the files that are photos, and of what is skipped as ours."""
    found = find_photos([folder], exported=exported)
    ours = [Path(one.path).name for one in found.skipped if one.kind == OWN]
    return [Path(photo.path).name for photo in found.photos], ours


def test_listed_files_are_skipped_as_long_as_they_are_what_was_made(tmp_path: Path) -> None:
    for name in ("copy.jpg", "edited.jpg", "mine.jpg"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "mine.jpg")
    marks.add_to_list(tmp_path, {"copy.jpg": 5, "edited.jpg": 5, "gone.jpg": 5})
    marks.add_to_list(tmp_path, {"link.jpg": 5})
    (tmp_path / "edited.jpg").write_bytes(b"123456")
    ours = [".facesearch-export.json", "copy.jpg", "link.jpg"]
    assert taken(tmp_path) == (["edited.jpg", "mine.jpg"], ours)
    assert taken(tmp_path.rename(tmp_path.with_name("moved"))) == (["edited.jpg", "mine.jpg"], ours)
    assert taken(tmp_path.with_name("moved"), exported=True) == (["copy.jpg", "edited.jpg", "mine.jpg"], ours[:1])


def test_a_listed_file_is_taken_when_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "copy.jpg").write_bytes(b"12345")
    marks.add_to_list(tmp_path, {"copy.jpg": 5})
    assert [photo.path for photo in find_photos([tmp_path / "copy.jpg"]).photos] == [str(tmp_path / "copy.jpg")]


@pytest.mark.parametrize(
    "text", ["", "[]", "[" * 100_000, '{"made": 3}', '{"made": {"a.jpg": "5"}}', '{"made": {"a.jpg": {}}}', "\0"]
)
def test_a_damaged_list_hides_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    (tmp_path / ".facesearch-export.json").write_text(text)
    assert taken(tmp_path)[0] == ["a.jpg"]
    marks.add_to_list(tmp_path, {"a.jpg": 5})
    assert taken(tmp_path)[0] == []


def test_of_a_folder_with_a_report_only_the_report_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("pictures/face-1.jpg", "holiday.jpg"):
        (tmp_path / name).write_bytes(b"12345")
    marks.mark_report(tmp_path)
    assert taken(tmp_path) == (["holiday.jpg"], [marks.REPORT, "pictures"])
    (tmp_path / marks.REPORT).write_text(json.dumps({"made_by": "facesearch report"}))  # of an earlier version
    assert taken(tmp_path) == (["holiday.jpg"], [marks.REPORT, "pictures"])
