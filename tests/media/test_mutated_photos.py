"""Property: whatever is done to the bytes of a photo, it is decoded and looked at, or there is a reason.

300 mutations of each format here; many more, from another seed, by

    FACESEARCH_MUTATIONS=10000 python -m pytest tests/media/test_mutated_photos.py --hypothesis-seed=1
"""

import os
import resource
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kind_samples import encoded
from pictures import smooth
from PIL import Image

from facesearch.core.errors import PhotoError
from facesearch.core.settings import DetectionConfig, ImageConfig
from facesearch.detection import Detector
from facesearch.detection import load as load_detector
from facesearch.media import PhotoFile

INPUTS = int(os.environ.get("FACESEARCH_MUTATIONS", "300"))
LONGEST_S = 10
# 4 megapixels in floats, some of them at a time, and the networks.
IMAGES, MOST_MB = ImageConfig(max_megapixels=4), 400
LOOKED_AT = 0.3  # megapixels
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF"]
# What stands for "as large as it gets" in headers, and markers and lengths that mean something.
BYTES = st.sampled_from(
    [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xd9", b"\xff\xda", b"\0\0\0\0", b"\xff" * 4, b"\x7f\xff\xff\xff"]
)
MUTATION = st.tuples(
    st.sampled_from(["write", "write", "insert", "remove", "repeat", "cut"]),
    st.one_of(st.floats(0, 1), st.integers(0, 400)),  # a part of the file, or a place in its header
    st.one_of(BYTES, st.binary(min_size=1, max_size=8)),
    st.integers(1, 64),
)


@cache
def whole(format_: str) -> list[bytes]:
    """Small photos of one format, plain and with all that may lie beside pixels."""
    exif = Image.Exif()
    exif[274], exif[306] = 6, "2026:01:02 03:04:05"
    picture = smooth(96, 64)
    beside = {} if format_ in ("BMP", "GIF") else {"exif": exif.tobytes()}
    kinds = {
        "JPEG": [{"progressive": True}, {"restart_marker_rows": 1}],
        "PNG": [{"icc_profile": bytes(200)}],
        "WEBP": [{"lossless": True}, {"quality": 80}],
        "TIFF": [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}],
    }
    moving = Image.fromarray(picture[::-1])
    files = [encoded(format_, picture, **beside, **kind) for kind in kinds.get(format_, [{}])]
    if format_ in ("PNG", "WEBP", "GIF", "TIFF"):
        files.append(encoded(format_, picture, save_all=True, append_images=[moving]))
        files.append(encoded(format_, Image.fromarray(picture).convert("P")))
    if format_ not in ("JPEG", "BMP", "GIF"):
        files.append(encoded(format_, np.dstack([picture, picture[:, :, 0]])))
    return files


@cache
def detector() -> Detector:
    return load_detector("yunet", DetectionConfig(), "cpu")


def mutated(data: bytes, mutations: list[tuple[str, float, bytes, int]]) -> bytes:
    for kind, where, new, length in mutations:
        at = int(where * len(data)) if isinstance(where, float) else min(where, len(data))
        data = {
            "write": data[:at] + new + data[at + len(new) :],
            "insert": data[:at] + new + data[at:],
            "remove": data[:at] + data[at + length :],
            "repeat": data[: at + length] + data[at:],
            "cut": data[:at],
        }[kind]
    return data


def look_at(data: bytes) -> str | None:
    """None, or the reason why a photo cannot be read."""
    try:
        decoded = PhotoFile.parse(data, IMAGES).decode()
    except PhotoError as error:
        return str(error)
    assert decoded.rgb.dtype == np.uint8
    height, width, channels = decoded.rgb.shape
    assert channels == 3
    if len(data) % 4 == 0 and height * width <= LOOKED_AT * 1e6:  # a part of all, as the network takes most of the time
        (faces,) = detector().detect([decoded.rgb], [20.0])
        assert all(np.isfinite(face.box).all() for face in faces)
    return None


@pytest.mark.parametrize("format_", FORMATS)
def test_mutated_photos_are_read_or_refused(format_: str, capfd: pytest.CaptureFixture[str]) -> None:
    files = whole(format_)
    for data in files:
        assert look_at(data) is None
    detector().detect([smooth(96, 64)], [20.0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=INPUTS,
        deadline=LONGEST_S * 1000,
        derandomize=INPUTS == 300,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(files), st.lists(MUTATION, min_size=1, max_size=6))
    def read(data: bytes, mutations: list[tuple[str, float, bytes, int]]) -> None:
        reason = look_at(mutated(data, mutations))
        assert reason is None or (reason.isprintable() and 0 < len(reason) < 200)
        assert "Error" not in (reason or "")

    read()
    assert capfd.readouterr().err == ""  # decoders say nothing beside what is raised
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < MOST_MB
