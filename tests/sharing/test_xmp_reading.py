"""Names that other programs left in sidecars and photos."""

import json
import shutil
import zlib
from pathlib import Path

import pillow_heif
import pytest
from PIL import ExifTags, Image
from xmp_samples import DIGIKAM, LIGHTROOM, LISTED, WRAP, exiftool, needs_exiftool, one_region, with_more

from facesearch.core.errors import PhotoError
from facesearch.sharing.xmp import (
    Frame,
    Region,
    read_frame,
    read_names,
    read_sidecar,
    sidecar_path,
    write_sidecar,
)
from facesearch.sharing.xmp.document import parse

BERT = (280, 40, 320, 80)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "IMG.jpg"
    Image.new("RGB", (400, 200), "grey").save(path)
    return path


def names(photo: Path) -> list[str | None]:
    found = read_names(photo)
    assert found.failures == ()
    return [region.name for region in found.regions]


def read(tmp_path: Path, xmp: str, frame: Frame | None = None) -> list[Region]:
    (tmp_path / "a.xmp").write_text(xmp, encoding="utf-8")
    return read_sidecar(tmp_path / "a.xmp", frame or Frame((400, 200)))


# --- where names are found


def test_a_photo_without_names(photo: Path) -> None:
    assert names(photo) == []


@pytest.mark.parametrize("naming", ["appended", "replaced"])
def test_sidecars_of_both_namings(photo: Path, naming: str) -> None:
    sidecar_path(photo, naming).write_text(DIGIKAM, encoding="utf-8")  # type: ignore[arg-type]
    (bert,) = read_names(photo).regions
    assert bert.name == "Bert"
    assert bert.box == pytest.approx(BERT)


def test_names_of_both_sidecars_and_the_photo_add_up(photo: Path) -> None:
    Image.new("RGB", (400, 200)).save(photo, xmp=one_region(x=0.75, y=0.3, w=0.1, h=0.2).encode())
    assert names(photo) == ["Anna"]
    sidecar_path(photo).write_text(DIGIKAM, encoding="utf-8")
    sidecar_path(photo, "replaced").write_text(LIGHTROOM, encoding="utf-8")
    # Anna and Bert are the same face: the sidecar wins. Carla is only listed; the unnamed face is Lightroom's.
    assert names(photo) == ["Bert", None, "Carla"]


def test_lists_of_names(tmp_path: Path) -> None:
    assert [region.name for region in read(tmp_path, LIGHTROOM)] == [None, "Carla"]
    tags = ["People/Anna", "People/Unknown", "People/Family/Bert", "People/Family", "People", "Trip/Rome", "people/Eva"]
    items = "".join(f"<rdf:li>{tag}</rdf:li>" for tag in tags)
    found = read(tmp_path, WRAP.format(f"<digiKam:TagsList><rdf:Seq>{items}</rdf:Seq></digiKam:TagsList>"))
    assert found == [Region("Anna", None), Region("Bert", None), Region("Eva", None)]


# --- which regions count


@pytest.mark.parametrize(
    ("xmp", "box"),
    [
        (one_region(), (180, 80, 220, 120)),
        (one_region((4000, 2000)), (180, 80, 220, 120)),
        (one_region(("", "")), (180, 80, 220, 120)),
        (one_region((800, 400), x=400, y=200, w=80, h=80, unit="pixel"), (180, 80, 220, 120)),
        (one_region(x=0.0), (0, 80, 20, 120)),
        (one_region(x=1.01), None),
        (one_region((400, 300)), None),
        (one_region(h="nan"), None),
        (one_region(x="1e999"), None),
        (one_region(x="much"), None),
        (one_region(w="-0.1"), None),
        (one_region(x="0.25", w="1e-300"), None),
    ],
)
def test_region_box(tmp_path: Path, xmp: str, box: tuple[float, ...] | None) -> None:
    """A name stays where the box makes no sense, but is nobody's."""
    (region,) = read(tmp_path, xmp)
    assert (region.name, region.misplaced) == ("Anna", box is None)
    assert region.box == (None if box is None else pytest.approx(box))


MICROSOFT = (
    '<MP:RegionInfo xmlns:MP="http://ns.microsoft.com/photo/1.2/" rdf:parseType="Resource"><MPRI:Regions'
    ' xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"><rdf:Bag><rdf:li'
    ' xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" MPReg:PersonDisplayName="Anna"{}/></rdf:Bag>'
    "</MPRI:Regions></MP:RegionInfo>"
)
RECTANGLE = ' MPReg:Rectangle="0.45, 0.4, 0.1, 0.2"'


