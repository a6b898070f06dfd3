"""Indexing runs, with a pipeline that takes no time: what is looked at, what is left alone, what is reported."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Picture
from library_states import check_vectors, faces_by_content, faces_of_path, files, hash_of
from PIL import Image, ImageEnhance

from facesearch.core.errors import InputError, LibraryLockedError, PhotoError
from facesearch.indexing.indexer import IndexReport, Progress, index_photos
from facesearch.media import LocalFiles, Medium
from facesearch.pipeline.pipeline import LoadedPhoto, Pipeline
from facesearch.storage import Store

Run = Callable[..., IndexReport]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three photos in two folders."""
    folder = tmp_path / "photos"
    for name in ("a.png", "b.png", "trip/c.png"):
        Picture.save(folder / name, name)
    return folder


@pytest.fixture
def run(index: Store, photos: Path, fake_pipeline: Pipeline) -> Run:
    """Index the folder of photos; after every run what holds for all runs is checked."""

    def run(*paths: Path, **options: object) -> IndexReport:
        report = index_photos(index, lambda: fake_pipeline, [str(path) for path in paths or (photos,)], **options)  # type: ignore[arg-type]
        if not report.stopped:
            assert report.found == report.indexed + report.unchanged + report.failed
            check_vectors(index)
        assert report.failed == len(report.failures)
        return report

    return run


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the photos that are decoded from now on."""
    decoded: list[str] = []
    real = Pipeline.load_photo

    def load_photo(self: Pipeline, medium: Medium) -> LoadedPhoto:
        decoded.append(Path(medium.file.path).name)
        return real(self, medium)

    monkeypatch.setattr(Pipeline, "load_photo", load_photo)
    return decoded


def counts(report: IndexReport) -> dict[str, int]:
    """The numbers of a report that are not 0."""
    names = ("found", "indexed", "unchanged", "failed", "moved", "duplicates", "missing", "offline")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_first_run_indexes_everything(run: Run, index: Store, photos: Path) -> None:
    report = run()
    assert counts(report) == {"found": 3, "indexed": 3}
    assert report.faces == 3
    assert files(index) == {str(path): hash_of(path) for path in photos.rglob("*.png")}
    assert index.roots() == [str(photos)]


def test_unchanged_photos_are_not_opened(run: Run, monkeypatch: pytest.MonkeyPatch, index: Store) -> None:
    run()
    monkeypatch.setattr(LocalFiles, "read", lambda _, path: pytest.fail(f"{path} was read"))

    def no_pipeline() -> Pipeline:
        pytest.fail("the networks were loaded")

    report = index_photos(index, no_pipeline, index.roots())
    assert counts(report) == {"found": 3, "unchanged": 3}


def test_touched_photo_is_hashed_and_not_decoded(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    decoded = looked_at(monkeypatch)
    os.utime(photos / "a.png", ns=(1, 1))
    assert counts(run()) == {"found": 3, "unchanged": 3}
    assert decoded == []
    monkeypatch.setattr(LocalFiles, "read", lambda _, path: pytest.fail(f"{path} was read"))
    run()


def test_renamed_folder_keeps_its_faces(run: Run, photos: Path, index: Store, monkeypatch: pytest.MonkeyPatch):
    run()
    before = faces_of_path(index, photos / "trip/c.png")
    assert before
    (photos / "trip").rename(photos / "journey")
    decoded = looked_at(monkeypatch)
    assert counts(run()) == {"found": 3, "unchanged": 3, "moved": 1}
    assert decoded == []
    assert faces_of_path(index, photos / "journey/c.png") == before
    assert counts(run()) == {"found": 3, "unchanged": 3}


def test_two_photos_that_change_names_keep_their_faces(run: Run, photos: Path, index: Store) -> None:
    run()
    a, b = faces_of_path(index, photos / "a.png"), faces_of_path(index, photos / "b.png")
    (photos / "a.png").rename(photos / "x")
    (photos / "b.png").rename(photos / "a.png")
    (photos / "x").rename(photos / "b.png")
    os.utime(photos / "a.png", ns=(1, 1))
    os.utime(photos / "b.png", ns=(1, 1))
    assert run().indexed == 0
    assert (faces_of_path(index, photos / "a.png"), faces_of_path(index, photos / "b.png")) == (b, a)


def test_moved_to_another_root_is_known(run: Run, photos: Path, tmp_path: Path, index: Store) -> None:
    run()
    before = faces_of_path(index, photos / "a.png")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (photos / "a.png").rename(elsewhere / "a.png")
    assert counts(run(elsewhere)) == {"found": 1, "unchanged": 1, "duplicates": 1}
    assert counts(run()) == {"found": 2, "unchanged": 2}  # the old path is dropped, and nothing is missing
    assert faces_of_path(index, elsewhere / "a.png") == before


def test_edited_photo_is_redone_and_its_face_keeps_its_id(run: Run, photos: Path, index: Store) -> None:
    run()
    before = faces_of_path(index, photos / "a.png")
    old = files(index)[str(photos / "a.png")]
    with Image.open(photos / "a.png") as image:
        ImageEnhance.Brightness(image).enhance(0.99).save(photos / "a.png")
    assert counts(run()) == {"found": 3, "indexed": 1, "unchanged": 2}
    assert faces_of_path(index, photos / "a.png") == before
    assert files(index)[str(photos / "a.png")] == hash_of(photos / "a.png") != old
    assert old not in faces_by_content(index)


def test_photo_that_became_another_gets_new_faces(run: Run, photos: Path, index: Store) -> None:
    run()
    before = faces_of_path(index, photos / "a.png")
    Picture.save(photos / "a.png", "somebody else")
    run()
    after = faces_of_path(index, photos / "a.png")
    assert len(after) == 1
    assert after != before


def test_photo_whose_face_is_gone(run: Run, photos: Path, index: Store) -> None:
    run()
    Image.new("RGB", (64, 64)).save(photos / "a.png")  # the fake detector finds nothing in black
    report = run()
    assert (report.indexed, report.faces) == (1, 0)
    assert faces_of_path(index, photos / "a.png") == []
    assert index.counts().photos_without_faces == 1


def test_copies_are_paths_of_one_photo(run: Run, photos: Path, index: Store, monkeypatch: pytest.MonkeyPatch):
    run()
    decoded = looked_at(monkeypatch)
    shutil.copy(photos / "a.png", photos / "copy.png")
    assert counts(run()) == {"found": 4, "unchanged": 4, "duplicates": 1}
    assert decoded == []
    assert index.counts().photos == 3
    (photo,) = index.photo_ids([hash_of(photos / "a.png")]).values()
    assert [path for path, _ in index.files_of(photo)] == [
        str(photos / "a.png"),
        str(photos / "copy.png"),
    ]
    (photos / "a.png").unlink()
    assert counts(run()) == {"found": 3, "unchanged": 3}  # nothing has moved, and nothing is missing
    assert index.counts().photos == 3


def test_moved_and_copied_at_once(run: Run, photos: Path) -> None:
    run()
    shutil.copy(photos / "a.png", photos / "copy.png")
    (photos / "a.png").rename(photos / "moved.png")
    assert counts(run()) == {"found": 4, "unchanged": 4, "moved": 1, "duplicates": 1}


def test_copies_in_one_batch(run: Run, photos: Path, index: Store) -> None:
    shutil.copy(photos / "a.png", photos / "a2.png")
    report = run()
    assert counts(report) == {"found": 4, "indexed": 3, "unchanged": 1, "duplicates": 1}
    assert report.faces == len(index.embeddings()[0]) == 3


def test_missing_is_marked_and_found_again(run: Run, photos: Path, index: Store) -> None:
    run()
    before = faces_of_path(index, photos / "a.png")
    (photos / "a.png").rename(photos.parent / "a.png")
    for _ in range(2):
        assert counts(run()) == {"found": 2, "unchanged": 2, "missing": 1}
    assert index.counts().missing == 1
    assert len(index.embeddings()[0]) == 3
    (photos.parent / "a.png").rename(photos / "a.png")
    assert counts(run()) == {"found": 3, "unchanged": 3}
    assert index.counts().missing == 0
    assert faces_of_path(index, photos / "a.png") == before


def test_missing_and_found_elsewhere_has_moved(run: Run, photos: Path, index: Store) -> None:
    run()
    (photos / "a.png").rename(photos.parent / "a.png")
    run()
    (photos.parent / "a.png").rename(photos / "trip/again.png")
    assert counts(run()) == {"found": 3, "unchanged": 3, "moved": 1}
    assert index.counts().missing == 0


def test_a_run_judges_only_its_own_folders(run: Run, photos: Path, index: Store) -> None:
    run()
    (photos / "a.png").unlink()
    assert run(photos / "trip").missing == 0
    assert run(photos / "b.png").missing == 0
    assert index.counts().missing == 0


def test_vanished_root_is_an_error_and_nothing_is_missing(run: Run, photos: Path, index: Store) -> None:
    run()
    photos.rename(photos.parent / "unmounted")
    with pytest.raises(InputError):
        run()
    with pytest.raises(InputError):
        run(photos.parent / "unmounted", photos)
    assert index.counts().missing == 0
    assert len(index.embeddings()[0]) == 3


def test_what_lies_in_an_unreadable_folder_is_not_missing(
    run: Run, photos: Path, index: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    real = os.scandir

    def scandir(path: str) -> "os.ScandirIterator[str]":  # root may read every folder, so permissions would not do
        if path == str(photos / "trip"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr("facesearch.media.finding.os.scandir", scandir)
        report = run()
    assert counts(report) == {"found": 3, "unchanged": 2, "failed": 1}
    assert report.failures == [(str(photos / "trip"), "the folder cannot be read: permission denied")]
    assert index.failures() == report.failures
    assert index.counts().missing == 0
    assert counts(run()) == {"found": 3, "unchanged": 3}
    assert index.failures() == []


def test_hidden_photos_that_were_given_by_name_are_not_missing(run: Run, photos: Path, index: Store) -> None:
    hidden = Picture.save(photos / ".private/h.png", "hidden")
    odd = Path(shutil.copy(hidden, photos / "odd.photo"))
    Picture.save(photos / "x.png", "odd").replace(odd)
    run(hidden.parent, odd)
    assert counts(run()) == {"found": 3, "indexed": 3}
    assert set(files(index)) >= {str(hidden), str(odd)}
    hidden.unlink()
    assert counts(run()) == {"found": 3, "unchanged": 3, "offline": 1}


def test_link_to_a_photo_that_is_found_by_its_own_name_is_dropped(run: Run, photos: Path, index: Store) -> None:
    (photos / "link").mkdir()
    (photos / "link/a.png").symlink_to(photos / "a.png")
    run(photos / "link")
    assert list(files(index)) == [str(photos / "link/a.png")]
    run()
    assert set(files(index)) == {str(photos / name) for name in ("a.png", "b.png", "trip/c.png")}


def test_failures_are_listed_and_forgotten_once_mended(run: Run, photos: Path, index: Store) -> None:
    bad = photos / "bad.png"
    bad.write_text("no picture")
    gone = photos / "gone.png"
    gone.touch()
    report = run()
    assert counts(report) == {"found": 5, "indexed": 3, "failed": 2}
    assert [path for path, _ in report.failures] == [str(bad), str(gone)]
    assert all(reason for _, reason in report.failures)
    assert index.failures() == report.failures
    gone.unlink()
    assert counts(run()) == {"found": 4, "unchanged": 3, "failed": 1}
    assert [path for path, _ in index.failures()] == [str(bad)]
    Picture.save(bad, "mended")
    assert counts(run()) == {"found": 4, "indexed": 1, "unchanged": 3}
    assert index.failures() == []


def test_damaged_photo_keeps_the_faces_it_had(run: Run, photos: Path, index: Store) -> None:
    """A photo that is being copied, or lies on a failing disk, is no reason to forget people."""
    run()
    whole, before = (photos / "a.png").read_bytes(), faces_of_path(index, photos / "a.png")
    (photos / "a.png").write_bytes(whole[:50])
    assert counts(run()) == {"found": 3, "unchanged": 2, "failed": 1}
    assert faces_of_path(index, photos / "a.png") == before
    (photos / "a.png").write_bytes(whole)
    assert counts(run()) == {"found": 3, "unchanged": 3}


def test_photo_that_cannot_be_cropped(run: Run, photos: Path, index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Pipeline.crops

    def crops(self: Pipeline, photo: LoadedPhoto, faces: list) -> list:  # type: ignore[type-arg]
        if photo.file.path.endswith("b.png"):
            raise PhotoError("not enough memory")
        return real(self, photo, faces)

    monkeypatch.setattr(Pipeline, "crops", crops)
    report = run()
    assert counts(report) == {"found": 3, "indexed": 2, "failed": 1}
    assert report.failures == [(str(photos / "b.png"), "not enough memory")]


def test_redo_looks_again_and_keeps_ids(run: Run, photos: Path, index: Store, monkeypatch: pytest.MonkeyPatch):
    run()
    ids = index.embeddings()[0].tolist()
    decoded = looked_at(monkeypatch)
    assert counts(run(redo=True)) == {"found": 3, "indexed": 3}
    assert sorted(decoded) == ["a.png", "b.png", "c.png"]
    assert index.embeddings()[0].tolist() == ids


def test_stops_in_an_orderly_way_and_goes_on(
    run: Run, photos: Path, index: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    (photos / "a.png").unlink()
    for i in range(40):
        Picture.save(photos / f"{i:02}.png", str(i))
    asked = iter([False] * 20)
    stopped = run(should_stop=lambda: next(asked, True))
    assert stopped.stopped
    assert 0 < stopped.indexed < 40
    assert index.counts().missing == 0
    decoded = looked_at(monkeypatch)
    rest = run()
    done = stopped.indexed
    assert counts(rest) == {"found": 42, "indexed": 40 - done, "unchanged": 2 + done, "missing": 1}
    assert len(decoded) == rest.indexed
    assert not rest.stopped


def test_stopped_before_anything_is_read(run: Run, index: Store) -> None:
    report = index_photos(index, lambda: pytest.fail("loaded"), [index.folder.parent], should_stop=lambda: True)
    assert report.stopped
    assert (report.found, report.indexed, report.missing) == (3, 0, 0)


def test_progress_counts_up_to_all(run: Run, photos: Path) -> None:
    for i in range(20):
        Picture.save(photos / f"{i}.png", str(i))
    (photos / "bad.png").touch()
    seen: list[Progress] = []
    run(progress=lambda state: seen.append(Progress(state.todo, state.done, state.faces)))
    assert [state.todo for state in seen] == [24] * len(seen)
    assert seen[0] == Progress(24)
    assert seen[-1] == Progress(24, 24, 23)
    assert len(seen) > 2


def test_report_as_json(run: Run, photos: Path) -> None:
    (photos / "bad.png").touch()
    report = run().to_dict()
    assert set(report) == {"photos", "faces", "placed", "seconds", "stopped", "failures"}
    assert report["failures"] == [{"path": str(photos / "bad.png"), "reason": "the file is empty"}]


def test_only_folders_are_remembered_as_roots(run: Run, photos: Path, index: Store) -> None:
    run(photos / "a.png", photos / "trip")
    assert index.roots() == [str(photos / "trip")]


def test_no_photos_at_all(run: Run, tmp_path: Path, index: Store) -> None:
    (tmp_path / "empty").mkdir()
    assert counts(run(tmp_path / "empty")) == {}
    assert len(index.vectors) == 0


def test_second_writer_is_refused(run: Run, photos: Path, index: Store, fake_pipeline: Pipeline) -> None:
    other = Store.open(index.folder)
    with other.writing(), pytest.raises(LibraryLockedError):
        run()
    other.close()
    assert counts(run()) == {"found": 3, "indexed": 3}


def test_names_that_are_not_utf8(run: Run, photos: Path, index: Store) -> None:
    name = os.fsdecode(b"caf\xe9\n\x1b.png")
    try:
        (photos / "a.png").rename(photos / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    run()
    assert str(photos / name) in files(index)
    assert counts(run()) == {"found": 3, "unchanged": 3}
