"""A library is its owner's only: folder 0700, files 0600, whatever the umask and whoever made it."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Picture
from fakes import FAKE_SPEC
from index_samples import SPEC, filled

from facesearch import embedding
from facesearch.calibration import Calibration, load_calibration, write_library_calibration
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")

WIDE_OPEN = (0o777, 0o666)


@pytest.fixture(params=[0o000, 0o022], autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Of a folder, as "", and of all files in it."""
    places = {"": folder} | {path.name: path for path in folder.iterdir()}
    return {name: oct(stat.S_IMODE(path.stat().st_mode)) for name, path in places.items()}


def private(folder: Path) -> bool:
    found = modes(folder)
    return found.pop("") == "0o700" and set(found.values()) == {"0o600"}


def use(folder: Path, pipeline: Pipeline) -> set[str]:
    """Do everything with a library that makes files; the names of those that there are meanwhile."""
    Store.create(folder, FAKE_SPEC).close()
    with Library(folder) as library, library.store.writing():
        library.__dict__["pipeline"] = pipeline
        photo = Picture.save(folder.parent / "photos/a.png", "a")
        library.index([photo.parent])
        assert library.thumbnails.face_tile(1).jpeg
        library.query(photo)
        published = load_calibration(embedding.resolve("dlib"))
        assert isinstance(published, Calibration)
        write_library_calibration(folder, published)
        assert private(folder), modes(folder)
        return set(modes(folder))


def test_a_new_library_with_all_its_files(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    names = use(tmp_path / "library", fake_pipeline)
    assert names >= {
        *("", "library.sqlite3", "library.sqlite3-wal", "library.sqlite3-shm", "writer.lock", "writer.txt"),
        *("pictures.sqlite3", "pictures.sqlite3-wal", "pictures.sqlite3-shm"),
        *("faces.faiss", "faces.faiss.json", "faces.lock", "calibration.json"),
    }
    assert private(tmp_path / "library")


def test_a_library_in_an_empty_folder(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library").chmod(0o755)
    use(tmp_path / "library", fake_pipeline)


def test_an_old_library_is_tightened_when_it_is_next_written(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    folder = tmp_path / "library"
    use(folder, fake_pipeline)
    for leftover in ("library.sqlite3-journal", "faces.faiss.part", "calibration.json.part", "writer.txt", ".DS_Store"):
        (folder / leftover).touch()
    for path in folder.iterdir():
        path.chmod(WIDE_OPEN[1])
    folder.chmod(WIDE_OPEN[0])
    with Library(folder) as library:
        library.remove([tmp_path / "photos"])
    (folder / ".DS_Store").unlink()
    assert private(folder), modes(folder)


def test_what_an_old_version_left_open_is_tightened(tmp_path: Path) -> None:
    """A write-ahead log that a killed process has left."""
    folder = tmp_path / "library"
    script = "import os, sys; from pathlib import Path; from index_samples import filled, SPEC; "
    script += "from facesearch.storage import Store; filled(Store.create(Path(sys.argv[1]), SPEC), 3); os._exit(0)"
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, env=_env())
    assert (folder / "library.sqlite3-wal").exists()
    for path in folder.iterdir():
        path.chmod(WIDE_OPEN[1])
    store = Store.open(folder)
    with store.writing():
        assert private(folder), modes(folder)
    store.close()


def test_a_folder_with_other_things_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch(0o644)
    (tmp_path / "notes.txt").chmod(0o644)
    tmp_path.chmod(0o755)
    store = Store.create(tmp_path, SPEC)
    filled(store, 1)
    _ = store.vectors
    found = modes(tmp_path)
    store.close()
    assert (found.pop(""), found.pop("notes.txt")) == ("0o755", "0o644")
    assert set(found.values()) == {"0o600"}


def test_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    store = Store.create(tmp_path / "library", SPEC)
    filled(store, 1)
    for place in (tmp_path, *tmp_path.parents):  # pytest's own folders are closed, too
        if place.stat().st_mode & 0o5 != 0o5:
            place.chmod(place.stat().st_mode | 0o5)
        if place == place.parent.parent:
            break
    for command in (f"ls {tmp_path}/library", f"cat {tmp_path}/library/library.sqlite3", f"cd {tmp_path}/library"):
        tried = subprocess.run(["sh", "-c", command], user=65534, group=65534, extra_groups=[], capture_output=True)
        assert tried.returncode != 0
        assert b"ermission denied" in tried.stderr or b"can't cd" in tried.stderr
    (tmp_path / "library").chmod(0o755)  # the files are closed by themselves as well
    for path in (tmp_path / "library").iterdir():
        tried = subprocess.run(["cat", str(path)], user=65534, group=65534, extra_groups=[], capture_output=True)
        assert tried.returncode != 0
    store.close()


def test_what_somebody_else_owns_stays_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions that cannot be changed are no reason to fail."""
    store = Store.create(tmp_path / "library", SPEC)
    store.close()
    (tmp_path / "library").chmod(0o755)

    def chmod(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(self))

    monkeypatch.setattr(Path, "chmod", chmod)
    again = Store.open(tmp_path / "library")
    with again.writing():
        pass
    again.close()


def _env() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
