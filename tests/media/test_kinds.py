"""Kinds of each format: decoded as a second decoder does, or refused as a kind that is not supported."""

import re
from typing import Any

import cv2
import numpy as np
import pytest
from kind_samples import (
    ALPHA,
    GREY,
    RGB,
    Kind,
    bmp_kinds,
    encoded,
    jpeg_kinds,
    page_kinds,
    png_kinds,
    tiff_kinds,
    tiffs_by_hand,
)
from numpy.typing import NDArray
from PIL import Image

from facesearch.core.errors import PhotoError
from facesearch.media import PhotoFile

# What Pillow has no way to read. All else that tifffile writes is decoded.
_REFUSED = re.compile(
    r"(f2|f8)|> mini.*(u4)|rgb \w+ (u4|f4)|miniswhite (u4|i\d)|> miniswhite (u2)|rgb separate u1 None .*unspecified"
)
MADE = {
    "BMP": list(bmp_kinds()),
    "JPEG": list(jpeg_kinds()),
    "PNG": list(png_kinds()),
    "TIFF": [*tiffs_by_hand(), *page_kinds()],
}
CASES = [pytest.param(kind, format_, id=f"{format_} {kind.name}") for format_, kinds in MADE.items() for kind in kinds]


def is_shown(rgb: NDArray[Any], kind: Kind) -> bool:
    assert kind.shown is not None
    return bool(np.abs(rgb.astype(float) - kind.shown).max() <= kind.tolerance)


@pytest.mark.parametrize(("kind", "format_"), CASES)
def test_a_kind_is_decoded_right_or_refused(kind: Kind, format_: str) -> None:
    if kind.shown is None:
        with pytest.raises(PhotoError, match=rf"^a kind of {format_} that is not supported \(.+\)$"):
            PhotoFile.parse(kind.data).decode()
        return
    assert is_shown(PhotoFile.parse(kind.data).decode().rgb, kind)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in tiff_kinds()])
def test_what_tifffile_writes(kind: Kind) -> None:
    """Type of sample x photometric interpretation x planes x strips or tiles x compression x alpha x order of bytes."""
    if _REFUSED.search(kind.name):
        with pytest.raises(PhotoError, match=r"^a kind of TIFF that is not supported \("):
            PhotoFile.parse(kind.data).decode()
        return
    assert is_shown(PhotoFile.parse(kind.data).decode().rgb, kind)


# OpenCV drops alpha, reads white as black in some kinds, and no colour keys.
_OPENCV_DIFFERS = re.compile("alpha|colour key|transparency|photometric|kind")


@pytest.mark.parametrize(
    "kind", [p.values[0] for p in CASES if p.values[0].shown is not None], ids=lambda kind: kind.name
)
def test_a_second_decoder_sees_the_same(kind: Kind) -> None:
    if _OPENCV_DIFFERS.search(kind.name):
        pytest.skip("OpenCV reads this kind differently")
    bgr = cv2.imdecode(np.frombuffer(kind.data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None or bgr.shape != kind.shown.shape:
        pytest.skip("OpenCV does not read this kind")
    assert is_shown(bgr[:, :, ::-1], kind._replace(tolerance=kind.tolerance + 3))


@pytest.mark.parametrize("format_", ["HEIF", "AVIF", "WEBP"])
def test_alpha_and_grey_of_formats_with_a_codec(format_: str) -> None:
    best = {"lossless": True} if format_ == "WEBP" else {"quality": 100}
    seen = encoded(format_, np.dstack([RGB, ALPHA]), **best)
    hidden = encoded(format_, np.dstack([RGB, ALPHA * 0]), **({"exact": True} | best if format_ == "WEBP" else best))
    share = ALPHA[:, :, None] / 255
    assert is_shown(PhotoFile.parse(seen).decode().rgb, Kind("", seen, RGB * share + 255 * (1 - share), 30))
    assert is_shown(PhotoFile.parse(hidden).decode().rgb, Kind("", hidden, RGB, 30))
    grey = encoded(format_, GREY, **best)
    assert is_shown(PhotoFile.parse(grey).decode().rgb, Kind("", grey, np.repeat(GREY[:, :, None], 3, 2), 12))


@pytest.mark.parametrize("primary", [0, 1, 2])
def test_the_primary_image_of_a_heic_is_the_photo(primary: int) -> None:
    pictures = [RGB if number == primary else RGB[::-1, ::-1] * 0 + 60 * number for number in range(3)]
    first, *others = [Image.fromarray(picture) for picture in pictures]
    data = encoded("HEIF", first, save_all=True, append_images=others, primary_index=primary, quality=100)
    assert is_shown(PhotoFile.parse(data).decode().rgb, Kind("", data, RGB, 30))
