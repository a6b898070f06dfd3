"""Every bad photo is a PhotoError with a short reason; limits; hashes; the demo collection."""

import hashlib
import os
import pickle
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bad_photos import make_bad_photos
from demo_photos import make_demo_photos
from pictures import BLUE, GREEN, RED, WHITE, corners, quarters, save, skip_unless_supported, smooth
from PIL import Image

import facesearch.media.decoding
from facesearch.core.errors import PhotoError
from facesearch.core.settings import ImageConfig
from facesearch.media import LocalFiles, find_photos, open_photo


def decode_or_reason(path: str | Path) -> str | None:
    """None for a photo that can be decoded, or why it cannot."""
    try:
        rgb = open_photo(path).decode().rgb
    except PhotoError as error:
        return str(error)
    assert rgb.dtype == np.uint8
    assert rgb.shape[2] == 3
    return None


def test_bad_photos_fail_with_their_reason_and_good_ones_do_not(tmp_path: Path) -> None:
    expected = make_bad_photos(tmp_path)

    found = find_photos([tmp_path])
    outcomes: dict[str, str | None] = {os.path.relpath(f.path, tmp_path): f.reason for f in found.failures}
    for photo in found.photos:
        outcomes[os.path.relpath(photo.path, tmp_path)] = decode_or_reason(photo.path)

    assert outcomes.keys() == expected.keys()
    for name, reason in expected.items():
        outcome = outcomes[name]
        assert (outcome is None) if reason is None else (outcome is not None and reason in outcome), (name, outcome)
        assert str(tmp_path) not in (outcome or "")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "gif", "avif", "heic"])
def test_whatever_is_cut_or_overwritten_is_a_photo_error_or_a_picture(tmp_path: Path, suffix: str) -> None:
    skip_unless_supported(suffix)
    whole = save(tmp_path / f"whole.{suffix}", smooth(48, 32)).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "photo.jpg"
    for trial in range(60):
        data = bytearray(whole)
        if trial % 2:
            data = data[: int(rng.integers(1, len(whole)))]
        else:
            for at in rng.integers(0, len(whole), 4):
                data[at] = int(rng.integers(256))
        path.write_bytes(data)
        outcome = decode_or_reason(path)
        assert outcome is None or (outcome.isprintable() and 0 < len(outcome) < 200)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("min_scale", [1.0, 0.125])
def test_truncated_jpegs_are_reported_at_every_scale(tmp_path: Path, part: float, min_scale: float) -> None:
    path = save(tmp_path / "photo.jpg", np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])

    photo = open_photo(path)
    with pytest.raises(PhotoError, match=r"^damaged: the file ends too early$"):
        photo.decode(min_scale)


def test_the_limit_is_in_megapixels_and_included(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.png", Image.new("L", (500, 400)))

    assert open_photo(path, ImageConfig(max_megapixels=0.2)).decode().rgb.shape == (400, 500, 3)
    with pytest.raises(PhotoError, match=r"^0\.2 megapixels, more than the limit of 0\.19 \(--max-megapixels\)$"):
        open_photo(path, ImageConfig(max_megapixels=0.19))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp", "gif"])
def test_our_limit_alone_decides_and_pillows_is_left_alone(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / f"photo.{suffix}", quarters())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)  # 6,144 is enough for a warning

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert corners(open_photo(path).decode().rgb) == [RED, GREEN, BLUE, WHITE]

    assert Image.MAX_IMAGE_PIXELS == 4000


def test_a_huge_tiff_is_not_refused_by_pillows_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "photo.tif", quarters())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    assert corners(open_photo(path).decode().rgb) == [RED, GREEN, BLUE, WHITE]
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_photo_that_vanishes_or_changes_stays_what_was_read(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.jpg", quarters())
    photo = open_photo(path)

    save(path, quarters(32, 32))
    assert photo.decode().rgb.shape == (64, 96, 3)
    path.unlink()
    assert photo.decode().rgb.shape == (64, 96, 3)
    with pytest.raises(PhotoError, match=r"^no longer there$"):
        open_photo(path)
    with pytest.raises(PhotoError, match=r"^no longer there$"):
        LocalFiles().identify(str(path))


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")

    with pytest.raises(PhotoError, match=r"^a folder, not a photo$"):
        open_photo(tmp_path)
    with pytest.raises(PhotoError, match=r"^not a regular file$"):
        open_photo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match=r"^not a regular file$"):
        LocalFiles().identify(str(tmp_path / "pipe.jpg"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "not enough memory to decode it"),
        (PermissionError(13, "Permission denied", "/secret/photo.jpg"), "permission denied"),
        (OSError(5, "Input/output error"), "input/output error"),
        (struct.error("unpack requires a buffer"), "damaged: cannot be decoded"),
        (SyntaxError("two\nlines"), "damaged: two"),
        (ValueError("two\nlines"), "damaged: cannot be decoded"),
        (ZeroDivisionError(), "damaged: cannot be decoded"),
        (EOFError(), "damaged: the file ends too early"),
        (Image.DecompressionBombError("4 pixels, could be a bomb"), "too large for Pillow: 4 pixels"),
    ],
)
def test_every_exception_becomes_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    path = save(tmp_path / "photo.jpg", quarters())

    def fail(*_: object) -> None:
        raise error

    photo = open_photo(path)
    monkeypatch.setattr(facesearch.media.decoding, "displayed", fail)
    with pytest.raises(PhotoError) as caught:
        photo.decode()

    assert str(caught.value) == reason
    assert caught.value.__cause__ is error


def test_photos_hold_no_files_and_travel_between_threads_and_processes(tmp_path: Path) -> None:
    path = save(tmp_path / "photo.jpg", smooth(320, 240), 6)
    photo = pickle.loads(pickle.dumps(open_photo(path)))
    expected = photo.decode(0.5).rgb
    together = threading.Barrier(4)

    def decode(_: int) -> bool:
        together.wait()
        return all(np.array_equal(photo.decode(0.5).rgb, expected) for _ in range(10))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(decode, range(4)))


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * 3_000_000])
def test_content_hash_is_sha256_of_the_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.jpg").write_bytes(content)

    assert LocalFiles().identify(str(tmp_path / "photo.jpg")) == hashlib.sha256(content).hexdigest()


def test_demo_photos_can_all_be_read_and_orientations_look_the_same(tmp_path: Path) -> None:
    labels = make_demo_photos(tmp_path)

    decoded = {os.path.basename(p.path): open_photo(p.path).decode().rgb for p in find_photos([tmp_path]).photos}

    assert decoded.keys() == labels.keys()
    for person, orientations in [("grace-hopper", (1, 3, 5, 7)), ("eileen-collins", (2, 4, 6, 8))]:
        turned = [decoded[f"{person}-orientation-{o}.jpg"].astype(int) for o in orientations]
        assert all(np.abs(other - turned[0]).mean() < 5 for other in turned)
    assert sum(not people for people in labels.values()) == 3
    assert sum(len(people) == 2 for people in labels.values()) == 2
