"""Sidecars that we write: alone, merged with those of other programs, and never in place of a photo."""

import stat
from pathlib import Path

import pytest
from xmp_samples import DIGIKAM, LIGHTROOM, needs_exiftool, seen_by_exiftool

from facesearch.core.errors import InputError, PhotoError
from facesearch.sharing.xmp import (
    Frame,
    Region,
    clean_name,
    read_sidecar,
    sidecar_path,
    write_sidecar,
)
from facesearch.sharing.xmp.document import parse, serialize

FRAME = Frame((400, 200))
ANNA = Region("Anna", (80.0, 40.0, 120.0, 90.0))
NAMES = [
    "Zoë Müller-Østergård", "李小龍", "أحمد", "שרה כהן", "👩\u200d👧 Mum", 'Anne "Nan" O\'Hara',
    "a<b>&amp;c</b>]]>", "AC/DC|x", "Anna,Bert; C", "-", "0", "  ",
]  # fmt: skip


def test_written_regions_come_back_in_every_orientation(tmp_path: Path) -> None:
    regions = [Region("Anna", (10.0, 20.0, 110.0, 70.0)), Region(None, (200.0, 100.0, 399.0, 199.0))]
    for orientation in range(1, 9):
        frame, path = Frame((400, 200), orientation), tmp_path / f"{orientation}.xmp"
        assert write_sidecar(path, regions, frame)
        back = read_sidecar(path, frame)
        assert [region.name for region in back] == ["Anna", None]
        for before, after in zip(regions, back, strict=True):
            assert after.box == pytest.approx(before.box, abs=0.001)


# A face in the top left corner of the picture as displayed. Where it is among the stored pixels follows from EXIF's
# definition of where the 0th row and the 0th column are seen: (centre x, centre y, width, height).
STORED = {
    1: (0.1, 0.2, 0.2, 0.4), 2: (0.9, 0.2, 0.2, 0.4), 3: (0.9, 0.8, 0.2, 0.4), 4: (0.1, 0.8, 0.2, 0.4),
    5: (0.2, 0.1, 0.4, 0.2), 6: (0.2, 0.9, 0.4, 0.2), 7: (0.8, 0.9, 0.4, 0.2), 8: (0.8, 0.1, 0.4, 0.2),
}  # fmt: skip


@needs_exiftool
@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_belong_to_the_stored_image(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.jpg.xmp"
    write_sidecar(path, [Region("Anna", (0.0, 0.0, 80.0, 80.0))], Frame((400, 200), orientation))
    seen = seen_by_exiftool(path)
    info = seen["XMP-mwg-rs:RegionInfo"]
    width, height = (400, 200) if orientation < 5 else (200, 400)
    assert info["AppliedToDimensions"] == {"W": width, "H": height, "Unit": "pixel"}
    area = info["RegionList"][0]["Area"]
    assert area.pop("Unit") == "normalized"
    x, y, w, h = STORED[orientation]
    assert area == pytest.approx({"X": x, "Y": y, "W": w, "H": h})
    rectangle = [float(share) for share in seen["XMP-MP:RegionInfoMP"]["Regions"][0]["Rectangle"].split(",")]
    assert rectangle == pytest.approx([x - w / 2, y - h / 2, w, h])


@needs_exiftool
def test_exiftool_reads_names_and_regions(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    write_sidecar(path, [ANNA, Region("Jörg", None), Region("Rex", (0.0, 0.0, 9.0, 9.0), "Pet")], FRAME)
    seen = seen_by_exiftool(path)
    anna, rex = seen["XMP-mwg-rs:RegionInfo"]["RegionList"]
    assert (anna["Name"], anna["Type"]) == ("Anna", "Face")
    assert (rex["Name"], rex["Type"]) == ("Rex", "Pet")
    assert anna["Area"] == {"X": 0.25, "Y": 0.325, "W": 0.1, "H": 0.25, "Unit": "normalized"}
    (microsoft,) = seen["XMP-MP:RegionInfoMP"]["Regions"]
    assert microsoft["PersonDisplayName"] == "Anna"
    assert seen["XMP-digiKam:TagsList"] == ["People/Anna", "People/Jörg"]
    assert seen["XMP-lr:HierarchicalSubject"] == ["People|Anna", "People|Jörg"]
    assert seen["XMP-dc:Subject"] == ["Anna", "Jörg"]
    assert seen["XMP-iptcExt:PersonInImage"] == ["Anna", "Jörg"]


@needs_exiftool
@pytest.mark.parametrize("name", [name for name in NAMES if name.strip()])
def test_exiftool_reads_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.xmp"
    write_sidecar(path, [Region(name, ANNA.box), Region("Bert", None)], FRAME)  # two, so that exiftool shows lists
    seen = seen_by_exiftool(path)
    assert str(seen["XMP-mwg-rs:RegionInfo"]["RegionList"][0]["Name"]) == name
    assert str(seen["XMP-iptcExt:PersonInImage"][0]) == name
    assert seen["XMP-digiKam:TagsList"][0] == "People/" + name.replace("/", "-")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_back_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.xmp"
    write_sidecar(path, [Region(name, ANNA.box)], FRAME)
    assert [region.name for region in read_sidecar(path, FRAME)] == [name.strip() or None]


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("Anna\nMaria", "Anna Maria"),
        ("\tAnna\x00\x1b[31m \u0085", "Anna [31m"),
        ("lone \ud800 surrogate\uffff", "lone surrogate"),
        ("\u200fשרה", "\u200fשרה"),
        ("\n\t", None),
        (None, None),
    ],
)
def test_names_are_cleaned(tmp_path: Path, dirty: str | None, clean: str | None) -> None:
    assert clean_name(dirty) == clean
    write_sidecar(tmp_path / "a.xmp", [Region(dirty, ANNA.box)], FRAME)
    assert [region.name for region in read_sidecar(tmp_path / "a.xmp", FRAME)] == [clean]


