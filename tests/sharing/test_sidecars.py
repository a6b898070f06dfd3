"""XMP sidecars for other programs: they say what the library says, and follow it."""

import shutil
from pathlib import Path

import pytest
from folding import folding
from index_samples import put
from library_states import hash_of
from sharing_samples import ANNA, as_it_is, names_in
from xmp_samples import needs_exiftool, seen_by_exiftool

from facesearch.core.errors import LibraryFormatError
from facesearch.sharing.sidecars import _mirrored
from facesearch.sharing.xmp import Region, read_frame, write_sidecar

NAMED = {f"anna{i}.jpg": ["Anna"] for i in range(3)} | {f"ben{i}.jpg": ["Ben"] for i in range(3)}
NAMED |= {"both.jpg": ["Anna", "Ben"]}


def test_sidecars_beside_the_photos(trio, export):
    before = {path: hash_of(path) for path in trio.folder.iterdir()}
    assert export("--xmp", "--json").json == {"written": 7, "failures": []}
    assert names_in(trio.folder) == NAMED
    sidecars = {f"{name}.xmp" for name in NAMED}
    assert {path.name for path in trio.folder.iterdir()} == {path.name for path in before} | sidecars
    assert {path: hash_of(path) for path in before} == before
    assert export("--xmp", "--json").json["written"] == 0


@needs_exiftool
@pytest.mark.parametrize(("naming", "sidecar"), [("appended", "both.jpg.xmp"), ("replaced", "both.xmp")])
def test_exiftool_reads_names_and_regions(trio, export, naming, sidecar):
    export("--xmp", "--xmp-names", naming)
    seen = seen_by_exiftool(trio.folder / sidecar)
    regions = {region["Name"]: region["Area"] for region in seen["XMP-mwg-rs:RegionInfo"]["RegionList"]}
    assert seen["XMP-mwg-rs:RegionInfo"]["AppliedToDimensions"] == {"W": 640, "H": 480, "Unit": "pixel"}
    assert set(regions) == {"Anna", "Ben"}
    assert regions["Anna"]["X"] == pytest.approx(70 / 640, abs=1e-4)  # its box is 10 to 130
    assert regions["Ben"]["X"] == pytest.approx(200 / 640, abs=1e-4)
    assert regions["Ben"]["H"] == pytest.approx(120 / 480, abs=1e-4)
    assert seen["XMP-digiKam:TagsList"] == ["People/Anna", "People/Ben"]
    assert sorted(seen["XMP-dc:Subject"]) == ["Anna", "Ben"]


def test_sidecars_apart_lie_as_the_photos_do(photo_library, export, tmp_path):
    """Equal names in different folders keep sidecars of their own."""
    for name in ("one.jpg", "a/one.jpg", "a/b/one.jpg"):
        photo_library.add(name, ANNA)
    photo_library.cluster()
    photo_library.people.name(photo_library.cluster_of(photo_library.folder / "one.jpg"), "Anna")
    assert export("--xmp", "--xmp-to", tmp_path / "xmp", "--json").json == {"written": 3, "failures": []}
    found = {str(path.relative_to(tmp_path / "xmp")) for path in (tmp_path / "xmp").rglob("*.xmp")}
    assert found == {"one.jpg.xmp", "a/one.jpg.xmp", "a/b/one.jpg.xmp"}
    assert not list(photo_library.folder.rglob("*.xmp"))
    assert export("--xmp", "--xmp-to", tmp_path / "xmp", "--json").json["written"] == 0


def test_two_photos_with_one_sidecar_are_told(photo_library, export):
    for name in ("one.jpg", "one.png", "two.jpg"):
        photo_library.add(name, ANNA)
    photo_library.add("two.png")
    photo_library.cluster()
    photo_library.people.name(photo_library.cluster_of(photo_library.folder / "one.jpg"), "Anna")
    answer = export("--xmp", "--xmp-names", "replaced", "--json").json
    assert answer["written"] == 2
    (failure,) = answer["failures"]
    assert failure["path"] == str(photo_library.folder / "one.png")
    assert str(photo_library.folder / "one.jpg") in failure["reason"]
    assert names_in(photo_library.folder)["two.jpg"] == ["Anna"]
    assert export("--xmp", "--xmp-names", "replaced", "--json").json["written"] == 0


