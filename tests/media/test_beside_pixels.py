"""Whatever lies beside or behind the pixels never costs the photo; a photo of which rows are missing stays refused."""

import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from kind_samples import RGB, chunk, encoded
from pictures import smooth
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from facesearch.core.errors import PhotoError
from facesearch.media import PhotoFile

NOISE = np.random.default_rng(0).bytes(3000)
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + NOISE
PHONE = b"QDIOBS\0\0\x01\x0aPanorama_Shot_Info" + FILM + b"SEFH" + struct.pack("<5L", 107, 1, 2561, 60000, 24) + b"SEFT"
JPEG, PNG = encoded("JPEG", quality=95, subsampling=0), encoded("PNG")
WEBP = encoded("WEBP", lossless=True)


def shows(data: bytes, tolerance: int = 12) -> bool:
    rgb = PhotoFile.parse(data).decode().rgb
    return rgb.shape == RGB.shape and bool(np.abs(rgb.astype(int) - RGB).max() <= tolerance)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


# -- behind the pixels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behind", [NOISE, bytes(3000), FILM, PHONE, JPEG], ids=["noise", "zeros", "film", "phone", "photo"]
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_what_is_behind_the_end(format_: str, behind: bytes) -> None:
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"subsampling": 0}}
    assert shows(encoded(format_, quality=100, **lossless.get(format_, {})) + behind, 30)


KINDS_OF_JPEG = {
    "baseline": {},
    "progressive": {"progressive": True},
    "own tables": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
    "subsampled": {"subsampling": 2},
}


@pytest.mark.parametrize(
    "behind", [b"", b"\xff", PHONE, FILM, bytes(999)], ids=["nothing", "half", "phone", "film", "zeros"]
)
@pytest.mark.parametrize("kind", KINDS_OF_JPEG)
def test_a_jpeg_without_its_end(kind: str, behind: bytes) -> None:
    whole = encoded("JPEG", smooth(300, 200), quality=90, **KINDS_OF_JPEG[kind])
    expected = PhotoFile.parse(whole).decode(0.5)

    found = PhotoFile.parse(whole[:-2] + behind).decode(0.5)

    assert (found.scale, np.array_equal(found.rgb, expected.rgb)) == (0.5, True)


@pytest.mark.parametrize("behind", [b"", PHONE, bytes(5000)], ids=["nothing", "phone", "zeros"])
@pytest.mark.parametrize("kind", KINDS_OF_JPEG)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_jpeg_whose_rows_are_missing_stays_refused(kind: str, part: float, behind: bytes) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    whole = encoded("JPEG", noise, quality=90, **KINDS_OF_JPEG[kind])

    with pytest.raises(PhotoError, match=r"^damaged: "):
        PhotoFile.parse(whole[: int(len(whole) * part)] + behind).decode()


