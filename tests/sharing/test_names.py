"""Names that other programs have given: `facesearch import-names`."""

import re
from pathlib import Path

import pytest
from people_samples import PEOPLE_SPEC
from sharing_samples import ANNA, BEN, CARLA, PhotoLibrary, add_three_people, names_in
from xmp_samples import exiftool, needs_exiftool

from facesearch.sharing.xmp import Region, read_frame, write_sidecar
from facesearch.storage import Store


def tag(photo: Path, *names: str, first: int = 0) -> None:
    """A sidecar as another program writes it: boxes half as large again as ours around the first faces of a photo."""
    regions = [
        Region(name, (max(130.0 * i - 20, 0), 0.0, 130.0 * i + 160, 160.0))
        for i, name in enumerate(names, first)
        if name
    ]
    sidecar = photo.with_name(photo.name + ".xmp")
    write_sidecar(sidecar, regions, read_frame(photo))


@pytest.fixture
def tagged(photo_library: PhotoLibrary) -> PhotoLibrary:
    """Three people on three photos each and one photo of two, in clusters; nobody has a name."""
    add_three_people(photo_library)
    return photo_library


def test_a_tag_names_the_cluster(tagged, import_names):
    for i in range(3):
        tag(tagged.folder / f"anna{i}.jpg", "Zoë 李")
    assert import_names() == {"Zoë 李": 3}
    assert tagged.titles(tagged.folder / "both.jpg") == ["Zoë 李", None]
    assert tagged.people.find("zoë 李").face_ids
    assert import_names() == {}


def test_regions_find_their_faces(tagged, import_names):
    tag(tagged.folder / "both.jpg", "Anna", "Ben")
    assert import_names() == {"Anna": 1, "Ben": 1}
    assert tagged.titles(tagged.folder / "both.jpg") == ["Anna", "Ben"]


def test_a_region_is_one_face_only(photo_library, import_names):
    """Two faces that overlap, and one region: the one that it fits best."""
    path = photo_library.add("two.jpg", ANNA, BEN)
    photo_library.cluster()
    write_sidecar(f"{path}.xmp", [Region("Ben", (60.0, 0.0, 270.0, 140.0))], read_frame(path))
    assert import_names() == {"Ben": 1}
    assert photo_library.titles(path) == [None, "Ben"]


def test_a_region_on_no_face_is_nobody(tagged, import_names):
    path = tagged.folder / "anna0.jpg"
    write_sidecar(f"{path}.xmp", [Region("Anna", (400.0, 300.0, 500.0, 400.0))], read_frame(path))
    assert import_names() == {}


@pytest.mark.parametrize(("photo", "names"), [("anna0.jpg", {"Anna": 1}), ("both.jpg", {})])
def test_a_name_without_a_place_is_a_single_faces(tagged, import_names, photo, names):
    path = tagged.folder / photo
    write_sidecar(f"{path}.xmp", [Region("Anna", None)], read_frame(path))
    assert import_names() == names


def test_a_place_that_does_not_fit_is_nobodys_not_even_a_single_faces(tagged, command):
    path = tagged.folder / "anna0.jpg"
    write_sidecar(f"{path}.xmp", [Region("Anna", (10.0, 10.0, 130.0, 130.0))], read_frame(path))
    sidecar = Path(f"{path}.xmp")
    sidecar.write_text(re.sub(r"<stDim:h>\d+<", "<stDim:h>9999<", sidecar.read_text()))  # it was cropped since
    answer = command("import-names", "--library", tagged.index.folder, "--json").json
    assert answer["names"] == []
    assert answer["failures"] == [{"path": str(path), "reason": "the place of 'Anna' does not fit the photo"}]


def test_two_names_without_a_place_are_no_single_faces(tagged, import_names):
    path = tagged.folder / "anna0.jpg"
    write_sidecar(f"{path}.xmp", [Region("Anna", None), Region("Ben", None)], read_frame(path))
    assert import_names() == {}


