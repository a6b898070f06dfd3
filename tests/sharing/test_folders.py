"""A folder for each person, for other programs."""

import errno
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from library_states import hash_of
from sharing_samples import ANNA

from facesearch.core.errors import InputError
from facesearch.core.types import Cluster, Person
from facesearch.media import OWN, find_photos
from facesearch.sharing import folders
from facesearch.sharing.folders import _as_folder, _folder_names


def tree(folder: Path) -> dict[str, list[str]]:
    """The names in each folder, but for the list of what an export has made."""
    return {place.name: sorted(path.name for path in _made(place)) for place in folder.iterdir()}


def _made(place: Path) -> list[Path]:
    return [path for path in place.iterdir() if path.name != ".facesearch-export.json"]


THREE = {
    "Anna": ["anna0.jpg", "anna1.jpg", "anna2.jpg", "both.jpg"],
    "Ben": ["ben0.jpg", "ben1.jpg", "ben2.jpg", "both.jpg"],
}


@pytest.mark.parametrize("copy", [(), ("--copy",)])
def test_a_folder_for_each_person(trio, export, tmp_path, copy):
    to = tmp_path / "out" / "deep"
    before = {path: hash_of(path) for path in trio.folder.iterdir()}
    assert export("--to", to, *copy, "--json").json == {"written": 11, "failures": []}
    carla = trio.cluster_of(trio.folder / "carla0.jpg")
    assert tree(to) == THREE | {f"cluster {carla}": ["carla0.jpg", "carla1.jpg", "carla2.jpg"]}
    for made in to.glob("*/[!.]*"):
        assert made.is_symlink() == (not copy)
        assert hash_of(made) == before[trio.folder / made.name]
    assert {path: hash_of(path) for path in trio.folder.iterdir()} == before


@pytest.mark.parametrize("copy", [(), ("--copy",)])
def test_what_is_exported_is_known_as_such_wherever_it_lies(trio, export, tmp_path, copy):
    to = tmp_path / "out"
    export("--to", to, *copy)
    for listing in to.glob("*/.facesearch-export.json"):
        listing.unlink()  # exported by an earlier version
    assert len(find_photos([to], exported=True).photos) == (11 if copy else 10)  # one photo is of two people
    assert export("--to", to, *copy, "--json").json["written"] == 0
    (to / "Anna" / "mine.jpg").write_bytes(b"mine")
    (to / "Anna" / "anna0.jpg").unlink()
    (to / "Anna" / "anna0.jpg").write_bytes(b"mine, too")
    moved = (to / "Anna").rename(tmp_path / "moved")
    found = find_photos([to, moved])
    assert [photo.path for photo in found.photos] == [str(moved / "anna0.jpg"), str(moved / "mine.jpg")]
    assert Counter(one.kind for one in found.skipped) == {OWN: 13}  # with three lists


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("arguments", [("export", "--to"), ("export", "--xmp", "--xmp-to"), ("report",)])
def test_others_who_may_look_at_it_are_told_of(trio, command, tmp_path, arguments):
    """What is made outside of a library is as the umask says, and that is said."""
    for umask, told in ((0o022, True), (0o077, False)):
        before = os.umask(umask)
        try:
            answer = command(*arguments, tmp_path / f"{told}", "--library", trio.index.folder)
        finally:
            os.umask(before)
        assert (answer.code, "other users" in answer.err) == (0, told)


@pytest.mark.parametrize("copy", [(), ("--copy",)])
def test_again_adds_what_is_new(trio, export, tmp_path, copy):
    to = tmp_path / "out"
    export("--to", to, *copy)
    (to / "Anna" / "mine.txt").write_text("notes")
    assert export("--to", to, *copy, "--json").json["written"] == 0
    os.utime(trio.folder / "ben0.jpg", ns=(0, 1_000_000_000_000_000_000 + 1))
    trio.add("new.jpg", ANNA)
    trio.cluster()
    assert export("--to", to, *copy, "--json").json["written"] == (2 if copy else 1)
    assert "new.jpg" in tree(to)["Anna"]
    assert "mine.txt" in tree(to)["Anna"]
    assert ("ben0 (2).jpg" in tree(to)["Ben"]) == bool(copy)  # another file now than what was copied


def test_copies_take_the_place_of_links_and_not_the_other_way_round(trio, export, tmp_path):
    to, before = tmp_path / "out", {path: hash_of(path) for path in trio.folder.iterdir()}
    export("--to", to)
    assert export("--to", to, "--copy", "--json").json["written"] == 11
    assert not any(path.is_symlink() for path in to.glob("*/*"))
    assert {path: hash_of(path) for path in trio.folder.iterdir()} == before
    assert export("--to", to, "--json").json["written"] == 0
    assert tree(to)["Anna"] == THREE["Anna"]


