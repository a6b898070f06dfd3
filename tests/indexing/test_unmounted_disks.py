"""A disk that is not mounted is no reason to forget anybody: missing and offline files, at every depth of the tree."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import Picture
from fakes import FAKE_SPEC, OtherDetector

from facesearch.core.errors import LibraryError
from facesearch.indexing.absence import places_of
from facesearch.indexing.migration import MigrationReport, migrate
from facesearch.indexing.targets import target_of
from facesearch.library import Library
from facesearch.media.source import LocalFiles
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store, catalog, folders

PHOTOS = ("own.png", "nas/a.png", "nas/b.png", "nas/2019/c.png", "nas/2019/may/d.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of photos in which "nas" is a mount point, and its disk is mounted."""
    for name in PHOTOS:
        Picture.save(tmp_path / "photos" / name, name)
    return tmp_path / "photos"


@pytest.fixture
def library(root: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    """All indexed; the person on nas/a.png has a name."""
    Store.create(root.parent / "library", FAKE_SPEC).close()
    with Library(root.parent / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        library.index(root)
        library.cluster(eps=1e-6, min_samples=1)
        (face,) = library.people.faces_in(root / "nas/a.png")
        library.people.assign(face, "Anna")
        yield library


def unmount(root: Path) -> None:
    """Leave the mount point as it is without its disk: an empty folder."""
    (root / "nas").rename(root.parent / "away")
    (root / "nas").mkdir()


def mount(root: Path) -> None:
    shutil.rmtree(root / "nas", ignore_errors=True)
    (root.parent / "away").rename(root / "nas")


def counted(library: Library, place: Path) -> tuple[int, int]:
    """Index a folder: (missing, offline) of the run; `status` counts the same."""
    report = library.index(place)
    status = library.status()
    assert (status.missing, status.offline) == (report.missing, report.offline)
    assert report.to_dict()["photos"]["offline"] == report.offline  # type: ignore[index]
    return report.missing, report.offline


def kept(library: Library) -> bool:
    names = [one.title for one in library.people.all() if one.person and one.person.name]
    return (library.status().files, names) == (len(PHOTOS), ["Anna"])


def lie_on(monkeypatch: pytest.MonkeyPatch, number: int, below: Path) -> None:
    """Have folders below one lie on another device."""
    real = LocalFiles.device

    def device(self: LocalFiles, folder: str) -> str | None:
        found = real(self, folder)
        return json.dumps({"dev": number}) if found and Path(folder).is_relative_to(below) else found

    monkeypatch.setattr(LocalFiles, "device", device)


def test_an_unmounted_disk_below_a_root_is_offline_and_nothing_of_it_is_removed(library: Library, root: Path) -> None:
    unmount(root)
    for _ in range(2):
        assert counted(library, root) == (0, 4)
    with pytest.raises(LibraryError, match=rf"4 files in {root / 'nas'},.*--offline"):
        library.remove_missing()
    assert kept(library)
    mount(root)
    assert counted(library, root) == (0, 0)
    assert kept(library)
    assert library.remove_missing() == 0


def test_an_unmounted_disk_below_a_root_whose_folder_is_gone(library: Library, root: Path) -> None:
    (root / "nas").rename(root.parent / "away")
    assert counted(library, root) == (0, 4)
    with pytest.raises(LibraryError, match="--offline"):
        library.remove_missing()
    assert kept(library)


def test_an_unmounted_disk_below_a_root_that_is_deeper(library: Library, root: Path) -> None:
    (root / "nas/2019/may").rename(root.parent / "away")
    (root / "nas/2019/may").mkdir()
    assert counted(library, root) == (0, 1)
    (root / "nas/2019").rename(root.parent / "away too")
    assert counted(library, root) == (0, 2)
    assert library.index(root).offline_places == [str(root / "nas/2019")]
    with pytest.raises(LibraryError, match="--offline"):
        library.remove_missing()
    assert kept(library)


def test_an_unmounted_disk_below_a_root_that_is_the_root_itself(library: Library, root: Path) -> None:
    root.rename(root.parent / "away")
    root.mkdir()
    assert counted(library, root) == (0, 5)
    assert library.index(root).offline_places == [str(root)]
    with pytest.raises(LibraryError, match="--offline"):
        library.remove_missing()
    assert kept(library)


def test_an_unmounted_disk_below_a_root_with_stray_files_in_its_mount_point(library: Library, root: Path) -> None:
    """What was put there while the disk was away was not indexed with its photos."""
    unmount(root)
    (root / "nas/notes.txt").touch()
    assert counted(library, root) == (0, 4)
    Picture.save(root / "nas/stray.png", "stray")
    for _ in range(3):
        assert counted(library, root) == (0, 4)
    with pytest.raises(LibraryError, match="--offline"):
        library.remove_missing()
    assert library.status().files == len(PHOTOS) + 1


def test_an_unmounted_disk_below_a_root_with_another_disk_in_its_place(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another disk with a copy of one of its photos."""
    (root / "nas/a.png").unlink()
    with monkeypatch.context() as patch:
        lie_on(patch, 4711, root / "nas")
        for _ in range(2):
            assert counted(library, root) == (0, 1)
        with pytest.raises(LibraryError, match="--offline"):
            library.remove_missing()
        assert kept(library)
    assert counted(library, root) == (1, 0)  # the disk is back, and the photo is not on it


def test_an_unmounted_disk_below_a_root_that_shares_its_mount_point(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two disks that take turns: whichever is away keeps its photos."""
    away = root.parent / "away"
    (root / "nas").rename(away)
    Picture.save(root / "nas/second.png", "second")
    with monkeypatch.context() as patch:
        lie_on(patch, 4711, root / "nas")
        assert counted(library, root) == (0, 4)
    (root / "nas").rename(root.parent / "second")
    away.rename(root / "nas")
    for _ in range(2):
        assert counted(library, root) == (0, 1)
    with pytest.raises(LibraryError, match="--offline"):
        library.remove_missing()


def test_a_disk_that_moved_is_followed(library: Library, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All photos were met on the new disk: what is deleted there later is missing."""
    lie_on(monkeypatch, 4711, root)
    assert counted(library, root) == (0, 0)
    (root / "nas/a.png").unlink()
    assert counted(library, root) == (1, 0)


def test_a_deleted_photo_is_missing_and_removed_while_a_disk_is_away(library: Library, root: Path) -> None:
    (root / "nas/b.png").unlink()
    (root / "nas/2019").rename(root.parent / "away")
    assert counted(library, root) == (1, 2)
    assert library.remove_missing() == 1
    assert {Path(path).name for path in library.store.known_paths()} == {"own.png", "a.png", "c.png", "d.png"}
    assert counted(library, root) == (0, 2)


def test_a_deleted_photo_of_a_disk_that_was_away_is_missing_once_it_is_back(library: Library, root: Path) -> None:
    unmount(root)
    counted(library, root)
    mount(root)
    (root / "nas/b.png").unlink()
    assert counted(library, root) == (1, 0)
    assert library.remove_missing() == 1


def test_a_disk_that_was_taken_away_since_the_last_run_keeps_its_photos(library: Library, root: Path) -> None:
    (root / "nas/b.png").unlink()
    assert counted(library, root) == (1, 0)
    unmount(root)
    with pytest.raises(LibraryError, match="--offline"):
        library.remove_missing()
    assert kept(library)
    mount(root)
    assert library.remove_missing() == 1


def test_what_is_back_is_not_removed(library: Library, root: Path) -> None:
    photo = (root / "nas/b.png").read_bytes()
    (root / "nas/b.png").unlink()
    assert counted(library, root) == (1, 0)
    (root / "nas/b.png").write_bytes(photo)
    assert library.remove_missing() == 0
    assert kept(library)


def test_the_last_photo_of_a_folder_goes_only_with_offline(library: Library, root: Path) -> None:
    """As it looks like a disk that is away."""
    (root / "nas/2019/c.png").unlink()
    assert counted(library, root) == (0, 1)
    assert library.remove_missing(offline=True) == 1
    assert counted(library, root) == (0, 0)


def test_offline_takes_out_all_of_a_disk_that_is_gone_for_good(library: Library, root: Path) -> None:
    unmount(root)
    counted(library, root)
    assert library.remove_missing(offline=True) == 4
    assert [Path(path).name for path in library.store.known_paths()] == ["own.png"]
    with library.store.reading() as connection:
        assert list(folders.known(connection)) == [str(root)]


def test_moved_out_of_a_folder_that_is_empty_now_is_moved(library: Library, root: Path) -> None:
    for path in (root / "nas").glob("*.png"):
        path.rename(root / path.name)
    report = library.index(root)
    assert (report.moved, report.missing, report.offline, report.offline_places) == (2, 0, 0, [])
    assert kept(library)


def test_a_copy_elsewhere_does_not_mean_that_a_disk_has_moved(library: Library, root: Path) -> None:
    """The photo on the disk that is away outlives the copy."""
    shutil.copy(root / "nas/a.png", root / "copy.png")
    library.index(root)
    unmount(root)
    assert counted(library, root) == (0, 4)
    (root / "copy.png").unlink()
    assert counted(library, root) == (1, 4)
    assert library.remove_missing() == 1
    mount(root)
    assert counted(library, root) == (0, 0)
    assert kept(library)


def test_a_photo_that_was_moved_over_another_has_moved(library: Library, root: Path) -> None:
    """Out of a folder in which nothing is left."""
    (root / "nas/2019/c.png").replace(root / "own.png")
    report = library.index(root)
    assert (report.moved, report.missing, report.offline) == (1, 0, 0)


@pytest.fixture
def before() -> Iterator[pytest.MonkeyPatch]:
    """Until it is undone, what is indexed is kept without its folder's device and without when it was added."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folders, "assign", lambda *_: None)
        patch.setattr(catalog, "time", SimpleNamespace(time=lambda: 0.0))
        yield patch


def test_a_library_of_before_learns_its_devices(
    before: pytest.MonkeyPatch, library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first run may be one with the disk away."""
    before.undo()
    known = library.store.known_paths().values()
    assert {(file.folder_id, file.device, file.added_at) for file in known} == {(None, "", 0.0)}
    unmount(root)
    Picture.save(root / "nas/stray.png", "stray")
    for _ in range(2):
        assert counted(library, root) == (0, 4)
    mount(root)
    assert counted(library, root)[1] == 0
    (root / "nas/a.png").unlink()
    lie_on(monkeypatch, 4711, root / "nas")
    assert counted(library, root) == (0, 2)  # the stray one, too


def test_another_detector_drops_no_photo_that_is_offline(library: Library, root: Path, fake_pipeline: Pipeline) -> None:
    def moved() -> MigrationReport:
        pipeline = Pipeline(fake_pipeline.embedder, OtherDetector())
        target = target_of(library.store, FAKE_SPEC, OtherDetector.spec)
        return migrate(library.store, lambda: pipeline, target, drop_missing=True)

    unmount(root)
    with pytest.raises(LibraryError, match=r"4 photos .*offline"):
        moved()
    assert kept(library)
    mount(root)
    (root / "nas/b.png").unlink()
    assert moved().dropped == 1


def test_places_are_named_in_few_words() -> None:
    there, roots = ["/p/x.png", "/q/a/x.png"], ["/p", "/q", "/r"]
    offline = ["/p/nas/a.png", "/p/nas/b/c.png", "/q/a/y.png", "/q/b/c/d/z.png", "/r/a/b.png"]
    assert places_of(offline, there, roots) == ["/p/nas", "/q/a", "/q/b", "/r"]


REALLY_MOUNTED = """
import subprocess, sys
from pathlib import Path
from conftest import Picture
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork
from facesearch.embedding import NetworkEmbedder
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store
folder, how = Path(sys.argv[1]), sys.argv[2:]
nas = folder / "photos/nas"
nas.mkdir(parents=True)
(folder / "disk").mkdir()
Picture.save(folder / "photos/own.png", "own")
Picture.save(nas / "a.png", "a")  # below the mount point: a copy of what is on the disk
Store.create(folder / "library", FAKE_SPEC).close()
with Library(folder / "library") as library:
    library.__dict__["pipeline"] = Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())
    def counted():
        report = library.index(folder / "photos")
        print(report.missing, report.offline, flush=True)
    subprocess.run(["mount", *how, nas], check=True)
    for name in "ab":
        Picture.save(nas / f"{name}.png", name)
    counted()
    subprocess.run(["umount", nas], check=True)
    counted()
    (nas / "a.png").unlink()
    counted()
    try:
        print("removed", library.remove_missing())
    except Exception as error:
        print(type(error).__name__)
"""


@pytest.mark.parametrize("how", ["tmpfs", "bind"])
def test_an_unmounted_disk_below_a_root_that_was_really_mounted(tmp_path: Path, how: str) -> None:
    """A tmpfs, and a folder of the same file system that is mounted there, in a namespace of mounts of its own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here: it takes root and Linux")
    tests = Path(__file__).resolve().parents[1]
    paths = os.pathsep.join([str(tests.parent), str(tests), *(path for path in sys.path if path)])
    options = ["-t", "tmpfs", "tmpfs"] if how == "tmpfs" else ["--bind", str(tmp_path / "disk")]
    command = ["unshare", "-m", sys.executable, "-c", REALLY_MOUNTED, str(tmp_path), *options]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths})
    if "mount:" in ended.stderr:
        pytest.skip(f"nothing can be mounted here: {ended.stderr.strip().splitlines()[0]}")
    assert ended.stdout.splitlines() == ["0 0", "0 1", "0 2", "LibraryError"], ended.stderr