def test_after_a_crop_no_list_and_no_other_dialect_brings_the_name_back(tmp_path: Path) -> None:
    misplaced = [Region("Anna", None, misplaced=True)]
    cropped = one_region((400, 300))
    assert read(tmp_path, with_more(cropped, LISTED)) == misplaced
    assert read(tmp_path, with_more(cropped, MICROSOFT.format(RECTANGLE))) == misplaced
    assert read(tmp_path, with_more(cropped.replace("Anna", "anna"), LISTED))[0].misplaced


@pytest.mark.parametrize("rectangle", ["1.2, 0, 0.1, 0.1", "0, 0, 0, 0", "nan, 0, 1, 1", "0.1, 0.1, 0.2", "here"])
def test_an_unreadable_rectangle_is_a_wrong_place_and_none_is_none(tmp_path: Path, rectangle: str) -> None:
    wrong = MICROSOFT.format(f' MPReg:Rectangle="{rectangle}"')
    assert read(tmp_path, WRAP.format(wrong)) == [Region("Anna", None, misplaced=True)]
    assert read(tmp_path, WRAP.format(MICROSOFT.format(""))) == [Region("Anna", None)]


def test_a_place_that_fits_wins_over_one_that_does_not(photo: Path) -> None:
    Image.new("RGB", (400, 200)).save(photo, xmp=one_region().encode())
    sidecar_path(photo).write_text(one_region((400, 300)), encoding="utf-8")
    (region,) = read_names(photo).regions
    assert (region.name, region.misplaced) == ("Anna", False)
    assert region.box == pytest.approx((180, 80, 220, 120))


def test_other_kinds_of_regions_are_no_people(tmp_path: Path) -> None:
    assert [len(read(tmp_path, one_region(kind=kind))) for kind in ("face", "", "Pet", "Focus", "BarCode")] == [
        1,
        1,
        0,
        0,
        0,
    ]


def test_regions_made_on_the_displayed_picture_are_recognized_by_their_dimensions(tmp_path: Path) -> None:
    frame = Frame((200, 400), 6)
    as_stored = read(tmp_path, one_region((400, 200), x=0.25, y=0.5, w=0.1, h=0.2), frame)
    as_displayed = read(tmp_path, one_region((200, 400), x=0.5, y=0.25, w=0.2, h=0.1), frame)
    assert as_stored[0].box == pytest.approx((80, 80, 120, 120))
    assert as_displayed[0].box == pytest.approx(as_stored[0].box)


# --- inside photos


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic", ".avif"])
def test_embedded_xmp(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()  # for saving; the code under test does without
    path = tmp_path / f"a{suffix}"
    image, xmp = Image.new("RGB", (400, 200)), DIGIKAM.encode()
    if suffix == ".png":
        image.save(path)
        data = path.read_bytes()
        text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)  # compressed, and after the pixels
        chunk = len(text).to_bytes(4) + b"iTXt" + text + zlib.crc32(b"iTXt" + text).to_bytes(4)
        path.write_bytes(data[:-12] + chunk + data[-12:])
    else:
        image.save(path, **({"tiffinfo": {700: xmp}} if suffix == ".tif" else {"xmp": xmp}))  # type: ignore[arg-type]
    (bert,) = read_names(path).regions
    assert bert.name == "Bert"
    assert bert.box == pytest.approx(BERT)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic"])
def test_frame_has_the_orientation_of_the_tag(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (400, 200)).save(path, exif=exif.tobytes())
    frame = read_frame(path)
    assert (frame.size, frame.orientation, frame.stored_size) == ((200, 400), 6, (400, 200))


def test_tag_that_turns_nothing_in_a_heic_does_not_count(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = tmp_path / "a.heic"
    Image.new("RGB", (400, 200)).save(path, exif=exif)  # pillow-heif turns by EXIF only where it comes as bytes
    assert b"irot" not in path.read_bytes()
    assert read_frame(path) == Frame((400, 200), 1)


@needs_exiftool
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".heic"])
@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_reads_what_exiftool_embeds(tmp_path: Path, suffix: str, orientation: int) -> None:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (400, 200)).save(path, exif=exif.tobytes())
    area = {"X": 0.25, "Y": 0.4, "W": 0.1, "H": 0.4, "Unit": "normalized"}
    dimensions = {"W": 400, "H": 200, "Unit": "pixel"}
    tags = {
        "SourceFile": "*",
        "XMP-mwg-rs:RegionInfo": {
            "AppliedToDimensions": dimensions,
            "RegionList": [{"Area": area, "Name": 'Zoë "Z" <b> 👩', "Type": "Face"}],
        },
        "XMP-MP:RegionInfoMP": {"Regions": [{"Rectangle": "0.8, 0.5, 0.1, 0.2", "PersonDisplayName": "Micha"}]},
        "XMP-iptcExt:PersonInImage": ["Zoë \"Z\" <b> 👩", "Karim"],
        "XMP-digiKam:TagsList": ["People/Lea", "Other/Tag"],
    }  # fmt: skip
    (tmp_path / "tags.json").write_text(json.dumps([tags], ensure_ascii=False), encoding="utf-8")
    exiftool("-overwrite_original", f"-json={tmp_path / 'tags.json'}", path)
    found = read_names(path)
    assert found.failures == ()
    assert [region.name for region in found.regions] == ['Zoë "Z" <b> 👩', "Micha", "Karim", "Lea"]
    zoe = {1: (80, 40, 120, 120), 6: (80, 80, 160, 120), 7: (80, 280, 160, 320)}[orientation]
    micha = {1: (320, 100, 360, 140), 6: (60, 320, 100, 360), 7: (60, 40, 100, 80)}[orientation]
    assert found.regions[0].box == pytest.approx(zoe)
    assert found.regions[1].box == pytest.approx(micha)