@pytest.mark.parametrize("copy", [(), ("--copy",)])
def test_equal_file_names_are_numbered(photo_library, export, tmp_path, copy):
    """Also those that differ in case only, which are one on some file systems, and would write through a link."""
    for folder, name in (("a", "IMG.jpg"), ("b", "IMG.jpg"), ("c", "img.JPG"), ("d", "IMG (2).jpg")):
        photo_library.add(name, ANNA, folder=tmp_path / folder)
    photo_library.cluster()
    hashes = {hash_of(path) for path in tmp_path.glob("?/*")}
    for _ in range(2):
        export("--to", tmp_path / "out", *copy)
        (made,) = (tmp_path / "out").iterdir()
        names = sorted(path.name for path in _made(made))
        assert len({name.casefold() for name in names}) == len(names) == 4
        assert {hash_of(path) for path in _made(made)} == hashes


def test_a_photo_with_two_faces_of_one_person_is_there_once(photo_library, export, tmp_path):
    photo_library.add("mirror.jpg", ANNA, ANNA)
    photo_library.add("one.jpg", ANNA)
    photo_library.cluster()
    export("--to", tmp_path / "out")
    assert list(tree(tmp_path / "out").values()) == [["mirror.jpg", "one.jpg"]]


def test_only_some_people(trio, export, tmp_path):
    export("--to", tmp_path / "out", "--person", "Anna")
    assert tree(tmp_path / "out") == {"Anna": THREE["Anna"]}


def test_namesakes_have_folders_of_their_own_whoever_is_exported(trio, export, tmp_path):
    anna, ben = (trio.cluster_of(trio.folder / f"{who}0.jpg") for who in ("anna", "ben"))
    trio.people.name(ben, "ANNA")
    for cluster in (anna, ben):
        export("--to", tmp_path / "out", "--person", cluster)
    assert set(tree(tmp_path / "out")) == {f"Anna ({anna})", f"ANNA ({ben})"}


def test_ignored_people_have_none_unless_they_are_asked_for(trio, export, tmp_path):
    trio.people.ignore("Ben")
    export("--to", tmp_path / "all")
    assert "Ben" not in tree(tmp_path / "all")
    export("--to", tmp_path / "ben", "--person", "Ben")
    assert tree(tmp_path / "ben") == {"Ben": THREE["Ben"]}


def test_nobody_but_ignored_people_is_told(trio, export, tmp_path):
    for cluster in trio.people.all():
        trio.people.ignore(str(cluster.id))
    for how in (("--to", tmp_path / "out"), ("--xmp",)):
        assert "everybody is ignored" in export(*how).out
    assert export("--to", tmp_path / "out", "--person", "Anna", "--json").json["written"] == 4
    assert "all there already" in export("--to", tmp_path / "out", "--person", "Anna").out


@pytest.mark.parametrize("copy", [(), ("--copy",)])
def test_originals_that_are_gone_are_listed(trio, export, tmp_path, copy):
    (trio.folder / "anna1.jpg").unlink()
    answer = export("--to", tmp_path / "out", *copy)
    assert "10" in answer.out
    assert str(trio.folder / "anna1.jpg") in answer.err
    assert "anna1.jpg" not in tree(tmp_path / "out")["Anna"]


def test_a_place_where_no_folder_can_be(trio, command, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in command("export", "--library", trio.index.folder, "--to", tmp_path / "file").error


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("AC/DC", "AC_DC"),
        ('a<b>:"c"\\|?*', "a_b___c_____"),
        ("..", "_"),
        (" . hidden. ", "hidden"),
        ("line\nbreak\x7f", "line_break_"),
        ("Zoë 李 👩\u200d👧", "Zoë 李 👩\u200d👧"),
        ("con", "con_"),
        ("LPT1.x", "LPT1.x_"),
        ("Conny", "Conny"),
        ("👩" * 100, "👩" * 50),
        ("a" * 199 + " b", "a" * 199),
        ("\udcff", "_"),
    ],
)
def test_folders_have_names_that_every_file_system_takes(name: str, folder: str, tmp_path: Path):
    assert _as_folder(name) == folder
    (tmp_path / folder).mkdir()


