"""Folders that are passed over for a while, what would go with one, and what was left out below it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Answer, Picture
from people_samples import a_collection

from facesearch.core.errors import InputError
from facesearch.indexing.folders import Folders
from facesearch.indexing.indexer import IndexReport, index_photos
from facesearch.indexing.removal import remove
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

Run = Callable[..., IndexReport]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.png", "old/b.png", "old/stays.png", "old/deep/c.png", "old-too/d.png"):
        Picture.save(folder / name, name)
    return folder


@pytest.fixture
def run(index: Store, photos: Path, fake_pipeline: Pipeline) -> Run:
    return lambda *paths: index_photos(index, lambda: fake_pipeline, list(paths) or [photos])


@pytest.fixture
def folders(index: Store) -> Folders:
    return Folders(index)


def paths(index: Store, *, missing: bool = False) -> set[str]:
    return {Path(path).name for path, row in index.known_paths().items() if row.missing == missing}


def test_a_paused_folder_is_passed_over_and_keeps_its_photos(
    run: Run, folders: Folders, index: Store, photos: Path
) -> None:
    run(photos, photos / "old")
    assert folders.pause(photos / "old")
    assert not folders.pause(photos / "old")
    (photos / "old" / "b.png").unlink()
    Picture.save(photos / "old" / "new.png", "new")
    Picture.save(photos / "fresh.png", "fresh")
    report = run()
    assert (report.found, report.indexed, report.missing, report.offline) == (3, 1, 0, 0)
    assert report.skipped == {"paused": 1}
    assert index.skipped() == {str(photos / "old"): "paused"}
    assert paths(index) == {"a.png", "b.png", "stays.png", "c.png", "d.png", "fresh.png"}
    assert folders.resume(photos / "old")
    assert not folders.resume(photos / "old")
    report = run()
    assert (report.indexed, report.missing) == (1, 1)
    assert report.skipped == index.skipped() == {}
    assert paths(index, missing=True) == {"b.png"}


def test_what_is_paused_is_not_indexed_by_name_either(run: Run, folders: Folders, photos: Path) -> None:
    run()
    folders.pause(photos)
    for place in (photos, photos / "old", photos / "a.png"):
        with pytest.raises(InputError, match=r"is paused: `facesearch resume \S+photos` goes on with it"):
            run(place)
    folders.resume(photos)
    assert run().unchanged == 5


def test_a_link_leads_into_no_paused_folder(run: Run, folders: Folders, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "there").symlink_to(photos / "old")
    run(photos / "old")
    folders.pause(photos / "old")
    assert run(tmp_path / "links").skipped == {"paused": 1}


def test_only_a_folder_that_was_indexed_is_paused(run: Run, folders: Folders, photos: Path) -> None:
    with pytest.raises(InputError, match="name a folder that was indexed"):
        folders.pause(photos)
    run()
    with pytest.raises(InputError, match="is no folder that `index` was given"):
        folders.pause(photos / "old")


def test_a_paused_folder_that_is_gone_stays_known(run: Run, folders: Folders, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "film.mp4").touch()
    run(tmp_path / "films", photos)
    folders.pause(tmp_path / "films")
    (tmp_path / "films" / "film.mp4").unlink()
    run()
    assert [folder.path for folder in folders.all() if folder.paused] == [str(tmp_path / "films")]


def test_folders_say_what_is_below_them(run: Run, folders: Folders, index: Store, photos: Path) -> None:
    (photos / "old" / "broken.jpg").write_bytes(b"no photo")
    (photos / "old" / "film.mp4").touch()
    run(photos, photos / "old")
    (photos / "old" / "b.png").unlink()
    run()
    whole, old = folders.all()
    assert (whole.path, whole.files, whole.missing, whole.failures, whole.skipped) == (str(photos), 5, 1, 1, 1)
    assert (old.path, old.files, old.missing, old.failures, old.skipped) == (str(photos / "old"), 3, 1, 1, 1)


def test_names_that_are_no_text_are_counted(run: Run, folders: Folders, photos: Path) -> None:
    odd = Path(str(photos / "a.png").replace("a.png", "\udcff.png"))
    try:
        (photos / "a.png").rename(odd)
    except OSError:
        pytest.skip("this file system takes text only")
    run()
    assert folders.all()[0].files == 5


def test_what_was_left_out_is_listed_by_kind_and_reason(run: Run, folders: Folders, photos: Path) -> None:
    for name in ("1.CR2", "2.cr2", "film.mp4"):
        (photos / name).touch()
    for name in ("x.jpg", "y.jpg", "z.jpg"):
        (photos / name).write_bytes(b"no photo")
    run()
    assert [Path(one.path).name for one in folders.skipped(".cr2").items] == ["1.CR2", "2.cr2"]
    first = folders.failures(limit=2)
    assert [Path(one.path).name for one in first.items] == ["x.jpg", "y.jpg"]
    (last,) = folders.failures(cursor=first.next).items
    assert Path(last.path).name == "z.jpg"
    assert last.why == "not an image that can be read" or "image" in last.why
    assert len(folders.failures(folder=photos).items) == 3
    assert folders.failures(folder=photos / "old").items == folders.skipped(".mov").items == ()
    assert folders.skipped(folder=photos / "old").items == ()


def test_what_would_go_is_said_before_and_goes() -> None:
    with a_collection() as collection:
        here = collection.add_people({0: range(4), 1: range(2), 2: range(3)}, folder="/here")
        there = collection.add_people({1: range(10, 13), 3: range(3)}, folder="/there")
        collection.recluster()
        for person, name in ((0, "Anna"), (1, "Ben")):
            collection.people.name(f"cluster:{collection.cluster_of(here[person][0])}", name)
        collection.people.name(f"cluster:{collection.cluster_of(there[3][0])}", "Dora")
        folders = Folders(collection.index)
        loss = folders.loss("/here")
        assert (loss.files, loss.photos, loss.faces, loss.people, loss.unnamed) == (9, 9, 9, ("Anna",), 1)
        assert folders.loss(["/here", "/there"]).people == ("Anna", "Ben", "Dora")
        assert folders.loss("/nowhere").to_dict() == {"files": 0, "photos": 0, "faces": 0, "people": [], "unnamed": 0}
        assert collection.index.counts().faces == 15
        assert remove(collection.index, "/here") == loss.files
        assert collection.index.counts().faces == 15 - loss.faces
        assert {one.title for one in collection.people.all() if one.person} == {"Ben", "Dora"}


def test_a_copy_elsewhere_keeps_the_photo(run: Run, folders: Folders, index: Store, photos: Path) -> None:
    Picture.save(photos / "old" / "copy.png", "a.png")
    run()
    loss = folders.loss(photos / "old")
    assert (loss.files, loss.photos) == (4, 3)
    remove(index, photos / "old")
    assert index.counts().photos == 2


def test_commands(command: Callable[..., Answer], photos: Path, index: Store, run: Run) -> None:
    run()
    place, library = str(photos), ("--library", index.folder)
    assert command("pause", place, *library).out.startswith("Paused")
    assert "(paused)" in command("status", *library).out
    assert command("status", *library, "--json").json["paused"] == [place]
    assert command("pause", place, *library, "--json").json == {"changed": False}
    assert "is no folder" in command("pause", photos / "old", *library).error
    assert command("resume", place, *library, "--json").json == {"changed": True}
    assert command("remove", place, *library, "--dry-run").out.startswith("5 files would go: 5 photos")
    assert command("remove", place, *library, "--dry-run", "--json").json["files"] == 5
    assert "name one" in command("remove", "--missing", "--dry-run", *library).error
    with Library(index.folder, create=False) as opened:
        assert opened.status().files == 5