def test_boxes_are_cut_at_the_edge_and_dropped_outside(tmp_path: Path) -> None:
    over, outside = Region("Anna", (-20.0, -20.0, 40.0, 50.0)), Region("Bert", (400.0, 10.0, 450.0, 60.0))
    write_sidecar(tmp_path / "a.xmp", [over, outside], FRAME)
    anna, bert = read_sidecar(tmp_path / "a.xmp", FRAME)
    assert anna.box == pytest.approx((0, 0, 40, 50), abs=0.001)
    assert bert == Region("Bert", None)


# --- merging


def in_order(text: bytes, *parts: str) -> bool:
    position = 0
    for part in parts:
        position = text.find(part.encode(), position)
        if position < 0:
            return False
    return True


@pytest.mark.parametrize("sample", [DIGIKAM, LIGHTROOM])
def test_nothing_of_others_is_lost_when_ours_comes_and_goes(tmp_path: Path, sample: str) -> None:
    path = tmp_path / "a.xmp"
    path.write_text(sample, encoding="utf-8")
    original = serialize(parse(sample.encode()))
    for people in ([ANNA], [Region("Anna Maria", ANNA.box), Region("Dora", (300.0, 90.0, 340.0, 130.0))]):
        assert write_sidecar(path, people, FRAME)
        assert path.read_bytes() != original
    assert write_sidecar(path, [], FRAME)
    left = parse(path.read_bytes())
    assert squeezed(serialize(left)) == squeezed(original)


def squeezed(xml: bytes) -> bytes:
    return b"".join(line.strip() for line in xml.splitlines()).replace(b"> <", b"><")