def test_no_two_people_share_a_folder():
    names = ["Anna", "anna", "Anna (2)", "Zoe\u0308", "Zo\u00eb", "a/b", "a?b", "cluster 9", None]
    clusters = [Cluster(number, Person(number, name) if name else None) for number, name in enumerate(names, 1)]
    folders = _folder_names(clusters)
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    assert folders[3] == "Anna (2)"
    assert folders[2] == "anna (2) (2)"


def test_says_why_nothing_was_written(photo_library, export, tmp_path):
    photo_library.add("anna0.jpg", ANNA)
    photo_library.add("anna1.jpg", ANNA)
    assert "facesearch cluster" in export("--to", tmp_path / "out").out
    photo_library.cluster()
    assert "facesearch name" in export("--xmp").out
    photo_library.people.name("1", "Anna")
    for options in (["--to", tmp_path / "out"], ["--xmp"]):
        assert "2" in export(*options).out
        again = export(*options).out
        assert again
        assert "facesearch" not in again  # there is nothing to do next


@pytest.mark.parametrize(
    "wrong",
    [[], ["--xmp", "--to", "x"], ["--format", "xml"], ["--format", "csv", "--xmp"], ["--xmp", "--xmp-names", "other"]],
)
def test_options_that_cannot_be_meant(trio, command, wrong):
    assert re.search(r"--\w+", command("export", "--library", trio.index.folder, *wrong).error)


# --- drives that cannot take it


def refusing(monkeypatch, module, name, error, after=0):
    """A call of the system that fails from some time on."""
    real, calls = getattr(module, name), []

    def refuse(*args, **options):
        calls.append(args)
        if len(calls) > after:
            raise error
        return real(*args, **options)

    monkeypatch.setattr(module, name, refuse)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_drive_without_links(trio, export, command, tmp_path, monkeypatch, number):
    refusing(monkeypatch, os, "symlink", OSError(number, os.strerror(number)))
    assert "--copy" in command("export", "--to", tmp_path / "out", "--library", trio.index.folder).error
    assert export("--to", tmp_path / "out", "--copy", "--json").json["written"] == 11


@pytest.mark.parametrize("copy", [(), ("--copy",)])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_drive_that_takes_nothing(trio, command, tmp_path, monkeypatch, copy, number):
    error = OSError(number, os.strerror(number))
    refusing(monkeypatch, folders.shutil, "copyfileobj", error)
    refusing(monkeypatch, os, "symlink", error)
    told = command("export", "--to", tmp_path / "out", *copy, "--library", trio.index.folder).error
    assert "11 files" in told
    assert not list(tmp_path.glob("out/*/*"))


def test_a_drive_on_which_no_folder_can_be_made(trio, command, tmp_path):
    (tmp_path / "file").write_text("")
    assert "11 files" in command("export", "--to", tmp_path / "file" / "out", "--library", trio.index.folder).error


def test_a_drive_that_becomes_full(trio, export, tmp_path, monkeypatch):
    refusing(monkeypatch, folders.shutil, "copyfileobj", OSError(errno.ENOSPC, "No space left on device"), after=3)
    answer = export("--to", tmp_path / "out", "--copy")
    assert answer.code == 0
    assert "3 files written" in answer.out
    assert answer.err.count("no space left on device") == 8
    assert sum(path.is_file() for path in tmp_path.glob("out/*/[!.]*")) == 3


def test_a_drive_that_keeps_no_times(trio, export, tmp_path, monkeypatch):
    refusing(monkeypatch, folders.shutil, "copystat", PermissionError(errno.EPERM, "Operation not permitted"))
    assert export("--to", tmp_path / "out", "--copy", "--json").json == {"written": 11, "failures": []}


def test_photos_that_are_gone_are_no_failure_of_the_drive(trio, export, tmp_path):
    export("--to", tmp_path / "out")
    (trio.folder / "anna0.jpg").unlink()
    answer = export("--to", tmp_path / "out", "--json")
    assert answer.code == 0
    assert [failure["reason"] for failure in answer.json["failures"]] == ["no longer there"]


def test_sidecars_that_cannot_be_written(trio, export, command, tmp_path, monkeypatch):
    from facesearch.sharing.xmp import writing

    refusing(monkeypatch, writing, "_replace", InputError("x.xmp: permission denied"), after=1)
    answer = export("--xmp", "--xmp-to", tmp_path / "some")
    assert (answer.code, "1 file written" in answer.out) == (0, True)
    assert "permission denied" in answer.err
    assert (
        "permission denied"
        in command("export", "--xmp", "--xmp-to", tmp_path / "none", "--library", trio.index.folder).error
    )