@pytest.mark.parametrize("kind", KINDS_OF_JPEG)
def test_a_jpeg_that_is_refused_is_decoded_twice_at_most(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    whole = encoded("JPEG", noise, quality=90, **KINDS_OF_JPEG[kind])
    half, decoded, prepare = len(whole) // 2, list[str](), JpegImageFile.load_prepare

    def counting(image: JpegImageFile) -> None:
        decoded.append(kind)
        prepare(image)

    monkeypatch.setattr(JpegImageFile, "load_prepare", counting)
    for data in (whole[:half], whole[:half] + bytes(500)):
        decoded.clear()
        with pytest.raises(PhotoError, match=r"^damaged: "):
            PhotoFile.parse(data).decode()
        assert len(decoded) <= 2


def test_a_progressive_jpeg_that_ends_between_two_scans_stays_refused() -> None:
    whole = encoded("JPEG", smooth(300, 200), progressive=True)

    with pytest.raises(PhotoError, match=r"^damaged: the file ends too early$"):
        PhotoFile.parse(whole[: whole.rindex(b"\xff\xda")]).decode()


def test_pngs_without_their_end_or_with_a_damaged_end() -> None:
    for cut in (4, 12, 16):
        assert shows(PNG[:-cut])
    with pytest.raises(PhotoError, match=r"^damaged: the file ends too early$"):
        PhotoFile.parse(PNG[: len(PNG) // 2]).decode()


def test_a_webp_whose_metadata_are_cut_off() -> None:
    whole = encoded("WEBP", lossless=True, exif=b"Exif\0\0" + bytes(400))
    assert shows(whole[:-100])
    assert shows(WEBP[:4] + struct.pack("<I", 1 << 31) + WEBP[8:])  # a length beyond the file's
    with pytest.raises(PhotoError):
        PhotoFile.parse(WEBP[: len(WEBP) // 2]).decode()


@pytest.mark.parametrize(("format_", "tolerance"), [("GIF", 90), ("WEBP", 60), ("PNG", 0)])
def test_animations_whose_later_frames_are_missing(format_: str, tolerance: int) -> None:
    frames = [Image.fromarray(np.random.default_rng(i).integers(0, 256, RGB.shape, np.uint8)) for i in range(3)]
    whole = encoded(format_, save_all=True, append_images=frames)
    assert shows(whole[: len(whole) * 2 // 3], tolerance)


# -- beside the pixels -------------------------------------------------------------------------------------------------

IN_JPEG = {
    "EXIF that ends": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "EXIF of nothing": segment(0xE1, b"Exif"),
    "XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + NOISE),
    "ICC of nothing": segment(0xE2, b"ICC_PROFILE\0"),
    "ICC, part 2 of 1": segment(0xE2, b"ICC_PROFILE\0\2\1abc"),
    "ICC, part 1 of 3": segment(0xE2, b"ICC_PROFILE\0\1\3abc"),
    "MPF": segment(0xE2, b"MPF\0II*\0" + b"\xff" * 40),
    "MPF of nothing": segment(0xE2, b"MPF\0"),
    "FlashPix": segment(0xE2, b"FPXR\0"),
    "Photoshop": segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x04ab"),
    "Adobe": segment(0xEE, b"Adobe"),
    "JFIF": segment(0xE0, b"JFIF\0"),
    "comment": segment(0xFE, NOISE),
    "maker's own": segment(0xE4, NOISE),
    "length of nothing": b"\xff\xe5\0\0",
    "fill bytes": b"\xff\xff\xff" + segment(0xE5, b"a"),
    "a marker for later": segment(0xF0, b"abc"),
}


@pytest.mark.parametrize("name", IN_JPEG)
def test_segments_of_a_jpeg(name: str) -> None:
    assert shows(JPEG[:2] + IN_JPEG[name] + JPEG[2:])


BOMB = zlib.compress(bytes(5_000_000))
IN_PNG = {
    "iCCP": chunk(b"iCCP", b"x\0\0garbage"),
    "iCCP without a name": chunk(b"iCCP", b"x" * 90),
    "zTXt": chunk(b"zTXt", b"a\0\0none"),
    "zTXt, packed in another way": chunk(b"zTXt", b"a\0\7none"),
    "zTXt, large": chunk(b"zTXt", b"a\0\0" + BOMB),
    "zTXt, many": b"".join(chunk(b"zTXt", b"%d\0\0" % i + zlib.compress(bytes(900_000))) for i in range(90)),
    "iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\7en\0\0bad"),
    "iTXt, large": chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB),
    "tEXt with a wrong checksum": chunk(b"tEXt", b"a\0b", 1),
    "eXIf": chunk(b"eXIf", b"bad"),
    "pHYs": chunk(b"pHYs", b"\1"),
    "gAMA": chunk(b"gAMA", b""),
    "cHRM": chunk(b"cHRM", b"\1\2\3"),
    "sRGB": chunk(b"sRGB", b""),
    "acTL": chunk(b"acTL", b"\0"),
    "acTL without frames": chunk(b"acTL", struct.pack(">II", 5, 0)),
    "fcTL": chunk(b"fcTL", bytes(26)),
    "tRNS": chunk(b"tRNS", b"\0"),
    "maker's own": chunk(b"prVt", NOISE),
}


@pytest.mark.parametrize("name", IN_PNG)
def test_chunks_of_a_png(name: str) -> None:
    assert shows(PNG[:33] + IN_PNG[name] + PNG[33:], 0)
    assert shows(PNG[:-12] + IN_PNG[name] + PNG[-12:], 0)


@pytest.mark.parametrize("format_", ["WEBP", "AVIF", "HEIF", "TIFF", "JPEG", "PNG"])
@pytest.mark.parametrize("what", ["exif", "xmp", "icc_profile"])
def test_metadata_that_are_garbage(format_: str, what: str) -> None:
    if what == "exif" and format_ in ("AVIF", "TIFF"):
        pytest.skip("Pillow refuses to write it")
    quality = {"lossless": True} if format_ == "WEBP" else {"quality": 100}
    garbage = (b"Exif\0\0" if what == "exif" else b"") + NOISE[:200]
    assert shows(encoded(format_, **quality, **{what: garbage}), 30)


def test_tags_of_a_tiff_that_point_nowhere() -> None:
    data = bytearray(encoded("TIFF", tiffinfo={270: "a description", 305: "a program", 315: "somebody"}))
    (at,) = struct.unpack_from("<I", data, 4)
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", data, at)[0], 12):
        if struct.unpack_from("<H", data, entry)[0] in (270, 305, 315):
            struct.pack_into("<I", data, entry + 8, 0x7FFFFFFF)
    assert shows(bytes(data), 0)


def test_a_turned_photo_stays_turned_when_its_other_parts_are_left_out() -> None:
    exif = Image.Exif()
    exif[274] = 6
    jpeg = encoded("JPEG", exif=exif.tobytes())
    for data in (jpeg[:-2], jpeg[:2] + segment(0xEE, b"Adobe") + jpeg[2:]):
        assert PhotoFile.parse(data).decode().rgb.shape == (RGB.shape[1], RGB.shape[0], 3)
    png = encoded("PNG", exif=exif.tobytes())
    broken = png[:33] + chunk(b"gAMA", b"") + png[33:]
    assert PhotoFile.parse(broken).decode().rgb.shape == (RGB.shape[1], RGB.shape[0], 3)


# -- what decoders say -------------------------------------------------------------------------------------------------

SHAKY = JPEG[:2] + segment(
    0xE1, b"Exif\0\0II*\0" + struct.pack("<LHHHLLHHLLL", 8, 2, 0x112, 3, 1, 1, 0x927C, 7, 2**31 - 1, 26, 8)
)
SHAKY += IN_JPEG["MPF"] + JPEG[2:]


@pytest.mark.parametrize("filter_", ["error", "always"])
def test_pillows_warnings_reach_nobody(filter_: str, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=filter_ == "always") as seen:
        warnings.simplefilter(filter_)  # type: ignore[arg-type]
        before = list(warnings.filters)
        assert shows(SHAKY)
        assert list(warnings.filters) == before
    assert not seen
    assert capfd.readouterr() == ("", "")


def test_warnings_are_kept_back_while_any_thread_decodes() -> None:
    before = list(warnings.filters)
    together = threading.Barrier(4)
    right: list[bool] = []

    def decode() -> None:
        together.wait()
        right.extend(shows(SHAKY) for _ in range(20))

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 80
    assert list(warnings.filters) == before


def test_what_pillow_logs_does_not_reach_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    tiff = bytearray(encoded("TIFF"))
    (at,) = struct.unpack_from("<I", tiff, 4)
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", tiff, at)[0], 12):
        if struct.unpack_from("<H", tiff, entry)[0] == 277:  # samples per pixel
            struct.pack_into("<HHII", tiff, entry, 277, 4, 1, 40_000)
    with pytest.raises(PhotoError, match=r"^damaged: "):
        PhotoFile.parse(bytes(tiff))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF"])
def test_no_reason_is_the_name_of_a_class(format_: str) -> None:
    rng = np.random.default_rng(0)
    whole = encoded(format_)
    for _ in range(150):
        data = bytearray(whole[: int(rng.integers(4, len(whole)))])
        for at in rng.integers(0, min(len(data), 300), 3):
            data[at] = int(rng.integers(256))
        try:
            PhotoFile.parse(bytes(data)).decode()
        except PhotoError as error:
            reason = str(error)
            assert not any(word in reason for word in ("Error", "requires a buffer", "index out of", "Exception")), (
                reason
            )