@needs_exiftool
@pytest.mark.parametrize("where", ["embedded", "sidecar"])
def test_names_written_by_exiftool(tagged, import_names, command, where):
    path = tagged.folder / "both.jpg"
    target = path if where == "embedded" else path.with_name("both.xmp")
    faces = {"Anna": (70, 70), "Ben": (200, 70)}
    areas = [
        f"{{Area={{X={x / 640},Y={y / 480},W={150 / 640},H={150 / 480},Unit=normalized}},Name={name},Type=Face}}"
        for name, (x, y) in faces.items()
    ]
    info = f"{{AppliedToDimensions={{W=640,H=480,Unit=pixel}},RegionList=[{','.join(areas)}]}}"
    exiftool("-overwrite_original", f"-XMP-mwg-rs:RegionInfo={info}", target)
    if where == "embedded":
        tagged.index_again(path)
    assert import_names() == {"Anna": 1, "Ben": 1}
    people = command("people", "--library", tagged.index.folder, "--json").json["people"]
    assert {one["person"]["name"]: one["size"] for one in people if one["person"]} == {"Anna": 4, "Ben": 4}


def test_the_word_given_here_wins(tagged, import_names):
    """Who a face is, who it is not, that it is none: whatever other programs say."""
    anna, ben = tagged.folder / "anna0.jpg", tagged.folder / "ben0.jpg"
    tagged.people.name(tagged.cluster_of(anna), "Anna")
    tagged.people.name(tagged.cluster_of(ben), "Ben")
    tagged.people.reject(tagged.faces(ben)[0], "Ben")
    tagged.people.not_a_face(tagged.faces(tagged.folder / "ben1.jpg")[0])
    tag(anna, "Annegret")
    tag(ben, "ben")
    tag(tagged.folder / "ben1.jpg", "Ben")
    assert import_names() == {}
    assert tagged.titles(anna) == ["Anna"]
    assert tagged.titles(ben) == [None]
    tag(ben, "Bert")
    assert import_names() == {"Bert": 1}  # somebody else it may be


def test_names_are_one_whatever_their_case_and_encoding(tagged, import_names):
    tagged.people.name(tagged.cluster_of(tagged.folder / "anna0.jpg"), "Zo\u00eb")
    tag(tagged.folder / "ben0.jpg", "zoe\u0308")
    tag(tagged.folder / "carla0.jpg", "CARLA")
    tag(tagged.folder / "carla1.jpg", "Carla")
    assert import_names() == {"Zo\u00eb": 1, "CARLA": 2}
    assert tagged.titles(tagged.folder / "ben0.jpg") == ["Zo\u00eb"]


def test_our_own_sidecars_say_nothing_new(trio, export, import_names):
    """A face that was put to Anna by likeness stays a guess, though its sidecar calls it Anna."""
    new = trio.add("new.jpg", ANNA)
    trio.cluster()
    export("--xmp")
    assert names_in(trio.folder)["new.jpg"] == ["Anna"]
    assert import_names() == {}
    assert trio.faces(new)[0] not in trio.people.find("Anna").confirmed_ids


def test_a_new_library_takes_the_names_of_an_old_one(trio, export, tmp_path, command):
    export("--xmp")
    copy = Store.create(tmp_path / "new", PEOPLE_SPEC)
    fresh = PhotoLibrary(copy, trio.folder)
    for name, who in (("anna0.jpg", ANNA), ("anna1.jpg", ANNA), ("ben0.jpg", BEN), ("carla0.jpg", CARLA)):
        fresh.add(name, who)
    fresh.cluster()
    found = command("import-names", "--library", copy.folder, "--json").json
    assert {name["name"]: name["faces"] for name in found["names"]} == {"Anna": 2, "Ben": 1}
    assert [fresh.titles(fresh.folder / f"{who}0.jpg") for who in ("anna", "ben", "carla")] == [
        ["Anna"],
        ["Ben"],
        [None],
    ]
    copy.close()


def test_undo_takes_an_import_back(tagged, import_names, command):
    before = tagged.people.with_faces()
    tag(tagged.folder / "both.jpg", "Anna", "Ben")
    import_names()
    for _ in range(2):
        assert command("undo", "--library", tagged.index.folder).code == 0
    assert tagged.people.with_faces() == before
    assert import_names() == {"Anna": 1, "Ben": 1}


def test_sidecars_that_cannot_be_read_are_listed(tagged, command):
    (tagged.folder / "anna0.jpg.xmp").write_text("<broken")
    tag(tagged.folder / "ben0.jpg", "Ben")
    answer = command("import-names", "--library", tagged.index.folder)
    assert answer.code == 0
    assert "Ben" in answer.out
    assert str(tagged.folder / "anna0.jpg.xmp") in answer.err


def test_no_names_anywhere(tagged, command):
    answer = command("import-names", "--library", tagged.index.folder)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out