def test_so_are_two_of_which_the_names_are_one_on_the_drive(photo_library, export, tmp_path, monkeypatch):
    for name in ("One.jpg", "one.jpg"):
        photo_library.add(name, ANNA)
    photo_library.cluster()
    photo_library.people.name(photo_library.cluster_of(photo_library.folder / "one.jpg"), "Anna")
    with folding("fake", tmp_path, monkeypatch) as drive:
        for written in (1, 0):
            answer = export("--xmp", "--xmp-to", drive, "--json").json
            assert answer["written"] == written
            (failure,) = answer["failures"]
            assert Path(failure["path"]).name == "one.jpg"
            assert "One.jpg has the same sidecar" in failure["reason"]
            assert [path.name for path in drive.iterdir()] == ["One.jpg.xmp"]


def test_names_follow_the_library(trio, export):
    export("--xmp")
    trio.people.name("Anna", "Anna Müller")
    assert export("--xmp", "--json").json["written"] == 4
    assert names_in(trio.folder)["both.jpg"] == ["Anna Müller", "Ben"]
    trio.people.ignore("Ben")
    assert export("--xmp", "--json").json["written"] == 4
    assert names_in(trio.folder) == {f"{name}.jpg": ["Anna Müller"] for name in ("anna0", "anna1", "anna2", "both")}
    for _ in range(4):
        trio.people.undo()
    assert export("--xmp", "--json").json["written"] == 4
    assert names_in(trio.folder) == {}


def test_names_of_forgotten_people_are_taken_out(trio, export):
    export("--xmp")
    for name in ("Anna", "Ben"):
        trio.people.forget(name)
    export("--xmp")
    assert names_in(trio.folder) == {}
    assert not any(b"Anna" in path.read_bytes() for path in trio.folder.glob("*.xmp"))


def test_what_other_programs_wrote_stays(trio, export):
    photo, sidecar = trio.folder / "carla0.jpg", trio.folder / "carla0.jpg.xmp"
    write_sidecar(sidecar, [Region("Rex", (300.0, 300.0, 400.0, 400.0), "Pet")], read_frame(photo))
    theirs = sidecar.read_text().replace("facesearch:Written", "facesearch:Else")
    sidecar.write_text(theirs)
    export("--xmp")
    assert "Rex" in sidecar.read_text()


def test_only_some_people_leaves_other_photos_alone(trio, export):
    export("--xmp")
    trio.people.name("Ben", "Benjamin")
    assert export("--xmp", "--person", "Anna", "--json").json["written"] == 1
    assert names_in(trio.folder)["ben0.jpg"] == ["Ben"]
    assert names_in(trio.folder)["both.jpg"] == ["Anna", "Benjamin"]  # all who are on a photo that is written


def test_every_copy_of_a_photo_has_a_sidecar(trio, export, tmp_path):
    twin = tmp_path / "twin" / "anna0.jpg"
    twin.parent.mkdir()
    shutil.copy(trio.folder / "anna0.jpg", twin)
    again = as_it_is(twin)
    put(trio.index, trio.index.start_run("index", [str(twin.parent)]), again)
    assert export("--xmp", "--json").json["written"] == 8
    assert names_in(twin.parent) == {"anna0.jpg": ["Anna"]}


def test_what_cannot_be_written_is_listed_and_the_rest_is_done(trio, export):
    (trio.folder / "anna0.jpg.xmp").write_text("not XML")
    (trio.folder / "anna1.jpg.xmp").mkdir()
    (trio.folder / "both.jpg").unlink()
    failures = export("--xmp", "--json").json["failures"]
    assert [Path(failure["path"]).name for failure in failures] == ["anna0.jpg", "anna1.jpg", "both.jpg"]
    assert all(failure["reason"] for failure in failures)
    assert (trio.folder / "anna0.jpg.xmp").read_text() == "not XML"
    assert (trio.folder / "ben0.jpg.xmp").exists()


def test_naming_everybody_by_name_takes_nobody_out(trio, export):
    export("--xmp")
    before = names_in(trio.folder)
    export("--xmp", "--person", "Anna", "--person", "Anna", "--person", "Anna")
    assert names_in(trio.folder) == before


def test_a_path_from_nowhere_is_damage():
    with pytest.raises(LibraryFormatError, match="a photo's path is '7'"):
        _mirrored("7", Path("/sidecars"), ["/photos"])
