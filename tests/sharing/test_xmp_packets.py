"""Which XMP is a photo's: sidecars that are another file's, packets in several segments, and what is too long."""

import zlib
from pathlib import Path

import pytest
from PIL import Image
from xmp_samples import LISTED, WRAP, one_region, with_more

from facesearch.core.errors import PhotoError
from facesearch.sharing.xmp import Frame, Region, read_frame, read_names, sidecar_path, write_sidecar


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "IMG.jpg"
    Image.new("RGB", (400, 200), "grey").save(path)
    return path


def names(photo: Path) -> list[str | None]:
    found = read_names(photo)
    assert found.failures == ()
    return [region.name for region in found.regions]


# --- whose a sidecar is


@pytest.mark.parametrize(
    "claim",
    [
        'photoshop:SidecarForExtension="CR2"',
        'crs:RawFileName="IMG.CR2"',
        'xmpMM:DerivedFrom="IMG.CR2"',
        'crs:RawFileName="other.jpg"',
    ],
)
def test_a_sidecar_of_another_file_is_left_to_it(photo: Path, claim: str) -> None:
    Image.new("RGB", (400, 200)).save(photo.with_name("other.jpg"))
    namespaces = {"photoshop": "photoshop/1.0/", "crs": "camera-raw-settings/1.0/", "xmpMM": "xap/1.0/mm/"}
    prefix = claim.split(":")[0]
    declared = f'rdf:about="" xmlns:{prefix}="http://ns.adobe.com/{namespaces[prefix]}" {{}}'
    theirs, ours = (
        one_region().replace('rdf:about=""', declared.format(c))
        for c in (claim, claim.replace("CR2", "jpg").replace("other", "IMG"))
    )
    sidecar = sidecar_path(photo, "replaced")
    sidecar.write_text(theirs, encoding="utf-8")
    assert names(photo) == []
    with pytest.raises(PhotoError, match=r"it belongs to (IMG\.CR2|other\.jpg)"):
        write_sidecar(sidecar, [Region("Eva", (0, 0, 9, 9))], Frame((400, 200)), photo)
    assert sidecar.read_text(encoding="utf-8") == theirs
    sidecar.write_text(ours, encoding="utf-8")
    assert names(photo) == ["Anna"]
    sidecar.rename(sidecar_path(photo)).write_text(theirs, encoding="utf-8")
    assert names(photo) == ["Anna"]  # IMG.jpg.xmp is the photo's by its name


def test_a_sidecar_that_was_renamed_with_its_photo_stays_its_own(photo: Path) -> None:
    sidecar = sidecar_path(photo, "replaced")
    text = one_region().replace(
        'rdf:about=""', 'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:RawFileName="DSC1.jpg"'
    )
    sidecar.write_text(text, encoding="utf-8")
    assert names(photo) == ["Anna"]


def test_our_own_sidecar_is_not_read_for_another_file_of_the_same_name(photo: Path) -> None:
    write_sidecar(sidecar_path(photo, "replaced"), [Region("Anna", (10, 10, 60, 60))], read_frame(photo), photo)
    Image.new("RGB", (400, 200)).save(photo.with_suffix(".png"))
    assert names(photo) == ["Anna"]
    assert names(photo.with_suffix(".png")) == []


GUID = "0123456789ABCDEF" * 2


def extended(photo: Path, continuation: bytes, *, parts: int = 3, lost: int = -1) -> None:
    """A photo whose packet is continued in other segments, in any order; one of them may be lost."""
    said = 'rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="' + GUID + '"'
    Image.new("RGB", (400, 200)).save(
        photo, xmp=WRAP.format(LISTED).replace("Anna", "Eva").replace('rdf:about=""', said).encode()
    )
    size, segments = -(-len(continuation) // parts), []
    for number, start in enumerate(range(0, len(continuation), size)):
        head = GUID.encode() + len(continuation).to_bytes(4) + start.to_bytes(4)
        body = b"http://ns.adobe.com/xmp/extension/\0" + head + continuation[start : start + size]
        if number != lost:
            segments.insert(0, b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body)
    data = photo.read_bytes()
    photo.write_bytes(data[:2] + b"".join(segments) + data[2:])


@pytest.mark.parametrize("parts", [1, 3])
def test_xmp_that_is_longer_than_a_segment_is_read_whole(photo: Path, parts: int) -> None:
    extended(photo, with_more(one_region(), f"<!-- {'x' * 40_000} -->").encode(), parts=parts)
    assert names(photo) == ["Anna", "Eva"]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_photo_of_which_a_part_of_the_xmp_is_lost_is_listed(photo: Path, lost: int) -> None:
    extended(photo, one_region().encode(), lost=lost)
    found = read_names(photo)
    assert [region.name for region in found.regions] == ["Eva"]
    (failure,) = found.failures
    assert failure.path == str(photo)
    assert failure.reason.startswith("the XMP was read in part: of its continuation ")


def test_a_continuation_that_nobody_can_read_in_time_is_listed(photo: Path) -> None:
    extended(photo, one_region().encode() + b" " * 2_100_000, parts=40)
    found = read_names(photo)
    assert [region.name for region in found.regions] == ["Eva"]
    assert found.failures[0].reason == "the XMP was read in part: the XMP has 2.1 MB, more than the limit of 2 MB"


@pytest.mark.parametrize("suffix", [".xmp", ".png", ".webp", ".tif"])
def test_xmp_of_more_than_2_megabytes_is_not_read_and_that_is_said(photo: Path, suffix: str) -> None:
    xmp = WRAP.format("a\n" * 1_100_000).encode()
    path = photo
    if suffix == ".xmp":
        sidecar_path(photo).write_bytes(xmp)
    elif suffix == ".png":
        path = photo.with_suffix(suffix)
        Image.new("RGB", (400, 200)).save(path)
        data = path.read_bytes()
        text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)
        chunk = len(text).to_bytes(4) + b"iTXt" + text + zlib.crc32(b"iTXt" + text).to_bytes(4)
        path.write_bytes(data[:-12] + chunk + data[-12:])
    else:
        path = photo.with_suffix(suffix)
        Image.new("RGB", (400, 200)).save(path, **({"tiffinfo": {700: xmp}} if suffix == ".tif" else {"xmp": xmp}))  # type: ignore[arg-type]
    (failure,) = read_names(path).failures
    assert "more than the limit of 2 MB" in failure.reason