@needs_exiftool
def test_sidecar_copied_into_the_photo_by_exiftool_says_the_same(photo: Path) -> None:
    people = [Region("Anna", (80.0, 40.0, 120.0, 90.0)), Region(None, (200.0, 50.0, 250.0, 99.0)), Region("Jörg", None)]
    sidecar = sidecar_path(photo)
    write_sidecar(sidecar, people, read_frame(photo))
    from_sidecar = read_names(photo).regions
    copy = photo.with_name("copy.jpg")
    shutil.copy(photo, copy)
    exiftool("-overwrite_original", "-tagsfromfile", sidecar, "-xmp", copy)
    assert read_names(copy).regions == from_sidecar
    assert [region.name for region in from_sidecar] == ["Anna", None, "Jörg"]


# --- hostile and damaged

LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
HOSTILE = {
    "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>' + one_region().replace("Anna", "&l9;"),
    "a file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + one_region().replace("Anna", "&f;"),
    "a DTD from elsewhere": '<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">' + one_region(),
    "an entity that nobody declared": one_region().replace("Anna", "&f;"),
    "too deep": WRAP.format("<digiKam:a>" * 5000 + "</digiKam:a>" * 5000),
    "too many": WRAP.format("<digiKam:a/>" * 210_000),
    "too many regions": one_region().replace("<rdf:Bag>", "<rdf:Bag>" + "<rdf:li/>" * 2_001),
    "cut off": DIGIKAM[:700],
    "not XMP": "<html/>",
    "not XML": "\x00\x01\x02",
    "empty": "",
    "an unknown encoding": '<?xml version="1.0" encoding="x-none"?><a/>',
    "a namespace with spaces": '<a xmlns="a b c"><b/></a>',
    "a prefix that nobody declared": "<x:a/>",
}


@pytest.mark.parametrize("xmp", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_xmp_is_a_failure_with_its_reason(photo: Path, xmp: str) -> None:
    sidecar_path(photo).write_text(xmp, encoding="utf-8")
    sidecar_path(photo, "replaced").write_text(DIGIKAM, encoding="utf-8")
    found = read_names(photo)
    assert [region.name for region in found.regions] == ["Bert"]  # what can be read is
    (failure,) = found.failures
    assert failure.path == str(sidecar_path(photo))
    assert failure.reason
    assert "\n" not in failure.reason
    assert len(failure.reason) < 200


def test_hostile_structures_are_no_names(tmp_path: Path) -> None:
    shapes = [
        "<mwg-rs:Regions/>", "<mwg-rs:Regions>text</mwg-rs:Regions>",
        "<mwg-rs:Regions><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></mwg-rs:Regions>",
        "<mwg-rs:Regions><mwg-rs:RegionList>text</mwg-rs:RegionList></mwg-rs:Regions>",
        "<digiKam:TagsList>People/Anna/</digiKam:TagsList>",
        "<digiKam:TagsList rdf:parseType='Resource'><digiKam:a>b</digiKam:a></digiKam:TagsList>",
        f"<digiKam:TagsList><rdf:Bag><rdf:li>People{'/a' * 500_000}</rdf:li></rdf:Bag></digiKam:TagsList>",
    ]  # fmt: skip
    for shape in shapes:
        assert read(tmp_path, WRAP.format(shape)) == []
        assert write_sidecar(tmp_path / "a.xmp", [Region("Eva", (0, 0, 9, 9))], Frame((400, 200)))
        assert "Eva" in [region.name for region in read_sidecar(tmp_path / "a.xmp", Frame((400, 200)))]


def test_parse_says_why() -> None:
    with pytest.raises(PhotoError):
        parse(HOSTILE["billion laughs"].encode())
    with pytest.raises(PhotoError):
        parse(HOSTILE["too deep"].encode())


def test_damaged_photo_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no photo")
    found = read_names(path)
    assert found.regions == ()
    assert [failure.path for failure in found.failures] == [str(path)]
    assert read_names(tmp_path / "none.jpg").failures[0].reason == "no longer there"