@needs_exiftool
def test_merge_with_digikam(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_text(DIGIKAM, encoding="utf-8")
    before = seen_by_exiftool(path)
    bert = Region("Bert", (275.0, 35.0, 325.0, 85.0))  # digiKam's face, seen a little larger
    assert write_sidecar(path, [ANNA, bert], FRAME)
    seen = seen_by_exiftool(path)
    assert seen["XMP-digiKam:PickLabel"] == before["XMP-digiKam:PickLabel"]
    assert seen["XMP-xmp:Rating"] == 4
    regions = seen["XMP-mwg-rs:RegionInfo"]["RegionList"]
    assert [region.get("Name") for region in regions] == ["Bert", None, "Anna"]
    assert regions[:2] == before["XMP-mwg-rs:RegionInfo"]["RegionList"]
    assert [region["PersonDisplayName"] for region in seen["XMP-MP:RegionInfoMP"]["Regions"]] == ["Bert", "Anna"]
    assert seen["XMP-digiKam:TagsList"] == ["Places/Köln", "People/Family/Bert", "People/Anna"]
    assert seen["XMP-dc:Subject"] == ["Köln", "Bert", "Anna"]
    assert seen["XMP-iptcExt:PersonInImage"] == ["Anna", "Bert"]
    assert in_order(path.read_bytes(), "<?xpacket begin", "a remark", "<?xpacket end")


@needs_exiftool
def test_merge_with_lightroom_names_the_unnamed_face(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_text(LIGHTROOM, encoding="utf-8")
    before = seen_by_exiftool(path)
    assert write_sidecar(path, [Region("Carla", (75.0, 75.0, 125.0, 125.0))], FRAME)
    seen = seen_by_exiftool(path)
    (region,) = seen["XMP-mwg-rs:RegionInfo"]["RegionList"]
    assert region["Name"] == "Carla"
    assert region["Rotation"] == 0.07
    assert region["Area"] == before["XMP-mwg-rs:RegionInfo"]["RegionList"][0]["Area"]
    assert seen["XMP-lr:HierarchicalSubject"] == before["XMP-lr:HierarchicalSubject"]
    assert seen["XMP-crs:ToneCurvePV2012"] == ["0, 0", "255, 255"]
    assert seen["XMP-photoshop:Instructions"] == 'first line\nsecond <line> "quoted"'
    assert seen["XMP-dc:Subject"] == "Carla" or seen["XMP-dc:Subject"] == ["Carla"]  # the prefix dc was taken
    write_sidecar(path, [Region(None, (75.0, 75.0, 125.0, 125.0))], FRAME)
    assert "Name" not in seen_by_exiftool(path)["XMP-mwg-rs:RegionInfo"]["RegionList"][0]


def test_another_name_for_the_same_face_stays_beside_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_text(DIGIKAM, encoding="utf-8")
    write_sidecar(path, [Region("Robert", (280.0, 40.0, 320.0, 80.0))], FRAME)
    text = path.read_text(encoding="utf-8")
    assert 'mwg-rs:Name="Bert"' in text
    assert "<mwg-rs:Name>Robert</mwg-rs:Name>" in text


def test_one_name_in_other_case_and_encoding_is_not_written_beside_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    theirs = Region("ZOE\u0308", (80.0, 40.0, 120.0, 90.0))
    write_sidecar(path, [theirs], FRAME)
    document = path.read_bytes().replace(b"facesearch:Written", b"facesearch:Other")  # another program's
    path.write_bytes(document)
    write_sidecar(path, [Region("Zo\u00eb", theirs.box)], FRAME)
    assert "Zo\u00eb" not in path.read_text(encoding="utf-8")
    assert [region.name for region in read_sidecar(path, FRAME)] == ["ZOE\u0308"]


def test_renamed_person_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    write_sidecar(path, [ANNA, Region("Bert", None)], FRAME)
    write_sidecar(path, [Region("Hanna", ANNA.box)], FRAME)
    fresh = tmp_path / "b.xmp"
    write_sidecar(fresh, [Region("Hanna", ANNA.box)], FRAME)
    assert path.read_bytes() == fresh.read_bytes()


def test_second_export_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_text(DIGIKAM, encoding="utf-8")
    people = [ANNA, Region(None, (300.0, 100.0, 340.0, 140.0)), Region("Jörg", None)]
    assert write_sidecar(path, people, FRAME)
    first = path.read_bytes()
    assert not write_sidecar(path, people, FRAME)
    assert path.read_bytes() == first
    assert not write_sidecar(tmp_path / "none.xmp", [], FRAME)
    assert not (tmp_path / "none.xmp").exists()


def test_regions_as_displayed_are_put_right_before_ours_join_them(tmp_path: Path) -> None:
    """digiKam's sample says 400 x 200: that is the picture as displayed where the stored one is 200 x 400."""
    frame, path = Frame((400, 200), 6), tmp_path / "a.xmp"
    path.write_text(DIGIKAM.replace("MP:RegionInfo", "MP:Other"), encoding="utf-8")
    write_sidecar(path, [ANNA], frame)
    boxes = {region.name: region.box for region in read_sidecar(path, frame)}
    assert boxes["Bert"] == pytest.approx((280, 40, 320, 80), abs=0.001)
    assert boxes["Anna"] == pytest.approx(ANNA.box, abs=0.001)


# --- files


def test_only_sidecars_are_written_to(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"photo")
    link = tmp_path / "link.xmp"
    link.symlink_to(photo)
    for path in (photo, link):
        with pytest.raises(InputError):
            write_sidecar(path, [ANNA], FRAME)
    assert photo.read_bytes() == b"photo"


@pytest.mark.parametrize("content", ["", "<x", "<html/>", "<!DOCTYPE a><a/>"])
def test_a_damaged_sidecar_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.xmp"
    path.write_text(content)
    with pytest.raises(PhotoError, match=r"a\.xmp"):
        write_sidecar(path, [ANNA], FRAME)
    assert path.read_text() == content


def test_replaces_in_one_step_and_keeps_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xmp"
    path.write_text(DIGIKAM, encoding="utf-8")
    path.chmod(0o640)
    with monkeypatch.context() as broken:
        broken.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(InputError):
            write_sidecar(path, [ANNA], FRAME)
    assert [file.name for file in tmp_path.iterdir()] == ["a.xmp"]
    assert path.read_text(encoding="utf-8") == DIGIKAM
    assert write_sidecar(path, [ANNA], FRAME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_names_of_sidecars(tmp_path: Path) -> None:
    photo = tmp_path / "IMG.1.jpg"
    assert sidecar_path(photo) == tmp_path / "IMG.1.jpg.xmp"
    assert sidecar_path(photo, "replaced") == tmp_path / "IMG.1.xmp"
    assert sidecar_path(photo, folder=tmp_path / "apart") == tmp_path / "apart" / "IMG.1.jpg.xmp"
    (tmp_path / "IMG.1.XMP").touch()
    assert sidecar_path(photo, "replaced").name == "IMG.1.XMP"
    with pytest.raises(InputError, match="appended"):
        sidecar_path(photo, "both")  # type: ignore[arg-type]
